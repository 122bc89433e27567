"""From the package to READY."""
import subprocess
import time

from peers import wait_for
from setting import outer_pid, package


def install(machine, *names):
    for name in names:
        machine.copy(package(name), f"/root/{name}.deb")
    return machine.run("dpkg", "-i", *(f"/root/{n}.deb" for n in names))


def test_the_package_installs_and_starts_nothing(machine):
    install(machine, "libstackflow0", "tocsin")
    assert machine.systemctl("is-enabled", "tocsin",
                             check=False).stdout.strip() == "disabled"
    assert machine.show("tocsin", "ActiveState", "ExecMainStartTimestamp") \
        == ("inactive", "")
    assert machine.run("stat", "-c", "%A %U:%G", "/etc/tocsin").stdout \
        .strip() == "drwxr-x--- root:tocsin"
    assert machine.systemctl("is-system-running").stdout.strip() == "running"


def test_the_unusable_default_is_tried_once_and_says_what_to_do(machine,
                                                                here):
    assert machine.systemctl("start", "tocsin", check=False).returncode
    time.sleep(3)
    state, restarts, status = machine.show("tocsin", "ActiveState",
                                           "NRestarts", "ExecMainStatus")
    assert (state, restarts, status) == ("failed", "0", "78")
    assert "/etc/tocsin/tocsin.yaml:" in here.status_text()
    assert "then start tocsin again" in here.status_text()
    shown = machine.systemctl("status", "tocsin", check=False).stdout
    assert "then start tocsin again" in shown, shown
    machine.systemctl("reset-failed", "tocsin")


def test_a_configuration_and_enable_now_reach_ready(machine, here):
    here.set_up()
    machine.systemctl("enable", "--now", "tocsin")
    assert machine.show("tocsin", "ActiveState", "SubState", "Type",
                        "NRestarts") == ("active", "running", "notify", "0")
    wait_for("the status line", lambda: here.status_text()
             == "healthy; 0 open incidents, backlog 0")
    assert here.admin("/readyz").startswith("ready\n")
    with open(f"/proc/{outer_pid(machine.main_pid())}/status") as f:
        status = f.read()
    user = machine.run("id", "-u", "tocsin").stdout.strip()
    assert f"Uid:\t{user}\t{user}\t{user}\t{user}\n" in status
    assert "CapEff:\t0000000000000000\n" in status


def test_the_units_are_well_formed(machine):
    r = machine.run("systemd-analyze", "verify", "--man=no",
                    "tocsin.service", "tocsin.socket", check=False)
    assert not r.returncode and not r.stdout + r.stderr, r.stdout + r.stderr


def test_the_unit_as_shipped_is_exposed_at_most_1_2(machine, here):
    unit = machine.show("tocsin", "FragmentPath")
    r = machine.run("systemd-analyze", "--no-pager", "security",
                    "--offline=true", "--threshold=12", unit, check=False)
    assert r.returncode == 0, r.stdout[-400:]


def test_the_shipped_watchdog_and_ends(machine):
    assert machine.show("tocsin", "WatchdogUSec", "TimeoutStopUSec",
                        "Restart", "RestartPreventExitStatus") == \
        ("30s", "30s", "always", "78")


def test_the_machine_is_this_run_s_alone(machine):
    links = subprocess.run(["ip", "-o", "link"], capture_output=True,
                           text=True, check=True).stdout
    assert [line.split(": ")[1] for line in links.splitlines()] == ["lo"]
