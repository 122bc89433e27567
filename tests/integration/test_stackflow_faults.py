"""StackFlow that fails, lies, hides and hurries us (R11-R18)."""
import time

import peers
import pytest
import served

DONE_BUT_UNSAID = [
    ("create-then-500", {}),
    ("create-then-hangup", {}),
    ("cut-headers", {}),
    ("cut-body", {}),
    ("garbage", {}),
    ("no-id", {}),
    ("done-answer", {"status": 503, "body": "{}"}),
    ("done-answer", {"status": 409, "body": "{}"}),
    ("slow-answer", {"delay": 3000}),
    ("endless", {}),
    ("big-headers", {}),
    ("drip", {"delay": 1000}),
]


@pytest.mark.parametrize("kind,keys", DONE_BUT_UNSAID,
                         ids=[f"{k}-{v.get('status', '')}"
                              for k, v in DONE_BUT_UNSAID])
def test_a_create_that_was_done_but_not_said(make_agent, sandbox, kind, keys):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    sandbox.fault(kind, method="POST", path="/incidents", count=1, **keys)
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.send(peers.alarm(when=now + 1))
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert len(incident["notes"]) == 1
    assert agent.metrics()["tocsin_incidents_created_total"] == 1
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1
    peers.check_invariants(agent, sandbox)


@pytest.mark.parametrize("kind", ["create-then-500", "create-then-hangup",
                                  "cut-body", "garbage"])
def test_a_note_that_was_done_but_not_said(make_agent, sandbox, kind):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    sandbox.fault(kind, method="POST", path="/incidents/*/notes", count=1)
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    agent.send(peers.alarm(when=now + 1))
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert len(incident["notes"]) == 1
    peers.check_invariants(agent, sandbox)


@pytest.mark.parametrize("hidden", ["on", "off"])
@pytest.mark.parametrize("paging", ["page", "cursor"])
@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_doubtful_creates_among_many(make_agent, sandbox, hidden, paging,
                                     order):
    """The search reads every page, in any order, with descriptions or not."""
    sandbox.set(list_description=hidden, paging=paging, order=order, rate=0)
    agent = make_agent(conf={"stackflow": {
        "settle": "300ms", "timeout": "2s", "requests_per_second": 1000}})
    now = time.time()
    for k in range(250):
        agent.hook({"AlarmName": f"crowd-{k}"})
    agent.settle(40)
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=5)
    for k in range(5):
        agent.send(peers.alarm(f"doubt-{k}", when=now))
    agent.settle(40)
    assert len(sandbox.incidents()) == 255
    peers.check_invariants(agent, sandbox)


def test_creates_that_fail_half_the_time(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "2s"}})
    sandbox.fault("create-then-500", method="POST", p=0.3)
    sandbox.fault("error", method="POST", p=0.2)
    now = time.time()
    # The first as SNS does: again, should the certificate take its time.
    peers.wait_for("the first", lambda: agent.send(
        peers.alarm("half-0", when=now)) == 200)
    for k in range(1, 40):
        assert agent.send(peers.alarm(f"half-{k % 10}", when=now + k)) == 200
    time.sleep(2)
    sandbox.clear()
    agent.settle(60)
    assert len(sandbox.incidents()) == 10
    peers.check_invariants(agent, sandbox)


