"""`tocsin explain --event`: a stored event under the rules of its day."""
import hashlib
import json
import os
import signal
import sqlite3
import time

import peers
import pytest

FIRST = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "pay-*"}]
defaults: {assignment_group: "Payments SRE"}
ci:
  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}
policies:
  - id: db-of-monday
    match: {alarm: "pay-db-*"}
    severity: critical
    description_file: texts/db.txt
  - {id: rest, match: {}}
"""
SECOND = FIRST.replace("db-of-monday", "db-of-tuesday") \
    .replace("severity: critical", "severity: low")
CI = {"id": "CI0001002", "name": "pay-db-1", "resource_id": "pay-db-1",
      "state": "active"}


def write_text(agent, text):
    folder = os.path.join(agent.rules, "texts")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "db.txt"), "w") as f:
        f.write(text)


def reload(agent):
    before = agent.process.text().count('msg="reloaded')
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the reload", lambda: agent.process.text()
                   .count('msg="reloaded') > before, 10)


def events(agent, name):
    """Oldest first."""
    return agent.get(f"/api/v1/events?alarm={name}")["events"][::-1]


def explain(agent, event, *args, **kw):
    return agent.cli("explain", *args, "--event", event["id"], **kw)


def explained(agent, event):
    out = explain(agent, event, "--json").stdout
    assert out.count("\n") == 1
    return json.loads(out)


@pytest.fixture
def two_days(make_agent, sandbox):
    """An alarm of Monday, and one of Tuesday under other rules."""
    sandbox.control("POST", "/cis", [CI])
    agent = make_agent(start=False)
    agent.write_rules("20-payments.yaml", FIRST)
    write_text(agent, "Call Ann about ${alarm}.\n")
    agent.start()
    now = time.time()
    for k, state in enumerate(["ALARM", "ALARM"]):
        assert agent.send(peers.alarm("pay-db-cpu", state, now + k)) == 200
    assert agent.send(peers.alarm("web-1")) == 200
    agent.settle()
    agent.write_rules("20-payments.yaml", SECOND)
    write_text(agent, "Call Bob about ${alarm}.\n")
    reload(agent)
    assert agent.send(peers.alarm("pay-db-disk")) == 200
    assert agent.send(peers.alarm("pay-db-cpu", "OK", now + 5)) == 200
    agent.settle()
    # What the file holds today is of no interest.
    os.unlink(os.path.join(agent.rules, "texts", "db.txt"))
    return agent


def check_both_days(agent, cpu, disk):
    monday = explained(agent, cpu[0])
    tuesday = explained(agent, disk[0])
    assert list(monday) == ["alarm", "decision", "incident", "trace", "event"]
    d = monday["decision"]
    assert (d["action"], d["policy"], d["where"], d["priority"]) == \
        ("create", "db-of-monday", "20-payments.yaml:9", "P1")
    assert d["because"] == cpu[0]["because"]
    assert d["suppressed_by"] is None
    assert monday["incident"]["description"].startswith("Call Ann about "
                                                        "pay-db-cpu.")
    # The look-up of that day isn't made again.
    assert monday["incident"]["ci_id"] == "CI0001002"
    assert monday["event"]["id"] == cpu[0]["id"]
    assert any(t["matched"] and t["where"] == "20-payments.yaml:9"
               for t in monday["trace"])
    d = tuesday["decision"]
    assert (d["action"], d["policy"], d["priority"]) == \
        ("create", "db-of-tuesday", "P4")
    assert tuesday["incident"]["description"].startswith("Call Bob")
    assert monday["event"]["ruleset"] != tuesday["event"]["ruleset"]
    # Their actions are those that they had.
    assert explained(agent, cpu[1])["decision"]["action"] == "note"
    assert explained(agent, cpu[2])["decision"]["action"] == "resolve"


def test_under_the_rules_of_that_day(two_days):
    cpu = events(two_days, "pay-db-cpu")
    disk = events(two_days, "pay-db-disk")
    check_both_days(two_days, cpu, disk)
    web = explained(two_days, events(two_days, "web-1")[0])
    assert web["decision"]["action"] == "catch-all"


def sums(agent, *names):
    out = {}
    for name in names:
        with open(os.path.join(agent.folder, name), "rb") as f:
            out[name] = hashlib.sha256(f.read()).hexdigest()
    return out


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_without_the_agent_the_store_is_only_read(two_days, how):
    agent = two_days
    cpu = events(agent, "pay-db-cpu")
    disk = events(agent, "pay-db-disk")
    if how == "kill":
        agent.kill()
    else:
        assert agent.stop() == 0
    names = ["tocsin.db"] + ["tocsin.db-wal"] * (how == "kill")
    before = sums(agent, *names)
    check_both_days(agent, cpu, disk)
    assert sums(agent, *names) == before
    # And it is as good as it was.
    agent.start()
    agent.settle()
    assert len(events(agent, "pay-db-cpu")) == 3


def test_for_people(two_days):
    cpu = events(two_days, "pay-db-cpu")
    text = explain(two_days, cpu[0]).stdout
    assert "\033" not in text
    assert f"event {cpu[0]['id']}" in text
    assert "decision: create, P1 (critical)" in text
    assert "Call Ann about pay-db-cpu." in text
    assert "20-payments.yaml:9" in text
    rules = text.split("\nrules\n")[1].splitlines()
    assert all(line[:4] in ("  + ", "  - ") or line.startswith("      ")
               for line in rules)


def test_one_alarm_of_a_message_of_several(make_agent):
    agent = make_agent()
    alerts = [{"status": "firing", "startsAt": "2026-11-22T06:00:00Z",
               "labels": {"alertname": name, "severity": "critical"},
               "annotations": {}, "fingerprint": name}
              for name in ("one", "two", "three")]
    body = json.dumps({"version": "4", "groupKey": "{}", "status": "firing",
                       "receiver": "r", "alerts": alerts})
    assert agent.hook(body)[0] == 200
    agent.settle()
    for name in ("one", "two", "three"):
        one = explained(agent, events(agent, name)[0])
        assert one["alarm"]["alarm"] == name


def test_what_was_held_says_by_what(make_agent):
    agent = make_agent(rules={"20-payments.yaml": """\
