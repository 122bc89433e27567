"""Names that don't resolve, certificates that are wrong, clocks that jump."""
import os
import threading
import time

import peers
import pytest
import timed
import tls


def reload(agent):
    status, data = agent.api("/-/reload", "POST")
    assert status == 200, data


def problem(agent):
    return agent.get("/api/v1/status")["stackflow"].get("problem") or ""


# ---- R19: names ----

@pytest.mark.parametrize("where", ["start", "later"])
def test_a_name_that_does_not_resolve_loses_nothing(make_agent, sandbox,
                                                    where):
    nowhere = {"stackflow": {"base_url": "https://nowhere.invalid/prod/api"}}
    agent = make_agent(conf=nowhere if where == "start" else {})
    if where == "later":
        agent.hook({"AlarmName": "before"})
        agent.settle()
        agent.configure(nowhere)
        reload(agent)
    for k in range(5):
        started = time.monotonic()
        assert agent.hook({"AlarmName": f"unsent-{k}"})[0] == 200
        assert time.monotonic() - started < 1 * peers.patience()
    peers.wait_for("the reason", lambda: "resolve" in problem(agent).lower(),
                   20)
    assert "not sent" in problem(agent)
    m = agent.metrics()
    assert m["tocsin_in_doubt"] == 0 and m["tocsin_dead_letters"] == 0
    assert m["tocsin_backlog"] >= 5
    # A process that ends meanwhile loses nothing either.
    agent.restart()
    assert agent.metrics()["tocsin_backlog"] >= 5
    agent.configure({})
    reload(agent)
    agent.settle(40)
    assert len(sandbox.incidents()) == 5 + (where == "later")
    peers.check_invariants(agent, sandbox)


def test_a_refused_port_loses_nothing(make_agent, sandbox):
    port = peers.free_port()
    agent = make_agent(conf={"stackflow": {
        "base_url": f"http://127.0.0.1:{port}/prod/api"}})
    agent.hook({"AlarmName": "refused"})
    peers.wait_for("the reason", lambda: "not sent" in problem(agent), 20)
    assert agent.metrics()["tocsin_in_doubt"] == 0
    agent.configure({})
    reload(agent)
    agent.settle(40)
    assert len(sandbox.incidents()) == 1


def test_a_reload_is_taken_up_under_load(make_agent, sandbox):
    """With requests always under way the new address still comes into use."""
    agent = make_agent(conf={"stackflow": {
        "timeout": "3s", "concurrency": 4, "requests_per_second": 1000}})
    sandbox.fault("slow", method="POST", path="/incidents", delay=300)
    elsewhere = os.path.join(agent.folder, "other")
    os.makedirs(elsewhere)
    other = peers.Sandbox(elsewhere)
    stopping = threading.Event()

    def load():
        http = peers.Http(agent.port)
        k = 0
        while not stopping.is_set():
            k += 1
            http.call("POST", "/hooks/test", f'{{"AlarmName":"busy-{k}"}}',
                      {"Authorization": "Bearer hook-token"})
            time.sleep(0.02)
        http.close()
    thread = threading.Thread(target=load)
    thread.start()
    try:
        peers.wait_for("some work", lambda: len(sandbox.incidents()) > 5)
        agent.configure({"stackflow": {
            "base_url": other.info["stackflow"], "concurrency": 4,
            "auth": {"method": "api_key",
                     "api_key": other.info["api_key"]}}})
        reload(agent)
        peers.wait_for("work at the new address",
                       lambda: len(other.incidents()) > 5, 15)
    finally:
        stopping.set()
        thread.join()
        agent.stop()
        other.stop()


# ---- R20: certificates ----

