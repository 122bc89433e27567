import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
# Only tests/package/boot/run knows how to begin these.
collect_ignore_glob = [] if "TOCSIN_BOOT_BASE" in os.environ else ["*"]
sys.path[:0] = [HERE, os.path.join(HERE, "../../integration")]

if "TOCSIN_BOOT_BASE" in os.environ:
    import machine as machines
    import peers
    import setting


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Big enough for two systems' changes, and gone with the mounts."""
    path = str(tmp_path_factory.mktemp("boot"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    os.makedirs("/run/systemd/nspawn", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd/nspawn"],
                   check=True)
    return path


@pytest.fixture(scope="session")
def sandbox(work):
    s = peers.Sandbox(work)
    s.set(rate=0)
    yield s
    s.stop()


@pytest.fixture(scope="session")
def base():
    return os.environ["TOCSIN_BOOT_BASE"]


@pytest.fixture(scope="session")
def machine(base, work):
    """The one of the .deb, from test to test as they stand in their files."""
    m = machines.Machine(base, work, "tocsin-deb")
    m.boot()
    yield m
    m.power_off()


@pytest.fixture(scope="session")
def here(machine, sandbox):
    return setting.Setting(machine, sandbox)


@pytest.fixture(autouse=True)
def after(request, sandbox):
    """No fault of one test is the next one's."""
    for name in ("machine", "rpm"):
        if name in request.fixturenames:
            m = request.getfixturevalue(name)
            if m.nspawn and m.nspawn.poll() is not None:
                pytest.fail(f"{name} has ended:\n{m.console_text()}")
    yield
    sandbox.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With what failed comes what the machine's journal says."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("machine", "rpm"):
        m = item.funcargs.get(name)
        try:
            text = m.journal("-b", "-n", "40", "-o", "short-monotonic")
        except (AttributeError, AssertionError, OSError):
            continue
        report.sections.append((f"journal of {m.name}", text))
