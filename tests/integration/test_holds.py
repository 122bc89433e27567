"""Windows, open incidents and guards that hold alarms, and how holds end."""
import json
import os
import time

import pytest

import peers
import timed
from timed import HOUR, MINUTE

DURING = "[{id: quiet, match: {}, during: w}]"


def window(begins, ends):
    """A one-off window from a moment on."""
    return f"{{w: {{from: {timed.iso(begins)}, to: {timed.iso(ends)}, " \
        "tz: UTC, owner: o@example.com}}"


def quiet(clock, lasts=HOUR, policy="{id: p, match: {}}", suppress=DURING):
    """Since a minute, and for so much longer."""
    now = clock.now()
    return timed.rules([policy], windows=window(now - MINUTE, now + lasts),
                       suppress=suppress)


def renew(agent, rules):
    for name, text in rules.items():
        agent.write_rules(name, text)
    if agent.process.alive():
        timed.reload(agent)


def held_now(agent, count):
    peers.wait_for(f"{count} held", lambda: agent.metrics()
                   ["tocsin_alarms_held"] == count)


def test_a_held_alarm_opens_at_the_window_s_end(make_agent, sandbox, clock):
    ends = timed.iso(clock.now() + HOUR)
    a = make_agent(rules=quiet(clock))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    clock.pass_by(a, 58 * MINUTE)
    assert sandbox.incidents() == []
    (h,) = timed.held(a)
    assert h["held_by"] == "quiet" and h["alarm"] == "db"
    assert abs(timed.seconds(h["until"]) - timed.seconds(ends)) <= 1
    e = timed.event(a, "db")
    assert e["action"] == "hold" and "quiet" in e["because"]
    out = a.cli("status").stdout
    assert "by quiet" in out and "db" in out
    clock.forward(3 * MINUTE)
    i = timed.incident(sandbox)
    a.settle()
    m = a.metrics()
    assert m["tocsin_alarms_held"] == 0 and m["tocsin_holds_ended_total"] == 1
    e = timed.event(a, "db")
    assert e["action"] == "create" and e["id"] in peers.events_in(i)


def test_a_mute_rule_of_cloudwatch_is_shown_and_ends(make_agent, sandbox,
                                                     clock):
    """EventBridge tells of an ALARM that CloudWatch mutes; the message at the
    window's end is lost."""
    a = make_agent(rules=timed.rules(["{id: p, match: {}}"]))
    now = clock.now()
    with open(os.path.join(os.path.dirname(__file__), "..", "data", "alarms",
                           "event-muted.json")) as f:
        event = json.load(f)
    event["time"] = timed.iso(now)
    event["detail"]["state"]["timestamp"] = timed.iso(now)
    event["detail"]["muteDetail"].update(
        muteWindowStart=timed.iso(now - HOUR),
        muteWindowEnd=timed.iso(now + HOUR))
    assert a.post(sandbox.sign(message=json.dumps(event),
                               topic=peers.TOPIC)) == 200
    held_now(a, 1)
    a.settle()
    (h,) = timed.held(a)
    assert h["held_by"] == "CloudWatch" and h["alarm"] == "pay-db-cpu"
    assert "muted from" in h["held_about"]
    assert abs(timed.seconds(h["until"]) - now - HOUR) <= 3 * MINUTE
    assert "by CloudWatch" in a.cli("status").stdout
    clock.pass_by(a, HOUR - MINUTE)
    assert sandbox.incidents() == []
    clock.forward(4 * MINUTE)
    i = timed.incident(sandbox)
    assert "pay-db-cpu" in i["short_description"]


def test_an_ok_inside_opens_nothing(make_agent, sandbox, clock):
    a = make_agent(rules=quiet(clock))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    timed.fire(a, "db", "OK", when=clock.now())
    a.settle()
    # It is counted behind the commit that settle() sees.
    peers.wait_for("the hold's end", lambda:
                   a.metrics()["tocsin_holds_ended_total"] == 1)
    assert a.metrics()["tocsin_alarms_held"] == 0
    first = a.get("/api/v1/events?alarm=db")["events"][-1]
    assert first["state"] == "ALARM"
    assert first["because"] == "suppressed by quiet, OK before its end"
    clock.pass_by(a, 2 * HOUR)
    assert sandbox.incidents() == []


def test_a_hold_outlives_kill_9(make_agent, sandbox, clock):
    a = make_agent(rules=quiet(clock))
    for name in ("stays", "clears"):
        timed.fire(a, name, when=clock.now())
    a.settle()
    a.restart()
    held_now(a, 2)
    timed.fire(a, "clears", "OK", when=clock.now())
    a.settle()
    a.kill()
    clock.forward(2 * HOUR)
    a.start()
    i = timed.incident(sandbox)
    a.settle()
    assert "stays" in i["short_description"]
    clock.pass_by(a, HOUR)
    assert len(sandbox.incidents()) == 1
    peers.check_invariants(a, sandbox)


