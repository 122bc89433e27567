"""kill -9 while a queue is drained: no alarm lost, none told twice.

TOCSIN_DRAIN=5000 TOCSIN_DRAIN_KILLS=10 is the long form.
"""
import json
import os
import random
import time

import peers
from test_crash import all_told

MESSAGES = int(os.environ.get("TOCSIN_DRAIN", "1000"))
KILLS = int(os.environ.get("TOCSIN_DRAIN_KILLS", "3"))
KEYS = 25


def test_kills_while_draining(cloud, make_agent, sandbox):
    seed = int(os.environ.get("TOCSIN_SEED", str(random.randrange(1 << 30))))
    print("TOCSIN_SEED =", seed)
    rng = random.Random(seed)
    sandbox.set(rate=0)
    queue, signer, start = cloud.queue(), peers.Signer(sandbox), time.time()
    work = [signer.envelope(peers.alarm(f"drain-{k % KEYS:03d}",
                                        when=start + k / 500))
            for k in range(MESSAGES)]
    sent = [json.loads(e)["MessageId"] for e in work]
    queue.fill(work)
    conf = cloud.conf(visibility="5s", concurrency=4)
    conf["stackflow"] = {"requests_per_second": 2000, "concurrency": 64}
    agent = make_agent(conf=conf)
    # Each kill falls somewhere into its share of the receives and deletes.
    share = MESSAGES // 5 // (KILLS + 1)
    kills = 0
    began = time.monotonic()
    while kills < KILLS:
        at = cloud.front.count() + rng.randint(1, share)
        peers.wait_for("work", lambda: cloud.front.count() >= at or
                       queue.empty(), 60, 0.001)
        assert not queue.empty(), f"drained before kill {kills + 1}"
        agent.restart()
        kills += 1
    queue.wait_empty(120)
    agent.settle(120)
    took = time.monotonic() - began
    for k in range(KEYS):
        queue.send(signer.envelope(peers.alarm(
            f"drain-{k:03d}", "OK", when=start + MESSAGES / 500 + 10)))
    queue.wait_empty()
    agent.settle(120)
    events = all_told(agent, sandbox, sent)
    incidents = sandbox.incidents()
    assert len(incidents) == KEYS
    assert {i["state"] for i in incidents} == {"resolved"}
    assert sum(e["action"] == "create" for e in events.values()) == KEYS
    assert len(events) == MESSAGES + KEYS
    again = sum(r.messages for r in cloud.front.seen("ReceiveMessage")) - \
        len(events)
    print(f"{MESSAGES} messages, {kills} kills, {took:.1f} s: none lost, "
          f"none twice; {again} were handed out again")
    assert again > 0, "no kill fell between a receive and its delete"
