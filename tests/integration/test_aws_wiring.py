"""How AWS's parts start with the agent, and what a reload says of them."""
import json
import time

import aws
import peers
import pytest

QUEUE = aws.queue_url("alarms")


@pytest.fixture
def front(servers):
    f = aws.Injector()
    servers(f.stop)
    f.services["sqs"] = lambda request: aws.Answer(200, {})
    f.services["monitoring"] = lambda request: aws.Answer(
        200, {"MetricAlarms": [], "CompositeAlarms": []})
    return f


def conf(front, **aws_keys):
    key = front.keys.new()
    return {"aws": {"endpoint_url": front.url, "access_key_id": key["id"],
                    "secret_access_key": key["secret"], "reconcile": "off",
                    **aws_keys},
            "sqs": [{"queue_url": QUEUE, "wait": "1s", "concurrency": 1}]}


def rewrite(agent, change):
    with open(agent.path) as f:
        whole = json.load(f)
    change(whole)
    with open(agent.path, "w") as f:
        json.dump(whole, f)


def test_a_queue_is_a_way_in_of_its_own(make_agent, front):
    """No listener, and the region from the queue's URL alone."""
    agent = make_agent(conf={**conf(front), "listen": None, "webhooks": None,
                             "sns": None})
    peers.wait_for("a poll", lambda: [
        r for r in front.seen("ReceiveMessage") if r.key], 10)
    assert agent.metrics()["tocsin_backlog"] == 0


def test_stopping_lets_the_poll_end(make_agent, front):
    agent = make_agent(conf=conf(front))
    front.fault("delay", "ReceiveMessage", count=None, seconds=2)
    peers.wait_for("a poll", front.open_polls, 10)
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < 12 * peers.patience()
    assert all(r.status == 200 for r in front.seen("ReceiveMessage"))


def test_keys_that_are_missing_stop_nothing(make_agent, front):
    c = conf(front)
    del c["aws"]["access_key_id"], c["aws"]["secret_access_key"]
    agent = make_agent(conf=c)
    assert agent.send(peers.alarm("by-https")) == 200
    agent.settle()
    assert len(agent.sandbox.incidents()) == 1
    assert front.count("ReceiveMessage") == 0
    assert "AWS credentials" in agent.process.text()


def test_no_region_is_known(make_agent, front):
    """Over HTTPS all goes on; with nothing but queues it is a fault."""
    aws_ = {"profile": None, "reconcile": "5m"}
    topics = {"sns": {"topics": ["arn:aws:sns:*:111122223333:*"]}}
    agent = make_agent(conf={"aws": aws_, **topics})
    assert "no AWS region is known" in agent.process.text()
    assert agent.send(peers.alarm("by-https")) == 200
    agent.settle()
    agent.stop()
    agent.configure({"aws": aws_, **topics, "listen": None, "webhooks": None,
                     "sqs": [{"queue_url":
                              "https://queues.example/111122223333/alarms"}]})
    agent.start(wait=False)
    assert agent.process.popen.wait(20) == 78
    assert "set aws.region" in agent.process.text()


@pytest.mark.parametrize("what,change", [
    ("sqs", lambda c: c["sqs"][0].update(concurrency=3)),
    ("aws", lambda c: c["aws"].update(profile="another")),
    (None, lambda c: c["stackflow"].update(timeout="4s")),
])
def test_a_reload_says_what_needs_a_restart(make_agent, front, what, change):
    agent = make_agent(conf=conf(front))
    rewrite(agent, change)
    status, _ = agent.api("/-/reload", "POST")
    assert status == 200
    told = [line for line in agent.process.text().splitlines()
            if "restart tocsin for it to take effect" in line]
    if what:
        assert len(told) == 1 and f"{what} has changed" in told[0]
    else:
        assert not told