def test_a_reload_ends_a_window(make_agent, sandbox, clock):
    """A hold of hours, and the window is taken out of the file."""
    a = make_agent(rules=quiet(clock))
    timed.fire(a, "db", when=clock.now())
    held_now(a, 1)
    renew(a, timed.rules(["{id: p, match: {}}"]))
    timed.incident(sandbox)
    a.settle()
    assert a.metrics()["tocsin_alarms_held"] == 0


def test_a_start_with_other_rules_ends_a_window(make_agent, sandbox, clock):
    a = make_agent(rules=quiet(clock))
    timed.fire(a, "db", when=clock.now())
    held_now(a, 1)
    a.kill()
    renew(a, timed.rules(["{id: p, match: {}}"]))
    a.start()
    timed.incident(sandbox)


def test_a_reload_lengthens_a_window(make_agent, sandbox, clock):
    a = make_agent(rules=quiet(clock))
    timed.fire(a, "db", when=clock.now())
    held_now(a, 1)
    ends = timed.iso(clock.now() + 3 * HOUR)
    renew(a, quiet(clock, 3 * HOUR))
    clock.pass_by(a, 2 * HOUR)
    assert sandbox.incidents() == []
    (h,) = timed.held(a)
    assert abs(timed.seconds(h["until"]) - timed.seconds(ends)) <= 1
    clock.forward(2 * HOUR)
    timed.incident(sandbox)


def test_open_after_runs_out_inside_a_hold(make_agent, sandbox, clock):
    a = make_agent(rules=quiet(clock, HOUR,
                               "{id: p, match: {}, open_after: 10m}"))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    clock.pass_by(a, 50 * MINUTE)
    held_now(a, 1)
    assert sandbox.incidents() == []
    clock.forward(11 * MINUTE)
    timed.incident(sandbox)
    a.settle()


def test_a_guard_forbids_it(make_agent, sandbox, clock):
    platform = "version: 1\nteam: platform\nplatform: true\n" \
        "owners: [p@example.com]\n" \
        "guards: [{id: p1, match: {priority: P1}, forbid: suppress}]\n"
    a = make_agent(rules={**quiet(
        clock, HOUR, "{id: p, match: {}, severity: critical}"),
        "00-platform.yaml": platform})
    timed.fire(a, "db", when=clock.now())
    assert timed.incident(sandbox)["priority"] == "P1"


def test_a_clock_set_back_ends_no_window(make_agent, sandbox, folder):
    """What waits is asked anew: the window's end is a moment of its own."""
    own = timed.Clock(folder)
    a = make_agent(env=own.env(), rules=timed.rules(
        ["{id: p, match: {}}"], suppress=DURING,
        windows=window(own.now() - 4 * HOUR, own.now() + HOUR)))
    timed.fire(a, "db", when=own.now())
    held_now(a, 1)
    own.jump(-2 * HOUR)
    peers.wait_for("the clock", lambda: "set back" in a.process.text())
    # Past the moment that the hold's end had moved back to.
    own.pass_by(a, HOUR + 5 * MINUTE)
    assert sandbox.incidents() == []
    held_now(a, 1)
    own.jump(HOUR + MINUTE)
    timed.incident(sandbox)


# ---- a hold that begins while an incident is open ----

def test_notes_of_a_held_incident_go_at_its_end(make_agent, sandbox, clock):
    plain = "{notes: {every: 0s, max: 50}}"
    a = make_agent(rules=timed.rules(["{id: p, match: {}}"], plain))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    now = clock.now()
    renew(a, timed.rules(
        ["{id: p, match: {}}"], plain, suppress=DURING,
        windows=window(now - MINUTE, now + HOUR)))
    for _ in range(3):
        timed.fire(a, "db", when=clock.now())
    a.settle()
    (t,) = timed.timers(a)
    assert t["held_by"] == "quiet" and t["held_until"]
    assert a.metrics()["tocsin_operations_held"] == 1
    clock.forward(50 * MINUTE)
    a.restart()
    timed.fire(a, "db", when=clock.now())
    a.settle()
    assert timed.incident(sandbox)["notes"] == []
    clock.forward(11 * MINUTE)
    peers.wait_for("the notes", lambda: timed.incident(sandbox)["notes"])
    a.settle()
    i = timed.incident(sandbox)
    assert len(i["notes"]) == 1
    assert a.metrics()["tocsin_operations_held"] == 0
    sent = [e["id"] for e in a.get("/api/v1/events")["events"]]
    assert len(peers.check_invariants(a, sandbox, sent)) == 5


