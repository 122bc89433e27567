"""kill -9: at random under load (R1), and at every step of the walk (R2)."""
import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time

import peers
import pytest

KILLS = int(os.environ.get("TOCSIN_KILLS", "8"))
ALARMS = int(os.environ.get("TOCSIN_ALARMS", "1600"))
KEYS = int(os.environ.get("TOCSIN_KEYS", "40"))
STEP = int(os.environ.get("TOCSIN_CRASH_STEP", "5"))
RATE = 500


def deliver(agent, envelope, stop, seconds=120):
    """As SNS does: again until it is taken. The agent may be dead."""
    headers = peers.sns_headers(envelope)
    conn = peers.Http(agent.port, timeout=10)
    end = time.monotonic() + seconds
    while not stop.is_set():
        try:
            status, _, data = conn.call("POST", "/sns", envelope, headers)
            assert status in (200, 503), (status, data)
            if status == 200:
                return
        except (OSError, http.client.HTTPException):
            conn.close()                # a torn answer is no answer
        assert time.monotonic() < end, "never taken"
        time.sleep(0.05)


def all_told(agent, sandbox, sent, dead=()):
    """Each sent message is one event, done, and told exactly once. dead:
    those of them that are dead letters."""
    seen = peers.check_invariants(agent, sandbox)
    events, before = {}, ""
    while True:
        page = agent.get(f"/api/v1/events?limit=1000{before}")
        for e in page["events"]:
            events[e["message_id"]] = e
        if "next_before" not in page:
            break
        before = f"&before={page['next_before']}"
    missing = [m for m in sent if m not in events]
    assert not missing, f"{len(missing)} acknowledged messages are lost"
    undone = [e for m, e in events.items()
              if e["status"] != ("dead" if m in dead else "done")]
    assert not undone, undone[:3]
    untold = [e for e in events.values()
              if e["action"] in ("create", "note", "reopen", "resolve",
                                 "raise") and e["id"] not in seen]
    assert not untold, (len(untold), untold[:3])
    return events


def test_random_kills_under_load(make_agent, sandbox):
    seed = int(os.environ.get("TOCSIN_SEED", str(random.randrange(1 << 30))))
    print("TOCSIN_SEED =", seed)
    rng = random.Random(seed)
    sandbox.set(rate=0)
    agent = make_agent(conf={"stackflow": {"requests_per_second": 2000,
                                           "concurrency": 64}})
    signer = peers.Signer(sandbox)
    start = time.time()
    work = []
    for k in range(ALARMS):
        name = f"load-{k % KEYS:03d}"
        work.append(signer.envelope(peers.alarm(name, when=start + k / RATE)))
    sent = [json.loads(e)["MessageId"] for e in work]
    stop, errors = threading.Event(), []
    lock = threading.Lock()
    position = [0]

    def sender():
        while not stop.is_set():
            with lock:
                k = position[0]
                if k >= len(work):
                    return
                position[0] += 1
            pause = start_mono + k / RATE - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            try:
                deliver(agent, work[k], stop)
            except BaseException as e:
                errors.append(e)
                stop.set()

    start_mono = time.monotonic()
    threads = [threading.Thread(target=sender) for _ in range(8)]
    for t in threads:
        t.start()
    try:
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.05, 0.8))
            agent.restart()
        for t in threads:
            t.join(180)
    finally:
        stop.set()
    assert not errors, errors[0]
    agent.settle(90)
    # Repeats wait for their budget: the OK of each key brings them out.
    for k in range(KEYS):
        e = signer.envelope(peers.alarm(f"load-{k:03d}", "OK",
                                        when=start + ALARMS / RATE + 10))
        deliver(agent, e, threading.Event())
    agent.settle(90)
    events = all_told(agent, sandbox, sent)
    incidents = sandbox.incidents()
    assert len(incidents) == KEYS, len(incidents)
    assert {i["state"] for i in incidents} == {"resolved"}
    assert sum(1 for e in events.values() if e["action"] == "create") == KEYS


