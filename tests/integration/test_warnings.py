"""Troubles of tocsin's own: raised, told everywhere, cleared; and incidents
of them where `self_alerts` asks for it."""
import json
import os
import re
import socket
import time

import peers
import pytest
import timed
import tls

HOST = socket.gethostname()


def warnings(agent):
    return {w["code"]: w for w in agent.get("/api/v1/status")["warnings"]}


def raised(agent, code, seconds=15):
    peers.wait_for(code, lambda: code in warnings(agent), seconds)
    return warnings(agent)[code]


def gone(agent, code, seconds=15):
    peers.wait_for(f"the end of {code}", lambda: code not in warnings(agent),
                   seconds)


def metric(agent, code):
    return agent.metrics()[f'tocsin_warning{{code="{code}"}}']


def dead_letter(agent, sandbox, name="refused"):
    """A create that StackFlow refuses for good."""
    sandbox.fault("400", method="POST", path="/incidents")
    assert agent.hook({"AlarmName": name})[0] == 200
    agent.settle()
    sandbox.clear()


def drop_all(agent):
    for d in agent.get("/api/v1/dead")["dead"]:
        assert agent.api(f"/api/v1/dead/{d['id']}/drop", "POST")[0] == 200


def own(sandbox):
    return [i for i in sandbox.incidents()
            if i["short_description"].startswith(f"tocsin on {HOST}: ")]


# ---- in status, metric, readyz and log ----

def test_a_warning_comes_and_goes(make_agent, sandbox):
    agent = make_agent()
    assert warnings(agent) == {} and metric(agent, "dead-letters") == 0
    dead_letter(agent, sandbox)
    w = raised(agent, "dead-letters")
    assert w["text"] == "1 dead letter waits for a decision"
    assert w["level"] == "watch" and "tocsin dead" in w["advice"]
    assert abs(time.time() - timed.seconds(w["since"])) < 60
    assert metric(agent, "dead-letters") == 1
    body = agent.api("/readyz")[1].decode()
    assert body == "ready\nwarning dead-letters: " + w["text"] + "\n"
    # It goes on for as long as it lasts, and is said once.
    dead_letter(agent, sandbox, "refused too")
    peers.wait_for("the count", lambda: warnings(agent)["dead-letters"][
        "text"].startswith("2 dead letters wait "), 10)
    assert warnings(agent)["dead-letters"]["since"] == w["since"]
    drop_all(agent)
    gone(agent, "dead-letters")
    assert metric(agent, "dead-letters") == 0
    assert agent.api("/readyz")[1] == b"ready\n"
    log = agent.process.text()
    assert len(re.findall(r"warning raised.*dead-letters", log)) == 1
    assert len(re.findall(r"warning cleared.*dead-letters", log)) == 1
    assert own(sandbox) == []


def test_stackflow_away_and_back(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"timeout": "1s"},
                             "self_alerts": "P3"})
    sandbox.fault("refuse")
    agent.hook({"AlarmName": "waits"})
    w = raised(agent, "stackflow-unreachable", 30)
    assert w["level"] == "bad" and "doesn't answer" in w["text"]
    sandbox.clear()
    gone(agent, "stackflow-unreachable", 30)
    agent.settle(30)
    # Nothing tells StackFlow that it was away.
    assert own(sandbox) == []


def test_wrong_credentials(make_agent, clock):
    agent = make_agent(conf={"stackflow": {"auth": {
        "method": "api_key", "api_key": "nobody's"}}})
    agent.hook({"AlarmName": "waits"})
    peers.wait_for("the refusal", lambda: not agent.get("/api/v1/status")[
        "stackflow"]["authenticated"])
    time.sleep(1.5)
    clock.forward(11)
    w = raised(agent, "stackflow-refused", 30)
    assert "refuses tocsin's credentials" in w["text"]
    assert "nobody's" not in json.dumps(w)


def test_stale_rules_and_a_failed_reload(make_agent):
    agent = make_agent(rules={"10-a.yaml": "version: 1\nteam: a\n"
                              "owners: [a@example.com]\n"})
    assert warnings(agent) == {}
    agent.write_rules("10-a.yaml", "version: 1\nteam: [\n")
    agent.api("/-/reload", "POST")
    assert "10-a.yaml" in raised(agent, "rules-stale")["text"]
    assert "reload-failed" not in warnings(agent)
    agent.write_rules("10-a.yaml", "version: 1\nteam: a\n"
                      "owners: [a@example.com]\n")
    with open(agent.path) as f:
        good = f.read()
    with open(agent.path, "w") as f:
        f.write(good.replace('"sns"', '"snss"'))
    agent.api("/-/reload", "POST")
    raised(agent, "reload-failed")
    gone(agent, "rules-stale")
    with open(agent.path, "w") as f:
        f.write(good)
    agent.api("/-/reload", "POST")
    gone(agent, "reload-failed")