version: 1
team: payments
owners: [pay@example.com]
windows:
  always: {every: "Mon-Sun 00:00-24:00", owner: dba, until: 2099-01-01}
policies:
  - {id: rest, match: {}}
suppress:
  - {id: in-patching, match: {namespace: AWS/RDS}, during: always}
"""})
    assert agent.send(peers.alarm("pay-db-cpu")) == 200
    agent.settle()
    one = explained(agent, events(agent, "pay-db-cpu")[0])
    assert one["decision"]["action"] == "hold"
    assert one["decision"]["suppressed_by"] == "in-patching"
    assert one["decision"]["hold"]["kind"] == "window"
    text = explain(agent, events(agent, "pay-db-cpu")[0]).stdout
    assert "held by" in text and "in-patching" in text


def test_what_can_not_be_explained_says_why(two_days):
    agent = two_days
    cpu = events(agent, "pay-db-cpu")
    r = agent.cli("explain", "--event", "enone", check=False)
    assert r.returncode == 1 and "no event enone" in r.stderr
    r = agent.cli("explain", "--event", "../../etc", check=False)
    assert r.returncode == 1 and r.stdout == ""
    r = agent.cli("explain", "--event", cpu[0]["id"], "-", check=False)
    assert r.returncode == 2
    assert agent.stop() == 0
    with sqlite3.connect(os.path.join(agent.folder, "tocsin.db")) as db:
        db.execute("DELETE FROM ruleset WHERE hash = ?",
                   (cpu[0]["ruleset"],))
    r = explain(agent, cpu[0], check=False)
    assert r.returncode == 1 and r.stdout == ""
    assert "isn't kept any more" in r.stderr
    assert explain(agent, cpu[2]).returncode == 0
    # A store of another version isn't guessed at.
    with sqlite3.connect(os.path.join(agent.folder, "tocsin.db")) as db:
        db.execute("PRAGMA user_version = 99")
    r = explain(agent, cpu[2], check=False)
    assert r.returncode == 1 and "99" in r.stderr


def test_a_rule_set_is_kept_once(two_days):
    agent = two_days

    def kept():
        path = f"file:{agent.folder}/tocsin.db?mode=ro"
        with sqlite3.connect(path, uri=True) as db:
            return db.execute("SELECT hash, until_ms = 0 FROM ruleset "
                              "ORDER BY rowid").fetchall()

    assert [now for _, now in kept()] == [0, 1]
    write_text(agent, "Call Bob about ${alarm}.\n")
    reload(agent)
    assert [now for _, now in kept()] == [0, 1]
    agent.write_rules("20-payments.yaml", FIRST)
    write_text(agent, "Call Ann about ${alarm}.\n")
    reload(agent)
    # Monday's again.
    assert [now for _, now in kept()] == [1, 0]


def test_a_time_may_be_given(agent, tmp_path):
    agent.write_rules("20-payments.yaml", """\
version: 1
team: payments
owners: [pay@example.com]
windows:
  sundays: {every: "Sun 02:00-05:00", tz: Etc/UTC, owner: dba}
policies:
  - {id: rest, match: {}}
suppress:
  - {id: on-sundays, match: {}, during: sundays}
""")
    text = peers.alarm("pay-db-cpu")
    for at, held in (("2026-11-22T02:30:00Z", "on-sundays"),
                     ("2026-11-23T02:30:00Z", None)):
        r = agent.cli("explain", "--json", "--at", at, "-", stdin=text)
        d = json.loads(r.stdout)["decision"]
        assert d["suppressed_by"] == held
        assert d["action"] == ("hold" if held else "create")
    r = agent.cli("explain", "--at", "noon", "-", stdin=text, check=False)
    assert r.returncode == 2
