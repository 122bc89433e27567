"""`tocsin drill`: an alarm of tocsin's own, out by SNS and back."""
import json
import re
import time

import aws
import peers
import pytest

HOPS = ["published", "received", "journaled", "decided", "incident",
        "resolved"]
ANSWER = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
    "<PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b"
    "</MessageId></PublishResult></PublishResponse>").encode()


class Topic:
    """SNS's Publish behind the injector, which checks every signature; what
    is taken goes to the sandbox's SNS, or where a test says."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.front = aws.Injector()
        self.key = self.front.keys.new()
        self.front.services["sns"] = self.publish
        self.pass_on = self.to_subscribers
        self.got = []

    def publish(self, request):
        if request.form.get("MessageStructure") == "json":
            return aws.xml_error("InvalidParameter",
                                 "Invalid parameter: Message Structure")
        self.got.append(json.loads(request.form["Message"]))
        self.pass_on(request.form["Message"])
        return aws.Answer(200, ANSWER, [("Content-Type", "text/xml")])

    def to_subscribers(self, message):
        self.sandbox.control("POST", "/sns/publish", {
            "topic": peers.TOPIC, "message": message, "wait": 0})

    def conf(self, **drill):
        return {
            "aws": {"region": peers.REGION, "endpoint_url": self.front.url,
                    "access_key_id": self.key["id"],
                    "secret_access_key": self.key["secret"],
                    "reconcile": "off"},
            "drill": {"topic": peers.TOPIC, "every": "1h", "within": "20s",
                      **drill}}


@pytest.fixture
def topic(sandbox, servers):
    t = Topic(sandbox)
    servers(t.front.stop)
    return t


def subscribe(agent):
    agent.sandbox.control("POST", "/sns/subscribe", {
        "topic": peers.TOPIC,
        "endpoint": f"http://127.0.0.1:{agent.port}/sns"})
    peers.wait_for("the subscription", lambda: agent.metrics()
                   ["tocsin_subscriptions_confirmed_total"] == 1)


def drill(agent, check=True):
    r = agent.cli("drill", "--wait", "--json", check=check)
    return json.loads(r.stdout), r.returncode


def state(agent):
    return agent.get("/api/v1/drill")


def begin(agent):
    status, data = agent.api("/api/v1/drill", "POST")
    assert status == 202, data
    return json.loads(data)


def over(agent, seconds=30):
    return peers.wait_for("the drill's end",
                          lambda: not state(agent)["under_way"] and
                          state(agent)["last"], seconds)


def warned(agent):
    return {w["code"]: w for w in agent.get("/api/v1/status")["warnings"]}


def is_told_of(agent, alarm_state):
    """The newest event of a drill's alarm in this state, once it is there."""
    def newest():
        return [e for e in agent.get("/api/v1/events")["events"]
                if (e["alarm"], e["state"]) == ("tocsin-drill", alarm_state)]
    return peers.wait_for(alarm_state, newest)[0]


def came_through(d):
    assert d["state"] == "came through" and d["why"] is None, d
    assert [h["hop"] for h in d["hops"]] == HOPS
    assert all(h["at"] and h["seconds"] >= 0 for h in d["hops"]), d
    return d


# ---- there and back ----

def test_it_comes_through_and_is_measured(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf())
    subscribe(agent)
    d, _ = drill(agent)
    came_through(d)
    (incident,) = sandbox.incidents()
    assert d["incident"] == incident["id"]
    assert incident["state"] == "resolved" and incident["priority"] == "P4"
    assert "tocsin-drill" in incident["short_description"]
    assert "nothing is to be done" in incident["description"]
    alarm, ok = topic.got
    assert (alarm["AlarmName"], alarm["NewStateValue"]) == ("tocsin-drill",
                                                           "ALARM")
    assert ok["NewStateValue"] == "OK"
    assert d["id"] in alarm["NewStateReason"]
    assert all(r.status == 200 for r in topic.front.seen("Publish"))
    m = agent.metrics()
    assert m["tocsin_drills_total"] == 1
    assert m["tocsin_drill_failures_total"] == 0
    assert sum(m[f'tocsin_drill_seconds{{hop="{h}"}}'] for h in HOPS) == \
        pytest.approx(d["seconds"], abs=0.1)
    assert abs(m["tocsin_drill_last_success_timestamp_seconds"] -
               time.time()) < 20
    assert m['tocsin_warning{code="drill-late"}'] == 0
    s = agent.get("/api/v1/status")["drill"]
    assert s["configured"] and s["last"]["id"] == d["id"]
    assert "came through" in agent.cli("status").stdout
    shown = agent.cli("drill", "--last").stdout
    assert f"drill {d['id']} came through in " in shown
    assert all(h in shown for h in HOPS)
    (row,) = [r for r in agent.get("/api/v1/audit")["audit"]
              if r["action"] == "drill.begin"]
    assert row["resource_id"] == d["id"]