def test_a_burst_of_refused_messages(make_agent, sandbox, clock):
    agent = make_agent()

    def refused(count):
        for _ in range(count):
            m = sandbox.sign(message="x", topic="arn:aws:sns:us-east-1:"
                             "999999999999:theirs")
            assert agent.post(m) == 403

    refused(20)
    time.sleep(2.5)
    assert "messages-refused" not in warnings(agent)
    refused(1)
    w = raised(agent, "messages-refused")
    assert w["text"] == "21 messages by sns were refused for good within 5 " \
        "minutes: topic"
    # Who tries paths is no news, and the metric has no second label.
    assert agent.metrics()['tocsin_events_rejected_total{reason="topic"}'] == 21
    clock.forward(14 * 60)
    time.sleep(2.5)
    assert "messages-refused" in warnings(agent)
    clock.forward(2 * 60)
    gone(agent, "messages-refused")


def test_paths_and_passwords_tried_by_strangers_are_no_warning(make_agent):
    agent = make_agent()
    for _ in range(30):
        assert agent.http.call("POST", "/wp-login.php", b"")[0] == 404
        assert agent.hook({}, token="guessed")[0] == 401
    time.sleep(2.5)
    assert warnings(agent) == {}


def test_a_dropped_topic(make_agent, sandbox):
    agent = make_agent()

    def subscribe():
        return sandbox.control("POST", "/sns/subscribe", {
            "topic": peers.TOPIC, "wait": 10000,
            "endpoint": f"http://127.0.0.1:{agent.port}/sns"})

    def unsubscribe(s):
        sandbox.control("POST", "/sns/unsubscribe",
                        {"subscription_arn": s["subscription_arn"]})

    s = subscribe()
    assert s["confirmed"] and warnings(agent) == {}
    unsubscribe(s)
    w = raised(agent, "topic-dropped")
    assert w["level"] == "bad"
    assert w["text"] == f"{peers.TOPIC} was unsubscribed from this endpoint"
    s = subscribe()
    assert s["confirmed"]
    gone(agent, "topic-dropped")
    # What nobody signed raises nothing.
    m = json.loads(sandbox.sign(message="bye", topic=peers.TOPIC, token="t",
                                type="UnsubscribeConfirmation"))
    assert agent.deliver(json.dumps(dict(m, Message="other")).encode()) == 403
    time.sleep(1.5)
    assert warnings(agent) == {}
    assert agent.deliver(json.dumps(m).encode()) == 200
    raised(agent, "topic-dropped")


def test_a_certificate_that_ends(make_agent, sandbox, folder):
    authority = tls.Authority(os.path.join(folder, "tls"))
    certificate, key = authority.issue(end=5)
    port = peers.free_port()
    agent = make_agent(conf={"listen": [
        {"address": f"127.0.0.1:{port}",
         "tls": {"certificate": certificate, "key": key}}]})
    w = raised(agent, "certificate-expires")
    assert re.fullmatch(r"a listener's certificate ends in [45] days",
                        w["text"])
    for at, new in zip((certificate, key), authority.issue(end=300)):
        os.rename(new, at)
    gone(agent, "certificate-expires", 20)


def test_a_wrong_clock(make_agent, sandbox, clock):
    agent = make_agent()
    agent.send(peers.alarm())
    agent.settle()
    assert "clock-off" not in warnings(agent)
    # By what AWS and StackFlow said it is minutes ahead, for a minute now.
    clock.forward(300)
    time.sleep(1.5)
    clock.forward(61)
    w = raised(agent, "clock-off")
    assert re.search(r"is 3[56]\d seconds ahead of", w["text"])


def test_a_queue_that_cannot_be_read(cloud, make_agent, clock):
    cloud.queue()
    agent = make_agent(conf=cloud.conf("alarms", "none-such"))
    w = raised(agent, "queue-failing", 30)
    assert "none-such" in w["text"] and w["level"] == "bad"


# ---- waiting and lag of a queue ----

def queue_of(agent):
    return agent.get("/api/v1/status")["queues"][0]


def test_a_queues_length_and_lag(cloud, make_agent, sandbox):
    queue = cloud.queue()
    queue.send(peers.Signer(sandbox).envelope(peers.alarm()))
    time.sleep(2)
    agent = make_agent(conf=cloud.conf("alarms"))
    peers.wait_for("the length", lambda: queue_of(agent)["waiting"]
                   is not None, 30)
    peers.wait_for("the lag", lambda: (queue_of(agent)["lag_seconds"] or 0)
                   >= 1, 30)
    assert queue_of(agent)["waiting"] in (0, 1)
    asked = [r for r in cloud.front.requests
             if r.operation == "GetQueueAttributes"]
    assert len(asked) == 1


# ---- incidents of them ----

def alerting(make_agent, **kw):
    return make_agent(conf={"self_alerts": "P3"}, **kw)


def open_alert(agent, sandbox, clock, rows=1):
    dead_letter(agent, sandbox)
    raised(agent, "dead-letters")
    clock.forward(301)
    peers.wait_for("the incident", lambda: len(own(sandbox)) == rows, 20)
    agent.settle()
    return own(sandbox)[-1]


