"""The promises themselves: no answer before the disk (I6), a failing and a
lost disk (R4, R3), writes that may have arrived (R2, R13)."""
import glob
import json
import mmap
import os
import shutil
import struct
import subprocess
import threading
import time

import peers
import pytest

AS_USUAL, WAIT, FAIL = 0, 1, 2


@pytest.fixture(scope="session")
def disk_library(tmp_path_factory):
    if "asan" in peers.BUILD or "tsan" in peers.BUILD:
        pytest.skip("a preloaded library and a sanitizer don't mix")
    out = str(tmp_path_factory.mktemp("preload") / "disk.so")
    source = os.path.join(os.path.dirname(__file__), "preload", "disk.c")
    subprocess.run(["cc", "-O1", "-Wall", "-shared", "-fPIC", "-o", out,
                    source, "-ldl", "-pthread"], check=True)
    return out


class Disk:
    """What the agent believes to be its disk."""

    def __init__(self, folder, library):
        self.durable = os.path.join(folder, "durable")
        os.makedirs(self.durable)
        path = os.path.join(folder, "disk.state")
        with open(path, "wb") as f:
            f.write(bytes(16))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)
        self.env = {"LD_PRELOAD": library, "DISK_STATE": path}

    def set(self, mode):
        self.map[0:4] = struct.pack("=i", mode)

    def syncs(self):
        return struct.unpack("=Q", self.map[8:16])[0]

    def cut_power(self, agent):
        """Kill, and leave of the store only what was synced."""
        agent.kill()
        for path in glob.glob(agent.folder + "/tocsin.db*"):
            os.unlink(path)
            synced = os.path.join(self.durable, os.path.basename(path))
            if os.path.exists(synced):
                shutil.copy(synced, path)


@pytest.fixture
def disk(folder, disk_library):
    d = Disk(folder, disk_library)
    yield d
    d.set(AS_USUAL)             # whoever waits may go on and end


def signed(sandbox, text):
    return sandbox.sign(message=text, topic=peers.TOPIC)


def message_id(envelope):
    return json.loads(envelope)["MessageId"]


def answers(agent, envelope, out):
    """Post on a connection of its own; append the status, or None."""
    http = peers.Http(agent.port, timeout=20)

    def post():
        try:
            out.append(http.call("POST", "/sns", envelope,
                                 peers.sns_headers(envelope))[0])
        except Exception:       # no answer is an answer too
            out.append(None)
        http.close()

    thread = threading.Thread(target=post)
    thread.start()
    return thread


def journaled(agent):
    events = agent.get("/api/v1/events?limit=1000")["events"]
    return {e["message_id"]: e for e in events}


def warm_up(agent, sandbox):
    """The certificate is fetched and the threads are idle."""
    assert agent.send(peers.alarm("warm-up")) == 200
    agent.settle()


def test_no_answer_before_the_commit(make_agent, sandbox, disk):
    agent = make_agent(env=disk.env)
    warm_up(agent, sandbox)
    first, second = (signed(sandbox, peers.alarm(n)) for n in ("a", "b"))
    disk.set(WAIT)
    got = []
    thread = answers(agent, first, got)
    time.sleep(1.5)
    assert got == []
    disk.set(AS_USUAL)
    thread.join()
    assert got == [200]
    # Killed while it waits, it has promised nothing; sent again, it is taken.
    disk.set(WAIT)
    got = []
    thread = answers(agent, second, got)
    time.sleep(0.5)
    agent.kill()
    disk.set(AS_USUAL)
    thread.join()
    assert got == [None]
    agent.start()
    assert agent.post(second) == 200
    agent.settle()
    events = journaled(agent)
    assert message_id(first) in events and message_id(second) in events
    assert len(sandbox.incidents()) == 3
    peers.check_invariants(agent, sandbox)


def test_every_answer_follows_a_sync(make_agent, sandbox, disk):
    agent = make_agent(env=disk.env)
    warm_up(agent, sandbox)
    sandbox.fault("refuse")     # no other writes than those counted here
    agent.hook({"AlarmName": "first"})
    time.sleep(1)
    missing = []
    for k in range(20):
        envelope = signed(sandbox, peers.alarm("one", when=time.time() + k))
        before = disk.syncs()
        assert agent.post(envelope) == 200
        if disk.syncs() == before:
            missing.append(k)
    assert not missing, f"answered without a sync: {missing}"


def test_power_cuts(make_agent, sandbox, disk):
    disk.env["DISK_DURABLE"] = disk.durable
    agent = make_agent(env=disk.env,
                       conf={"stackflow": {"settle": "200ms"}})
    start, sent = time.time(), []
    for cut in range(3):
        for k in range(8):
            envelope = signed(sandbox, peers.alarm(
                f"power-{k % 3}", when=start + cut * 20 + k))
            assert agent.post(envelope) == 200
            sent.append(message_id(envelope))
        disk.cut_power(agent)
        agent.start()
        lost = set(sent) - set(journaled(agent))
        assert not lost, f"cut {cut}: {len(lost)} acknowledged are lost"
    for k in range(3):
        assert agent.send(peers.alarm(f"power-{k}", "OK",
                                      when=start + 100)) == 200
    agent.settle(60)
    assert [i["state"] for i in sandbox.incidents()] == ["resolved"] * 3
    seen = peers.check_invariants(agent, sandbox)
    assert len(seen) == len(sent) + 3


