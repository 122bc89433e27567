"""`tocsin events --export` and `tocsin replay`: past events, other rules."""
import json
import os
import resource
import subprocess
import time

import peers
import pytest
import timed
from timed import HOUR

TODAY = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "pay-*"}]
defaults: {assignment_group: "Payments SRE"}
ci:
  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}
policies:
  - {id: db, match: {alarm: "pay-db-*"}, severity: high}
  - {id: rest, match: {}}
"""
URGENT = TODAY.replace("severity: high", "severity: critical")
WAITS = TODAY.replace("severity: high", "severity: high, open_after: 3m")
HELD = TODAY + """\
windows:
  always: {every: "Mon-Sun 00:00-24:00", owner: dba, until: 2099-01-01}
suppress:
  - {id: in-patching, match: {alarm: "pay-db-*"}, during: always}
"""
CI = {"id": "CI0001002", "name": "pay-db-1", "resource_id": "pay-db-1",
      "state": "active"}
KEYS = ["seq", "id", "source", "kind", "alarm", "state", "account", "region",
        "time", "sent_at", "received_at", "topic", "message_id", "subject",
        "message", "position", "payload", "outcome"]


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return str(path)


def replay(agent, rules, *args, status=(0, 3)):
    r = agent.cli("replay", "--rules", str(rules), *args, check=False)
    assert r.returncode in status, (r.returncode, r.stdout, r.stderr)
    return r


def report(agent, rules, *args):
    r = replay(agent, rules, "--format", "json", *args)
    out = json.loads(r.stdout)
    assert out["differs"] is (r.returncode == 3)
    return out


@pytest.fixture
def agent(make_agent, sandbox):
    """One with a little past: an incident that was resolved, an open one, one
    of nobody's, and an Alertmanager message of two."""
    sandbox.control("POST", "/cis", [CI])
    agent = make_agent(rules={"20-payments.yaml": TODAY})
    now = time.time() - 300
    for k, (name, state) in enumerate([
            ("pay-db-cpu", "ALARM"), ("pay-db-cpu", "ALARM"),
            ("pay-db-cpu", "OK"), ("pay-db-disk", "ALARM"),
            ("web-1", "ALARM")]):
        assert agent.send(peers.alarm(name, state, now + k)) == 200
    alerts = [{"status": "firing", "startsAt": "2026-11-22T06:00:00Z",
               "labels": {"alertname": name}, "annotations": {},
               "fingerprint": name} for name in ("pay-one", "pay-two")]
    assert agent.hook(json.dumps({
        "version": "4", "groupKey": "{}", "status": "firing",
        "receiver": "r", "alerts": alerts}))[0] == 200
    agent.settle()
    return agent


def export(agent, *args):
    out = agent.cli("events", "--export", *args).stdout
    return out, [json.loads(line) for line in out.splitlines()]


# ---- the export ----

def test_an_export_is_one_whole_event_a_line(agent):
    text, lines = export(agent)
    assert text.endswith("\n") and len(lines) == 7
    assert [x["seq"] for x in lines] == sorted(x["seq"] for x in lines)
    for x in lines[:5]:
        assert list(x) == KEYS
        assert json.loads(x["payload"])["AlarmName"] == x["alarm"]
        assert x["outcome"]["status"] == "done"
        assert len(x["outcome"]["ruleset"]) == 64
    assert lines[0]["outcome"]["action"] == "create"
    assert lines[0]["outcome"]["ci_id"] == "CI0001002"
    assert lines[0]["topic"] == peers.TOPIC
    # The alarms of one message share what it said.
    one, two = lines[5:]
    assert one["message"] == two["message"] == one["seq"]
    assert (one["position"], two["position"]) == (0, 1)
    assert "payload" in one and "payload" not in two


def test_an_export_can_begin_later_and_needs_no_agent(clock, agent):
    whole, _ = export(agent)
    clock.forward(2 * HOUR)
    timed.fire(agent, "pay-late", when=clock.now())
    agent.settle()
    _, late = export(agent, "--since", "1h")
    assert [x["alarm"] for x in late] == ["pay-late"]
    _, all_of_it = export(agent, "--since", "3h")
    assert len(all_of_it) == 8
    agent.kill()
    text, lines = export(agent)
    assert text.startswith(whole) and len(lines) == 8
    for bad in ("soon", "30", "-1h"):
        r = agent.cli("events", "--export", "--since", bad, check=False)
        assert r.returncode == 2 and "30d" in r.stderr
    r = agent.cli("events", "--since", "3h", check=False)
    assert r.returncode == 2


