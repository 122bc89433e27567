"""Warnings of what stands in an alarm's way: queues, certificates, searches,
look-ups, the journal's room."""
import time

import cloudwatch_peer
import peers
import pytest
from test_reconcile import ENV
from test_warnings import gone, raised, warnings

HOST = f"sns.{peers.REGION}.amazonaws.com"
MINUTE = 60

CI_RULES = {"10-a.yaml": """\
version: 1
team: a
owners: [a@example.com]
ci:
  - {where: {name: "${alarm}"}}
policies:
  - {id: all, match: {}}
"""}


def lasts(clock):
    """Looked upon, then a minute later."""
    time.sleep(2)
    clock.forward(MINUTE + 1)


def test_look_ups_that_fail(make_agent, sandbox, clock):
    agent = make_agent(rules=CI_RULES)
    sandbox.fault("error", method="GET", path="/cmdb/cis", status=500)
    for k in range(5):
        agent.hook({"AlarmName": f"unknown-{k}"})
    agent.settle()
    time.sleep(2)
    assert "lookups-failing" not in warnings(agent)
    agent.hook({"AlarmName": "unknown-5"})
    agent.settle()
    w = raised(agent, "lookups-failing")
    assert w["level"] == "watch" and "Look-ups of" in w["text"]
    # Nothing waited for them.
    assert len(sandbox.incidents()) == 6
    clock.forward(31 * MINUTE)
    gone(agent, "lookups-failing")


def test_messages_that_are_to_come_again(make_agent, sandbox, clock):
    agent = make_agent(conf={"network": {
        "ca_file": sandbox.info["ca_file"],
        "connect_to": [f"{HOST}:443:127.0.0.1:{peers.free_port()}"]}})
    signer = peers.Signer(sandbox)
    for k in range(21):
        assert agent.post(signer.envelope(peers.alarm(f"a-{k}"))) == 503
    w = raised(agent, "messages-postponed")
    assert "messages by sns are to come again, within 5 minutes: " \
        "certificate_fetch" in w["text"]
    clock.forward(16 * MINUTE)
    gone(agent, "messages-postponed")


@pytest.fixture
def cloudwatch(servers):
    c = cloudwatch_peer.CloudWatch()
    servers(c.stop)
    return c


def reconciling(make_agent, cloudwatch, **env):
    return make_agent(env={**ENV, **env}, conf={
        "sns": {"topics": [peers.TOPIC]},
        "aws": {"region": peers.REGION, "reconcile": "1s",
                "endpoint_url": cloudwatch.url}})


def test_messages_that_got_lost(make_agent, sandbox, cloudwatch, clock):
    for k in range(3):
        cloudwatch.put(f"lost-{k}")
    agent = reconciling(make_agent, cloudwatch)
    peers.wait_for("three incidents", lambda: len(sandbox.incidents()) == 3)
    time.sleep(2)
    assert "messages-lost" not in warnings(agent)
    cloudwatch.put("lost-3")
    w = raised(agent, "messages-lost")
    assert w["text"].endswith(": 4 since the start")
    clock.forward(61 * MINUTE)
    gone(agent, "messages-lost")


def test_credentials_that_cannot_be_had(make_agent, cloudwatch, clock):
    agent = reconciling(make_agent, cloudwatch, AWS_ACCESS_KEY_ID="",
                        AWS_SECRET_ACCESS_KEY="")
    peers.wait_for("the search for them", lambda: "AWS credentials"
                   in agent.process.text())
    assert "credentials-failing" not in warnings(agent)
    lasts(clock)
    w = raised(agent, "credentials-failing")
    assert w["text"].startswith("AWS's credentials can't be had: ")


def test_a_queue_that_lags(cloud, make_agent, sandbox, clock):
    queue = cloud.queue()
    signer = peers.Signer(sandbox)
    queue.send(signer.envelope(peers.alarm("late")))
    # Its clock says when a message comes, the queue's when it was sent.
    clock.forward(6 * MINUTE)
    agent = make_agent(conf=cloud.conf("alarms"))
    peers.wait_for("its event", lambda: agent.get(
        "/api/v1/events?alarm=late")["events"], 30)
    lasts(clock)
    w = raised(agent, "queue-behind")
    assert "alarms brings messages that were sent 6 minutes ago" in w["text"]
    clock.jump(0)
    queue.send(signer.envelope(peers.alarm("in-time")))
    gone(agent, "queue-behind", 30)


def test_a_journal_that_fills(make_agent, sandbox, clock):
    sandbox.set(rate=0)
    agent = make_agent(conf={"store": {"max_size": "16MiB"}, "stackflow": {
        "requests_per_second": 1000}})
    text = "x" * 120000

    def used():
        return agent.metrics()["tocsin_store_bytes"] / (16 << 20)

    for k in range(200):
        if used() >= 0.78:
            break
        assert agent.hook({"AlarmName": "big", "AlarmDescription": text,
                           "n": k})[0] == 200
    assert 0.75 <= used() < 1
    lasts(clock)
    w = raised(agent, "store-nearly-full")
    assert w["text"].startswith("the journal holds ") and "%" in w["text"]


def test_a_doubt_that_lasts(make_agent, sandbox, clock):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    agent.send(peers.alarm("first"))
    agent.settle()
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    sandbox.fault("error", method="GET", path="/incidents", status=500)
    agent.send(peers.alarm("second"))
    peers.wait_for("the doubt", lambda: agent.metrics()
                   ["tocsin_in_doubt"] == 1)
    time.sleep(2)
    assert "in-doubt-old" not in warnings(agent)
    # Looked at each half a minute; StackFlow answers others meanwhile.
    clock.elapse(16 * MINUTE)
    agent.hook({"AlarmName": "third"})
    w = raised(agent, "in-doubt-old", 30)
    assert w["text"].startswith("the outcome of 1 write is unknown")
    sandbox.clear()
    agent.settle(40)
