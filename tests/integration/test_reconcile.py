"""CloudWatch asked: what no message told becomes an event like any other."""
import json
import time

import cloudwatch_peer
import peers
import pytest

ENV = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_EC2_METADATA_DISABLED": "true",
       "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
       "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "",
       "AWS_REGION": "", "AWS_CONFIG_FILE": "/nonexistent",
       "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
HOUR = 3600


@pytest.fixture
def cloudwatch(servers):
    c = cloudwatch_peer.CloudWatch()
    servers(c.stop)
    return c


@pytest.fixture
def make(make_agent, cloudwatch):
    def make(conf=None, every="1s", env=None, **kw):
        c = {"aws": {"region": peers.REGION, "reconcile": every,
                     "endpoint_url": cloudwatch.url},
             "sns": {"topics": [peers.TOPIC]}}
        for key, value in (conf or {}).items():
            c[key] = value
        return make_agent(conf=c, env={**ENV, **(env or {})}, **kw)

    return make


def events(agent, name):
    return agent.get(f"/api/v1/events?alarm={name}")["events"]


def wait_incidents(sandbox, n, seconds=30):
    peers.wait_for(f"{n} incidents", lambda: len(sandbox.incidents()) == n,
                   seconds, 0.05)
    return sandbox.incidents()


def wait_state(sandbox, state, seconds=30):
    peers.wait_for(f"an incident {state}", lambda: [
        i for i in sandbox.incidents() if i["state"] == state], seconds, 0.05)


def said(agent, text):
    return agent.process.text().count(text)


def sent(agent, name, state, ago, **changes):
    """A message that did come, ago seconds after its change."""
    assert agent.send(peers.alarm(name, state, time.time() - ago,
                                  **changes)) == 200
    agent.settle()