def test_an_export_of_many_pages(make_agent):
    agent = make_agent()
    for k in range(3):
        alerts = [{"status": "firing", "startsAt": "2026-11-22T06:00:00Z",
                   "labels": {"alertname": f"a{k}-{n}"}, "annotations": {},
                   "fingerprint": f"f{k}-{n}"} for n in range(700)]
        assert agent.hook(json.dumps({
            "version": "4", "groupKey": "{}", "status": "firing",
            "receiver": "r", "alerts": alerts}))[0] == 200
    peers.wait_for("the decisions", lambda: agent.get(
        "/api/v1/status")["events_waiting"] == 0)
    text, lines = export(agent)
    assert [x["seq"] for x in lines] == list(range(1, 2101))
    # Once a message, and once more where a page begins in its midst.
    assert 3 <= sum("payload" in x for x in lines) <= 5
    agent.kill()
    _, again = export(agent)
    assert [x["id"] for x in again] == [x["id"] for x in lines]


def test_what_the_admin_address_refuses(agent):
    for path in ("export?after=x", "export?since_ms=-1", "export?limit=a"):
        assert agent.api("/api/v1/" + path)[0] == 400, path
    for path in ("rulesets/none", "rulesets/" + "0" * 64):
        assert agent.api("/api/v1/" + path)[0] == 404, path
    hash = agent.get("/api/v1/rules")["hash"]
    kept = agent.get("/api/v1/rulesets/" + hash)
    assert [f["name"] for f in kept["files"]] == ["20-payments.yaml"]
    assert kept["files"][0]["text"] == TODAY
    status, data = agent.api("/api/v1/export?after=5&limit=1")
    assert status == 200 and data.count(b"\n") == 1
    assert json.loads(data)["seq"] == 6


# ---- what differs ----

def test_the_same_rules_decide_the_same(agent, tmp_path):
    r = replay(agent, agent.rules)
    assert r.returncode == 0 and "both decide the same" in r.stdout
    out = report(agent, agent.rules)
    assert out["events"] == 7 and out["list"] == [] and out["more"] == 0
    assert out["before"] == out["after"]
    assert out["before"]["incidents"] == 5
    # It is what the agent itself has done.
    done = agent.get("/api/v1/incidents")["incidents"]
    assert len(done) == 5
    assert out["before"]["resolved"] == \
        sum(i["state"] == "resolved" for i in done) == 1
    # Other words that change nothing are no difference.
    moved = TODAY.replace("policies:", "# a comment\n\npolicies:")
    assert report(agent, write(tmp_path / "a.yaml", moved))["differs"] is False


def test_priorities(agent, tmp_path):
    out = report(agent, write(tmp_path / "a.yaml", URGENT))
    assert out["changes"]["priorities"] == [
        {"from": "P2", "to": "P1", "count": 2}]
    assert {x["alarm"] for x in out["list"]} == {"pay-db-cpu", "pay-db-disk"}
    assert out["before"]["incidents"] == out["after"]["incidents"] == 5
    row = [x for x in out["list"] if x["alarm"] == "pay-db-cpu"][0]
    assert row["team"] == row["team_before"] == "payments"
    assert row["before"]["by_priority"]["P2"] == 1
    assert row["after"]["by_priority"]["P1"] == 1
    # An event to explain it by.
    assert agent.cli("explain", "--event", row["event"]).returncode == 0


def test_fewer_incidents(agent, tmp_path):
    out = report(agent, write(tmp_path / "a.yaml", WAITS))
    row = [x for x in out["list"] if x["alarm"] == "pay-db-cpu"][0]
    # It was OK within three minutes.
    assert (row["before"]["incidents"], row["after"]["incidents"]) == (1, 0)
    assert row["changes"]["fewer_incidents"] == 1
    back = report(agent, write(tmp_path / "b.yaml", WAITS),
                  "--events", write(tmp_path / "none.jsonl", ""))
    assert back["events"] == 0 and back["differs"] is False


