"""systemd holds the port: what it is for, and what goes wrong with it."""
import socket
import time

import keepalive
import setting
from peers import wait_for

# Below 1024, where tocsin has no right of its own to listen.
PORT = 443


class Client(keepalive.Client):
    TOKEN = setting.HOOK_TOKEN


def begin(port=PORT):
    """Those that keep connections and those that don't, busy ones and ones
    that pause."""
    return [Client(port, "boot-kept-busy"),
            Client(port, "boot-kept-slow", pause=0.05),
            Client(port, "boot-new-busy", keep=False),
            Client(port, "boot-new-slow", pause=0.05, keep=False)]


def end(clients):
    for c in clients:
        c.stop()
    assert [c.lost for c in clients] == [[]] * len(clients)
    assert all(c.acked for c in clients)
    return {name for c in clients for name in c.acked}


def told_once(here, names):
    here.settle(60)
    told = [n for n in here.told() if n in names]
    assert sorted(told) == sorted(names)


def test_a_named_socket_that_nobody_holds_is_a_fault_not_a_loop(machine,
                                                                here):
    here.configure(listen=[{"socket": "http"}])
    machine.systemctl("stop", "tocsin")
    assert machine.systemctl("start", "tocsin", check=False).returncode
    time.sleep(2)
    assert machine.show("tocsin", "NRestarts", "ExecMainStatus",
                        "ActiveState") == ("0", "78", "failed")
    assert "enable tocsin.socket" in here.status_text()


def test_the_socket_brings_the_service(machine, here):
    here.drop_in("address", "[Socket]\nListenStream=\n"
                 f"ListenStream=127.0.0.1:{PORT}\n", "tocsin.socket")
    machine.systemctl("enable", "--now", "tocsin.socket")
    assert machine.show("tocsin", "ActiveState") != "active"
    here.intake = PORT
    # The first to come waits until it is up.
    assert here.send("boot-woken") == 200
    assert machine.show("tocsin", "ActiveState") == "active"
    here.settle()
    assert "boot-woken" in here.told()


def test_restarts_lose_no_request(machine, here):
    clients = begin()
    for _ in range(3):
        time.sleep(1)
        machine.systemctl("restart", "tocsin")
    time.sleep(1)
    names = end(clients)
    assert sum(c.closed for c in clients) >= 3
    told_once(here, names)


def test_a_port_for_the_world_wants_tls(machine, here):
    here.drop_in("world", f"[Socket]\nListenStream=\nListenStream={PORT}\n",
                 "tocsin.socket")
    machine.systemctl("stop", "tocsin.socket", "tocsin.service")
    assert machine.systemctl("start", "tocsin", check=False).returncode
    assert machine.show("tocsin", "ExecMainStatus") == "78"
    assert "beyond loopback: give it tls" in here.status_text()
    here.configure(listen=[{"socket": "http", "plain": True}])
    machine.systemctl("start", "tocsin")
    here.accept("boot-plain")
    here.drop_in("world", None, "tocsin.socket")
    here.configure(listen=[{"socket": "http"}])
    machine.systemctl("stop", "tocsin.socket", "tocsin.service")
    machine.systemctl("start", "tocsin")


def test_a_stop_keeps_the_port_and_the_next_start_serves_who_waits(machine,
                                                                   here):
    # Nobody asks for it meanwhile: it would be begun again at once.
    machine.systemctl("stop", "tocsin")
    with socket.create_connection(("127.0.0.1", PORT), 5):
        wait_for("the start", lambda: machine.show("tocsin", "ActiveState")
                 == "active", 20, 0.1)


def test_a_reboot_opens_the_port_first(machine, here):
    machine.reboot()
    here.accept("boot-after-reboot")
    here.wait_up()
    assert machine.show("tocsin.socket", "ActiveState", "SubState") == \
        ("active", "running")


def test_who_waits_doesnt_start_a_broken_one_for_ever(machine, here):
    machine.write("/etc/tocsin/tocsin.yaml", "listen: [", 0o640,
                  "root:tocsin")
    machine.systemctl("stop", "tocsin")
    since = machine.run("date", "+%s").stdout.strip()
    with socket.create_connection(("127.0.0.1", PORT), 5):
        wait_for("the end of it", lambda: machine.show(
            "tocsin.socket", "ActiveState") == "failed", 30, 0.2)
    time.sleep(1)
    starts = machine.journal("-u", "tocsin", f"--since=@{since}",
                             "_PID=1").count("Starting ")
    assert 1 <= starts <= 6, starts
    assert machine.show("tocsin", "ExecMainStatus") == "78"
    assert "then start tocsin again" in here.status_text()
    # That is all there is to do.
    here.configure(listen=[{"socket": "http"}])
    machine.systemctl("start", "tocsin")
    here.wait_up()
    here.accept("boot-mended")
    assert machine.show("tocsin.socket", "ActiveState") == "active"