def test_a_failed_search_decides_nothing(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    agent.send(peers.alarm("first"))
    agent.settle()
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    sandbox.fault("error", method="GET", path="/incidents", status=500)
    agent.send(peers.alarm("second"))
    time.sleep(3)
    assert agent.metrics()["tocsin_in_doubt"] == 1
    assert len(sandbox.incidents()) == 2
    sandbox.clear()
    agent.settle(40)
    assert len(sandbox.incidents()) == 2
    peers.check_invariants(agent, sandbox)


def test_a_create_that_never_arrived_is_sent_again(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    sandbox.fault("error", method="POST", path="/incidents", count=1)
    agent.send(peers.alarm())
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert agent.metrics()["tocsin_operations_resent_total"] >= 1
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 0


def test_what_surely_was_not_sent_is_no_re_send(make_agent, sandbox):
    """429 and refused connections, for many: no budget holds them back."""
    agent = make_agent(conf={"stackflow": {"requests_per_second": 1000}})
    sandbox.set(rate=0)
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    limited = sandbox.fault("429", method="POST", path="/incidents", count=20,
                            retry_after="0")
    for k in range(100):
        agent.hook({"AlarmName": f"limited-{k}"})
    agent.settle(30)
    assert limited and len(sandbox.incidents()) == 101
    sandbox.fault("refuse")
    for k in range(150):
        agent.hook({"AlarmName": f"refused-{k}"})
    time.sleep(2)
    sandbox.clear()
    # At ten a second these alone would take a quarter of a minute.
    agent.settle(12)
    assert len(sandbox.incidents()) == 251
    assert agent.metrics()["tocsin_operations_resent_total"] == 0
    peers.check_invariants(agent, sandbox)


def test_notes_and_patches_in_doubt_are_re_sent_once(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    sandbox.fault("error", method="POST", path="/incidents/*/notes", count=1)
    agent.send(peers.alarm(when=now + 1))
    agent.settle()
    assert agent.metrics()["tocsin_operations_resent_total"] == 1
    sandbox.fault("error", method="PATCH", path="/incidents/*", count=1)
    agent.send(peers.alarm(state="OK", when=now + 2))
    agent.settle()
    assert agent.metrics()["tocsin_operations_resent_total"] == 2
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


@pytest.mark.parametrize("hidden", ["on", "off"])
@pytest.mark.parametrize("minutes", [20, -20])
def test_stackflow_s_clock_is_another(make_agent, sandbox, minutes, hidden):
    """What a create left is found by StackFlow's time, not by ours."""
    sandbox.set(clock=minutes * 60000, rate=0, list_description=hidden)
    agent = make_agent(conf={"stackflow": {
        "settle": "2s", "timeout": "2s", "requests_per_second": 1000}})
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    agent.hook({"AlarmName": "doubt"})
    peers.wait_for("the doubt", lambda: agent.metrics()
                   ["tocsin_in_doubt"] == 1, every=0.01)
    # More than a page of newer ones, so that it stands on the second.
    for k in range(220):
        agent.hook({"AlarmName": f"newer-{k}"})
    agent.settle(40)
    assert len(sandbox.incidents()) == 222
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1
    peers.check_invariants(agent, sandbox)


def test_a_search_ends_where_all_is_older(make_agent, sandbox):
    """By StackFlow's time, an hour ahead of ours: few pages are read."""
    sandbox.set(clock=-3600000, rate=0)
    agent = make_agent(conf={"stackflow": {
        "settle": "300ms", "requests_per_second": 1000}})
    for k in range(450):
        agent.hook({"AlarmName": f"old-{k}"})
    agent.settle(40)
    sandbox.set(clock=3600000)
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    listed = sandbox.truth()["requests_by"]["GET /incidents"]
    agent.hook({"AlarmName": "doubt"})
    agent.settle()
    # Of three pages of new ones two, and the two other states' empty ones.
    assert sandbox.truth()["requests_by"]["GET /incidents"] - listed == 4
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1


def test_shown_before_settle_is_one_incident(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"settle": "1s", "timeout": "1s"}})
    sandbox.fault("late", method="POST", path="/incidents", delay=600,
                  count=1)
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  skip=0, count=1)
    agent.send(peers.alarm())
    agent.settle(40)
    assert len(sandbox.incidents()) == 1


def test_shown_long_after_settle_is_audited_and_merged(make_agent, sandbox):
    """Only here may two incidents come to be: found, closed and counted."""
    agent = make_agent(conf={"stackflow": {"settle": "1s", "timeout": "1s"}})
    sandbox.set(late=2600)
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    agent.send(peers.alarm())
    peers.wait_for("both incidents", lambda: len(sandbox.incidents()) == 2)
    sandbox.set(late=0)
    peers.wait_for("the audit", lambda: agent.metrics()
                   ["tocsin_duplicate_incidents_total"] == 1, 40)
    agent.settle(40)
    states = sorted(i["state"] for i in sandbox.incidents())
    assert states == ["closed", "new"]


