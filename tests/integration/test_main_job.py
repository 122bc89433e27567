"""The walk of one alarm, and an incident's life, through the shipped binary."""
import json
import time

import peers


def test_an_alarm_becomes_one_incident(make_agent, sandbox):
    # All others trust few of the system's roots.
    agent = make_agent(env={"SSL_CERT_FILE": ""})
    assert agent.send(peers.alarm("pay-db-cpu")) == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["short_description"] == "CloudWatch Alarm: pay-db-cpu"
    assert incident["priority"] == "P2"
    assert incident["category"] == "monitoring"
    assert incident["subcategory"] == "cloudwatch"
    assert incident["assignment_group"] == "Platform Engineering"
    assert incident["description"].splitlines()[-1] == \
        "tocsin-ref: " + incident["marker"]
    m = agent.metrics()
    assert m["tocsin_events_accepted_total"] == 1
    assert m["tocsin_incidents_created_total"] == 1


def test_redelivery_is_one_event(agent, sandbox):
    envelope = sandbox.sign(message=peers.alarm(), topic=peers.TOPIC)
    for _ in range(5):
        assert agent.post(envelope) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1
    assert sandbox.incidents()[0]["notes"] == []
    m = agent.metrics()
    assert m["tocsin_events_accepted_total"] == 1
    assert m["tocsin_events_duplicate_total"] == 4


def test_same_change_by_another_message_is_one_event(agent, sandbox):
    when = time.time()
    for _ in range(2):
        assert agent.send(peers.alarm(when=when)) == 200
    agent.settle()
    assert agent.metrics()["tocsin_events_duplicate_total"] == 1


def test_life_of_an_incident(agent, sandbox):
    now = time.time()
    steps = [("ALARM", "create"), ("ALARM", "note"), ("OK", "resolve"),
             ("ALARM", "reopen"), ("OK", "resolve"), ("OK", "ignore")]
    for k, (state, action) in enumerate(steps):
        assert agent.send(peers.alarm(state=state, when=now + k)) == 200
        agent.settle()
        event = agent.get("/api/v1/events?limit=1")["events"][0]
        assert event["action"] == action, (k, event)
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


def test_an_ok_that_overtakes_its_alarm(agent, sandbox):
    now = time.time()
    assert agent.send(peers.alarm(state="OK", when=now)) == 200
    assert agent.send(peers.alarm(state="ALARM", when=now - 60)) == 200
    agent.settle()
    assert sandbox.incidents() == []
    events = agent.get("/api/v1/events")["events"]
    assert [e["action"] for e in events] == ["ignore", "ignore"]
    assert "older" in events[0]["because"]


def test_an_older_ok_does_not_resolve(agent, sandbox):
    now = time.time()
    assert agent.send(peers.alarm(state="ALARM", when=now)) == 200
    assert agent.send(peers.alarm(state="OK", when=now - 60)) == 200
    agent.settle()
    assert sandbox.incidents()[0]["state"] == "new"


def test_repeats_keep_to_their_budget(agent, sandbox):
    now = time.time()
    for k in range(12):
        assert agent.send(peers.alarm(when=now + k)) == 200
        if k < 2:
            agent.settle()
    agent.settle()
    (incident,) = sandbox.incidents()
    # One note at once; the rest waits for the next five minutes.
    assert len(incident["notes"]) == 1
    assert agent.metrics()["tocsin_operations_held"] == 1
    assert agent.send(peers.alarm(state="OK", when=now + 60)) == 200
    agent.settle()
    seen = peers.check_invariants(agent, sandbox)
    assert len(seen) == 13


def test_priority_rises_with_severity_and_never_falls(agent, sandbox):
    now = time.time()
    for k, severity in enumerate(["MEDIUM", "CRITICAL", "LOW"]):
        assert agent.send(peers.alarm(
            when=now + k, AlarmDescription=f"severity: {severity}")) == 200
        agent.settle()
    assert sandbox.incidents()[0]["priority"] == "P1"


