"""`tocsin top` on a real pseudo-terminal: what it shows, what keys do, and
that the terminal is as it was however it ends."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

import peers

ENTER, LEAVE = "\033[?1049h", "\033[?1049l"


class Terminal:
    """A program on a terminal of its own, and what that would show."""

    def __init__(self, *argv, rows=24, columns=80, env=None):
        self.master, slave = pty.openpty()
        self.resize(rows, columns, tell=False)
        self.before = termios.tcgetattr(slave)
        base = {k: v for k, v in os.environ.items()
                if k not in ("NO_COLOR", "LC_ALL", "SUDO_USER")}
        base.update({"TERM": "xterm", "LANG": "C.UTF-8", "USER": "ann"},
                    **(env or {}))
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=base,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                0, termios.TIOCSCTTY, 0))
        self.slave = slave
        self.raw, self.rows, self.columns = "", rows, columns
        self.rest = b""

    def resize(self, rows, columns, tell=True):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            os.kill(self.process.pid, signal.SIGWINCH)

    def read(self):
        while select.select([self.master], [], [], 0.02)[0]:
            self.rest += os.read(self.master, 65536)
            text = self.rest.decode(errors="ignore")
            if text.encode() == self.rest:
                self.raw += text
                self.rest = b""
        return self.raw

    def screen(self):
        """Its lines: cursor addressing and text, all that is used."""
        lines = [[" "] * 400 for _ in range(200)]
        r = c = 0
        for m in re.finditer(r"\033\[([?\d;]*)([A-Za-z])|([^\033])",
                             self.read(), re.S):
            args, what, char = m.groups()
            if what == "H":
                r, c = (int(x) - 1 for x in args.split(";"))
            elif what == "J":
                lines = [[" "] * 400 for _ in range(200)]
            elif char and char >= " ":
                if unicodedata.combining(char):
                    lines[r][c - 1] += char
                    continue
                lines[r][c] = char
                c += 1
                if unicodedata.east_asian_width(char) in "WF":
                    lines[r][c] = ""
                    c += 1
        return ["".join(x[:self.columns]).rstrip()
                for x in lines[:self.rows]]

    def text(self):
        return "\n".join(self.screen())

    def sees(self, part, seconds=20):
        return peers.wait_for(
            f"{part!r} in\n{self.text()}",
            lambda: (lambda t: t if re.search(part, t, re.M) else None)(
                self.text()), seconds)

    def type(self, text):
        os.write(self.master, text.encode())

    def ends(self):
        """Its status, once the terminal is as it was."""
        peers.wait_for("the end", lambda: (self.read(),
                       self.process.poll() is not None)[1])
        self.read()
        assert self.raw.rstrip().endswith(LEAVE) or \
            LEAVE in self.raw[self.raw.rfind(ENTER):]
        assert "\033[?25h" in self.raw[self.raw.rfind(ENTER):]
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def top(servers):
    def start(agent, **kw):
        t = Terminal(peers.TOCSIN, "top", "-c", agent.path, **kw)
        servers(t.close)
        return t
    return start


def fire(agent, *names):
    for name in names:
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()


def incident(agent, n=0):
    return agent.get("/api/v1/incidents")["incidents"][n]


def test_incidents_notes_and_the_end(make_agent, sandbox, top):
    agent = make_agent()
    fire(agent, "pay-db", "データベース", "evil\033[31m\u202eabc")
    t = top(agent)
    t.sees(r"^ OK  Healthy: takes alarms, StackFlow answers")
    t.sees(r"CloudWatch Alarm: データベース")
    assert not re.search(r"\u202e|\033\[31mabc", t.read())
    assert "\033[0;33m" in t.raw or "\033[0;1;31m" in t.raw or \
        "\033[0;1;7;32m" in t.raw
    t.type("/pay\r")
    t.sees(r"^ Incidents 3 .*/pay$")
    t.sees(r"^>P\d +INC\d+ .*pay-db")
    t.type("nthe vendor is on it: 日本\r")
    t.sees(r"the note is taken and goes to StackFlow")
    (one,) = [i for i in sandbox.incidents() if "pay-db" in
              i["short_description"]]
    peers.wait_for("the note", lambda: "the vendor is on it: 日本" in str(
        [i["notes"] for i in sandbox.incidents() if i["id"] == one["id"]]))
    t.type("\r")
    t.sees(r"^ What was sent to StackFlow")
    t.sees(r"note: done, StackFlow answered 20\d")
    t.type("q")
    assert t.ends() == 0
    assert any("ann" in e["who"] for e in agent.get("/api/v1/audit")["audit"]
               if e["action"] == "incident.note")


def test_resolve_silence_and_dead_letters(make_agent, sandbox, top):
    agent = make_agent()
    sandbox.fault("400", method="POST", path="/incidents")
    agent.hook({"AlarmName": "refused"})
    agent.settle()
    sandbox.clear()
    fire(agent, "pay-db")
    t = top(agent, rows=15, columns=60)
    t.sees(r"^>P\d +INC")
    t.type("s")
    t.sees(r"Silence pay-db for how long .*2h")
    t.type("\r")
    t.sees(r"Why: for INC")
    t.type("\r")
    t.sees(r"pay-db is silenced")
    (s,) = agent.get("/api/v1/silences")["silences"]
    assert s["owner"] == "ann" and s["match"]["alarm"] == "pay-db"
    t.type("5")
    t.sees(rf"^>{s['id']}")
    t.type("e\r")
    t.sees(r"lasts longer")
    (later,) = agent.get("/api/v1/silences")["silences"]
    assert later["ends_at"] > s["ends_at"]
    t.type("x")
    t.sees(r"End silence .* now\?")
    t.type("y")
    peers.wait_for("its end", lambda: not agent.get(
        "/api/v1/silences")["silences"])
    t.type("1r\r")
    t.sees(r"Resolve INC\d+\? That can't be undone")
    assert incident(agent)["state"] == "open"
    t.type("y")
    t.sees(r"the resolve is taken")
    peers.wait_for("the end", lambda: incident(agent)["state"] == "closed")
    t.type("d")
    t.sees(r"^>\d+ +create")
    t.type("x")
    t.sees(r"for good\?")
    t.type("y")
    t.sees(r"No dead letters")
    t.type("\x03")
    assert t.ends() == 0


def test_events_with_their_explanation(make_agent, top):
    agent = make_agent()
    fire(agent, "pay-db")
    t = top(agent, rows=60, columns=120)
    t.sees(r"^ OK  Healthy")
    t.type("4")
    t.sees(r"^>.*ALARM .* pay-db ")
    t.type("\r")
    t.sees(r"received: by sns")
    t.sees(r"^ Why, by the rules of that day")
    t.type("q")
    assert t.ends() == 0


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT",
                                 "SIGSEGV", "SIGABRT"])
def test_the_terminal_is_as_it_was(agent, top, how):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    assert ENTER in t.raw
    assert termios.tcgetattr(t.slave) != t.before
    os.kill(t.process.pid, getattr(signal, how))
    status = t.ends()
    if how in ("SIGSEGV", "SIGABRT"):
        assert status == -getattr(signal, how) or "Sanitizer" in t.raw
    else:
        assert status == 0


def test_a_terminal_that_goes_away(agent, top):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    os.close(t.slave)
    os.close(t.master)
    try:
        assert t.process.wait(10) in (0, 1)
    finally:
        t.master, t.slave = os.open("/dev/null", 0), os.open("/dev/null", 0)


def test_another_size(agent, top):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    t.resize(14, 50)
    t.sees(r"^50x14: 60x15 at least is needed$")
    t.resize(40, 130)
    t.sees(r"SHORT DESCRIPTION|No incident is open")
    assert "q quit" in t.screen()[39]
    t.type("q")
    assert t.ends() == 0


def test_into_the_background_and_back(agent, top):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    t.type("\x1a")

    def state():
        with open(f"/proc/{t.process.pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    peers.wait_for("its stop", lambda: (t.read(), state() == "T")[1])
    assert LEAVE in t.read()
    assert termios.tcgetattr(t.slave) == t.before
    os.kill(t.process.pid, signal.SIGCONT)
    peers.wait_for("its return", lambda: t.read().rfind(ENTER) >
                   t.raw.rfind(LEAVE))
    t.type("?")
    t.sees(r"Up Down j k")
    t.type("qq")
    assert t.ends() == 0


def test_an_agent_that_goes_and_comes(agent, top):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    agent.kill()
    t.sees(r"^ ACT  No answer from tocsin since")
    agent.start()
    t.sees(r"^ (OK|WATCH) ", 30)
    t.type("q")
    assert t.ends() == 0


def test_a_hung_agent_holds_no_key_up(agent, top):
    t = top(agent)
    t.sees(r"^ OK  Healthy")
    pid = agent.process.popen.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        t.sees(r"^ ACT  No answer from tocsin since", 30)
        t.type("?")
        t.sees(r"Up Down j k", 3)
        began = time.monotonic()
        t.type("qq")
        assert t.ends() == 0
        assert time.monotonic() - began < 5 * peers.patience()
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("env,part", [
    ({"NO_COLOR": "1"}, None), ({"LANG": "C"}, "ascii")])
def test_plain_terminals(make_agent, top, env, part):
    agent = make_agent()
    fire(agent, "データ")
    t = top(agent, env=env)
    t.sees(r"^>P\d +INC")
    if part:
        assert t.read().isascii()
        assert "Alarm: ???" in t.text()
    else:
        assert not re.search(r"\033\[0[;\d]*;3[1-6]m", t.read())
    t.type("q")
    assert t.ends() == 0


def test_where_it_can_not_be(agent):
    def run(**env):
        return subprocess.run(
            [peers.TOCSIN, "top", "-c", agent.path], capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=30,
            env={**os.environ, **env})
    r = run(TERM="xterm")
    assert (r.returncode, r.stdout) == (1, "")
    assert "needs a terminal" in r.stderr and "tocsin status" in r.stderr
    t = Terminal(peers.TOCSIN, "top", "-c", agent.path,
                 env={"TERM": "dumb"})
    peers.wait_for("its end", lambda: t.process.poll() is not None)
    assert t.process.returncode == 1 and "TERM is dumb" in t.read()
    assert "\033" not in t.raw
    t.close()


def test_no_agent(make_agent):
    agent = make_agent(start=False)
    t = Terminal(peers.TOCSIN, "top", "-c", agent.path)
    peers.wait_for("its end", lambda: t.process.poll() is not None)
    assert t.process.returncode == 1
    assert "no agent answers" in t.read() and ENTER not in t.raw
    t.close()
