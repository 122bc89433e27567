"""What tests of timers and holds share: rules, and a clock that they move."""
import atexit
import calendar
import functools
import os
import shutil
import struct
import subprocess
import tempfile
import time

import pytest

import peers

MINUTE, HOUR, DAY = 60, 3600, 86400


def compiled(out, source):
    """A file beside this one, made into a library to be preloaded."""
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not cc:
        pytest.skip("no C compiler")
    source = os.path.join(os.path.dirname(__file__), source)
    subprocess.run([cc, "-O1", "-shared", "-fPIC", "-o", out, source],
                   check=True)
    return out


@functools.cache
def preloaded():
    """The library that gives a process another clock; processes that
    sanitizers watch hang with libfaketime."""
    with tempfile.NamedTemporaryFile(suffix=".so", delete=False) as out:
        pass
    atexit.register(os.unlink, out.name)
    return compiled(out.name, "wallclock.c")


class Clock:
    """A wall clock that is ahead of ours by as much as a test says. It moves
    at once for all processes that have it; their other clocks don't, unless
    time is said to pass."""

    def __init__(self, folder, offset=0):
        self.path = os.path.join(folder, "clock")
        self.preload = preloaded()
        self.passed = 0
        self.jump(offset)

    def jump(self, offset):
        self.offset = offset
        # In place: processes have the file in their memory.
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=qq", int(offset * 10**9),
                                  int(self.passed * 10**9)), 0)
        os.close(fd)

    def forward(self, seconds):
        self.jump(self.offset + seconds)

    def elapse(self, seconds):
        """By all clocks; waits that have begun take as long as before."""
        self.passed += seconds
        self.forward(seconds)

    def now(self):
        return time.time() + self.offset

    def env(self):
        return {"LD_PRELOAD": self.preload, "WALLCLOCK": self.path}

    def pass_by(self, agent, seconds):
        """Forward, until all that was due by then has been handled: what has
        become due goes before events that came later, as this one did, of
        which nothing comes."""
        self.forward(seconds)
        fire(agent, "passing-by", "OK", self.now())
        agent.settle()
        e = event(agent, "passing-by")
        assert e["state"] == "OK" and not e.get("incident_id"), e


def rules(policies, defaults="{}", **parts):
    """A team's file; parts: windows, suppress and so on as YAML text."""
    text = "version: 1\nteam: t\nowners: [a@example.com]\n" \
        f"defaults: {defaults}\n"
    for name, value in parts.items():
        text += f"{name}: {value}\n"
    text += "policies:\n" + "".join(f"  - {p}\n" for p in policies)
    return {"10-t.yaml": text}


def iso(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def seconds(stamp):
    """Of a time that tocsin writes."""
    return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))


def event(agent, name, action=None):
    """The newest event of an alarm, or its newest with an action."""
    for e in agent.get(f"/api/v1/events?alarm={name}")["events"]:
        if action is None or e["action"] == action:
            return e
    return None


def held(agent):
    return agent.get("/api/v1/status")["alarms_held"]


def timers(agent):
    return agent.get("/api/v1/status")["incident_timers"]


def titles(sandbox):
    return sorted(i["short_description"] for i in sandbox.incidents())


def notes(incident):
    return "\n".join(n["body"] for n in incident.get("notes", []))


def fire(agent, name, state="ALARM", when=None, **changes):
    """As SNS does it: what can't be taken yet is sent again."""
    envelope = agent.sandbox.sign(
        message=peers.alarm(name, state, when, **changes), topic=peers.TOPIC)

    def taken():
        status = agent.post(envelope)
        assert status in (200, 503), (status, agent.process.text()[-2000:])
        return status == 200

    peers.wait_for(f"{name} to be taken", taken, 20, 0.1)


def reload(agent):
    assert agent.api("/-/reload", "POST")[0] == 200


def incident(sandbox, seconds=20):
    """The only one, once it is there."""
    (i,) = peers.wait_for("an incident", sandbox.incidents, seconds)
    return i


def state_is(sandbox, state, seconds=20):
    peers.wait_for(f"an incident {state}", lambda: [
        i for i in sandbox.incidents() if i["state"] == state], seconds)
