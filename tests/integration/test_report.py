"""`tocsin report`: what makes noise, from what was really sent."""
import json
import os
import re
import time
import xml.dom.minidom

import peers
import pytest
import timed
from timed import DAY, HOUR, MINUTE

PLATFORM = """\
version: 1
team: platform
owners: [platform@example.com]
platform: true
catch_all: {assignment_group: "Platform Engineering"}
"""
PAYMENTS = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "pay-*"}]
defaults: {assignment_group: "Payments SRE"}
ci:
  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}
  - {fallback: CI0001000}
policies:
  - {id: unheard, match: {alarm: "pay-unheard-*"}}
  - {id: each, match: {alarm: "pay-each-*"}, reopen_within: 0s}
  - {id: urgent, match: {alarm: "pay-urgent"}, severity: critical, reopen_within: 0s}
  - {id: rest, match: {}}
"""
BATCH = """\
version: 1
team: batch
owners: [batch@example.com]
claims: [{alarm: "batch-*"}]
defaults: {assignment_group: "Batch"}
policies: [{id: all, match: {}}]
"""
RULES = {"00-platform.yaml": PLATFORM, "20-payments.yaml": PAYMENTS,
         "30-batch.yaml": BATCH}
HOSTILE = "batch-<script>alert(1)</script>\"'&\u202e"


def report(agent, *args):
    return json.loads(agent.cli("report", "--format", "json", *args).stdout)


def scope(out, team=None):
    (found,) = [s for s in out["scopes"] if s["team"] == team]
    return found


def rows(out, finding, team=None):
    (found,) = [f for f in scope(out, team)["findings"]
                if f["finding"] == finding]
    return {r["what"]: r for r in found["rows"]}


class Past:
    """Five days of a clock that a test moves; reports are of the last three."""

    def __init__(self, clock, agent):
        self.clock, self.agent = clock, agent
        self.sent = {}

    def fire(self, name, state="ALARM", **changes):
        timed.fire(self.agent, name, state, self.clock.now(), **changes)
        self.agent.settle()
        self.sent.setdefault(name, []).append(state)

    def blip(self, name, seconds=2 * MINUTE, **changes):
        self.fire(name, **changes)
        self.clock.forward(seconds)
        self.fire(name, "OK", **changes)
        self.clock.forward(seconds)

    def call(self, path, body):
        status, _, data = self.agent.admin.call(
            "POST", "/api/v1/silences" + path, body,
            {"Authorization": "Bearer admin-token"})
        assert status in (200, 201), data
        return json.loads(data)

    def silence(self):
        return self.call("", {"match": {"alarm": "pay-hushed"},
                              "owner": "dba", "reason": "moving",
                              "for": "10m"})["id"]


@pytest.fixture
def past(clock, make_agent, sandbox):
    p = Past(clock, make_agent(rules=RULES))
    begin = clock.offset
    p.blip("pay-old")
    p.fire("batch-always")
    clock.jump(begin + 2.5 * DAY)
    for _ in range(6):
        p.blip("pay-flaps", 5 * MINUTE)
    for _ in range(2):
        p.blip("pay-each-brief")
    p.fire("pay-taken")
    (taken,) = [i for i in sandbox.incidents()
                if "pay-taken" in i["short_description"]]
    sandbox.person(taken["id"], state="in_progress", assigned_to="ann")
    clock.forward(2 * HOUR)
    p.fire("pay-taken", "OK")
    for _ in range(3):
        p.blip("pay-urgent", HOUR)
    p.fire("pay-one-way", OKActions=[])
    for k in range(3):
        id = p.silence()
        if k == 1:
            p.call(f"/{id}/extend", {"for": "10m"})
        p.fire("pay-hushed")
        clock.forward(HOUR)
    p.fire(HOSTILE)
    p.fire("nobodys-1")
    p.fire("nobodys-2")
    p.fire("nobodys-1", "OK")
    clock.jump(begin + 5 * DAY)
    p.agent.settle()
    return p


def counted(past, *states, old=("pay-old", "batch-always")):
    return sum(s in states for name, list in past.sent.items()
               if name not in old for s in list)


def look_at_totals(past, out):
    now, before = (scope(out)[k] for k in ("totals", "before"))
    kept = past.agent.get("/api/v1/incidents?limit=1000")["incidents"]
    new = [i for i in kept if i["alarm"] not in ("pay-old", "batch-always")]
    assert now["events"] == counted(past, "ALARM", "OK")
    assert now["alarms"] == counted(past, "ALARM")
    assert now["incidents"] == len(new)
    assert now["notes"] == sum(i["notes"] for i in new)
    for p in ("P1", "P2", "P3", "P4"):
        assert now["by_priority"][p] == sum(i["priority"] == p for i in new)
    assert now["by_priority"]["P1"] == 3
    assert now["alarms_per_incident"] == \
        int(now["alarms"] * 1000 / len(new)) / 1000
    assert (before["events"], before["alarms"], before["incidents"]) == \
        (3, 2, 2)
    assert now["held"] == 3
    teams = [s["team"] for s in out["scopes"]]
    assert teams == [None, "batch", "payments", "platform"]
    for key in ("events", "alarms", "incidents", "notes", "held"):
        assert now[key] == sum(s["totals"][key] for s in out["scopes"][1:])


def look_at_findings(out):
    """Each names the alarm that the story made for it, and no other."""
    flaps = rows(out, "flapping")
    assert list(flaps) == ["pay-flaps"]
    row = flaps["pay-flaps"]
    assert (row["number"], row["team"]) == (12, "payments")
    assert row["account"] == peers.ACCOUNT and row["region"] == peers.REGION
    line = PAYMENTS.split("id: rest")[0].count("\n") + 1
    assert row["where"] == f"20-payments.yaml:{line}"
    assert row["yaml"] == "flap: {transitions: 4, within: 30m}"

    on = rows(out, "always-on")
    # In ALARM for all of it, or ever since they were heard of.
    assert "pay-taken" not in on and "pay-flaps" not in on
    assert abs(on["batch-always"]["number"] - 3 * DAY) < HOUR
    assert "100 %" in on["batch-always"]["text"]

    brief = rows(out, "brief")
    assert brief["pay-each-brief"]["number"] == 2
    assert brief["pay-each-brief"]["yaml"] == "open_after: 3m"
    assert "pay-urgent" not in brief and "pay-taken" not in brief

    untaken = rows(out, "never-acknowledged")
    assert untaken["pay-each-brief"]["number"] == 2
    assert untaken["pay-urgent"]["number"] == 3
    assert "pay-taken" not in untaken

    assert rows(out, "urgent")["pay-urgent"]["number"] == 3
    assert rows(out, "noisy")["pay-urgent"]["number"] >= 3
    assert list(rows(out, "no-ok-action")) == ["pay-one-way"]
    assert out["unknown"]["ok_actions"] == 0

    ci = rows(out, "unresolved-ci")
    assert "fallback" in ci["pay-taken"]["text"]
    assert "without a CI" in ci[HOSTILE]["text"]
    unhit = rows(out, "rule-never-hit")
    assert list(unhit) == ["unheard"]
    line = PAYMENTS.split("id: unheard")[0].count("\n") + 1
    assert unhit["unheard"]["where"] == f"20-payments.yaml:{line}"

    (hush,) = rows(out, "silences").values()
    assert json.loads(hush["what"]) == {"alarm": "pay-hushed"}
    assert "was set or extended 4 times, for 40m in all" in hush["text"]
    assert hush["number"] == 3
    (nobody,) = rows(out, "unclaimed").values()
    assert nobody["what"] == peers.TOPIC and nobody["number"] == 3
    assert "of 2 alarms" in nobody["text"]


def mends(tmp_path, agent, row):
    """What it advises is taken by `tocsin check`."""
    text = "version: 1\nteam: x\nowners: [x@example.com]\n"
    if row["yaml_in"] == "policy":
        text += f"policies:\n  - id: it\n    match: {{}}\n    {row['yaml']}\n"
    else:
        text += row["yaml"] + "\npolicies: [{id: it, match: {}}]\n"
    path = tmp_path / "mended.yaml"
    path.write_text(text)
    r = agent.cli("check", str(path), check=False)
    assert r.returncode == 0 and "error" not in r.stdout, (text, r.stdout)


def test_what_was_sent_is_what_is_told(past, tmp_path):
    agent = past.agent
    out = report(agent, "--since", "3d", "--top", "100")
    assert out["read_from"] == "agent"
    look_at_totals(past, out)
    look_at_findings(out)
    advice = [r for s in out["scopes"] for f in s["findings"]
              for r in f["rows"]]
    assert all(r["text"].endswith(".") and r["advice"].endswith(".")
               for r in advice)
    documented(out)
    seen = {}
    for r in advice:
        assert (r["yaml"] is None) == (r["yaml_in"] is None)
        if r["yaml"] and seen.setdefault(r["yaml"], r) is r:
            mends(tmp_path, agent, r)
    assert {r["yaml_in"] for r in seen.values()} == {"policy", "file"}
    look_at_forms(past, out)
    # Without the agent, the same from its store.
    agent.kill()
    again = report(agent, "--since", "3d", "--top", "100")
    assert again.pop("read_from") == "store"
    for s, t in zip(out["scopes"], again["scopes"]):
        assert (s["totals"], s["before"]) == (t["totals"], t["before"])
        for f, g in zip(s["findings"], t["findings"]):
            assert (f["finding"], f["count"]) == (g["finding"], g["count"])
            assert [r["what"] for r in f["rows"]] == \
                [r["what"] for r in g["rows"]]


def documented(out):
    """Every member of the JSON, and every finding, is in tocsin-report(1)."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "packaging",
                           "man", "tocsin-report.1")) as f:
        page = f.read()
    (example,) = re.findall(r"^(\{.*?)^\.Ed", page, re.M | re.S)
    example = json.loads(example)

    def shape(v):
        if isinstance(v, list):
            return [shape(v[0])] if v else []
        if isinstance(v, dict):
            return {k: shape(x) for k, x in v.items()}
        return None

    finding = next(f for f in scope(out)["findings"] if f["rows"])
    real = {**out, "scopes": [{**out["scopes"][0], "findings": [finding]}]}
    assert shape(real) == shape(example)
    assert re.findall(r"^\.It Li (\S+)\n", page, re.M)[-11:] == \
        [f["finding"] for f in scope(out)["findings"]]