def test_closed_by_a_person_then_firing_again(agent, sandbox):
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    sandbox.person(sandbox.incidents()[0]["id"], state="closed")
    agent.send(peers.alarm(when=now + 5))
    agent.settle()
    first, second = sorted(sandbox.incidents(), key=lambda i: i["id"])
    assert first["state"] == "closed"
    assert second["state"] == "new"
    assert f"Previous incident: {first['id']}" in second["description"]
    peers.check_invariants(agent, sandbox)


def test_a_persons_closing_is_not_undone_by_ok(agent, sandbox):
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    sandbox.person(sandbox.incidents()[0]["id"], state="closed")
    agent.send(peers.alarm(state="OK", when=now + 5))
    agent.settle()
    assert [i["state"] for i in sandbox.incidents()] == ["closed"]


def test_a_persons_priority_is_not_overwritten(agent, sandbox):
    now = time.time()
    agent.send(peers.alarm(when=now, AlarmDescription="severity: LOW"))
    agent.settle()
    sandbox.person(sandbox.incidents()[0]["id"], priority="P3")
    agent.send(peers.alarm(when=now + 5,
                           AlarmDescription="severity: CRITICAL"))
    agent.settle()
    assert sandbox.incidents()[0]["priority"] == "P3"


def test_what_is_not_understood_is_kept_whole(agent, sandbox):
    text = "disk of host-7 is full\nsecond line"
    assert agent.send(text, subject="From a cron job") == 200
    assert agent.send(json.dumps({"hello": [1, 2, 3]})) == 200
    agent.settle()
    incidents = sandbox.incidents()
    assert len(incidents) == 2
    assert any("second line" in i["description"] for i in incidents)
    assert any('"hello"' in i["description"] for i in incidents)
    actions = {e["action"] for e in agent.get("/api/v1/events")["events"]}
    assert actions == {"catch-all"}


def test_webhook_takes_alarm_data(agent, sandbox):
    body = {"AlarmName": "direct-1", "severity": "LOW",
            "stackflow_ci_id": "CI0001234"}
    assert agent.hook(body)[0] == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert (incident["priority"], incident["ci_id"]) == ("P4", "CI0001234")


def test_ok_while_stackflow_is_down_is_one_incident_resolved(agent, sandbox):
    sandbox.fault("refuse")
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.send(peers.alarm(state="OK", when=now + 2))
    time.sleep(0.5)
    sandbox.clear()
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    assert any("before this incident could be opened" in n["body"]
               for n in incident["notes"])


def test_repeats_before_and_after_the_incident_is_opened(agent, sandbox):
    sandbox.fault("refuse")
    now = time.time()
    for k in range(5):	# one at a time: each goes by what the last one left
        agent.send(peers.alarm(when=now + k))
        peers.wait_for("its decision", lambda: all(
            e["status"] == "done"
            for e in agent.get("/api/v1/events")["events"]))
    sandbox.clear()
    peers.wait_for("the incident", sandbox.incidents)
    agent.settle()
    agent.send(peers.alarm(when=now + 6))
    agent.send(peers.alarm(state="OK", when=now + 7))
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    notes = [n["body"] for n in incident["notes"]]
    assert not any("before this incident could be opened" in n for n in notes)
    assert any("4 times" in n for n in notes), notes


def test_subscription_is_confirmed_and_shown(agent, sandbox):
    sandbox.control("POST", "/sns/subscribe", {
        "topic": peers.TOPIC,
        "endpoint": f"http://127.0.0.1:{agent.port}/sns"})
    peers.wait_for("the confirmation", lambda: agent.metrics()
                   ["tocsin_subscriptions_confirmed_total"] == 1)
    agent.settle()
    sandbox.control("POST", "/sns/publish", {"topic": peers.TOPIC,
                                             "message": peers.alarm()})
    peers.wait_for("the incident", sandbox.incidents)