def test_a_held_incident_is_resolved_by_an_ok(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules(["{id: p, match: {}}"]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    renew(a, quiet(clock))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    timed.fire(a, "db", "OK", when=clock.now())
    timed.state_is(sandbox, "resolved")
    a.settle()
    assert timed.timers(a) == []
    assert a.metrics()["tocsin_operations_held"] == 0
    sent = [e["id"] for e in a.get("/api/v1/events")["events"]]
    assert len(peers.check_invariants(a, sandbox, sent)) == 3


def test_escalation_waits_for_the_hold_s_end(make_agent, sandbox, clock):
    policy = "{id: p, match: {}, severity: medium, " \
        "escalate: [{after: 30m, raise_to: P1}]}"
    now = clock.now()
    a = make_agent(rules=timed.rules(
        [policy], suppress=DURING,
        windows=window(now + 20 * MINUTE, now + 60 * MINUTE)))
    timed.fire(a, "db", when=now)
    a.settle()
    clock.pass_by(a, 50 * MINUTE)
    assert timed.incident(sandbox)["priority"] != "P1"
    clock.forward(11 * MINUTE)
    peers.wait_for("P1", lambda: timed.incident(sandbox)["priority"] == "P1")


# ---- behind another incident ----

def behind(extra=""):
    return timed.rules([
        "{id: db, match: {alarm: \"db*\"}}", "{id: rest, match: {}}"],
        "{reopen_within: 0s}",
        suppress="[{id: canary-behind-db, match: {alarm: \"canary*\"}, "
                 "while_open: db, same: [account, region]" + extra + "}]")


def test_held_while_another_is_open(make_agent, sandbox, clock):
    a = make_agent(rules=behind())
    now = clock.now()
    timed.fire(a, "db-1", when=now)
    a.settle()
    timed.fire(a, "canary", when=now)
    a.settle()
    held_now(a, 1)
    assert len(sandbox.incidents()) == 1
    (h,) = timed.held(a)
    assert h["held_by"] == "canary-behind-db"
    a.restart()
    held_now(a, 1)
    # At once, not at the next look in a minute.
    timed.fire(a, "db-1", "OK", when=now + 1)
    peers.wait_for("the canary", lambda: len(sandbox.incidents()) == 2)
    a.settle()
    assert a.metrics()["tocsin_alarms_held"] == 0
    peers.check_invariants(a, sandbox)


def test_the_other_is_refused_for_good(make_agent, sandbox, clock):
    """What can't be created is no open incident: what it held opens, and not
    at the next look in a minute."""
    a = make_agent(rules=behind())
    now = clock.now()
    sandbox.fault("refuse")
    timed.fire(a, "db-1", when=now)
    timed.fire(a, "canary", when=now)
    held_now(a, 1)
    sandbox.clear()
    sandbox.fault("400", method="POST", path="/incidents", count=1)
    peers.wait_for("the refusal", lambda: a.metrics()["tocsin_dead_letters"], 40)
    begin = time.monotonic()
    peers.wait_for("the canary", lambda: len(sandbox.incidents()) == 1, 40)
    assert time.monotonic() - begin < 20 * peers.SLOW
    held_now(a, 0)


def test_both_in_one_batch(make_agent, sandbox, clock):
    """What the batch itself has opened counts as open, what it resolved
    doesn't."""
    a = make_agent(rules=behind())
    now = clock.now()
    body = []
    for name, state in (("db-1", "ALARM"), ("canary-1", "ALARM"),
                        ("db-1", "OK"), ("canary-2", "ALARM")):
        now += 1
        body.append(peers.alarm(name, state, now))
    # Those that wait for the journal at a start are of one batch.
    signer = peers.Signer(sandbox)
    for text in body:
        assert a.post(signer.envelope(text)) == 200
    a.settle()
    peers.wait_for("both canaries", lambda: len(sandbox.incidents()) == 3)
    a.settle()
    held_now(a, 0)
    peers.check_invariants(a, sandbox)


def test_another_account_s_incident_holds_nothing(make_agent, sandbox, clock):
    a = make_agent(rules=behind())
    now = clock.now()
    timed.fire(a, "db-1", when=now)
    timed.fire(a, "canary", when=now, AWSAccountId="222233334444",
               AlarmArn="arn:aws:cloudwatch:us-east-1:222233334444:alarm:"
                        "canary")
    a.settle()
    assert len(sandbox.incidents()) == 2


def test_many_held_alarms_end_in_order(make_agent, sandbox, clock):
    """Restarted with hundreds due, while new events of theirs come in."""
    sandbox.set(rate=0)
    a = make_agent(rules=quiet(clock, 10 * HOUR))
    signer = peers.Signer(sandbox)
    now = clock.now()
    for k in range(300):
        assert a.post(signer.envelope(peers.alarm(f"w-{k}", when=now))) == 200
    for k in range(100):
        assert a.post(signer.envelope(
            peers.alarm(f"w-{k}", "OK", when=now + 1))) == 200
    a.kill()
    clock.forward(11 * HOUR)
    a.start()
    peers.wait_for("all", lambda: len(sandbox.incidents()) == 200, 60, 0.2)
    a.settle()
    assert len(sandbox.incidents()) == 200
    assert a.metrics()["tocsin_alarms_held"] == 0
    peers.check_invariants(a, sandbox)