def look_at_forms(past, out):
    agent = past.agent
    one = report(agent, "--since", "3d", "--team", "payments", "--top", "1")
    assert [s["team"] for s in one["scopes"]] == ["payments"]
    assert scope(one, "payments")["totals"] == \
        scope(out, "payments")["totals"]
    assert all(len(f["rows"]) <= 1 for f in one["scopes"][0]["findings"])
    assert len(rows(one, "unresolved-ci", "payments")) == 1
    text = agent.cli("report", "--since", "3d").stdout
    assert "All teams\n" in text and "Team payments\n" in text
    assert "flap: {transitions: 4, within: 30m}" in text
    assert "\u202e" not in text and "\\u{202e}" in text
    assert "\033" not in text
    page(agent.cli("report", "--since", "3d", "--format", "html").stdout)


def page(html):
    """Well-formed, of one piece, and nothing in it is anybody's markup."""
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "\u202e" not in html
    assert not re.search(r"(src|href)=\"(?!#)", html)
    assert not re.search(r"url\(|@import|https?:", html)
    closed = re.sub(r"<(meta[^>]*)>", r"<\1/>",
                    html.replace("<!DOCTYPE html>", ""))
    doc = xml.dom.minidom.parseString(closed.encode())
    ids = [e.getAttribute("id") for e in doc.getElementsByTagName("h2")]
    links = [e.getAttribute("href")[1:]
             for e in doc.getElementsByTagName("a")]
    assert ids == links and len(ids) == 4