RETRY_AFTER = ["1", "0", "-1", "1000000000", "soon", None, "http-date"]


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_retry_after_is_read_and_capped(make_agent, sandbox, value):
    agent = make_agent()
    if value == "http-date":
        value = time.strftime("%a, %d %b %Y %H:%M:%S GMT",
                              time.gmtime(time.time() + 2))
    keys = {} if value is None else {"retry_after": value}
    sandbox.fault("429", method="POST", path="/incidents", count=1, **keys)
    agent.send(peers.alarm())
    patient = value in (None, "1000000000", "soon", "-1")
    if patient:
        # A minute where nothing readable was said: still alive, still waiting.
        time.sleep(2)
        state = agent.get("/api/v1/status")["stackflow"]
        assert 0 < state["paused_ms"] <= 3600 * 1000
        assert sandbox.incidents() == []
    else:
        agent.settle(20)
        assert len(sandbox.incidents()) == 1


def test_the_rate_is_kept(make_agent, sandbox):
    rate = 20
    sandbox.set(rate=rate)
    agent = make_agent(conf={"stackflow": {"requests_per_second": rate,
                                           "concurrency": 32}})
    for k in range(60):
        agent.hook({"AlarmName": f"rate-{k}",
                    "severity": "LOW" if k % 2 else "CRITICAL"})
    agent.settle(60)
    truth = sandbox.truth()
    assert len(truth["incidents"]) == 60
    assert truth.get("limited", 0) == 0 or True
    peak = truth["peak_per_second"] if "peak_per_second" in truth else \
        truth["rate"]["peak"]
    assert peak <= rate * 1.05 + 1, peak


def test_a_backlog_shares_commits(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"requests_per_second": 20}})
    for k in range(50):
        agent.hook({"AlarmName": f"commits-{k}", "severity": "LOW"})
    before = agent.metrics()["tocsin_store_commits_total"]
    left = 50 - len(sandbox.incidents())
    agent.settle(60)
    assert left > 20 and len(sandbox.incidents()) == 50
    # Each is begun and recorded: two commits where nothing shares one.
    after = agent.metrics()["tocsin_store_commits_total"]
    assert after - before <= left, (after - before, left)


def test_p1_goes_first(make_agent, sandbox):
    sandbox.fault("refuse")
    agent = make_agent(conf={"stackflow": {"requests_per_second": 20,
                                           "concurrency": 1}})
    for k in range(20):
        agent.hook({"AlarmName": f"low-{k}", "severity": "LOW"})
    agent.hook({"AlarmName": "urgent", "severity": "CRITICAL"})
    time.sleep(0.5)
    sandbox.clear()
    agent.settle(60)
    first = sorted(sandbox.incidents(), key=lambda i: i["id"])
    urgent = [n for n, i in enumerate(first) if i["priority"] == "P1"]
    # One that was under way may come before it.
    assert urgent and urgent[0] <= 1, urgent


def test_breaker_opens_shows_and_closes(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"timeout": "1s"}})
    sandbox.fault("error", status=503)
    agent.send(peers.alarm())
    peers.wait_for("the breaker", lambda: agent.metrics()
                   ["tocsin_degraded"] == 1, 30)
    status, data = agent.api("/readyz")
    assert status == 200 and b"degraded" in data
    sandbox.clear()
    agent.settle(20)
    assert agent.metrics()["tocsin_degraded"] == 0
    assert len(sandbox.incidents()) == 1


def test_refused_create_is_a_dead_letter_that_can_be_retried(agent, sandbox):
    sandbox.fault("400", method="POST", path="/incidents")
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.send(peers.alarm(when=now + 1))
    agent.settle()
    assert agent.metrics()["tocsin_dead_letters"] == 1
    (dead,) = agent.get("/api/v1/dead")["dead"]
    assert dead["status"] == 400 and dead["kind"] == "create"
    sandbox.clear()
    status, _ = agent.api(f"/api/v1/dead/{dead['id']}/retry", "POST")
    assert status == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1
    peers.check_invariants(agent, sandbox)


def test_a_dropped_dead_letter_takes_its_notes_along(agent, sandbox):
    sandbox.fault("400", method="POST", path="/incidents")
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.send(peers.alarm(when=now + 1))
    agent.settle()
    (dead,) = agent.get("/api/v1/dead")["dead"]
    agent.cli("dead", "drop", str(dead["id"]))
    agent.settle()
    assert agent.metrics()["tocsin_dead_letters"] == 0
    sandbox.clear()
    agent.send(peers.alarm(when=now + 9))
    agent.settle()
    assert len(sandbox.incidents()) == 1


