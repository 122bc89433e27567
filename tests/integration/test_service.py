"""What a service manager sees: readiness, status, watchdog, reload, the end,
and a socket that outlives the process."""
import os
import signal
import socket
import subprocess
import threading
import time

import peers
import pytest
from frozen import Frozen
from keepalive import Client
from peers import wait_for
from test_promises import (AS_USUAL, WAIT, disk,  # noqa: F401
                           disk_library)

WATCHDOG_S = 2


class Manager:
    """The end of NOTIFY_SOCKET: a message is a list of assignments."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []      # (time, assignment)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            text = self.socket.recv(65536).decode()
            if text == "end":
                return
            now = time.monotonic()
            self.said += [(now, line) for line in text.split("\n")]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"end", self.path)
        self.thread.join()
        self.socket.close()

    def lines(self):
        return [line for _, line in self.said]

    def statuses(self):
        return [line[7:] for line in self.lines()
                if line.startswith("STATUS=")]

    def status(self):
        return (self.statuses() or [""])[-1]

    def times(self, line):
        return [at for at, said in list(self.said) if said == line]


@pytest.fixture
def manager(folder):
    m = Manager(folder)
    yield m
    m.close()


@pytest.fixture
def served(make_agent, manager):
    """An agent under that manager, not started yet."""
    def make(**kw):
        env = {"NOTIFY_SOCKET": manager.path, **kw.pop("env", {})}
        return make_agent(start=False, env=env, **kw)
    return make


def test_ready_once_it_takes_alarms_and_a_status_in_words(served, manager,
                                                          sandbox):
    agent = served()
    agent.start()
    wait_for("READY", lambda: "READY=1" in manager.lines())
    assert manager.status() == "healthy; 0 open incidents, backlog 0"
    assert agent.send(peers.alarm()) == 200
    wait_for("the incident in the status", lambda: manager.status() ==
             "healthy; 1 open incident, backlog 0")
    sandbox.fault("error", status=503)
    assert agent.send(peers.alarm("other")) == 200
    wait_for("the outage in the status", lambda: manager.status().startswith(
        "degraded: StackFlow can't be reached"), 30)
    assert manager.status().endswith("; 2 open incidents, backlog 1, "
                                     "1 in doubt")
    sandbox.clear()
    wait_for("the recovery in the status", lambda: manager.status() ==
             "healthy; 2 open incidents, backlog 0", 30)
    agent.write_rules("10-broken.yaml", "team: [")
    agent.process.popen.send_signal(signal.SIGHUP)
    wait_for("the broken rules in the status", lambda: manager.status() ==
             "degraded: 1 rule file can't be used as it stands; 2 open "
             "incidents, backlog 0")


def test_a_quiet_service_says_nothing_new(served, manager):
    served().start()
    wait_for("READY", lambda: "READY=1" in manager.lines())
    before = len(manager.said)
    time.sleep(3)
    assert len(manager.said) == before


def test_reloading_with_its_moment_until_ready(served, manager):
    agent = served()
    agent.start()
    wait_for("READY", lambda: "READY=1" in manager.lines())
    began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    agent.process.popen.send_signal(signal.SIGHUP)
    wait_for("READY again", lambda: manager.lines().count("READY=1") == 2)
    lines = manager.lines()
    at = lines.index("RELOADING=1")
    moment = int(lines[at + 1].removeprefix("MONOTONIC_USEC="))
    ended = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert began <= moment <= ended
    assert "READY=1" in lines[at + 2:]


def test_stopping_is_said_before_the_end(served, manager):
    agent = served()
    agent.start()
    assert agent.stop() == 0
    lines = manager.lines()
    assert lines.index("STOPPING=1") > lines.index("READY=1")
    assert manager.status().startswith("stopping")


# ---- what can't be used ----

def ended(agent):
    wait_for("the end", lambda: not agent.process.alive())
    return agent.process.popen.returncode


def test_an_unusable_configuration_says_where_and_what_to_do(served, manager):
    agent = served()
    agent.configure({"stackflow": {"base_url": "nonsense"}})
    agent.start(wait=False)
    assert ended(agent) == 78
    status = wait_for("its words", manager.status)
    assert "READY=1" not in manager.lines()
    assert "tocsin.yaml:" in status and "base_url" in status, status
    assert "then start tocsin again" in status


def test_a_foreign_text_adds_no_assignment(folder, manager):
    r = subprocess.run([peers.TOCSIN, "run", "-c",
                        f"{folder}/x\nREADY=1\nMAINPID=1"],
                       env=dict(os.environ, NOTIFY_SOCKET=manager.path),
                       capture_output=True, timeout=20)
    assert r.returncode == 78
    wait_for("the status", manager.status)
    assert len(manager.lines()) == 1, manager.lines()


@pytest.mark.parametrize("listen, status", [
    ({"socket": "http"}, 78),
    ({"address": "127.0.0.1:0", "tls": {"certificate": "/none.pem",
                                        "key": "/none.key"}}, 78),
    (None, 1)])
def test_what_stays_wrong_isnt_tried_again(served, manager, listen, status):
    agent = served()
    with socket.create_server(("127.0.0.1", agent.port)):
        if listen:
            agent.configure({"listen": [listen]})
        agent.start(wait=False)
        assert ended(agent) == status
    assert ("start tocsin again" in manager.status()) == (status == 78)


# ---- the watchdog ----

@pytest.fixture
def watched(served):
    def make(**kw):
        return served(env={"WATCHDOG_USEC": str(WATCHDOG_S * 1000000),
                           **kw.pop("env", {})}, **kw)
    return make


def fed(manager, since):
    return [at for at in manager.times("WATCHDOG=1") if at > since]


def test_the_watchdog_is_told_often_enough(watched, manager):
    watched().start()
    began = time.monotonic()
    wait_for("five signs of life", lambda: len(fed(manager, began)) >= 5, 20)
    times = [began] + fed(manager, began)
    # Half of it is what sd_watchdog_enabled(3) asks for.
    assert max(b - a for a, b in zip(times, times[1:])) <= \
        (WATCHDOG_S / 2 + 0.3) * peers.SLOW


@pytest.mark.parametrize("thread", ["triage", "deliver"])
def test_a_thread_that_hangs_isnt_petted(watched, manager, thread):
    agent = watched()
    agent.start()
    frozen = Frozen(agent.process.popen.pid, thread)
    try:
        silent = stands_still(manager, thread)
    finally:
        frozen.thaw()
    goes_on(agent, manager, silent)


def stands_still(manager, thread):
    """Until that is said; the moment from which on no sign of life came."""
    began = time.monotonic()
    wait_for("the word about it", lambda: manager.status().startswith(
        f"the {thread} thread has stood still"), 20)
    # One that rests says for how long: five seconds at most.
    assert time.monotonic() - began <= (WATCHDOG_S + 7) * peers.SLOW
    silent = time.monotonic()
    time.sleep(WATCHDOG_S * 1.5)
    assert fed(manager, silent) == []
    return silent


def goes_on(agent, manager, silent):
    """One that goes on after all is believed."""
    assert "a thread stands still" in agent.process.text()
    wait_for("signs of life", lambda: fed(manager, silent))
    wait_for("the usual status",
             lambda: manager.status().startswith("healthy"))


def test_a_writer_that_hangs_isnt_petted(watched, manager, disk):
    agent = watched(env=disk.env)
    agent.start()
    disk.set(WAIT)
    post = threading.Thread(target=agent.hook, args=({"AlarmName": "x"},))
    post.start()
    try:
        silent = stands_still(manager, "journal")
    finally:
        disk.set(AS_USUAL)
    post.join()
    goes_on(agent, manager, silent)


# ---- a socket that outlives the process ----

HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES="http")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_restart_behind_a_kept_socket_loses_no_request(served, sandbox):
    sandbox.set(rate=0)
    agent = served(conf={"listen": [{"socket": "http"}],
                         "stackflow": {"requests_per_second": 1000}})
    with socket.create_server(("127.0.0.1", agent.port), backlog=1024) as s:
        # As standard input: descriptors of this process are others' too.
        agent.wrapper = ["/usr/bin/python3", "-c", HAND_OVER, "0"]
        start_with(agent, s)
        clients = [Client(agent.port, f"c{n}", pause)
                   for n, pause in enumerate((0, 0, 0.02, 0.1))]
        for _ in range(3):
            time.sleep(0.7)
            assert agent.stop() == 0
            time.sleep(0.3)
            start_with(agent, s)
        time.sleep(0.3)
        for c in clients:
            c.stop()
        assert [c.lost for c in clients] == [[]] * len(clients)
        # Each was told at each end, as far as it asked in those moments.
        assert sum(c.closed for c in clients) >= 6
        names = {name for c in clients for name in c.acked}
        agent.settle()
        assert len(names) == len(sandbox.incidents())


def start_with(agent, listening):
    agent.stdin = listening
    agent.start()