def test_what_is_held(agent, tmp_path):
    out = report(agent, write(tmp_path / "a.yaml", HELD))
    assert out["after"]["held"] == 3 and out["before"]["held"] == 0
    assert out["changes"]["newly_held"] == 3
    assert out["changes"]["fewer_incidents"] == 2
    agent.write_rules("20-payments.yaml", HELD)
    out = report(agent, write(tmp_path / "b.yaml", TODAY))
    assert out["changes"]["no_longer_held"] == 3
    assert out["changes"]["more_incidents"] == 2


def test_who_decides(agent, tmp_path):
    other = TODAY.replace("team: payments", "team: checkout")
    out = report(agent, write(tmp_path / "a.yaml", other))
    row = out["list"][0]
    assert (row["team_before"], row["team"]) == ("payments", "checkout")
    other = TODAY.replace("Payments SRE", "Checkout")
    out = report(agent, write(tmp_path / "b.yaml", other))
    assert out["changes"]["other_group"] == 4
    other = TODAY.replace("high}", 'high, short_description: "x ${alarm}"}')
    out = report(agent, write(tmp_path / "c.yaml", other))
    assert out["changes"]["other_text"] == 2
    assert out["changes"]["decisions"] == 0


def test_look_ups_find_what_the_incidents_had(agent, tmp_path):
    title = 'high, short_description: "${ci.id:-none}"}'
    rules = write(tmp_path / "a.yaml", TODAY.replace("high}", title))
    agent.write_rules("20-payments.yaml", TODAY.replace("high}", title))
    assert report(agent, rules)["differs"] is False
    _, lines = export(agent)
    for x in lines:
        x["outcome"]["ci_id"] = None
    file = write(tmp_path / "e.jsonl",
                 "".join(json.dumps(x) + "\n" for x in lines))
    none = TODAY.replace("ci:\n", "ci:\n  - {fallback: CI0009999}\n") \
        .replace('  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}\n',
                 "")
    none = write(tmp_path / "b.yaml", none.replace("high}", title))
    assert report(agent, none, "--events", file)["changes"]["other_ci"] > 0


def worlds(agent):
    return {x["alarm"]: x["outcome"]["world"] for x in export(agent)[1]
            if "world" in x["outcome"]}


def test_what_look_ups_told_then_is_known_again(make_agent, sandbox,
                                                tmp_path):
    """A change that held, another CI since, and what nobody asked then."""
    sandbox.control("POST", "/cis", [CI])
    status, _, data = sandbox.http.call("POST", "/prod/api/changes", {
        "short_description": "Patch", "state": "implement",
        "ci_id": CI["id"]}, {
            "Authorization": "Bearer " + sandbox.info["api_key"]})
    assert status == 201, data
    held = TODAY + """\
suppress:
  - {id: in-change, match: {alarm: "pay-db-*"}, when_change: {state: [implement]}}
"""
    agent = make_agent(rules={"20-payments.yaml": held})
    for name in ("pay-db-cpu", "pay-x"):
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    known = worlds(agent)
    (look,) = known["pay-db-cpu"]
    assert look["cis"] == [{"field": "resource_id", "value": "pay-db-1",
                            "id": CI["id"], "name": "pay-db-1",
                            "fields": look["cis"][0]["fields"]}]
    (asked,) = look["changes"]
    assert asked["ci_id"] == CI["id"] and asked["states"] == ["implement"]
    assert asked["id"] == json.loads(data)["id"]
    assert "changes" not in known["pay-x"][0]
    same = write(tmp_path / "same.yaml", held)
    out = report(agent, same)
    assert not out["differs"] and out["changes_unknown"] == 0
    assert (out["before"]["held"], out["before"]["incidents"]) == (1, 1)
    out = report(agent, write(tmp_path / "open.yaml", TODAY))
    assert (out["after"]["held"], out["after"]["incidents"]) == (0, 2)
    more = held.replace('{alarm: "pay-db-*"}, when', '{alarm: "pay-*"}, when')
    out = report(agent, write(tmp_path / "more.yaml", more))
    assert out["changes_unknown"] > 0 and out["after"]["held"] == 1
    id = agent.get("/api/v1/events?alarm=pay-db-cpu")["events"][0]["id"]
    told = json.loads(agent.cli("explain", "--json", "--event", id).stdout)
    assert told["decision"]["suppressed_by"] == "in-change"
    assert told["incident"]["ci_id"] == CI["id"]