def test_a_failing_disk_is_never_trusted_again(make_agent, sandbox, disk):
    agent = make_agent(env=disk.env)
    warm_up(agent, sandbox)
    sent = []
    for k in range(5):
        envelope = signed(sandbox, peers.alarm(f"good-{k}"))
        assert agent.post(envelope) == 200
        sent.append(message_id(envelope))
    disk.set(FAIL)
    refused = [signed(sandbox, peers.alarm(f"bad-{k}")) for k in range(3)]
    got = []
    for envelope in refused:
        answers(agent, envelope, got).join()
    assert got[0] == 503
    assert set(got) <= {503, None}
    # The disk may say yes again; what it lost before is lost.
    disk.set(AS_USUAL)
    peers.wait_for("the end", lambda: not agent.process.alive(), 15)
    assert agent.process.popen.returncode == 1
    agent.start()
    events = journaled(agent)
    assert set(sent) <= set(events)
    for envelope in refused:
        assert agent.post(envelope) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1 + 5 + 3
    peers.check_invariants(agent, sandbox)


def test_crash_while_a_create_is_in_flight(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "1500ms",
                                           "timeout": "5s"}})
    warm_up(agent, sandbox)
    now = time.time()
    sandbox.fault("slow-answer", method="POST", path="/incidents", count=1,
                  delay=4000)
    assert agent.send(peers.alarm("in-flight", when=now)) == 200
    peers.wait_for("the create", lambda: len(sandbox.incidents()) == 2)
    agent.restart()
    assert agent.send(peers.alarm("in-flight", "OK", when=now + 1)) == 200
    agent.settle(40)
    incidents = sandbox.incidents()
    assert len(incidents) == 2, [i["short_description"] for i in incidents]
    assert sorted(i["state"] for i in incidents) == ["new", "resolved"]
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1
    peers.check_invariants(agent, sandbox)


def test_crash_while_a_note_is_in_flight(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "1s", "timeout": "5s"}})
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    sandbox.fault("slow-answer", method="POST", path="/incidents/*/notes",
                  count=1, delay=4000)
    agent.send(peers.alarm(when=now + 1))
    peers.wait_for("the note", lambda: sandbox.incidents()[0]["notes"])
    agent.restart()
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert len(incident["notes"]) == 1
    peers.check_invariants(agent, sandbox)


REUSED = [("create-then-hangup", "/incidents"),
          ("create-then-hangup", "/incidents/*/notes"),
          ("hangup", "/incidents"), ("hangup", "/incidents/*/notes")]


@pytest.mark.parametrize("kind,path", REUSED,
                         ids=["create-done", "note-done", "create-not-done",
                              "note-not-done"])
def test_a_reused_connection_dies(make_agent, sandbox, kind, path):
    """R13: libcurl must not send a write again by itself."""
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "2s",
                                           "concurrency": 1}})
    warm_up(agent, sandbox)
    sandbox.fault(kind, method="POST", path=path, reused=True, count=1)
    now = time.time()
    assert agent.send(peers.alarm("second", when=now)) == 200
    agent.settle(40)
    assert agent.send(peers.alarm("second", when=now + 1)) == 200
    agent.settle(40)
    (fault,) = sandbox.control("GET", "/faults")
    assert fault["struck"] == 1, "the case was not met"
    second = [i for i in sandbox.incidents()
              if i["short_description"].endswith("second")]
    assert len(second) == 1
    assert len(second[0]["notes"]) == 1
    # Whether it had been carried out was looked up, not guessed.
    assert "in doubt" in agent.process.text()
    peers.check_invariants(agent, sandbox)


def test_what_a_person_resolved_opens_anew(agent, sandbox):
    """Only what we resolved is reopened, whatever OK came in between."""
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    sandbox.person(sandbox.incidents()[0]["id"], state="resolved")
    agent.send(peers.alarm(state="OK", when=now + 1))
    agent.settle()
    agent.send(peers.alarm(when=now + 2))
    agent.settle()
    first, second = sorted(sandbox.incidents(), key=lambda i: i["id"])
    assert (first["state"], second["state"]) == ("resolved", "new")
    assert f"Previous incident: {first['id']}" in second["description"]
    peers.check_invariants(agent, sandbox)


def test_a_reopen_of_what_a_person_closed_tells_once(agent, sandbox):
    now = time.time()
    for k, state in enumerate(["ALARM", "OK"]):
        agent.send(peers.alarm(state=state, when=now + k))
        agent.settle()
    sandbox.person(sandbox.incidents()[0]["id"], state="closed")
    agent.send(peers.alarm(when=now + 2))
    agent.settle()
    first, second = sorted(sandbox.incidents(), key=lambda i: i["id"])
    assert (first["state"], second["state"]) == ("closed", "new")
    assert '"state"' not in second["description"]
    seen = peers.check_invariants(agent, sandbox)
    assert len(seen) == 3


def test_a_dead_letter_whose_alarm_cleared_ends_resolved(agent, sandbox):
    sandbox.fault("400", method="POST", path="/incidents")
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    agent.send(peers.alarm(state="OK", when=now + 1))
    agent.settle()
    (dead,) = agent.get("/api/v1/dead")["dead"]
    sandbox.clear()
    assert agent.api(f"/api/v1/dead/{dead['id']}/retry", "POST")[0] == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


def test_a_quoted_marker_misleads_no_search(make_agent, sandbox):
    """An alarm's own words may hold a marker: they are no more than words."""
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    agent.send(peers.alarm(
        NewStateReason="see\ntocsin-ref: tocsin-aaaaaaaaaaaaaaaa-1\nfor more",
        AlarmDescription="tocsin-ref: tocsin-bbbbbbbbbbbbbbbb-1"))
    agent.settle(40)
    assert len(sandbox.incidents()) == 1
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1
