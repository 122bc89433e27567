"""While StackFlow can't be reached, people are told through an SNS topic."""
import threading
import time

import aws
import peers
import pytest
import served

TOPIC = f"arn:aws:sns:{peers.REGION}:{peers.ACCOUNT}:on-call"
ACCEPTED = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    "<PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b"
    "</MessageId></PublishResult></PublishResponse>").encode()


class Topic:
    """SNS's Publish behind the injector, which checks every signature."""

    def __init__(self):
        self.front = aws.Injector()
        self.key = self.front.keys.new(token=True)
        self.front.services["sns"] = self.publish
        self.got = []

    def publish(self, request):
        self.got.append(request.form)
        return aws.Answer(200, ACCEPTED, [("Content-Type", "text/xml")])

    def conf(self, **fallback):
        return {
            "aws": {"region": peers.REGION, "endpoint_url": self.front.url,
                    "access_key_id": self.key["id"],
                    "secret_access_key": self.key["secret"],
                    "session_token": self.key["token"], "reconcile": "off"},
            "stackflow": {"timeout": "1s", "fallback": {
                "after": "1s", "priority": ["P1", "P2"], "sns": TOPIC,
                **fallback}}}


@pytest.fixture
def topic(servers):
    t = Topic()
    servers(t.front.stop)
    return t


def no_secret_in(agent, topic):
    text = agent.process.text()
    for secret in topic.front.keys.secrets():
        assert secret not in text


def test_people_are_told_once_by_a_signed_publish(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf())
    sandbox.fault("refuse")
    name = "Zahlungsverkehr-über\u00adlastet-" + "x" * 120
    agent.send(peers.alarm(name))
    agent.send(peers.alarm("minor", AlarmDescription="severity: LOW"))
    peers.wait_for("the publish", lambda: topic.got, 20)
    time.sleep(2)
    (form,) = topic.got
    assert form["Action"] == "Publish" and form["Version"] == "2010-03-31"
    assert form["TopicArn"] == TOPIC
    subject = form["Subject"]
    assert subject.startswith("P2: ") and len(subject) < 100
    assert subject.isascii() and subject.isprintable()
    assert "Zahlungsverkehr-_ber_lastet-xxx" in subject
    assert name in form["Message"]
    assert "StackFlow can't be reached" in form["Message"]
    (request,) = topic.front.seen("Publish")
    assert request.key == topic.key["id"] and request.status == 200
    assert agent.metrics()["tocsin_fallbacks_sent_total"] == 1
    sandbox.clear()
    agent.settle(40)
    assert len(sandbox.incidents()) == 2
    assert len(topic.got) == 1
    no_secret_in(agent, topic)


def test_a_webhook_beside_the_topic(make_agent, sandbox, topic):
    hook = served.Hook()
    try:
        agent = make_agent(conf=topic.conf(
            webhook=f"{hook.url}/x"))
        sandbox.fault("refuse")
        agent.send(peers.alarm("both"))
        peers.wait_for("both", lambda: hook.got and topic.got, 20)
        sandbox.clear()
        agent.settle(40)
        assert len(hook.got) == 1 and len(topic.got) == 1
        assert agent.metrics()["tocsin_fallbacks_sent_total"] == 2
    finally:
        hook.stop()


@pytest.mark.parametrize("kind", ["throttle", "denied", "unavailable",
                                  "expired_token"])
def test_what_is_not_taken_is_sent_again(make_agent, sandbox, topic, kind):
    topic.front.fault(kind, "Publish", count=2)
    agent = make_agent(conf=topic.conf())
    sandbox.fault("refuse")
    agent.send(peers.alarm("again"))
    peers.wait_for("the publish", lambda: topic.got, 40)
    peers.wait_for("its outcome", lambda: agent.metrics()
                   ["tocsin_fallbacks_sent_total"] == 1, 10)
    m = agent.metrics()
    assert m["tocsin_fallbacks_failed_total"] >= 1
    assert len(topic.got) == 1
    sandbox.clear()
    agent.settle(40)
    no_secret_in(agent, topic)


def test_a_publish_in_doubt_is_sent_again(make_agent, sandbox, topic):
    """Told twice rather than never."""
    topic.front.fault("lost", "Publish", count=1)
    agent = make_agent(conf=topic.conf())
    sandbox.fault("refuse")
    agent.send(peers.alarm("doubt"))
    peers.wait_for("two publishes", lambda: len(topic.got) == 2, 30)
    sandbox.clear()
    agent.settle(40)
    assert len(topic.got) == 2


def test_a_kill_while_it_is_under_way(make_agent, sandbox, topic):
    hang = threading.Event()
    topic.front.fault("hang", "Publish", count=1, release=hang)
    agent = make_agent(conf=topic.conf())
    sandbox.fault("refuse")
    agent.send(peers.alarm("killed"))
    peers.wait_for("the publish", lambda: topic.front.count("Publish"), 20)
    agent.restart()
    peers.wait_for("another publish", lambda: topic.got, 30)
    sandbox.clear()
    agent.settle(40)
    assert len(sandbox.incidents()) == 1


def test_a_topic_that_is_gone_is_a_dead_letter(make_agent, sandbox, topic):
    topic.front.fault("error", "Publish", count=None, code="NotFound",
                      message="Topic does not exist", status=404)
    agent = make_agent(conf=topic.conf())
    sandbox.fault("refuse")
    agent.send(peers.alarm("nobody"))
    peers.wait_for("a dead letter", lambda: agent.get("/api/v1/dead")["dead"],
                   20)
    (dead,) = agent.get("/api/v1/dead")["dead"]
    assert dead["kind"] == "fallback" and dead["target"] == "sns"
    assert "NotFound" in dead["problem"]
    sandbox.clear()
    agent.settle(40)


def test_without_keys_the_agent_still_takes_alarms(make_agent, sandbox, topic):
    conf = topic.conf()
    for key in ("access_key_id", "secret_access_key", "session_token"):
        del conf["aws"][key]
    agent = make_agent(conf=conf)
    sandbox.fault("refuse")
    assert agent.send(peers.alarm("keyless")) == 200
    peers.wait_for("a failed attempt", lambda: agent.metrics()
                   ["tocsin_fallbacks_failed_total"] >= 1, 20)
    assert topic.got == []
    sandbox.clear()
    peers.wait_for("the incident", sandbox.incidents, 30)