def test_a_silence_holds_as_long_as_it_did(make_agent, tmp_path):
    agent = make_agent(rules={"20-payments.yaml": TODAY})
    out = agent.cli("silence", "add", "--match", "alarm=pay-*", "--owner",
                    "dba", "--reason", "moving: all", "--for", "2h").stdout
    for name in ("pay-db-cpu", "web-1"):
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    same = write(tmp_path / "same.yaml", TODAY)
    before = report(agent, same)
    assert not before["differs"] and before["before"]["held"] == 1
    assert before["before"]["incidents"] == 1
    agent.cli("silence", "expire", out.split()[0])
    agent.settle()
    peers.wait_for("the incident", lambda: agent.get(
        "/api/v1/events?alarm=pay-db-cpu")["events"][0]["action"] == "create")
    first, second = worlds(agent)["pay-db-cpu"]
    assert first["silence"]["id"] == out.split()[0]
    assert first["silence"]["about"] == "dba: moving: all"
    assert "silence" not in second
    after = report(agent, same)
    assert not after["differs"] and after["before"]["incidents"] == 2


def test_escalations_are_counted(agent, tmp_path):
    """Their times are those of the events, not of now."""
    _, lines = export(agent)
    for x in lines:
        for key in ("time", "sent_at", "received_at"):
            x[key] = "2026-03-01" + x[key][10:] if x[key] else None
    file = write(tmp_path / "e.jsonl",
                 "".join(json.dumps(x) + "\n" for x in lines))
    rules = TODAY.replace("high}", "high, escalate: [{after: 15m, "
                                   "unless: acknowledged, raise_to: P1}]}")
    out = report(agent, write(tmp_path / "a.yaml", rules), "--events", file)
    # Of the two one was over by then.
    assert out["after"]["raised"] == 1 and out["before"]["raised"] == 0
    assert out["changes"]["priorities"] == [
        {"from": "P2", "to": "P1", "count": 1}]
    # So are those that wait, and the one that waited opens.
    out = report(agent, write(tmp_path / "b.yaml", WAITS), "--events", file)
    assert out["changes"]["fewer_incidents"] == 1
    assert out["changes"]["opened_later"] == 1
    assert out["changes"]["newly_held"] == 0


# ---- forms ----

def test_forms(agent, tmp_path):
    rules = write(tmp_path / "a.yaml", URGENT)
    text = replay(agent, rules)
    assert text.returncode == 3 and text.stderr == ""
    assert "\033" not in text.stdout
    assert "P2 -> P1" in text.stdout and "pay-db-disk" in text.stdout
    shown = replay(agent, rules, "--limit", "1").stdout
    assert "... and 1 more alarm" in shown
    table = replay(agent, rules, "--format", "markdown").stdout.splitlines()
    rows = [x for x in table if x.startswith("|")]
    head = [x for x in rows if x.startswith("|---")]
    assert len(head) == 2
    for row in rows:
        assert row.endswith("|")
    assert any("`pay-db-cpu`" in x and "P2 -> P1" in x for x in rows)
    widths = {x.count("|") for x in rows[rows.index(head[1]) - 1:]}
    assert len(widths) == 1


def test_names_do_no_harm_in_a_pull_request(agent, tmp_path):
    assert agent.send(peers.alarm(
        "pay-db-| `@everyone` <b>\n# x")) == 200
    agent.settle()
    rules = write(tmp_path / "a.yaml", URGENT)
    table = replay(agent, rules, "--format", "markdown").stdout
    line = [x for x in table.splitlines() if "everyone" in x][0]
    assert "`pay-db-\\| '@everyone' <b>" in line
    assert line.replace("\\|", "").count("|") == 8


def test_the_journal_without_the_agent_and_a_file_say_the_same(agent,
                                                               tmp_path):
    rules = write(tmp_path / "a.yaml", WAITS)
    asked = report(agent, rules)
    text, _ = export(agent)
    file = write(tmp_path / "e.jsonl", text)
    assert agent.stop() == 0
    assert report(agent, rules) == asked
    assert report(agent, rules, "--events", file) == asked
    r = agent.cli("replay", "--rules", rules, "--format", "json", "--events",
                  "-", stdin=text, check=False)
    assert r.returncode == 3 and json.loads(r.stdout) == asked
    # Without its end, as a copy may come.
    file = write(tmp_path / "cut.jsonl", text.rstrip("\n"))
    assert report(agent, rules, "--events", file) == asked


# ---- what is wrong ----

