"""Changes in StackFlow: what they hold, and that failing look-ups hold
nothing."""
import json
import time

import peers
import pytest
import timed

RULES = {"20-payments.yaml": """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "*"}]
ci:
  - map: {pay-db-1: CI1, pay-db-2: CI2, pay-db-3: CI3, pay-db-4: CI4,
          pay-db-5: CI5}
    key: "${dim.DBInstanceIdentifier}"
severity:
  - {when: {alarm: "*-SEV1*"}, set: critical}
  - {else: medium}
policies:
  - {id: asks, match: {alarm: "asks-*"}, require_change: true}
  - {id: rest, match: {}}
suppress:
  - {id: in-change, match: {severity: [medium, low], not: {alarm: "asks-*"}}, when_change: {state: [implement]}}
"""}


def change(sandbox, state="implement", ci="CI1", title="Patch the database"):
    status, _, data = call(sandbox, "POST", "/changes", {
        "short_description": title, "state": state, "ci_id": ci})
    assert status == 201, data
    return json.loads(data)["id"]


def patch(sandbox, change_id, **fields):
    status, _, data = call(sandbox, "PATCH", f"/changes/{change_id}", fields)
    assert status == 200, data
    return json.loads(data)


def call(sandbox, method, path, body):
    return sandbox.http.call(method, "/prod/api" + path, body, {
        "Authorization": "Bearer " + sandbox.info["api_key"]})


def alarm(name, db="pay-db-1", state="ALARM", when=None):
    message = json.loads(peers.alarm(name, state, when))
    message["Trigger"]["Dimensions"][0]["value"] = db
    return json.dumps(message)


def event(agent, name, n=0):
    return agent.get(f"/api/v1/events?alarm={name}")["events"][n]


def opened(sandbox, name):
    return [i for i in sandbox.incidents() if name in i["short_description"]]


def texts(incident):
    return incident["description"] + "\n".join(
        n["body"] for n in incident["notes"])


def asked(agent):
    return agent.metrics()["tocsin_change_lookups_total"]


def test_the_sandbox_keeps_changes(sandbox):
    id = change(sandbox, "new")
    assert patch(sandbox, id, state="implement", id="other")["id"] == id
    _, _, data = call(sandbox, "GET", "/changes?ci_id=CI1&state=implement",
                      None)
    (row,) = json.loads(data)["data"]
    assert (row["id"], row["state"]) == (id, "implement")
    patch(sandbox, id, ci_id="CI2")
    _, _, data = call(sandbox, "GET", "/changes?ci_id=CI1", None)
    assert json.loads(data)["data"] == []
    assert call(sandbox, "PATCH", "/changes/CHG9999999",
                {"state": "x"})[0] == 404
    assert call(sandbox, "PATCH", f"/changes/{id}", [])[0] == 400


def test_a_change_holds_and_its_end_opens(make_agent, sandbox, clock):
    """The hold is looked at again each minute, the answer kept as long."""
    began = time.monotonic()
    id = change(sandbox)
    change(sandbox, "implement", "CI9")
    agent = make_agent(rules=RULES)
    for name, db in (("pay-cpu", "pay-db-1"), ("pay-io-SEV1", "pay-db-1"),
                     ("pay-mem", "pay-db-2"), ("pay-none", "other")):
        assert agent.send(alarm(name, db, when=clock.now())) == 200
    agent.settle()
    names = sorted(i["short_description"] for i in sandbox.incidents())
    assert len(names) == 3 and not opened(sandbox, "pay-cpu")
    e = event(agent, "pay-cpu")
    assert e["action"] == "hold"
    assert "in-change" in e["because"] and id in e["because"]
    assert asked(agent) == 2
    assert agent.metrics()["tocsin_change_lookups_failed_total"] == 0
    patch(sandbox, id, state="closed")

    # Answers have an age by a clock that nobody sets: it stays held so long.
    clock.pass_by(agent, timed.MINUTE + 1)
    assert not opened(sandbox, "pay-cpu") or time.monotonic() > began + 59
    assert asked(agent) == 2 or time.monotonic() > began + 59
    clock.elapse(timed.MINUTE)
    clock.pass_by(agent, timed.MINUTE + 1)
    peers.wait_for("the incident", lambda: opened(sandbox, "pay-cpu"))
    agent.settle()
    (incident,) = opened(sandbox, "pay-cpu")
    peers.wait_for("a note that names the change",
                   lambda: id in texts(opened(sandbox, "pay-cpu")[0]), 10)
    assert incident["ci_id"] == "CI1"
    peers.check_invariants(agent, sandbox)