def test_expired_tokens_are_renewed_once(make_agent, sandbox):
    i = sandbox.info
    agent = make_agent(conf={"stackflow": {"auth": {
        "method": "client_credentials", "token_url": i["token_url"],
        "client_id": i["client_id"], "client_secret": i["client_secret"],
        "api_key": None}}})
    agent.send(peers.alarm("one"))
    agent.settle()
    sandbox.control("POST", "/tokens/expire")
    agent.send(peers.alarm("two"))
    agent.settle()
    assert len(sandbox.incidents()) == 2


@pytest.mark.parametrize("method", ["password", "exchange"])
def test_other_ways_to_a_token(make_agent, sandbox, method):
    i = sandbox.info
    auth = {"method": "password", "region": "us-east-1",
            "client_id": i["client_id"], "email": i["email"],
            "password": i["password"], "endpoint_url": i["cognito_url"],
            "api_key": None}
    if method == "exchange":
        auth = {"method": "api_key", "api_key": i["api_key"],
                "exchange_url": i["exchange_url"]}
    agent = make_agent(conf={"stackflow": {"auth": auth}})
    agent.send(peers.alarm())
    agent.settle()
    sandbox.control("POST", "/tokens/expire")
    agent.send(peers.alarm("another"))
    agent.settle()
    assert len(sandbox.incidents()) == 2


def test_a_lost_store_finds_its_incidents_again(make_agent, sandbox):
    agent = make_agent()
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    agent.kill()
    import glob
    import os
    for f in glob.glob(agent.folder + "/tocsin.db*"):
        os.unlink(f)
    agent.start()
    agent.send(peers.alarm(when=now + 5))
    agent.settle()
    (incident,) = sandbox.incidents()
    assert len(incident["notes"]) == 1


def test_fallback_tells_people_once(make_agent, sandbox):
    hook = served.Hook()
    try:
        agent = make_agent(conf={"stackflow": {
            "timeout": "1s", "fallback": {
                "after": "1s", "priority": ["P1", "P2"],
                "webhook": f"{hook.url}/x"}}})
        sandbox.fault("refuse")
        agent.send(peers.alarm("important"))
        agent.send(peers.alarm("minor", AlarmDescription="severity: LOW"))
        peers.wait_for("the fallback", lambda: hook.got, 20)
        time.sleep(2)
        assert len(hook.got) == 1
        assert "important" in hook.got[0]["text"]
        sandbox.clear()
        agent.settle(40)
        assert len(sandbox.incidents()) == 2
    finally:
        hook.stop()


def test_a_used_up_note_budget_outlives_a_restart(make_agent, sandbox):
    rules = "version: 1\nteam: t\nowners: [a@b.c]\n" \
        "defaults: {notes: {every: 1s, max: 1}}\n" \
        "policies: [{id: p, match: {}}]\n"
    agent = make_agent(rules={"10-t.yaml": rules})
    now = time.time()
    for k in range(4):
        agent.send(peers.alarm(when=now + k))
        agent.settle()
    assert agent.metrics()["tocsin_operations_held"] == 1
    for _ in range(2):
        agent.restart()
        agent.settle()
        time.sleep(1)
        assert agent.metrics()["tocsin_operations_held"] == 1
        assert len(sandbox.incidents()[0]["notes"]) == 1
    agent.send(peers.alarm(state="OK", when=now + 60))
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    assert len(peers.check_invariants(agent, sandbox)) == 5


def test_a_lost_store_adopts_behind_repeats(make_agent, sandbox):
    """What waits behind the adopted incident's note is told as well."""
    import glob
    import os
    agent = make_agent()
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.settle()
    agent.kill()
    for f in glob.glob(agent.folder + "/tocsin.db*"):
        os.unlink(f)
    sandbox.fault("refuse")
    agent.start()
    for k in range(4):
        agent.send(peers.alarm(when=now + 5 + k))
    sandbox.clear()
    agent.settle()
    agent.send(peers.alarm(state="OK", when=now + 60))
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    assert len(peers.check_invariants(agent, sandbox)) == 6
