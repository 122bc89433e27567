"""Secrets come by LoadCredential= and stay out of everything else."""
import os

from peers import wait_for
from setting import outer_pid


def processes(machine):
    """All of the service's, as they are called here."""
    group = machine.show("tocsin", "ControlGroup")
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup") as f:
                if f"{group}\n" in f.read():
                    out.append(int(pid))
        except OSError:
            pass
    return out


def read(path):
    with open(path, "rb") as f:
        return f.read()


def test_they_are_used(here, sandbox):
    here.accept("boot-secret")
    here.settle()
    assert "boot-secret" in here.told()
    http = here.http()
    assert http.call("POST", "/hooks/test", {"AlarmName": "boot-x"},
                     {"Authorization": "Bearer wrong"})[0] == 401
    http.close()


def test_only_the_service_can_read_them(machine, here):
    folder = "/run/credentials/tocsin.service"
    for name, value in here.secrets().items():
        r = machine.run("cat", f"{folder}/{name}")
        assert r.stdout == value
        mode = machine.run("stat", "-c", "%a %U", f"{folder}/{name}").stdout
        assert mode.split()[0] in ("400", "440"), mode
    r = machine.run("setpriv", "--reuid=65534", "--regid=65534",
                    "--clear-groups", "ls", folder, check=False)
    assert r.returncode


def test_nothing_else_holds_them(machine, here):
    pid = outer_pid(machine.main_pid())
    pids = processes(machine)
    assert pid in pids
    places = {f"/proc/{p}/{name}": read(f"/proc/{p}/{name}")
              for p in pids for name in ("environ", "cmdline", "status")}
    assert b"CREDENTIALS_DIRECTORY=" in places[f"/proc/{pid}/environ"]
    unit = "tocsin.service"
    places["show"] = machine.systemctl("show", unit).stdout.encode()
    places["cat"] = machine.systemctl("cat", unit).stdout.encode()
    places["status"] = machine.systemctl("status", "-l", unit).stdout.encode()
    places["journal"] = machine.journal("-o", "export").encode()
    places["metrics"] = here.admin("/metrics").encode()
    places["api"] = here.admin("/api/v1/status").encode()
    for end in ("", "-wal"):
        places[f"store{end}"] = read(
            f"{machine.root}/var/lib/tocsin/tocsin.db{end}")
    assert len(places["journal"]) > 10000
    for where, text in places.items():
        for name, value in here.secrets().items():
            assert value.encode() not in text, (name, where)


def test_a_secret_that_isnt_there_is_named_and_not_tried_again(machine, here):
    dropped = f"{machine.root}/etc/systemd/system/tocsin.service.d"
    text = read(f"{dropped}/secrets.conf").decode()
    here.drop_in("secrets", "".join(
        line + "\n" for line in text.splitlines() if "hook-token" not in line))
    machine.systemctl("restart", "tocsin", check=False)
    wait_for("the end", lambda: machine.show("tocsin", "ExecMainStatus")
             == "78", 20, 0.1)
    assert "hook-token" in here.status_text()
    here.drop_in("secrets", text)
    machine.systemctl("restart", "tocsin")
    here.wait_up()