def test_an_ok_inside_ends_it(make_agent, sandbox):
    id = change(sandbox)
    agent = make_agent(rules=RULES)
    now = time.time()
    assert agent.send(alarm("pay-cpu", when=now)) == 200
    assert agent.send(alarm("pay-cpu", state="OK", when=now + 1)) == 200
    agent.settle()
    assert not sandbox.incidents()
    first = event(agent, "pay-cpu", 1)
    assert id in first["because"] or "in-change" in first["because"]


def test_answers_are_kept(make_agent, sandbox):
    change(sandbox)
    agent = make_agent(rules=RULES)
    for k in range(30):
        assert agent.send(alarm(f"pay-{k}")) == 200
    agent.settle()
    assert not sandbox.incidents() and asked(agent) == 1
    for k in range(30):
        assert agent.send(alarm(f"web-{k}", "pay-db-2")) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 30 and asked(agent) == 2


def test_other_pages_of_the_list_are_read(make_agent, sandbox):
    sandbox.set(rate=0)
    for k in range(230):
        change(sandbox, "closed", title=f"{k}")
    change(sandbox)
    agent = make_agent(rules=RULES)
    for paging in ("page", "cursor"):
        sandbox.set(paging=paging)
        sent = []

        def held():
            """A busy machine may answer too late for the first ones."""
            sent.append(f"pay-{paging}-{len(sent)}")
            assert agent.send(alarm(sent[-1])) == 200
            agent.settle()
            return event(agent, sent[-1])["action"] == "hold"

        peers.wait_for("a hold", held, 40, 0.5)
        if paging == "page":
            agent.restart()


def test_a_filter_that_stackflow_does_not_know(make_agent, sandbox):
    """Everything comes back: another CI's change holds nothing."""
    change(sandbox, ci="CI2")
    agent = make_agent(rules=RULES, conf={
        "stackflow": {"changes": {"ci": "configuration_item"}}})
    assert agent.send(alarm("pay-cpu")) == 200
    assert agent.send(alarm("pay-mem", "pay-db-2")) == 200
    agent.settle()
    assert len(opened(sandbox, "pay-cpu")) == 1
    assert event(agent, "pay-mem")["action"] == "hold"


def test_an_incident_says_that_no_change_was_open(make_agent, sandbox):
    id = change(sandbox, "scheduled", "CI2")
    agent = make_agent(rules=RULES)
    assert agent.send(alarm("asks-one")) == 200
    assert agent.send(alarm("asks-two", "pay-db-2")) == 200
    agent.settle()
    (one,), (two,) = opened(sandbox, "asks-one"), opened(sandbox, "asks-two")
    assert "no change" in texts(one).lower()
    assert id in texts(two) and "no change" not in texts(two).lower()


# A look-up of which nobody waits for the end, on machines however busy.
PATIENT = {"stackflow": {"timeout": "110s"}}
NO_WAIT = 30
HANGS = int(100 * 1000 * peers.SLOW)