def test_through_the_sandboxs_own_sns(make_agent, sandbox):
    """No endpoint of ours: AWS's host, as connect_to has it."""
    agent = make_agent(conf={
        "aws": {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "s",
                "reconcile": "off"},
        "drill": {"topic": peers.TOPIC}})
    subscribe(agent)
    came_through(drill(agent)[0])


def test_through_a_queue(make_agent, sandbox, topic, cloud):
    queue = cloud.queue()
    topic.front.fauxqs = cloud.front.fauxqs
    conf = topic.conf()
    topic.pass_on = lambda m: queue.send(
        sandbox.sign(message=m, topic=peers.TOPIC).decode())
    conf["sqs"] = cloud.conf("alarms")["sqs"]
    agent = make_agent(conf=conf)
    d, _ = drill(agent)
    came_through(d)
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    assert {e["source"] for e in agent.get("/api/v1/events")["events"]} == \
        {"sqs"}


def test_on_its_timer(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(every="2s", within="2s"))
    subscribe(agent)
    peers.wait_for("three drills", lambda: agent.metrics()
                   ["tocsin_drills_total"] >= 3, 40)
    agent.settle()
    ids = {re.search("Drill (\\w+) of", m["NewStateReason"])[1]
           for m in topic.got}
    done = [i for i in sandbox.incidents() if i["state"] == "resolved"]
    assert len(ids) >= 3 and len(done) >= 2
    # Each has an incident of its own, however soon it comes.
    assert len({i["marker"] for i in sandbox.incidents()}) == \
        len(sandbox.incidents()) >= 3
    assert state(agent)["next_at"]


def test_one_at_a_time(make_agent, topic):
    agent = make_agent(conf=topic.conf())
    first, second = begin(agent), begin(agent)
    assert first["begun"] and not second["begun"]
    assert first["id"] == second["id"]
    assert "was under way already" in agent.cli("drill").stdout
    assert json.loads(agent.cli("drill", "--last", "--json").stdout)[
        "state"] == "under way"


def test_without_a_topic_there_is_none(agent):
    assert state(agent) == {"configured": False}
    r = agent.cli("drill", check=False)
    assert r.returncode == 1 and "drill.topic" in r.stderr
    assert "tocsin_drill_seconds" not in agent.api("/metrics")[1].decode()


# ---- late ----

def test_one_that_does_not_come_back_is_late(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(within="1s"))
    d, status = drill(agent, check=False)
    assert status == 1 and d["state"] == "late"
    assert d["why"] == "it was published, but no message of it came " \
        "within 1s"
    assert [h["hop"] for h in d["hops"] if h["at"]] == ["published"]
    w = warned(agent)["drill-late"]
    assert "no message of it came" in w["text"]
    m = agent.metrics()
    assert m["tocsin_drill_failures_total"] == 1
    assert "tocsin_drill_last_success_timestamp_seconds" not in m
    assert "late" in agent.cli("drill", "--last", check=False).stdout
    # Even a late one is told to be over.
    peers.wait_for("its OK", lambda: len(topic.got) == 2)
    assert topic.got[1]["NewStateValue"] == "OK"
    subscribe(agent)
    agent.configure({**topic.conf()})
    assert agent.api("/-/reload", "POST")[0] == 200
    came_through(drill(agent)[0])
    assert "drill-late" not in warned(agent)


def test_a_right_that_is_missing_ends_it_at_once(make_agent, topic):
    topic.front.fault("denied", "Publish")
    agent = make_agent(conf=topic.conf(within="10m"))
    d, status = drill(agent, check=False)
    assert status == 1
    assert d["why"].startswith("SNS didn't take it within 10m: SNS: denied")
    assert "drill-late" in warned(agent)
    assert topic.front.count("Publish") == 1


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "lost"])
def test_what_sns_does_not_take_is_published_again(make_agent, sandbox,
                                                    topic, kind):
    topic.front.fault(kind, "Publish", count=1)
    agent = make_agent(conf=topic.conf())
    subscribe(agent)
    came_through(drill(agent)[0])
    # One that was taken twice is one event.
    assert len(sandbox.incidents()) == 1


def test_it_is_last_seen_where_it_hangs(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(within="2s"))
    subscribe(agent)
    sandbox.fault("refuse")
    d, _ = drill(agent, check=False)
    assert d["why"].startswith("it is decided, but StackFlow has no incident")
    sandbox.clear()
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"


# ---- another's, and rules ----

