"""The rpm in a folder of its own: as far as Debian's rpm goes, which knows
neither the names of Debian's libraries as requirements nor dnf."""
import os
import shutil
import subprocess

import machine as machines
import pytest
import setting
from peers import wait_for

pytestmark = pytest.mark.skipif(not shutil.which("rpm"), reason="no rpm")


@pytest.fixture(scope="module")
def rpm(base, work):
    m = machines.Machine(base, work, "tocsin-rpm")
    yield m
    m.power_off()


@pytest.fixture(scope="module")
def there(rpm, sandbox):
    return setting.Setting(rpm, sandbox)


def call(rpm, *argv):
    return subprocess.run(
        ["rpm", "--root", rpm.root, "--dbpath", "/var/lib/rpm", "--nodeps",
         *argv], capture_output=True, text=True, env={
             "PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C"})


def test_it_installs_with_its_scriptlets(rpm):
    r = call(rpm, "-i", setting.package("tocsin", "rpm"))
    assert r.returncode == 0, r.stderr
    assert "error" not in r.stderr and "failed" not in r.stderr, r.stderr
    with open(f"{rpm.root}/etc/passwd") as f:
        assert "\ntocsin:" in f.read()


def test_it_boots_and_starts_nothing(rpm):
    rpm.boot()
    assert rpm.systemctl("is-enabled", "tocsin", check=False) \
        .stdout.strip() == "disabled"
    assert rpm.show("tocsin", "ActiveState") == "inactive"
    assert rpm.run("stat", "-c", "%A %U:%G", "/etc/tocsin").stdout.strip() \
        == "drwxr-x--- root:tocsin"


def test_a_configuration_and_enable_now_reach_ready(rpm, there, sandbox):
    there.set_up()
    there.group("Group Of The Rpm")
    rpm.systemctl("enable", "--now", "tocsin")
    assert rpm.show("tocsin", "ActiveState") == "active"
    wait_for("the status line", lambda: there.status_text()
             .startswith("healthy; 0 open incidents"))


def test_an_alarm_becomes_an_incident(there, sandbox):
    there.accept("boot-by-rpm")
    there.settle()
    found = [i for i in sandbox.incidents()
             if i["assignment_group"] == "Group Of The Rpm"]
    assert len(found) == 1


def test_it_reboots_into_service(rpm, there):
    rpm.reboot()
    there.wait_up()
    assert there.status_text().startswith("healthy; 1 open incident")


def test_it_is_erased_and_its_store_stays(rpm):
    rpm.systemctl("stop", "tocsin")
    rpm.power_off()
    r = call(rpm, "-e", "tocsin")
    assert r.returncode == 0, r.stderr
    assert not os.path.exists(f"{rpm.root}/usr/bin/tocsin")
    assert os.path.exists(f"{rpm.root}/var/lib/tocsin/tocsin.db")