def test_wrong_usage_and_what_can_not_be_read(agent, tmp_path):
    good = write(tmp_path / "a.yaml", URGENT)
    bad = write(tmp_path / "b.yaml", TODAY.replace("match:", "mtach:"))
    for args in ([], ["--rules", good, "x"],
                 ["--rules", good, "--format", "xml"],
                 ["--rules", good, "--since", "x"],
                 ["--rules", good, "--limit", "many"]):
        r = agent.cli("replay", *args, check=False)
        assert r.returncode == 2 and r.stdout == "", args
    r = replay(agent, bad, status=[1])
    assert "b.yaml:9:" in r.stderr and "did you mean" in r.stderr
    r = replay(agent, tmp_path / "none", status=[1])
    assert "no such file" in r.stderr
    os.mkdir(tmp_path / "empty")
    r = replay(agent, tmp_path / "empty", status=[1])
    assert "no rule file" in r.stderr
    r = replay(agent, good, "--events", str(tmp_path / "no.jsonl"),
               status=[1])
    assert "no.jsonl" in r.stderr
    agent.write_rules("20-payments.yaml", "version: [")
    r = replay(agent, good, status=[78])
    assert "20-payments.yaml" in r.stderr


@pytest.mark.parametrize("line, why", [
    ("{", "JSON"), ("[]", "object"), ("{}", "id"),
    ('{"id": "e1"}', "received_at"),
    ('{"id": "e1", "received_at": "now"}', "received_at"),
    ('{"id": "e1", "position": -1}', "position"),
    ("x" * 70000, "JSON"),
])
def test_a_bad_line_is_named(agent, tmp_path, line, why):
    text, _ = export(agent)
    file = write(tmp_path / "e.jsonl", text + line + "\n" + text)
    r = replay(agent, agent.rules, "--events", file, status=[1])
    assert f"{file}:8: " in r.stderr and r.stdout == ""
    assert why in r.stderr or "JSON" in why
    assert len(r.stderr) < 1000


def test_garbage_in_lines_is_an_alarm_like_any(agent, tmp_path):
    """What an export holds was written by others."""
    lines = []
    for k, payload in enumerate(["", "\u0000", "[]", "{" * 5000, "9" * 5000,
                                 '{"AlarmName": "' + "x" * 200000 + '"}']):
        lines.append(json.dumps({
            "seq": k + 1, "id": f"e{k}", "received_at": "2026-03-01T00:00:00Z",
            "payload": payload, "position": k * 7, "source": "s" * 100,
            "outcome": {"ci_id": "C" * 5000}}))
    file = write(tmp_path / "e.jsonl", "\n".join(lines))
    out = report(agent, agent.rules, "--events", file)
    assert out["differs"] is False and out["events"] == 6


# ---- size ----

def many(n):
    """So many events of 500 alarms over thirty days, as an export."""
    for i in range(n):
        name = f"{('pay', 'web', 'core')[i % 3]}-svc-{i % 500}"
        state = "OK" if i // 500 % 2 else "ALARM"
        when = 1772323200 + i * 30 * 86400 / n
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
        yield json.dumps({
            "seq": i + 1, "id": f"e{i}", "source": "sns",
            "kind": "metric-alarm", "alarm": name, "state": state,
            "account": peers.ACCOUNT, "region": peers.REGION,
            "time": stamp + "Z", "received_at": stamp + ".500Z",
            "topic": peers.TOPIC, "message_id": f"m{i}", "message": i + 1,
            "position": 0, "payload": peers.alarm(name, state, when)}) + "\n"


def test_a_long_journal_takes_little_time_and_memory(tmp_path):
    file = tmp_path / "e.jsonl"
    with open(file, "w") as f:
        f.writelines(many(20000))
    rules = write(tmp_path / "a.yaml", WAITS)
    env = {k: v for k, v in os.environ.items() if k != "TOCSIN_CONFIG"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    r = subprocess.run([peers.TOCSIN, "replay", "--rules", rules, "--events",
                        str(file), "--format", "json"], env=env,
                       capture_output=True, text=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert r.returncode == 3, r.stderr
    assert json.loads(r.stdout)["events"] == 20000
    if "asan" not in peers.TOCSIN and "tsan" not in peers.TOCSIN:
        # 100,000 in 10 s, of both cores, with room for a slow machine.
        assert after.ru_utime - before.ru_utime < 4
        assert after.ru_maxrss < 200 * 1024
