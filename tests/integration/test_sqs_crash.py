"""kill -9 at every step of a message's way out of a queue: received, verified,
committed, deleted, and what of it fails in part or comes again."""
import json
import os
import random
import signal
import time
import uuid

import aws
import peers
import pytest
from test_crash import STEP, Keeper, all_told, crash_library  # noqa: F401

RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"
RETURN = "ChangeMessageVisibilityBatch"


def queue_steps():
    """As SQS sees them, and as the agent's threads do: (call, the threads'
    names, n, when)."""
    for operation, upto in ((RECEIVE, 3), (DELETE, 3), (RETURN, 1)):
        for n in range(1, upto + 1):
            for when in ("asked", "done", "half", "answered"):
                yield operation, None, n, when
    for call, thread, upto in (("connect", "sqs-", 1), ("send", "sqs-", 6),
                               ("recv", "sqs-", 12), ("verify", "", 6),
                               ("sync", "journal", 10)):
        for n in range(1, upto + 1):
            for when in ("before", "after"):
                yield call, thread, n, when


@pytest.mark.parametrize("part", range(STEP))
def test_crash_of_a_drain_at_every_step(folder, cloud, sandbox,
                                        crash_library, part):  # noqa: F811
    """Of each five steps one, chosen anew each time; TOCSIN_CRASH_STEP=1 and
    all of them are gone through."""
    share = [s for k, s in enumerate(queue_steps()) if k % STEP == part]
    offset = int(os.environ.get("TOCSIN_CRASH_OFFSET",
                                random.randrange(STEP)))
    if STEP > 1:
        share = share[offset::STEP]
    cloud.front.hurry = 1
    for step in share:
        Walk(folder, cloud, sandbox, crash_library, *step).run()


class Walk:
    """A queue that is drained, with one crash on the way."""

    def __init__(self, folder, cloud, sandbox, library, call, thread, n,
                 when):
        self.label = f"{call}-{n}-{when}"
        self.cloud, self.front, self.sandbox = cloud, cloud.front, sandbox
        self.queue = cloud.queue(self.label)
        self.n, self.when = n, when
        self.operation = call if thread is None else None
        conf = cloud.conf(self.label)
        conf["stackflow"] = {"settle": "100ms", "timeout": "1s"}
        self.agent = peers.Agent(
            os.path.join(folder, self.label), sandbox, start=False, conf=conf,
            env={"LD_PRELOAD": library, "CRASH_CALL": call,
                 "CRASH_THREAD": thread, "CRASH_AT": str(n),
                 "CRASH_WHEN": when} if thread is not None else {})
        self.seen = []

    def watch(self, request, moment):
        """From SQS's side: the agent is gone at this moment of this call."""
        if request.operation != self.operation:
            return
        if moment == "asked":
            self.seen.append(request)
        if moment != self.when or len(self.seen) < self.n or \
                request is not self.seen[self.n - 1]:
            return
        self.agent.process.popen.send_signal(signal.SIGKILL)
        if moment != "answered":
            raise aws.Dropped()

    def fill(self):
        """Repeats of an alarm, others, one that is forged and one raw."""
        signer, now = peers.Signer(self.sandbox), time.time() - 60
        names = ["a"] * 6 + ["b", "b", "c"]
        envelopes = [signer.envelope(peers.alarm(f"{self.label}-{x}",
                                                 when=now + k))
                     for k, x in enumerate(names)]
        forged = json.loads(signer.envelope(peers.alarm("forged")))
        forged["Message"] = peers.alarm("not-what-was-signed")
        forged["MessageId"] = str(uuid.uuid4())
        self.queue.fill(envelopes)
        self.dead = self.queue.send(json.dumps(forged))
        raw = self.queue.send(peers.alarm(f"{self.label}-raw", when=now))
        self.names = [f"{self.label}-{x}" for x in ("a", "b", "c", "raw")]
        self.sent = [json.loads(e)["MessageId"] for e in envelopes] + \
            [self.dead, raw]
        self.oks = [signer.envelope(peers.alarm(x, "OK", when=now + 50))
                    for x in self.names]

    def run(self):
        self.front.clear()
        if self.operation:
            self.front.watch = self.watch
            self.front.fault("partial", DELETE, entries=[0, 2])
            self.front.fault("wrong_md5", RECEIVE)
        self.fill()
        try:
            with Keeper(self.agent, self.label) as keeper:
                self.drain(keeper)
                self.judge(keeper)
        except AssertionError as e:
            raise AssertionError(f"{self.label}: {e}\n" +
                                 self.agent.process.text()[-6000:])
        finally:
            self.front.watch = None

    def drain(self, keeper):
        peers.wait_for("the crash", lambda: keeper.kills or keeper.problem)
        self.queue.wait_empty()
        keeper.settle()
        for e in self.oks:              # they bring the repeats out
            self.queue.send(e)
        self.queue.wait_empty()
        keeper.settle()

    def judge(self, keeper):
        assert keeper.kills == 1
        events = all_told(self.agent, self.sandbox, self.sent, [self.dead])
        assert len(events) == len(self.sent) + len(self.oks)
        incidents = [i for i in self.sandbox.incidents()
                     if self.label in i["short_description"]]
        assert sorted(i["short_description"].split()[-1]
                      for i in incidents) == sorted(self.names)
        assert {i["state"] for i in incidents} == {"resolved"}
        letters = self.agent.get("/api/v1/dead")["dead"]
        assert ["signature" in d["problem"] for d in letters] == [True]
        assert self.queue.empty()