BAD = {
    "expired": {"begin": -30, "end": -1},
    "not yet": {"begin": 10, "end": 30},
    "wrong host": {"names": ["elsewhere.example"]},
    "unknown authority": None,
}


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_certificate_of_stackflow_s_waits(make_agent, sandbox, folder,
                                                  what):
    ca = tls.Authority(os.path.join(folder, "ca"), "right")
    bad = ca.issue(**BAD[what], stem="bad") if BAD[what] else \
        tls.Authority(os.path.join(folder, "ca2"), "unknown").issue(
            stem="bad")
    proxy = tls.Proxy(sandbox.ports[0], *bad)
    try:
        agent = make_agent(conf={
            "stackflow": {
                "base_url": f"https://localhost:{proxy.port}/prod/api"},
            "network": {"ca_file": ca.ca_file}})
        now = time.time()
        for k in range(3):
            assert agent.hook({"AlarmName": f"waits-{k}"})[0] == 200
        peers.wait_for("the refusal", lambda: problem(agent), 20)
        time.sleep(1)
        assert "certificate" in problem(agent).lower(), problem(agent)
        assert sandbox.incidents() == []
        assert sandbox.truth()["requests"] == 0
        m = agent.metrics()
        assert m["tocsin_in_doubt"] == 0 and m["tocsin_dead_letters"] == 0
        # Right again, without anybody touching the agent.
        proxy.use(*ca.issue(["localhost"], stem="good"))
        agent.settle(40)
        assert len(sandbox.incidents()) == 3
        assert time.time() - now < 60 * peers.patience()
        peers.check_invariants(agent, sandbox)
    finally:
        proxy.close()


def test_a_certificate_that_is_replaced_mid_run(make_agent, sandbox, folder):
    ca = tls.Authority(os.path.join(folder, "ca"))
    proxy = tls.Proxy(sandbox.ports[0], *ca.issue(["localhost"]))
    try:
        agent = make_agent(conf={
            "stackflow": {
                "base_url": f"https://localhost:{proxy.port}/prod/api"},
            "network": {"ca_file": ca.ca_file}})
        for k in range(6):
            proxy.use(*ca.issue(["localhost"]))
            assert agent.hook({"AlarmName": f"turn-{k}"})[0] == 200
            agent.settle(20)
        assert len(sandbox.incidents()) == 6
        assert agent.metrics()["tocsin_operations_resent_total"] == 0
    finally:
        proxy.close()


def test_plain_http_beyond_loopback_is_refused(make_agent, sandbox):
    agent = make_agent(start=False)
    agent.configure({"stackflow": {
        "base_url": "http://stackflow.example.com/prod/api"}})
    r = agent.cli("check", check=False)
    assert r.returncode == 1 and "https" in r.stdout


# ---- S24: what StackFlow says is checked ----

@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(make_agent, sandbox, status):
    trap = peers.socket.create_server(("127.0.0.1", 0))
    trap.settimeout(0.05)
    port = trap.getsockname()[1]
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    # Of each of two creates, and of the searches for them.
    for location in (f"http://127.0.0.1:{port}/prod/api/incidents",
                     "file:///etc/passwd"):
        for method in ("POST", "GET"):
            sandbox.fault("redirect", method=method, path="/incidents",
                          status=status, location=location, count=1)
    for k in range(2):
        agent.hook({"AlarmName": f"led-{k}"})
    agent.settle(40)
    faults = sandbox.control("GET", "/faults")
    assert [f["struck"] for f in faults] == [1] * 4, faults
    try:
        trap.accept()
        raise AssertionError("it went where it was sent")
    except OSError:
        pass
    trap.close()
    assert len(sandbox.incidents()) == 3
    peers.check_invariants(agent, sandbox)


ODD_IDS = ["../../admin", "INC1\\r\\nX-Evil: 1", "INC1?x=1", "INC1#x",
           "INC1/../../x", "%2e%2e", "I" * 5000, "", ".", "..", "INC 1",
           "'; DROP TABLE", "INC\\u0000", "\\u202eINC", "{}", "INC1;x"]