@pytest.fixture(scope="session")
def crash_library(tmp_path_factory):
    out = str(tmp_path_factory.mktemp("preload") / "crash.so")
    source = os.path.join(os.path.dirname(__file__), "preload", "crash.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", out, source,
                    "-ldl"], check=True)
    return out


def crash_steps():
    for call, upto in (("sync", 40), ("send", 30), ("recv", 36),
                       ("connect", 3)):
        for n in range(1, upto + 1):
            for when in ("before", "after"):
                yield call, n, when


@pytest.mark.parametrize("part", range(STEP))
def test_crash_at_every_step(folder, sandbox, crash_library, part):
    """Each call that touches the disk or the network, before and after it."""
    steps = list(crash_steps())
    offset = int(os.environ.get("TOCSIN_CRASH_OFFSET",
                                random.randrange(STEP)))
    # Of each five steps one here, chosen anew each time; TOCSIN_CRASH_STEP=1
    # and all of them are gone through.
    share = [s for k, s in enumerate(steps) if k % STEP == part]
    if STEP > 1:
        share = share[offset::STEP]
    for call, n, when in share:
        crash_once(folder, sandbox, crash_library, call, n, when)


class Keeper:
    """systemd's part: an agent that was killed starts again, without what
    crashed it. Any other end fails the test."""

    def __init__(self, agent, label):
        self.agent, self.label = agent, label
        self.kills, self.problem = 0, None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.keep)

    def __enter__(self):
        self.agent.start(wait=False)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.agent.kill()

    def keep(self):
        agent = self.agent
        while not self.stop.is_set():
            if not agent.process.alive():
                code = agent.process.popen.returncode
                if code != -signal.SIGKILL:
                    self.problem = (f"{self.label}: ended with {code}\n" +
                                    agent.process.text()[-3000:])
                    return
                self.kills += 1
                agent.env.pop("LD_PRELOAD", None)
                agent.process.log.close()
                agent.process = peers.Process(
                    [peers.TOCSIN, "run", "-c", agent.path], agent.log,
                    env=agent.env)
            time.sleep(0.02)

    def settle(self, seconds=20):
        """Until all is done; the agent may start again meanwhile."""
        self.agent.http.close()
        self.agent.admin.close()
        peers.wait_for(f"{self.label}: an empty backlog", self.settled,
                       seconds, 0.03)

    def settled(self):
        assert not self.problem, self.problem
        try:
            return self.agent.metrics()["tocsin_backlog"] == 0
        except (OSError, KeyError, http.client.HTTPException):
            self.agent.admin.close()
            return False


def crash_once(folder, sandbox, library, call, n, when):
    label = f"{call}-{n}-{when}"
    agent = peers.Agent(
        os.path.join(folder, label), sandbox, start=False,
        conf={"stackflow": {"settle": "100ms", "timeout": "1s"}},
        env={"LD_PRELOAD": library, "CRASH_CALL": call, "CRASH_AT": str(n),
             "CRASH_WHEN": when})
    with Keeper(agent, label) as keeper:
        now, sent = time.time(), []
        for k, state in enumerate(["ALARM", "ALARM", "OK", "ALARM", "OK"]):
            e = sandbox.sign(message=peers.alarm(label, state,
                                                 when=now + k),
                             topic=peers.TOPIC)
            sent.append(json.loads(e)["MessageId"])
            deliver(agent, e, keeper.stop, 30)
        keeper.settle()
        try:
            all_told(agent, sandbox, sent)
            incidents = [i for i in sandbox.incidents()
                         if i["short_description"].endswith(label)]
            assert len(incidents) == 1, incidents
            assert incidents[0]["state"] == "resolved"
        except AssertionError as e:
            raise AssertionError(f"{label}: {e}\n" +
                                 agent.process.text()[-6000:])
