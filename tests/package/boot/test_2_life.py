"""A service's life: an alarm, a reload, a hang, an end, a reboot."""
import os
import signal
import time

from frozen import Frozen
from peers import alarm, sns_headers, wait_for
from setting import outer_pid


def test_a_signed_alarm_becomes_an_incident(here, sandbox):
    here.accept("boot-first")
    here.settle()
    assert here.told() == ["boot-first"]
    assert sandbox.incidents()[0]["assignment_group"] == "Group One"
    wait_for("the status line", lambda: here.status_text()
             == "healthy; 1 open incident, backlog 0")


def test_what_nobody_signed_is_refused(here):
    forged = here.signer.envelope(alarm("boot-forged")).replace(
        b"boot-forged", b"boot-frogged")
    http = here.http()
    assert http.call("POST", "/sns", forged, sns_headers(forged))[0] == 403
    http.close()


def test_reload_keeps_connections_and_takes_new_rules(machine, here, sandbox):
    http = here.http()
    assert here.send("boot-before", http) == 200
    kept = http.conn.sock
    pid = machine.main_pid()
    here.group("Group Two")
    machine.systemctl("reload", "tocsin")

    def moved():
        assert here.send(f"boot-after-{time.monotonic_ns()}", http) == 200
        here.settle()
        return [i for i in sandbox.incidents()
                if i["assignment_group"] == "Group Two"]
    wait_for("the new rules", moved, 10, 0.2)
    assert http.conn.sock is kept
    assert machine.main_pid() == pid
    wait_for("active again", lambda: machine.show(
        "tocsin", "ActiveState", "SubState") == ("active", "running"))
    http.close()


def test_a_reload_that_fails_leaves_the_last_good_one(machine, here):
    here.machine.write("/etc/tocsin/boot.d/10-boot.yaml", "team: [")
    machine.systemctl("reload", "tocsin")
    wait_for("the word about it", lambda: here.status_text().startswith(
        "degraded: 1 rule file can't be used as it stands"), 10)
    here.accept("boot-still-ruled")
    here.settle()
    here.group("Group Two")
    machine.systemctl("reload", "tocsin")
    wait_for("health", lambda: here.status_text().startswith("healthy"), 10)


# ---- the watchdog ----

def shorten(here, seconds):
    here.drop_in("watchdog", f"[Service]\nWatchdogSec={seconds}\n"
                 if seconds else None)
    here.machine.systemctl("restart", "tocsin")
    here.wait_up()


def restarted_by_watchdog(machine, here, before, seconds, look=None):
    began = time.monotonic()

    def other():
        if look:
            look()
        return machine.main_pid() not in (0, before)
    wait_for("the watchdog", other, seconds + 10, 0.1)
    assert time.monotonic() - began < seconds
    here.wait_up()
    log = machine.journal("-u", "tocsin", "-n", "200")
    assert "Watchdog timeout" in log
    assert "watchdog" in log
    return log


def test_the_watchdog_restarts_a_stopped_process(machine, here):
    shorten(here, 3)
    restarts = int(machine.show("tocsin", "NRestarts"))
    pid = machine.main_pid()
    os.kill(outer_pid(pid), signal.SIGSTOP)
    restarted_by_watchdog(machine, here, pid, 3 + 4)
    assert int(machine.show("tocsin", "NRestarts")) == restarts + 1
    here.accept("boot-after-stop")
    here.settle()


def test_the_watchdog_restarts_one_whose_triage_hangs(machine, here,
                                                      sandbox):
    # All else goes on: intake answers, the main thread turns.
    pid = machine.main_pid()
    frozen = Frozen(outer_pid(pid), "triage")
    try:
        here.accept("boot-undecided")
        # It may have meant to rest for five seconds.
        log = restarted_by_watchdog(machine, here, pid, 5 + 2 * 3 + 4,
                                    frozen.reap)
    finally:
        frozen.thaw()
    assert "a thread stands still" in log
    here.settle()
    assert here.told().count("boot-undecided") == 1
    shorten(here, None)


# ---- the end, and after it ----

def test_stop_drains_and_ends_within_ten_seconds(machine, here, sandbox):
    sandbox.fault("slow", method="POST", path="/incidents", delay=1500)
    names = [f"boot-late-{n}" for n in range(40)]
    here.accept(*names)
    began = time.monotonic()
    machine.systemctl("stop", "tocsin")
    assert time.monotonic() - began < 10
    assert machine.show("tocsin", "ActiveState", "Result",
                        "ExecMainStatus") == ("inactive", "success", "0")
    sandbox.clear()
    machine.systemctl("start", "tocsin")
    here.settle()
    told = here.told()
    assert [told.count(n) for n in names] == [1] * len(names)


def test_a_reboot_resumes_the_backlog(machine, here, sandbox):
    sandbox.fault("error", status=503)
    names = [f"boot-again-{n}" for n in range(25)]
    here.accept(*names)
    wait_for("all of it waiting", lambda: here.backlog() >= 25, 10)
    machine.reboot()
    here.wait_up()          # it was enabled: nobody started it by hand
    assert here.backlog() >= 25
    sandbox.clear()
    here.settle(60)
    told = here.told()
    assert [told.count(n) for n in names] == [1] * len(names)