@pytest.mark.parametrize("text", ODD_IDS, ids=range(len(ODD_IDS)))
def test_ids_with_odd_characters_are_no_ids(make_agent, sandbox, text):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    sandbox.fault("done-answer", method="POST", path="/incidents", count=1,
                  status=201, body='{"id": "%s", "number": "%s"}' %
                  (text, text))
    now = time.time()
    agent.send(peers.alarm(when=now))
    agent.send(peers.alarm("pay-db-cpu", "OK", when=now + 1))
    agent.settle(40)
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    assert agent.metrics()["tocsin_incidents_adopted_total"] == 1
    ids = [i["incident"] for i in
           agent.get("/api/v1/incidents")["incidents"]]
    assert ids == [incident["id"]]


@pytest.mark.parametrize("body", [
    "[" * 100000, '{"data":' * 50000, "{}", '{"data": null}',
    '{"data": "x"}', '{"data": [1, null, "x", []]}',
    '{"data": [{"id": 7, "description": 9}], "has_more": "maybe"}',
    '{"data": [], "has_more": true, "page": -1}',
    '{"data": [], "next_cursor": "../../x?y#z"}'],
    ids=range(9))
def test_odd_answers_to_a_search_decide_nothing_wrong(make_agent, sandbox,
                                                      body):
    agent = make_agent(conf={"stackflow": {"settle": "300ms",
                                           "timeout": "1s"}})
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    sandbox.fault("answer", method="GET", path="/incidents", status=200,
                  body=body, count=4)
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    agent.hook({"AlarmName": "sought"})
    time.sleep(2)
    sandbox.clear()
    agent.settle(40)
    assert agent.process.alive()
    markers = [i["marker"] for i in sandbox.incidents()]
    # An empty list is an honest "none": twice, and the create goes again.
    if body not in ('{"data": [], "has_more": true, "page": -1}',):
        assert len(set(markers)) == 2
    assert agent.metrics()["tocsin_in_doubt"] == 0


def test_cookies_are_not_kept_and_401s_are_not_a_flood(make_agent, sandbox):
    agent = make_agent()
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    before = sum_requests(sandbox)
    sandbox.fault("401")
    agent.hook({"AlarmName": "denied"})
    time.sleep(4)
    tried = sum_requests(sandbox) - before
    assert tried < 40, tried
    assert agent.metrics()["tocsin_dead_letters"] == 0
    sandbox.clear()
    agent.settle(60)
    assert len(sandbox.incidents()) == 2


def sum_requests(sandbox):
    return sandbox.truth()["requests"]


# ---- R21: the clock ----

HOUR, YEAR = 3600, 365 * 86400
JUMPS = [HOUR, -HOUR, YEAR, -YEAR]


def burst(sandbox, seconds):
    """Requests in so many seconds."""
    before = sum_requests(sandbox)
    time.sleep(seconds)
    return sum_requests(sandbox) - before


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("how", ["live", "start"])
def test_a_jump_of_the_clock(make_agent, sandbox, folder, jump, how):
    """Backing off, in doubt and held, and the clock jumps."""
    clock = timed.Clock(folder)
    agent = make_agent(env=clock.env(), conf={"stackflow": {
        "settle": "1s", "timeout": "1s"}})
    now = time.time()
    # Notes of one incident that wait for their budget.
    for k in range(4):
        assert agent.send(peers.alarm("held", when=now + k)) == 200
        agent.settle()
    assert agent.metrics()["tocsin_operations_held"] == 1
    # One create in doubt, whose searches fail, and one backing off.
    sandbox.fault("create-then-500", method="POST", path="/incidents",
                  count=1)
    sandbox.fault("error", method="GET", path="/incidents", status=500)
    assert agent.send(peers.alarm("doubt", when=now)) == 200
    peers.wait_for("the doubt", lambda: agent.metrics()
                   ["tocsin_in_doubt"] == 1)
    sandbox.clear()
    sandbox.fault("refuse")
    for k in range(5):
        assert agent.send(peers.alarm(f"backing-{k}", when=now)) == 200
    time.sleep(1.5)
    if how == "live":
        clock.jump(jump)
    else:
        agent.kill()
        clock.jump(jump)
        agent.start()
    time.sleep(1)
    sandbox.clear()
    assert burst(sandbox, 2) < 120, "no burst"
    agent.settle(30)
    assert len(sandbox.incidents()) == 7
    m = agent.metrics()
    assert m["tocsin_in_doubt"] == 0 and m["tocsin_dead_letters"] == 0
    # And it goes on: new alarms, and the held note with what ends it.
    signer = peers.Signer(sandbox)
    body = signer.envelope(peers.alarm("held", "OK", when=now + 60))
    got = agent.post(body)
    # By this clock a message may be too old, or the certificate not yet
    # valid: SNS sends it again.
    assert got == 200 or (got == 503 and abs(jump) > 75 * 60), got
    if got == 503:
        clock.jump(0)
        # A failed look at the certificate is remembered for seconds.
        agent.restart()
        assert agent.post(body) == 200
    assert agent.hook({"AlarmName": "after the jump"})[0] == 200
    agent.settle(30)
    assert len(sandbox.incidents()) == 8
    (held,) = [i for i in sandbox.incidents()
               if "held" in i["short_description"]]
    assert held["state"] == "resolved"
    seen = peers.check_invariants(agent, sandbox)
    assert len(seen) >= 5 + 1 + 5
    # The clock comes back: still no loss, and nothing stuck.
    clock.jump(0)
    assert agent.hook({"AlarmName": "back again"})[0] == 200
    agent.settle(30)
    assert len(sandbox.incidents()) == 9
    peers.check_invariants(agent, sandbox)