def test_another_agents_drill_is_not_ours(make_agent, sandbox, topic):
    def another(message):
        m = json.loads(message)
        m["AlarmContributor"]["Id"] = "other-host-abcdefgh"
        topic.to_subscribers(json.dumps(m))
    topic.pass_on = another
    agent = make_agent(conf=topic.conf(within="3s"))
    subscribe(agent)
    d, status = drill(agent, check=False)
    assert status == 1 and not d["hops"][1]["at"]
    assert d["incident"] is None
    is_told_of(agent, "OK")
    agent.settle()
    # It is an alarm like any, and ends like one.
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved" and incident["priority"] == "P4"


RULES = """
version: 1
team: everything
owners: [ops]
claims: [{}]
policies:
  - id: all
    match: {}
    priority: P1
    dedup_key: "${account}"
    open_after: 10m
    flap: {transitions: 2, within: 1h}
    group: {by: "${account}", within: 1h}
    resolve: {stable_for: 1h}
    reopen_within: 1d
    escalate: [{after: 1m, raise_to: P1}]
    assignment_group: Everybody
"""


def test_rules_do_not_hold_it_by_accident(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(), rules={"10-all.yaml": RULES})
    subscribe(agent)
    status, _, data = agent.admin.call(
        "POST", "/api/v1/silences", {
            "match": {"account": peers.ACCOUNT}, "for": "1h",
            "owner": "ops", "reason": "all of it"},
        {"Authorization": "Bearer admin-token"})
    assert status in (200, 201), data
    for _ in range(2):
        came_through(drill(agent)[0])
    first, second = sandbox.incidents()
    assert {first["priority"], second["priority"]} == {"P4"}
    assert {first["state"], second["state"]} == {"resolved"}
    assert first["assignment_group"] == "Everybody"
    event = is_told_of(agent, "ALARM")
    explained = agent.get(f"/api/v1/events/{event['id']}/explain")
    assert "never held" in explained["text"]


# ---- starts and ends ----

def test_a_drill_goes_on_after_a_kill(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(within="60s"))
    subscribe(agent)
    sandbox.fault("refuse")
    d = begin(agent)
    assert state(agent)["under_way"]["id"] == d["id"]
    peers.wait_for("the decision", lambda:
                   state(agent)["under_way"]["hops"][3]["at"])
    agent.kill()
    sandbox.clear()
    agent.start()
    over(agent, 60)
    last = state(agent)["last"]
    assert last["id"] == d["id"]
    came_through(last)
    assert len(sandbox.incidents()) == 1


def test_a_drill_that_a_kill_cut_is_late(make_agent, sandbox, topic):
    agent = make_agent(conf=topic.conf(within="2s"))
    subscribe(agent)
    sandbox.fault("refuse")
    d = begin(agent)
    peers.wait_for("the decision", lambda:
                   state(agent)["under_way"]["hops"][3]["at"])
    agent.kill()
    time.sleep(2)
    sandbox.clear()
    agent.start()
    over(agent)
    last = state(agent)["last"]
    assert last["id"] == d["id"] and last["state"] == "late"
    assert "drill-late" in warned(agent)
    # And the warning outlives a start, as the drill's end does.
    is_told_of(agent, "OK")
    agent.settle(40)
    agent.restart()
    assert "drill-late" in warned(agent)
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"


# ---- configuration and doctor ----

@pytest.mark.parametrize("keys, code, text", [
    ({"topic": "alarms"}, "bad-topic", "not the ARN"),
    ({"topic": peers.TOPIC + ".fifo"}, "bad-topic", "FIFO"),
    ({"topic": peers.TOPIC.replace(peers.ACCOUNT, "444455556666")},
     "conflict", "sns.topics doesn't allow"),
    ({"topic": peers.TOPIC, "every": "1m", "within": "2m"}, "out-of-range",
     "longer than drill.every"),
    ({}, "missing-key", '"topic"'),
])
def test_the_configuration_is_checked(make_agent, keys, code, text):
    agent = make_agent(start=False, conf={"drill": keys})
    r = agent.cli("check", check=False)
    assert r.returncode
    lines = [x for x in (r.stdout + r.stderr).splitlines() if "error[" in x]
    assert any(f"error[{code}]" in x and text in x for x in lines), lines


def doctor(agent):
    r = agent.cli("doctor", "--json", check=False)
    return [f for f in json.loads(r.stdout) if f["check"] == "drill"]


def test_doctor_says_whether_it_may_publish(make_agent, topic):
    agent = make_agent(conf=topic.conf())
    (f,) = doctor(agent)
    assert f["level"] == "ok" and "sns:Publish" in f["finding"]
    topic.front.fault("denied", "Publish")
    (f,) = doctor(agent)
    assert f["level"] == "fail" and "sns:Publish" in f["finding"]
    assert topic.got == []
