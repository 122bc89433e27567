"""What a package manager does to a service at work."""
import re
import time

import pytest
from peers import wait_for
from setting import package, repack
from test_3_socket import begin, end, told_once


@pytest.fixture(scope="module")
def version():
    return re.search(r"_([^_]+)_[^_]+\.deb$", package("tocsin")).group(1)


def installed(machine):
    r = machine.run("dpkg-query", "-W", "-f", "${Version} ${Status}",
                    "tocsin", check=False)
    return tuple(r.stdout.split(" ", 1)) if r.returncode == 0 else None


def put(machine, path, check=True):
    machine.copy(path, "/root/other.deb")
    return machine.run("dpkg", "-i", "/root/other.deb", check=check)


def test_an_upgrade_with_a_backlog_goes_on_with_it(machine, here, sandbox,
                                                   work, version):
    sandbox.fault("error", status=503)
    names = [f"boot-upgrade-{n}" for n in range(20)]
    here.accept(*names)
    pid = machine.main_pid()
    put(machine, repack(package("tocsin"), work, f"{version}+1"))
    assert installed(machine) == (f"{version}+1", "install ok installed")
    here.wait_up()
    assert machine.main_pid() != pid
    assert here.backlog() >= 20
    sandbox.clear()
    told_once(here, names)


def test_an_upgrade_behind_the_socket_loses_no_request(machine, here, work,
                                                       version):
    clients = begin()
    time.sleep(1)
    put(machine, repack(package("tocsin"), work, f"{version}+2"))
    time.sleep(1)
    names = end(clients)
    assert machine.show("tocsin.socket", "ActiveState") == "active"
    told_once(here, names)


def test_an_upgrade_leaves_what_is_changed_in_etc(machine, here):
    text = machine.run("cat", "/etc/tocsin/tocsin.yaml").stdout
    assert "canary" not in text and "127.0.0.1:9464" in text
    assert machine.run("stat", "-c", "%A %U:%G", "/etc/tocsin/tocsin.yaml") \
        .stdout.strip() == "-rw-r----- root:tocsin"


def test_a_downgrade_below_the_store_is_refused(machine, here, work, version):
    def older(tree):
        path = f"{tree}/DEBIAN/preinst"
        with open(path) as f:
            text = f.read()
        schema = int(re.search(r'-gt "(\d+)"', text).group(1))
        with open(path, "w") as f:
            f.write(text.replace(f'-gt "{schema}"', f'-gt "{schema - 1}"'))
    r = put(machine, repack(package("tocsin"), work, f"{version}~old", older),
            check=False)
    assert r.returncode
    assert "made by a newer tocsin" in r.stderr
    assert installed(machine) == (f"{version}+2", "install ok installed")
    assert machine.run("dpkg", "--audit").stdout == ""
    # debhelper starts it anew after a try that was given up.
    here.accept("boot-not-downgraded")
    here.wait_up()
    here.settle()
    assert "boot-not-downgraded" in here.told()


def test_a_removal_stops_it_and_leaves_store_and_configuration(machine):
    machine.run("dpkg", "-r", "tocsin")
    assert installed(machine)[1] == "deinstall ok config-files"
    assert not machine.exists("/usr/bin/tocsin")
    assert machine.exists("/var/lib/tocsin/tocsin.db")
    assert machine.exists("/etc/tocsin/tocsin.yaml")
    assert machine.exists("/etc/tocsin/install.key")
    wait_for("the end", lambda: machine.systemctl(
        "is-active", "tocsin", check=False).stdout.strip() != "active", 10)
    assert machine.run("pgrep", "-x", "tocsin", check=False).returncode


def test_put_back_it_is_what_it_was(machine, here, work, version):
    before = set(here.told())
    put(machine, f"{work}/tocsin_{version}+2.deb")
    machine.systemctl("restart", "tocsin.socket")
    machine.systemctl("start", "tocsin")
    here.wait_up()
    # The same key, the same store: its incidents are known to it.
    here.accept("boot-put-back", sorted(before)[0])
    here.settle()
    told = here.told()
    assert told.count("boot-put-back") == 1
    assert told.count(sorted(before)[0]) == 1


def test_a_purge_leaves_only_what_people_made(machine):
    machine.run("dpkg", "-P", "tocsin")
    assert installed(machine) is None
    for gone in ("/var/lib/tocsin", "/run/tocsin", "/etc/tocsin/tocsin.yaml",
                 "/etc/tocsin/install.key"):
        assert not machine.exists(gone), gone
    assert machine.exists("/etc/tocsin/secret/hook-token")
    assert machine.exists("/etc/tocsin/boot.d/10-boot.yaml")
    machine.systemctl("daemon-reload")
    assert machine.show("tocsin.service", "LoadState") == "not-found"