def stamp(seconds):
    """As SNS writes what CloudWatch's API tells in seconds."""
    ms = round(seconds * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + \
        f".{ms % 1000:03d}+0000"


def both(agent, cloudwatch, name, ago=3 * HOUR):
    """An ALARM that CloudWatch and a message tell alike."""
    told = cloudwatch.put(name, "ALARM", ago)
    sent(agent, name, "ALARM", ago,
         StateChangeTime=stamp(told["StateTransitionedTimestamp"]))


def test_a_lost_alarm_opens_once(make, sandbox, cloudwatch):
    told = cloudwatch.put("pay-db-cpu")
    agent = make()
    (incident,) = wait_incidents(sandbox, 1)
    assert incident["priority"] == "P2"
    assert "Found by asking CloudWatch" in incident["description"]
    assert "no OK action" not in incident["description"]
    (event,) = events(agent, "pay-db-cpu")
    assert (event["source"], event["kind"], event["action"]) == \
        ("reconcile", "metric-alarm", "create")
    assert event["topic"] == peers.TOPIC
    cloudwatch.wait_rounds()
    # The message, late: it tells the same change.
    sent(agent, "pay-db-cpu", "ALARM", 0,
         StateChangeTime=stamp(told["StateTransitionedTimestamp"]))
    assert len(events(agent, "pay-db-cpu")) == 1
    assert agent.metrics()["tocsin_events_duplicate_total"] == 1
    assert agent.metrics()["tocsin_reconciled_events_total"] == 1
    peers.check_invariants(agent, sandbox)
    payload = agent.get("/api/v1/events/" + event["id"])["payload"]
    explained = json.loads(agent.cli("explain", "--json", "-",
                                     stdin=payload).stdout)
    assert explained["decision"]["action"] == "create"
    assert explained["alarm"]["metric"] == "CPUUtilization"
    assert explained["alarm"]["dim"] == {"DBInstanceIdentifier": "pay-db-1"}


def test_a_lost_ok_resolves(make, sandbox, cloudwatch):
    agent = make()
    both(agent, cloudwatch, "pay-db-cpu")
    cloudwatch.wait_rounds()
    assert sandbox.incidents()[0]["state"] == "new"
    cloudwatch.put("pay-db-cpu", "OK", 60)
    cloudwatch.wait_rounds()        # its message may be on the way
    assert sandbox.incidents()[0]["state"] == "new"
    cloudwatch.put("pay-db-cpu", "OK", 600)
    wait_state(sandbox, "resolved")
    cloudwatch.wait_rounds()
    assert [e["action"] for e in events(agent, "pay-db-cpu")] == \
        ["resolve", "create"]
    assert len(sandbox.incidents()) == 1


def test_a_deleted_alarm_resolves_after_two_rounds(make, sandbox, cloudwatch):
    agent = make(every="2s")
    for name in ("gone", "keep", "a/slash/in it"):
        both(agent, cloudwatch, name)
    wait_incidents(sandbox, 3)
    cloudwatch.delete("gone")
    wait_state(sandbox, "resolved")
    agent.settle()
    (event, _) = events(agent, "gone")
    assert (event["source"], event["action"]) == ("reconcile", "resolve")
    assert event["because"] == "the alarm was deleted"
    named = [c for c in cloudwatch.calls if "gone" in
             c["body"].get("AlarmNames", [])]
    assert len(named) >= 2
    (incident,) = [i for i in sandbox.incidents() if "gone" in
                   i["short_description"]]
    assert incident["state"] == "resolved"
    assert any("deleted" in n["body"] for n in incident["notes"])
    cloudwatch.wait_rounds(3)
    assert sum(i["state"] == "resolved" for i in sandbox.incidents()) == 1


def test_foreign_accounts_are_left_alone(make, sandbox, cloudwatch):
    other = "999988887777"
    agent = make()
    sent(agent, "theirs", "ALARM", 3 * HOUR, AWSAccountId=other,
         AlarmArn=cloudwatch_peer.arn("theirs", other))
    cloudwatch.wait_rounds(4)
    agent.settle()
    assert sandbox.incidents()[0]["state"] == "new"
    assert len(events(agent, "theirs")) == 1


def test_regions(make, sandbox, cloudwatch):
    """The configured one, those of topics, those of open incidents."""
    for region in ("us-east-1", "eu-west-1", "eu-west-2", "eu-west-3"):
        cloudwatch.put(f"in-{region}", region=region)
    cloudwatch.put("theirs", "OK", 600, region="eu-west-3")
    agent = make({"sns": {"topics": [
        peers.TOPIC, "arn:aws:sns:eu-west-1:111122223333:*",
        "arn:aws:sns:*:111122223333:alarms"]}})
    wait_incidents(sandbox, 2)
    sent(agent, "theirs", "ALARM", 3 * HOUR,
         AlarmArn=cloudwatch_peer.arn("theirs", region="eu-west-3"))
    wait_state(sandbox, "resolved")
    wait_incidents(sandbox, 4)
    assert {c["body"]["region"] for c in cloudwatch.calls
            if c["operation"] == "DescribeAlarms"} == \
        {"us-east-1", "eu-west-1", "eu-west-3"}


BY_INSTANCE = [{"Id": "q", "ReturnData": True, "Expression": "SELECT MAX("
                "CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceId"}]


def sent_of(agent, contributor, state="ALARM", ago=3 * HOUR, **more):
    """A contributor's message that did come."""
    sent(agent, "fleet", state, ago, AlarmContributorId=contributor,
         AlarmContributorAttributes={"InstanceId": f"i-{contributor}"}, **more)


def test_a_contributor_ends_with_its_alarm(make, sandbox, cloudwatch):
    cloudwatch.put("fleet", Metrics=BY_INSTANCE)
    agent = make()
    for contributor in ("c1", "c2"):
        sent_of(agent, contributor)
    assert len(sandbox.incidents()) == 2
    cloudwatch.wait_rounds(3)       # still in ALARM: no third incident
    assert [i["state"] for i in sandbox.incidents()] == ["new"] * 2
    cloudwatch.put("fleet", "OK", Metrics=BY_INSTANCE)
    peers.wait_for("both resolved", lambda: [
        i["state"] for i in sandbox.incidents()] == ["resolved"] * 2)
    agent.settle()
    assert {e["kind"] for e in events(agent, "fleet")} == \
        {"contributor-alarm"}


def test_a_contributors_lost_alarm_opens_once(make, sandbox, cloudwatch):
    cloudwatch.page = 2
    cloudwatch.put("fleet", Metrics=BY_INSTANCE)
    agent = make()
    sent_of(agent, "c2", ago=700)
    told = cloudwatch.put_series("fleet", c1=600, c2=700, c3=800, c4=30)
    wait_incidents(sandbox, 3)      # c4's message may be on the way
    cloudwatch.wait_rounds()
    agent.settle()
    assert len(sandbox.incidents()) == 3
    found = [e for e in events(agent, "fleet") if e["source"] == "reconcile"]
    assert [(e["kind"], e["action"], e["topic"]) for e in found] == \
        [("contributor-alarm", "create", peers.TOPIC)] * 2
    payload = agent.get("/api/v1/events/" + found[0]["id"])["payload"]
    alarm = json.loads(agent.cli("explain", "--json", "-",
                                 stdin=payload).stdout)["alarm"]
    assert alarm["contributor"] in ("c1", "c3")
    assert alarm["dim"] == {"InstanceId": "i-" + alarm["contributor"]}
    assert alarm["reason"].startswith(alarm["contributor"] + " is high. (Fo")
    # The messages, late, tell the same changes.
    for c in ("c1", "c3"):
        sent_of(agent, c, StateChangeTime=stamp(
            told[c]["StateTransitionedTimestamp"]))
    assert agent.metrics()["tocsin_events_duplicate_total"] == 2
    assert len(sandbox.incidents()) == 3
    peers.check_invariants(agent, sandbox)


def test_a_contributors_lost_ok_resolves(make, sandbox, cloudwatch):
    cloudwatch.put("fleet", Metrics=BY_INSTANCE)
    cloudwatch.put_series("fleet", c1=3 * HOUR, c2=3 * HOUR)
    agent = make()
    for c in ("c1", "c2", "attributes-alone"):
        sent_of(agent, c)
    cloudwatch.wait_rounds(3)
    assert {i["state"] for i in sandbox.incidents()} == {"new"}
    # Once isn't enough, and what can't be read is no absence.
    asked = cloudwatch.count("DescribeAlarmContributors")
    cloudwatch.fault("DescribeAlarmContributors", 200, body=b"{}")
    cloudwatch.put_series("fleet", c2=3 * HOUR)
    wait_state(sandbox, "resolved")
    assert cloudwatch.count("DescribeAlarmContributors") >= asked + 3
    cloudwatch.wait_rounds(3)
    agent.settle()
    (over,) = [i for i in sandbox.incidents() if i["state"] == "resolved"]
    (ok, *_) = events(agent, "fleet")
    assert (ok["source"], ok["state"], ok["action"]) == \
        ("reconcile", "OK", "resolve")
    assert "isn't among those in ALARM any more" in \
        agent.get("/api/v1/events/" + ok["id"])["payload"]
    assert ok["incident_id"] == [
        i["id"] for i in agent.get("/api/v1/incidents")["incidents"]
        if i["dedup_key"].endswith("/c1")][0]
    # It fires again: what was made of it here stands in no message's way.
    sent_of(agent, "c1", ago=0)
    assert "resolved" not in {i["state"] for i in sandbox.incidents()}


@pytest.mark.parametrize("code", ["AccessDenied", "UnknownOperationException"])
def test_contributors_that_cant_be_had_are_one_line(make, sandbox, cloudwatch,
                                                    code):
    cloudwatch.put("fleet", Metrics=BY_INSTANCE)
    cloudwatch.put("whole")
    cloudwatch.put_series("fleet", c1=600)
    if code == "AccessDenied":
        cloudwatch.denied.add("DescribeAlarmContributors")
    else:
        cloudwatch.fault("DescribeAlarmContributors", 400, code, count=9)
    agent = make()
    cloudwatch.wait_rounds(3)
    wait_incidents(sandbox, 1)
    assert "whole" in sandbox.incidents()[0]["short_description"]
    assert cloudwatch.count("DescribeAlarmContributors") == 1
    assert said(agent, "contributors of alarms aren't compared") == 1
    assert agent.get("/api/v1/status")["cloudwatch"]["problem"] is None


def test_many_series_are_bounded(make, sandbox, cloudwatch):
    """Only so many are asked for in a round, and not all at once; what has
    no contributors after all keeps nobody waiting."""
    for k in range(103):
        cloudwatch.put(f"f{k:03d}", ago=30, Metrics=BY_INSTANCE)
    cloudwatch.put("whole")
    agent = make()
    wait_incidents(sandbox, 1)
    peers.wait_for("the line", lambda: said(agent, "not all are compared"))
    peers.wait_for("some of them", lambda: cloudwatch.count(
        "DescribeAlarmContributors") >= 8)
    asked = [c for c in cloudwatch.calls
             if c["operation"] == "DescribeAlarmContributors"]
    assert len({c["body"]["AlarmName"] for c in asked}) == len(asked)
    times = [c["time"] for c in asked]
    assert min(b - a for a, b in zip(times, times[1:])) > 0.3


def test_an_unreadable_round_deletes_nothing(make, sandbox, cloudwatch):
    agent = make()
    both(agent, cloudwatch, "held")
    bodies = [b"", b"{}", b"[]", b"<html>", b'{"MetricAlarms":{}}',
              b'{"MetricAlarms":[],"CompositeAlarms":[],"NextToken":7}']
    for _ in range(20):
        for body in bodies:
            cloudwatch.fault("DescribeAlarms", 200, body=body)
    cloudwatch.delete("held")
    start = cloudwatch.rounds()
    peers.wait_for("failing rounds", lambda:
                   cloudwatch.rounds() >= start + 8, 60)
    assert sandbox.incidents()[0]["state"] == "new"
    assert said(agent, "CloudWatch can't be compared now") == 1
    with cloudwatch.lock:
        cloudwatch.faults.clear()
    wait_state(sandbox, "resolved", 60)
    assert said(agent, "CloudWatch is compared again") == 1


@pytest.mark.parametrize("fields", [
    {"ActionsEnabled": False},
    {"kind": "CompositeAlarm", "ActionsSuppressedBy": "Alarm"},
    {"name": "TargetTracking-service/pay/web-AlarmHigh-0b1c", "AlarmActions": [
        "arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:1:x"]},
    {"AlarmActions": ["arn:aws:sns:us-east-1:111122223333:others"]},
    {"AlarmActions": []},
    {"ago": 30},
])
def test_what_is_no_lost_alarm(make, sandbox, cloudwatch, fields):
    fields = dict(fields)
    cloudwatch.put(fields.pop("name", "quiet"), **fields)
    agent = make()
    cloudwatch.wait_rounds(3)
    agent.settle()
    assert sandbox.incidents() == []
    assert agent.get("/api/v1/events")["events"] == []


def test_seen_before_needs_no_topic(make, sandbox, cloudwatch):
    cloudwatch.put("by-eventbridge", "OK", 2 * HOUR, AlarmActions=[])
    agent = make()
    sent(agent, "by-eventbridge", "ALARM", 3 * HOUR)
    sent(agent, "by-eventbridge", "OK", 2 * HOUR)
    assert sandbox.incidents()[0]["state"] == "resolved"
    cloudwatch.put("by-eventbridge", "ALARM", AlarmActions=[])
    peers.wait_for("the lost ALARM", lambda: len(
        events(agent, "by-eventbridge")) == 3)


def test_a_muted_alarm_waits(make, sandbox, cloudwatch):
    cloudwatch.put("muted")
    cloudwatch.put("loud")
    cloudwatch.muted.add("muted")
    make()
    wait_incidents(sandbox, 1)
    cloudwatch.wait_rounds()
    assert "loud" in sandbox.incidents()[0]["short_description"]
    cloudwatch.muted.clear()
    wait_incidents(sandbox, 2)


def test_mute_rules_that_cant_be_read_stop_nothing(make, sandbox, cloudwatch):
    cloudwatch.denied.add("ListAlarmMuteRules")
    cloudwatch.put("loud")
    agent = make()
    wait_incidents(sandbox, 1)
    cloudwatch.put("louder")
    wait_incidents(sandbox, 2)
    assert said(agent, "mute rules can't be read") == 1


@pytest.mark.parametrize("log_alarms", [True, False])
def test_all_types_and_pages(make, sandbox, cloudwatch, log_alarms):
    cloudwatch.log_alarms = log_alarms
    cloudwatch.page = 2
    for k in range(5):
        cloudwatch.put(f"m{k}")
    cloudwatch.put("c", kind="CompositeAlarm")
    if log_alarms:
        cloudwatch.put("l", kind="LogAlarm",
                       ScheduledQueryConfiguration={"QueryString": "fields"})
    agent = make()
    wait_incidents(sandbox, 7 if log_alarms else 6)
    agent.settle()
    kinds = {e["alarm"]: e["kind"] for e in
             agent.get("/api/v1/events")["events"]}
    assert kinds["m0"] == "metric-alarm"
    assert kinds["c"] == "composite-alarm"
    assert not log_alarms or kinds["l"] == "log-alarm"


def test_a_persons_closing_stands(make, sandbox, cloudwatch):
    agent = make()
    both(agent, cloudwatch, "pay-db-cpu")
    (incident,) = sandbox.incidents()
    sandbox.person(incident["id"], state="closed")
    cloudwatch.wait_rounds(3)
    cloudwatch.put("pay-db-cpu", "ALARM", 600)   # fired again meanwhile
    cloudwatch.wait_rounds(3)
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "closed" and incident["notes"] == []
    cloudwatch.put("pay-db-cpu", "OK", 300)
    peers.wait_for("the OK", lambda: len(events(agent, "pay-db-cpu")) == 2)
    agent.settle()
    assert [i["state"] for i in sandbox.incidents()] == ["closed"]


def test_insufficient_data_is_noted(make, sandbox, cloudwatch):
    agent = make()
    both(agent, cloudwatch, "pay-db-cpu")
    cloudwatch.put("pay-db-cpu", "INSUFFICIENT_DATA", 600)
    peers.wait_for("the note", lambda: sandbox.incidents()[0]["notes"])
    cloudwatch.wait_rounds()
    agent.settle()
    assert sandbox.incidents()[0]["state"] == "new"
    assert [e["action"] for e in events(agent, "pay-db-cpu")] == \
        ["note", "create"]


INSUFFICIENT = """\
version: 1
team: ops
owners: [ops@example.com]
policies:
  - {id: all, match: {}, insufficient_data: open}
"""


def test_a_policy_may_open_on_insufficient_data(make, sandbox, cloudwatch):
    cloudwatch.put("dead-man", "INSUFFICIENT_DATA", AlarmActions=[],
                   InsufficientDataActions=[peers.TOPIC])
    make(rules={"10.yaml": INSUFFICIENT})
    wait_incidents(sandbox, 1)


def test_throttling_and_faults_are_tolerated(make, sandbox, cloudwatch):
    cloudwatch.put("pay-db-cpu")
    cloudwatch.fault("GetCallerIdentity", 500, "InternalFailure")
    cloudwatch.fault("DescribeAlarms", 400, "ThrottlingException", 2)
    cloudwatch.fault("DescribeAlarms", 503, "ServiceUnavailable",
                     headers={"Retry-After": "1"})
    make()
    wait_incidents(sandbox, 1)
    described = [c["time"] for c in cloudwatch.calls
                 if c["operation"] == "DescribeAlarms"]
    assert min(b - a for a, b in zip(described, described[1:])) > 0.3


def test_a_missing_right_is_one_line(make, sandbox, cloudwatch):
    cloudwatch.denied |= {"DescribeAlarms", "ListTagsForResource"}
    cloudwatch.put("pay-db-cpu")
    agent = make()
    peers.wait_for("the line", lambda: said(agent, "CloudWatch isn't compared"))
    sent(agent, "web-1", "ALARM", 10)
    time.sleep(3)
    assert cloudwatch.count("DescribeAlarms") == 1
    assert said(agent, "CloudWatch isn't compared") == 1
    assert said(agent, "cloudwatch:DescribeAlarms") >= 1
    problem = agent.get("/api/v1/status")["cloudwatch"]["problem"]
    assert "AccessDenied" in problem
    assert len(sandbox.incidents()) == 1


def test_no_keys_are_one_line(make, sandbox, cloudwatch):
    agent = make(env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    peers.wait_for("the line", lambda: said(agent, "CloudWatch isn't asked"))
    sent(agent, "web-1", "ALARM", 10)
    time.sleep(3)
    assert said(agent, "CloudWatch isn't asked") == 1
    assert cloudwatch.calls == []
    assert len(sandbox.incidents()) == 1


def test_alarms_without_ok_action_are_listed(make, sandbox, cloudwatch):
    cloudwatch.put("silent", "OK", OKActions=[])
    cloudwatch.put("fine", "OK")
    cloudwatch.put("lost", OKActions=[])
    agent = make()
    wait_incidents(sandbox, 1)
    assert "This alarm has no OK action" in \
        sandbox.incidents()[0]["description"]
    peers.wait_for("the list", lambda: agent.get("/api/v1/status")[
        "cloudwatch"]["alarms_without_ok_action"])
    shown = agent.cli("status").stdout
    assert "no OK action         us-east-1 lost" in shown
    assert "no OK action         us-east-1 silent" in shown
    assert "fine" not in shown
    assert json.loads(agent.cli("status", "--json").stdout)["cloudwatch"][
        "alarms_without_ok_action_total"] == 2


TAGGED = """\
version: 1
team: ops
owners: [ops@example.com]
severity:
  - {when: {tag.tier: gold}, set: critical}
  - {else: low}
policies:
  - {id: all, match: {}}
"""


def test_tags_decide(make, sandbox, cloudwatch, tmp_path):
    cloudwatch.put("gold", "OK", tags={"tier": "gold"})
    cloudwatch.put("tin", "OK", tags={"tier": "tin"})
    cloudwatch.put("along", "OK", tags={"tier": "gold"})
    agent = make(rules={"10.yaml": TAGGED})
    cloudwatch.wait_rounds(1)
    for name in ("gold", "tin"):
        sent(agent, name, "ALARM", 10)
    sent(agent, "along", "ALARM", 10, AlarmTags={"tier": "tin"})
    found = {i["short_description"].split(": ")[1]: i["priority"]
             for i in sandbox.incidents()}
    assert found == {"gold": "P1", "tin": "P4", "along": "P4"}
    asked = [c["body"]["ResourceARN"].split(":")[-1] for c in cloudwatch.calls
             if c["operation"] == "ListTagsForResource"]
    assert sorted(asked) == ["gold", "tin"]     # cached, and not "along"
    sent(agent, "gold", "ALARM", 5)
    assert cloudwatch.count("ListTagsForResource") == 2
    # They are known to a replay, which asks nobody.
    rules = tmp_path / "same.yaml"
    rules.write_text(TAGGED)
    agent.cli("replay", "--rules", str(rules))
    rules.write_text(TAGGED.replace("gold", "tin"))
    out = agent.cli("replay", "--rules", str(rules), "--format", "json",
                    check=False)
    assert json.loads(out.stdout)["changes"]["priorities"] == [
        {"from": "P1", "to": "P4", "count": 1},
        {"from": "P4", "to": "P1", "count": 2}]


def test_the_built_in_pattern_reads_tags(make, sandbox, cloudwatch):
    cloudwatch.put("t", "OK", tags={"severity": "Critical",
                                    "stackflow_ci_id": "CI0001234"})
    agent = make()
    cloudwatch.wait_rounds(1)
    sent(agent, "t", "ALARM", 10)
    (incident,) = sandbox.incidents()
    assert (incident["priority"], incident["ci_id"]) == ("P1", "CI0001234")


def test_slow_tags_hold_nothing_up(make, sandbox, cloudwatch):
    cloudwatch.delay["ListTagsForResource"] = 6
    cloudwatch.put("slow", "OK", tags={"tier": "gold"})
    agent = make(rules={"10.yaml": TAGGED})
    cloudwatch.wait_rounds(1)
    start = time.monotonic()
    assert agent.send(peers.alarm("slow")) == 200
    wait_incidents(sandbox, 1)
    assert 1.5 < time.monotonic() - start < 4 * peers.patience()
    assert sandbox.incidents()[0]["priority"] == "P4"


def test_tags_are_asked_anew_once_the_alarm_changed(make, sandbox, cloudwatch):
    cloudwatch.put("t", "OK", tags={"tier": "tin"})
    agent = make(rules={"10.yaml": TAGGED})
    cloudwatch.wait_rounds(1)
    sent(agent, "t", "ALARM", 30)
    cloudwatch.put("t", "OK", tags={"tier": "gold"})
    changed = {"version": "0", "id": "x1", "source": "aws.cloudwatch",
               "detail-type": "CloudWatch Alarm Configuration Change",
               "account": peers.ACCOUNT, "region": peers.REGION,
               "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
               "resources": [cloudwatch_peer.arn("t")],
               "detail": {"alarmName": "t", "operation": "update"}}
    assert agent.hook(changed)[0] == 200
    agent.settle()
    sent(agent, "t", "ALARM", 10)
    sent(agent, "t", "ALARM", 5)
    peers.wait_for("the new tags", lambda:
                   cloudwatch.count("ListTagsForResource") == 2)
    time.sleep(0.5)
    sent(agent, "t", "ALARM", 1)
    assert sandbox.incidents()[0]["priority"] == "P1"


def test_off_asks_nobody(make, sandbox, cloudwatch):
    cloudwatch.put("pay-db-cpu")
    agent = make(every="off")
    sent(agent, "web-1", "ALARM", 10)
    time.sleep(2)
    assert cloudwatch.calls == []
    assert "cloudwatch" not in agent.get("/api/v1/status")
    assert len(sandbox.incidents()) == 1


def test_a_drill_is_not_taken_for_deleted(make, sandbox, cloudwatch):
    """CloudWatch knows nothing of it; its OK comes from who drills."""
    agent = make(every="2s")
    drill = {"AlarmContributor": {"Id": "host-abcdefgh"},
             "AlarmTags": {"tocsin-drill": "an-id"},
             "Trigger": {"Namespace": "tocsin", "MetricName": "Drill"}}
    sent(agent, "tocsin-drill", "ALARM", 3 * HOUR, **drill)
    sent(agent, "gone", "ALARM", 3 * HOUR)
    wait_state(sandbox, "resolved")
    cloudwatch.wait_rounds(3)
    agent.settle()
    assert {i["short_description"]: i["state"] for i in
            sandbox.incidents()} == {
        "CloudWatch Alarm: tocsin-drill": "new",
        "CloudWatch Alarm: gone": "resolved"}
    assert not [c for c in cloudwatch.calls if "tocsin-drill" in str(c)]