def test_nothing_is_told_of_nothing(make_agent):
    agent = make_agent(rules=RULES)
    out = report(agent)
    assert scope(out)["totals"]["incidents"] == 0
    assert scope(out)["totals"]["alarms_per_incident"] is None
    r = agent.cli("report", "--team", "none")
    assert "Nothing to tidy up." in r.stdout
    for bad in (["--since", "soon"], ["--since", "5000d"], ["--top", "0"],
                ["--top", "x"], ["--format", "pdf"], ["more"]):
        r = agent.cli("report", *bad, check=False)
        assert r.returncode == 2 and not r.stdout, bad


def test_reports_of_many_events(make_agent):
    """Pages of every kind: the numbers are those of what was sent."""
    agent = make_agent(rules=RULES)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for k in range(4):
        alerts = [{"status": "firing", "startsAt": now,
                   "labels": {"alertname": f"batch-{k}-{n}"},
                   "annotations": {}, "fingerprint": f"f{k}-{n}"}
                  for n in range(400)]
        assert agent.hook(json.dumps({
            "version": "4", "groupKey": "{}", "status": "firing",
            "receiver": "r", "alerts": alerts}))[0] == 200
    peers.wait_for("the decisions", lambda: agent.get(
        "/api/v1/status")["events_waiting"] == 0)
    out = report(agent, "--since", "1h")
    assert scope(out)["totals"]["alarms"] == 1600
    assert scope(out)["totals"]["incidents"] == 1600
    ci = [f for f in scope(out)["findings"]
          if f["finding"] == "unresolved-ci"][0]
    assert ci["count"] == 1600 and len(ci["rows"]) == 10