@pytest.mark.parametrize("fault", [
    {"kind": "slow", "delay": HANGS}, {"kind": "error", "status": 500},
    {"kind": "error", "status": 404}, {"kind": "hangup"}, {"kind": "401"},
    {"kind": "answer", "body": "not json"},
    {"kind": "answer", "body": '{"data": 7}'},
    {"kind": "answer", "body": '{"data": [7, null, {"id": "../x", "ci_id": '
                               '"CI1", "state": "implement"}]}'},
    {"kind": "drip", "delay": 500}, {"kind": "endless", "size": 99999999}],
    ids=lambda f: f["kind"] + str(f.get("status", f.get("body", "")))[:12])
def test_a_failed_look_up_holds_and_delays_nothing(make_agent, sandbox,
                                                   fault):
    change(sandbox)
    agent = make_agent(rules=RULES, conf=PATIENT)
    agent.send(alarm("warm", "other"))
    agent.settle()
    sandbox.fault(method="GET", path="/changes", **fault)
    assert agent.send(alarm("pay-cpu")) == 200
    # Long before the request itself would be given up.
    peers.wait_for("the incident", lambda: opened(sandbox, "pay-cpu"),
                   NO_WAIT)
    sandbox.clear()
    agent.settle(40)
    assert len(opened(sandbox, "pay-cpu")) == 1
    # Incidents go on: StackFlow isn't down.
    assert agent.metrics()["tocsin_degraded"] == 0
    if "implement" not in fault.get("body", ""):
        assert agent.metrics()["tocsin_change_lookups_failed_total"] >= 1


def test_one_hanging_look_up_holds_up_no_other(make_agent, sandbox):
    agent = make_agent(rules=RULES, conf=PATIENT)
    agent.send(alarm("warm", "other"))
    agent.settle()
    sandbox.fault("slow", method="GET", path="/changes", delay=HANGS)
    signer = peers.Signer(sandbox)

    def overtakes(k):
        """That one which asks nothing is first, though it came last. On a
        busy machine the other's patience may be over before."""
        names = (f"pay-{k}", f"web-{k}")
        for body in [signer.envelope(alarm(names[0], f"pay-db-{k}")),
                     signer.envelope(alarm(names[1], "other"))]:
            assert agent.post(body) == 200
        peers.wait_for("both", lambda: all(
            opened(sandbox, n) for n in names), NO_WAIT)
        pay, web = (opened(sandbox, n)[0]["id"] for n in names)
        return web < pay

    assert any(overtakes(k) for k in range(3, 6))
    before = asked(agent)
    for k in range(20):
        assert agent.send(alarm(f"many-{k}", f"pay-db-{k % 2 + 1}")) == 200
    assert agent.send(alarm("top-SEV1")) == 200
    peers.wait_for("all", lambda: opened(sandbox, "top-SEV1") and
                   len(opened(sandbox, "many-")) == 20, NO_WAIT)
    assert asked(agent) >= before + 2

    def not_asked_for(name):
        """Known to fail: for a while nobody waits for it."""
        before = asked(agent)
        assert agent.send(alarm(name)) == 200
        peers.wait_for(name, lambda: opened(sandbox, name), NO_WAIT)
        return asked(agent) == before

    assert any(not_asked_for(f"late-{k}") for k in range(3))
    sandbox.clear()
    agent.settle(40)
    m = agent.metrics()
    assert m["tocsin_change_lookups_failed_total"] == \
        m["tocsin_change_lookups_total"]


def test_it_holds_again_when_look_ups_come_back(make_agent, sandbox):
    change(sandbox)
    agent = make_agent(rules=RULES)
    sandbox.fault("error", status=500, method="GET", path="/changes")
    assert agent.send(alarm("pay-0")) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1
    sandbox.clear()
    sent = []

    def held():
        sent.append(f"pay-{len(sent) + 1}")
        assert agent.send(alarm(sent[-1])) == 200
        agent.settle()
        return event(agent, sent[-1])["action"] == "hold"

    peers.wait_for("a hold", held, 40, 1)
    assert not opened(sandbox, sent[-1])
