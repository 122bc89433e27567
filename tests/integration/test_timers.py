"""open_after, open_when, stable_for, flap, escalate, group and limits."""
import os
import time

import pytest

import peers
import timed
from timed import DAY, HOUR, MINUTE


# ---- open_after ----

def test_it_opens_once_it_has_lasted(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules(["{id: p, match: {}, open_after: 10m}"]))
    timed.fire(a, "slow", when=clock.now())
    a.settle()
    clock.pass_by(a, 9 * MINUTE)
    assert a.metrics()["tocsin_alarms_waiting"] == 1
    (w,) = timed.held(a)
    assert w["alarm"] == "slow" and w["waits_for"] == "open_after"
    assert w["since"] < w["until"]
    assert sandbox.incidents() == []
    assert "slow" in a.cli("status").stdout
    clock.forward(2 * MINUTE)
    timed.incident(sandbox)
    a.settle()
    assert a.metrics()["tocsin_alarms_waiting"] == 0
    assert timed.held(a) == []
    # Its event is told as what it became.
    e = timed.event(a, "slow")
    assert e["action"] == "create" and e["incident_id"]
    assert len(peers.check_invariants(a, sandbox, [e["id"]])) == 1


def test_an_ok_inside_opens_nothing(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([
        "{id: short, match: {alarm: \"blip\"}, open_after: 10m}",
        "{id: rest, match: {}}"]))
    timed.fire(a, "blip", when=clock.now())
    clock.forward(MINUTE)
    timed.fire(a, "blip", "OK", when=clock.now())
    a.settle()
    assert a.metrics()["tocsin_alarms_waiting"] == 0
    e = timed.event(a, "blip")
    assert e["state"] == "OK"
    first = a.get("/api/v1/events?alarm=blip")["events"][-1]
    assert first["state"] == "ALARM" and first["action"] != "hold"
    assert "OK" in first["because"]
    clock.pass_by(a, 20 * MINUTE)
    timed.fire(a, "marker", when=clock.now())
    timed.incident(sandbox)
    a.settle()
    assert "marker" in timed.incident(sandbox)["short_description"]


def test_a_wait_outlives_kill_9(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules(["{id: p, match: {}, open_after: 10m}"]))
    timed.fire(a, "slow", when=clock.now())
    a.settle()
    a.restart()
    clock.pass_by(a, 5 * MINUTE)
    assert a.metrics()["tocsin_alarms_waiting"] == 1
    assert sandbox.incidents() == []
    clock.forward(6 * MINUTE)
    timed.incident(sandbox)
    a.settle()
    # Due while nobody ran: it opens at the start.
    timed.fire(a, "second", when=clock.now())
    a.settle()
    a.kill()
    clock.forward(11 * MINUTE)
    a.start()
    peers.wait_for("both", lambda: len(sandbox.incidents()) == 2)
    a.settle()
    peers.check_invariants(a, sandbox)


@pytest.mark.parametrize("how", ["live", "start"])
def test_a_clock_set_back_lengthens_no_wait(make_agent, sandbox, folder, how):
    own = timed.Clock(folder)
    a = make_agent(env=own.env(), rules=timed.rules([
        "{id: p, match: {}, open_after: 2h}"]))
    timed.fire(a, "slow", when=own.now())
    a.settle()
    if how == "start":
        a.kill()
    own.jump(-4 * HOUR)
    if how == "start":
        a.start()
    peers.wait_for("the moment to move", lambda: [
        w["until"] <= timed.iso(own.now() + 2 * HOUR)
        for w in timed.held(a)] == [True])
    assert sandbox.incidents() == []
    own.forward(2 * HOUR)
    timed.incident(sandbox)
    a.settle()
    assert a.metrics()["tocsin_alarms_waiting"] == 0


def test_a_clock_set_forward_ends_a_wait(make_agent, sandbox, folder):
    """Within about a second. A busy machine takes longer, but not each
    time."""
    own = timed.Clock(folder)
    a = make_agent(env=own.env(), rules=timed.rules([
        "{id: p, match: {}, open_after: 1h}"]))
    took = []
    for k in range(1, 9):
        # By a message, whose age nobody asks for.
        assert a.hook({"AlarmName": f"slow-{k}"})[0] == 200
        a.settle()
        assert a.metrics()["tocsin_alarms_waiting"] == 1
        own.forward(2 * HOUR)
        began = time.monotonic()
        peers.wait_for("its end", lambda: a.metrics()
                       ["tocsin_alarms_waiting"] == 0)
        took.append(time.monotonic() - began)
        if took[-1] < 2:
            break
    assert min(took) < 2.5 * peers.patience(), took
    a.settle()
    assert len(sandbox.incidents()) == k


def test_a_reload_takes_open_after_away(make_agent, sandbox, clock):
    """A newer ALARM of what waits goes by today's rules."""
    a = make_agent(rules=timed.rules(["{id: p, match: {}, open_after: 1h}"]))
    timed.fire(a, "slow", when=clock.now())
    a.settle()
    for name, text in timed.rules(["{id: p, match: {}}"]).items():
        a.write_rules(name, text)
    timed.reload(a)
    timed.fire(a, "slow", when=clock.now())
    timed.incident(sandbox)
    a.settle()
    assert timed.held(a) == []
    assert a.metrics()["tocsin_alarms_waiting"] == 0