def test_a_warning_that_lasts_becomes_an_incident(make_agent, sandbox, clock):
    agent = alerting(make_agent)
    dead_letter(agent, sandbox)
    raised(agent, "dead-letters")
    clock.forward(290)
    time.sleep(2.5)
    assert own(sandbox) == []
    clock.forward(11)
    peers.wait_for("the incident", lambda: own(sandbox), 20)
    agent.settle()
    [i] = own(sandbox)
    assert i["priority"] == "P3"
    assert i["short_description"] == \
        f"tocsin on {HOST}: 1 dead letter waits for a decision"
    assert "tocsin dead" in i["description"]
    [mine] = [x for x in agent.get("/api/v1/incidents")["incidents"]
              if x["alarm"] == "dead-letters"]
    assert mine["dedup_key"] == f"tocsin/{HOST}/dead-letters"
    assert mine["policy"] == "built-in" or mine["policy"] == "tocsin"
    [e] = agent.get("/api/v1/events?alarm=dead-letters")["events"]
    assert (e["source"], e["kind"]) == ("tocsin", "direct")
    # Explained as it was decided.
    x = agent.get(f"/api/v1/events/{e['id']}/explain")
    assert x["explain"]["alarm"]["source"] == "tocsin"
    # Told once, however long it lasts.
    clock.forward(7200)
    time.sleep(2.5)
    assert len(agent.get("/api/v1/events?alarm=dead-letters")["events"]) == 1
    drop_all(agent)
    peers.wait_for("its end", lambda: own(sandbox)[0]["state"] == "resolved",
                   20)


def test_off_it_becomes_none(make_agent, sandbox, clock):
    agent = make_agent(conf={"self_alerts": "off"})
    dead_letter(agent, sandbox)
    raised(agent, "dead-letters")
    clock.forward(7200)
    time.sleep(2.5)
    assert own(sandbox) == []


PLATFORM = """version: 1
team: platform
owners: [p@example.com]
platform: true
priority: {critical: P1, high: P1, medium: P1, low: P1}
catch_all:
  assignment_group: "Night Watch"
  short_description: "Unclaimed: ${alarm}"
  priority: P1
"""
TEAM = """version: 1
team: tools
owners: [t@example.com]
claims: [{source: tocsin, alarm: dead-letters}]
policies:
  - {id: ours, match: {}, priority: P2}
"""


def test_nobodys_goes_to_who_has_the_rest(make_agent, sandbox, clock):
    agent = alerting(make_agent, rules={"00-p.yaml": PLATFORM})
    i = open_alert(agent, sandbox, clock)
    assert i["priority"] == "P3"
    assert i["assignment_group"] == "Night Watch"
    assert i["short_description"].startswith(f"tocsin on {HOST}: ")


def test_a_rule_file_may_decide_it(make_agent, sandbox, clock):
    agent = alerting(make_agent, rules={"00-p.yaml": PLATFORM,
                                        "20-t.yaml": TEAM})
    assert agent.get("/api/v1/status")["rules_stale"] == []
    assert open_alert(agent, sandbox, clock)["priority"] == "P2"


def test_its_own_trouble_makes_no_other(make_agent, sandbox, clock):
    """StackFlow refuses each: the dead letter of the one is no second."""
    agent = alerting(make_agent, rules={"10-a.yaml": "version: 1\nteam: [\n"})
    raised(agent, "rules-stale")
    sandbox.fault("400", method="POST", path="/incidents")
    clock.forward(301)
    raised(agent, "dead-letters", 30)
    clock.forward(7200)
    time.sleep(3)
    agent.settle()
    names = [e["alarm"] for e in agent.get("/api/v1/events")["events"]]
    assert names == ["rules-stale"]


def test_a_restart_forgets_none(make_agent, sandbox, clock):
    agent = alerting(make_agent)
    open_alert(agent, sandbox, clock)
    # Still there after a crash: not told twice.
    agent.restart()
    raised(agent, "dead-letters")
    clock.forward(400)
    time.sleep(2.5)
    assert len(agent.get("/api/v1/events?alarm=dead-letters")["events"]) == 1
    # Over while it was down: it is told after a while.
    drop_all(agent)
    agent.kill()
    agent.start()
    time.sleep(2.5)
    assert own(sandbox)[0]["state"] != "resolved"
    clock.forward(121)
    peers.wait_for("its end", lambda: own(sandbox)[0]["state"] == "resolved",
                   20)


def test_nobody_else_speaks_as_tocsin(make_agent, sandbox):
    """A message of that form from outside is any other."""
    agent = make_agent()
    assert agent.hook({"AlarmName": "dead-letters", "source": "tocsin",
                       "key": f"tocsin/{HOST}/dead-letters",
                       "title": "forged"})[0] == 200
    agent.settle()
    [i] = agent.get("/api/v1/incidents")["incidents"]
    assert i["dedup_key"] != f"tocsin/{HOST}/dead-letters"
    assert "forged" not in i["short_description"]


@pytest.mark.parametrize("value", ["P5", "yes", "3"])
def test_a_wrong_priority_is_told(make_agent, value):
    agent = make_agent(start=False, conf={"self_alerts": value})
    r = agent.cli("check", check=False)
    assert r.returncode == 1 and "self_alerts" in r.stdout