@pytest.mark.parametrize("jump", [-HOUR, -YEAR])
def test_held_notes_are_not_stuck_after_a_jump_back(make_agent, sandbox,
                                                    folder, jump):
    """What was due in minutes isn't due in an hour or a year."""
    clock = timed.Clock(folder)
    rules = "version: 1\nteam: t\nowners: [a@b.c]\n" \
        "defaults: {notes: {every: 5s, max: 50}}\n" \
        "policies: [{id: p, match: {}}]\n"
    agent = make_agent(env=clock.env(), rules={"10-t.yaml": rules})
    now = time.time()
    for k in range(4):
        assert agent.send(peers.alarm("held", when=now + k)) == 200
        agent.settle()
    assert agent.metrics()["tocsin_operations_held"] == 1
    clock.jump(jump)
    peers.wait_for("the held note", lambda: agent.metrics()
                   ["tocsin_operations_held"] == 0, 30, 0.2)
    agent.settle()
    assert len(peers.check_invariants(agent, sandbox)) == 4


@pytest.mark.parametrize("jump", [-HOUR, -YEAR])
def test_a_backoff_is_not_stuck_after_a_jump_back(make_agent, sandbox, folder,
                                                  jump):
    """Of writes that surely were not sent, while the agent runs on."""
    clock = timed.Clock(folder)
    closed = {"stackflow": {
        "base_url": f"http://127.0.0.1:{peers.free_port()}/prod/api"}}
    agent = make_agent(env=clock.env())
    agent.hook({"AlarmName": "warm"})
    agent.settle()
    agent.configure(closed)
    reload(agent)
    for k in range(3):
        agent.hook({"AlarmName": f"backing-{k}"})
    time.sleep(4)
    clock.jump(jump)
    agent.configure({})
    reload(agent)
    agent.settle(40)
    assert len(sandbox.incidents()) == 4
    peers.check_invariants(agent, sandbox)


def test_a_start_long_before_stackflow_s_time(make_agent, sandbox, folder):
    """A machine whose clock isn't set yet: what comes is kept and done."""
    clock = timed.Clock(folder, -20 * YEAR)
    agent = make_agent(env=clock.env())
    assert agent.hook({"AlarmName": "early"})[0] == 200
    agent.settle(30)
    clock.jump(0)
    assert agent.hook({"AlarmName": "early", "NewStateValue": "OK"})[0] == 200
    assert agent.hook({"AlarmName": "late"})[0] == 200
    agent.settle(30)
    assert len(sandbox.incidents()) == 2
    peers.check_invariants(agent, sandbox)