# ---- open_when ----

def test_it_opens_at_the_third(make_agent, sandbox):
    a = make_agent(rules=timed.rules([
        "{id: p, match: {}, open_when: {count: 3, within: 10m}}"]))
    now = time.time()
    for k in range(2):
        timed.fire(a, "batch", when=now + k)
        a.settle()
    assert sandbox.incidents() == []
    a.restart()
    timed.fire(a, "batch", when=now + 2)
    timed.incident(sandbox)
    a.settle()
    peers.check_invariants(a, sandbox)


# ---- stable_for and flap ----

def test_resolved_only_once_ok_has_lasted(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules(
        ["{id: p, match: {}, resolve: {when: OK, stable_for: 10m}}"]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    timed.fire(a, "db", "OK", when=clock.now())
    a.settle()
    (t,) = timed.timers(a)
    assert t["resolves_at"]
    clock.pass_by(a, 9 * MINUTE)
    assert timed.incident(sandbox)["state"] != "resolved"
    # It fires again before that: nothing is resolved.
    timed.fire(a, "db", when=clock.now())
    a.settle()
    assert timed.timers(a) == []
    clock.pass_by(a, 20 * MINUTE)
    assert timed.incident(sandbox)["state"] != "resolved"
    timed.fire(a, "db", "OK", when=clock.now())
    a.settle()
    a.restart()
    clock.pass_by(a, 9 * MINUTE)
    assert timed.incident(sandbox)["state"] != "resolved"
    clock.forward(2 * MINUTE)
    timed.state_is(sandbox, "resolved")
    a.settle()
    assert len(sandbox.incidents()) == 1
    assert timed.timers(a) == []
    peers.check_invariants(a, sandbox)


def test_one_incident_while_it_flaps(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([
        "{id: p, match: {}, flap: {transitions: 4, within: 2h, "
        "quiet_for: 30m}}"], "{reopen_within: 0s}"))

    def flap():
        for state in ("ALARM", "OK"):
            clock.forward(MINUTE)
            timed.fire(a, "flappy", state, clock.now())
            a.settle()

    def open_now():
        return [i for i in sandbox.incidents() if i["state"] != "resolved"]

    for _ in range(3):
        flap()
    before = len(sandbox.incidents())
    for _ in range(3):
        flap()
    assert len(sandbox.incidents()) <= before + 1
    assert len(open_now()) == 1
    a.restart()
    clock.pass_by(a, 25 * MINUTE)
    assert len(open_now()) == 1
    clock.forward(10 * MINUTE)
    peers.wait_for("the end", lambda: not open_now())
    peers.check_invariants(a, sandbox)


# ---- escalate ----

ESCALATE = "{id: p, match: {}, severity: medium, escalate: " \
    "[{after: 15m, unless: acknowledged, raise_to: P1, " \
    "note: \"Nobody has taken it\"}]}"


def is_p1(sandbox):
    return timed.incident(sandbox)["priority"] == "P1"


def test_it_escalates_where_nobody_has_taken_it(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    (t,) = timed.timers(a)
    assert t["escalates_at"]
    clock.pass_by(a, 14 * MINUTE)
    assert not is_p1(sandbox)
    clock.forward(2 * MINUTE)
    peers.wait_for("P1", lambda: is_p1(sandbox))
    a.settle()
    assert "Nobody has taken it" in timed.notes(timed.incident(sandbox))
    m = a.metrics()
    assert m["tocsin_escalations_total"] == 1
    assert m["tocsin_dead_letters"] == 0
    assert timed.timers(a) == []


@pytest.mark.parametrize("fields", [{"state": "in_progress"},
                                    {"assigned_to": "jane@example.com"}])
def test_what_is_acknowledged_stays(make_agent, sandbox, clock, fields):
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    sandbox.person(timed.incident(sandbox)["id"], **fields)
    clock.pass_by(a, 16 * MINUTE)
    assert timed.timers(a) == []
    assert not is_p1(sandbox)
    assert "Nobody" not in timed.notes(timed.incident(sandbox))
    assert a.metrics()["tocsin_escalations_total"] == 0


def test_an_escalation_outlives_kill_9(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    a.kill()
    clock.forward(16 * MINUTE)
    sandbox.fault("error", method="GET", path="/incidents/*", status=500,
                  count=1)
    a.start()
    peers.wait_for("P1", lambda: is_p1(sandbox))
    a.settle()
    assert timed.notes(timed.incident(sandbox)).count("Nobody has taken") == 1
    peers.check_invariants(a, sandbox)


def test_what_triage_does_before_the_others_are_there_is_sent(
        make_agent, sandbox, clock, folder):
    """An operation committed while the agent still starts."""
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    a.kill()
    clock.forward(16 * MINUTE)
    a.env["LD_PRELOAD"] += ":" + timed.compiled(
        os.path.join(folder, "slow.so"), "preload/slow_start.c")
    a.start()
    peers.wait_for("P1", lambda: is_p1(sandbox))
    a.settle()
    peers.check_invariants(a, sandbox)


def test_a_resolved_incident_escalates_no_more(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    timed.fire(a, "db", "OK", when=clock.now())
    timed.state_is(sandbox, "resolved")
    a.settle()
    assert timed.timers(a) == []
    clock.pass_by(a, 20 * MINUTE)
    assert not is_p1(sandbox)
    assert a.metrics()["tocsin_escalations_total"] == 0


def test_what_a_person_closed_has_no_timer(make_agent, sandbox, clock):
    """Closed there while an escalation is due here."""
    a = make_agent(rules=timed.rules([ESCALATE]))
    timed.fire(a, "db", when=clock.now())
    a.settle()
    sandbox.person(timed.incident(sandbox)["id"], state="closed")
    clock.pass_by(a, 16 * MINUTE)
    assert timed.timers(a) == []
    assert len(sandbox.incidents()) == 1
    assert a.metrics()["tocsin_escalations_total"] == 0


# ---- group and limits ----

GROUP = "{id: p, match: {}, group: {by: \"${account}/p99\", within: 10m, " \
    "short_description: \"Latency\"}}"


def test_a_group_is_one_incident(make_agent, sandbox, clock):
    a = make_agent(rules=timed.rules([GROUP]))
    for name in ("a", "b"):
        timed.fire(a, name, when=clock.now())
    a.settle()
    assert timed.titles(sandbox) == ["Latency"]
    a.restart()
    clock.forward(11 * MINUTE)
    # After its time a new one; what belongs to the old one stays with it.
    timed.fire(a, "c", when=clock.now())
    timed.fire(a, "a", when=clock.now())
    a.settle()
    assert timed.titles(sandbox) == ["Latency", "Latency"]
    for name in ("a", "b"):
        timed.fire(a, name, "OK", when=clock.now())
    a.settle()
    timed.state_is(sandbox, "resolved")
    assert len([i for i in sandbox.incidents()
                if i["state"] == "resolved"]) == 1
    timed.fire(a, "c", "OK", when=clock.now())
    a.settle()
    assert all(i["state"] == "resolved" for i in sandbox.incidents())
    peers.check_invariants(a, sandbox)


PLATFORM = "version: 1\nteam: platform\nplatform: true\n" \
    "owners: [p@example.com]\n" \
    "limits: {open_per_team: 2, within: 10m}\n"


@pytest.mark.parametrize("at_once", [True, False])
def test_beyond_the_limit_one_parent(make_agent, sandbox, at_once):
    a = make_agent(rules={**timed.rules(
        ["{id: top, match: {alarm: \"top-*\"}, severity: critical}",
         "{id: p, match: {}, severity: medium}"]),
        "00-platform.yaml": PLATFORM})
    now = time.time()
    for k in range(5):
        timed.fire(a, f"storm-{k}", when=now)
        if not at_once:
            a.settle()
    a.restart()
    timed.fire(a, "top-1", when=now)
    a.settle()
    assert len(sandbox.incidents()) == 4
    assert [i for i in sandbox.incidents() if i["priority"] == "P1"]
    for k in range(5):
        timed.fire(a, f"storm-{k}", "OK", when=now + 1)
    a.settle()
    assert len([i for i in sandbox.incidents()
                if i["state"] == "resolved"]) == 3
    peers.check_invariants(a, sandbox)


# ---- together ----

def test_a_day_s_timers_after_a_jump_and_back(make_agent, sandbox, folder):
    """Far ahead and back while a timer is set: it isn't lost."""
    own = timed.Clock(folder, DAY)
    a = make_agent(env=own.env(), rules=timed.rules([
        "{id: p, match: {}, severity: medium, escalate: "
        "[{after: 15m, raise_to: P1}]}"]))
    assert a.hook({"AlarmName": "db"})[0] == 200
    a.settle()
    assert len(timed.timers(a)) == 1
    own.jump(0)
    peers.wait_for("the moment to move", lambda: [
        t["escalates_at"] <= timed.iso(own.now() + 15 * MINUTE)
        for t in timed.timers(a)] == [True])
    assert not is_p1(sandbox)
    own.jump(15 * MINUTE)
    peers.wait_for("P1", lambda: is_p1(sandbox))


def test_many_waits_end_at_once(make_agent, sandbox, clock):
    """More than one round takes; every one opens, once."""
    sandbox.set(rate=0)
    a = make_agent(rules=timed.rules(["{id: p, match: {}, open_after: 10h}"]))
    signer = peers.Signer(sandbox)
    for k in range(400):
        assert a.post(signer.envelope(peers.alarm(f"w-{k}"))) == 200
    a.settle(60)
    assert a.metrics()["tocsin_alarms_waiting"] == 400
    a.kill()
    clock.forward(11 * HOUR)
    a.start()
    peers.wait_for("all", lambda: len(sandbox.incidents()) == 400, 60, 0.2)
    a.settle()
    assert a.metrics()["tocsin_alarms_waiting"] == 0
    peers.check_invariants(a, sandbox)
