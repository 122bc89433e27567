"""The admin API: each route's answer, what it refuses, who may act, what is
told live, and that large stores and rule sets hold nobody up."""
import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time

import peers
import pytest

RULES = """
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: ["pay-*"]}]
severity: [{set: critical, when: {alarm: "pay-*-p1"}}, {else: high}]
policies:
  - id: %s
    match: {}
    notes: {max: 12, every: 1h}
"""
TEXT = "Called the vendor; they are on it. \u2014 \u00e5sa\n\tsecond line"


def call(agent, path, method="GET", body=None, token=None, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return agent.admin.call(method, path, body, headers)


def get(agent, path, **headers):
    status, head, body = call(agent, path, **headers)
    assert status == 200, (path, status, body)
    assert head["content-type"] == "application/json"
    assert head["cache-control"] == "no-store"
    return json.loads(body)


def post(agent, path, body=None, token="admin-token", **headers):
    status, _, answer = call(agent, path, "POST", body, token, **headers)
    return status, json.loads(answer)


def open_one(agent, name, state="ALARM", when=None):
    assert agent.send(peers.alarm(name, state, when)) == 200
    agent.settle()
    return get(agent, f"/api/v1/incidents?q={name}")["incidents"][0]


def remote(agent, incident):
    (one,) = [i for i in agent.sandbox.incidents()
              if i["id"] == incident["incident"]]
    return one


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """An agent with a little in it, for those who only look."""
    folder = str(tmp_path_factory.mktemp("api"))
    sandbox = peers.Sandbox(folder)
    agent = peers.Agent(
        folder, sandbox, rules={"10-pay.yaml": RULES % "first"},
        conf={"stackflow": {
            "link": "https://sf.example/x/{incident}?of={id}"}})
    now = time.time()
    for k, state in enumerate(["ALARM", "ALARM", "OK"]):
        assert agent.send(peers.alarm("looked-at", state, now + k)) == 200
    assert agent.send(peers.alarm("pay-db-CPU", "ALARM", now)) == 200
    assert agent.hook({"AlarmName": "per%cent_under\\back",
                       "state": "OK"})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    assert agent.hook({"AlarmName": "refused"})[0] == 200
    agent.settle()
    sandbox.clear()
    yield agent
    assert agent.stop() == 0
    sandbox.stop()


# ---- the page ----

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; "
          "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")


@pytest.mark.parametrize("path, kind", [
    ("/", "text/html; charset=utf-8"),
    ("/page.css", "text/css; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8")])
def test_the_page_and_its_headers(quiet, path, kind):
    status, head, body = call(quiet, path)
    assert status == 200 and head["content-type"] == kind and body
    assert head["content-security-policy"] == POLICY
    assert head["x-content-type-options"] == "nosniff"
    assert head["referrer-policy"] == "no-referrer"
    assert head["cache-control"] == "no-cache"
    tag = head["etag"]
    assert re.fullmatch(r'"[0-9a-f]{16}"', tag)
    for given in (tag, "W/" + tag, f'"other", {tag}', "*"):
        status, head, again = call(quiet, path, If_None_Match=given)
        assert (status, again) == (304, b""), given
        assert head["etag"] == tag
    for given in ('"other"', tag[1:-1], ""):
        assert call(quiet, path, If_None_Match=given)[0] == 200, given
    status, _, empty = call(quiet, path, "HEAD")
    assert (status, empty) == (200, b"")
    assert call(quiet, path, "POST", token="admin-token")[0] == 405


def test_the_page_is_as_in_the_sources(quiet):
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "agent",
                          "admin", "page")
    for path, name in (("/", "page.html"), ("/page.css", "page.css"),
                       ("/page.js", "page.js")):
        with open(os.path.join(folder, name), "rb") as f:
            assert call(quiet, path)[2] == f.read()


def test_beyond_loopback_the_page_alone_is_told_without_the_token(make_agent):
    agent = make_agent(conf={"admin": {
        "address": f"0.0.0.0:{peers.free_port()}"}}, start=False)
    agent.admin_port = int(agent.conf["admin"]["address"].split(":")[1])
    agent.start(wait=False)
    agent.admin = peers.Http(agent.admin_port)
    peers.wait_for("the agent", lambda: readable(agent), 30)
    status, head, body = call(agent, "/")
    assert status == 401 and b"<html" in body
    assert head["www-authenticate"].startswith("Bearer")
    assert head["content-security-policy"] == POLICY
    for path in ("/page.css", "/page.js"):
        assert call(agent, path)[0] == 200
    for path in ("/api/v1/status", "/api/v1/live", "/metrics", "/healthz",
                 "/api/v1/series", "/page.css/x"):
        status, _, body = call(agent, path)
        assert status == 401 and b"version" not in body, path
        assert call(agent, path + "?token=admin-token")[0] == 401
    assert call(agent, "/", token="admin-token")[0] == 200
    assert call(agent, "/api/v1/status", token="admin-token")[0] == 200
    with live(agent, token="admin-token") as stream:
        assert stream.next("status")["health"] == "ready"
    assert call(agent, "/", Host="evil.example")[0] == 403


def readable(agent):
    try:
        return call(agent, "/readyz", token="admin-token")[0] == 200
    except OSError:
        return False


# ---- reading ----

def test_status(quiet):
    s = get(quiet, "/api/v1/status")
    assert s["warnings"] == [] or all(
        {"code", "since", "text", "advice"} <= set(w) for w in s["warnings"])
    assert s["listeners"] == [{"address": f"127.0.0.1:{quiet.port}",
                               "tls": False, "certificate_not_after": None,
                               "certificate_days": None}]
    assert s["version"] and s["started_at"].endswith("Z")
    rules = s["rules"]
    assert (rules["files"], rules["stale"], rules["policies"]) == (1, 0, 1)
    assert rules["never_hit"] == 0 and len(rules["hash"]) == 64
    assert s["health"] == "ready" and s["dead_letters"] == 1


def test_rules_that_nothing_matched_are_counted(make_agent):
    agent = make_agent(rules={"10-pay.yaml": RULES % "never"})
    assert get(agent, "/api/v1/status")["rules"]["never_hit"] == 1
    (policy,) = [p for p in get(agent, "/api/v1/rules")["policies"]
                 if p["policy"] == "never"]
    assert (policy["team"], policy["hits"]) == ("payments", 0)


def test_certificates_of_listeners(make_agent, folder):
    import tls
    ca = tls.Authority(folder)
    cert, key = ca.issue()
    port = peers.free_port()
    agent = make_agent(conf={"listen": [
        {"address": f"127.0.0.1:{port}",
         "tls": {"certificate": cert, "key": key}},
        {"address": "127.0.0.1:0"}]})
    secure, plain = get(agent, "/api/v1/status")["listeners"]
    assert secure["tls"] and secure["address"] == f"127.0.0.1:{port}"
    assert secure["certificate_not_after"].endswith("Z")
    assert secure["certificate_days"] >= 0
    assert not plain["tls"] and not plain["address"].endswith(":0")


def test_incidents_with_age_repeats_and_link(quiet):
    both = get(quiet, "/api/v1/incidents?state=resolved")["incidents"]
    (one,) = [i for i in both if i["alarm"] == "looked-at"]
    assert one["link"] == (f"https://sf.example/x/{one['incident']}"
                           f"?of={one['incident']}")
    assert one["repeats"] == one["events"] - 1 >= 1
    assert 0 <= one["age_seconds"] < 600
    (dead,) = get(quiet, "/api/v1/incidents?state=failed")["incidents"]
    assert dead["incident"] is None and dead["link"] is None


def test_without_a_configured_link_there_is_none(make_agent):
    agent = make_agent()
    assert open_one(agent, "plain")["link"] is None


def names(agent, query, what="incidents"):
    return {i["alarm"] for i in get(agent, f"/api/v1/{what}?{query}")[what]}


def test_incidents_are_searched(quiet):
    pay = [i for i in get(quiet, "/api/v1/incidents")["incidents"]
           if i["alarm"] == "pay-db-CPU"][0]
    for q in ("pay-db", "PAY-DB-cpu", "db-c", pay["incident"],
              pay["incident"].lower(), "cloudwatch+alarm:+pay",
              "CloudWatch%20Alarm%3A%20pay"):
        assert names(quiet, "q=" + q) == {"pay-db-CPU"}, q
    assert names(quiet, "team=payments") == {"pay-db-CPU"}
    assert names(quiet, "team=pay") == set()
    assert names(quiet, "team=payments&q=looked") == set()
    assert names(quiet, "q=pay&state=open") == {"pay-db-CPU"}
    assert names(quiet, "q=pay&state=resolved") == set()
    assert names(quiet, "q=pay&priority=P2") == {"pay-db-CPU"}
    assert names(quiet, "priority=P2&state=open") == \
        names(quiet, "state=open")
    assert names(quiet, "priority=P1") == set()
    for bad in ("P5", "p2", "2", "P22", "P1,P2"):
        assert call(quiet, f"/api/v1/incidents?priority={bad}")[0] == 400
    # What a pattern would make of these stands for itself.
    for q in ("%25", "_", "%5C", "%27", "%27%20OR%201=1--", "*", "pay%25CPU"):
        assert names(quiet, "q=" + q) == set(), q


def test_events_are_searched(quiet):
    assert names(quiet, "q=LOOKED", "events") == {"looked-at"}
    for q in ("%25cent", "t_u", "r%5Cback"):
        assert names(quiet, "q=" + q, "events") == {"per%cent_under\\back"}
    assert names(quiet, "q=payments", "events") == {"pay-db-CPU"}
    assert names(quiet, "team=payments", "events") == {"pay-db-CPU"}
    assert names(quiet, "q=looked&alarm=pay-db-CPU", "events") == set()
    one = get(quiet, "/api/v1/events?q=pay-db")["events"][0]
    found = get(quiet, f"/api/v1/events?q={one['id']}")["events"]
    assert [e["id"] for e in found] == [one["id"]]
    # Pages of what is found.
    seen, before = [], ""
    while True:
        page = get(quiet, f"/api/v1/events?q=looked-at&limit=1{before}")
        seen += [e["id"] for e in page["events"]]
        if "next_before" not in page:
            break
        before = f"&before={page['next_before']}"
    assert len(seen) == len(set(seen)) == 3


HOSTILE = ["q=%00", "q=%0a", "q=%1b%5b2J", "q=%ff%fe", "q=%zz", "q=%",
           "q=" + "x" * 201, "team=%7f", "team=%c3%28",
           "q=" + "%25" * 300, "limit=0", "limit=1001", "before=-1"]


@pytest.mark.parametrize("what", ["incidents", "events"])
def test_hostile_parameters(quiet, what):
    for query in HOSTILE:
        status, _, body = call(quiet, f"/api/v1/{what}?{query}")
        assert status == 400 and json.loads(body)["error"], query
    assert call(quiet, f"/api/v1/{what}?q=" + "y" * 30000)[0] in (414, 431)
    if what == "incidents":
        for state in ("OPEN", "x", "open%00", "1"):
            assert call(quiet, f"/api/v1/incidents?state={state}")[0] == 400


def test_one_incident(quiet):
    pay = [i for i in get(quiet, "/api/v1/incidents")["incidents"]
           if i["alarm"] == "pay-db-CPU"][0]
    one = get(quiet, f"/api/v1/incidents/{pay['id']}")
    assert get(quiet, f"/api/v1/incidents/{pay['incident']}") == one
    assert {k: one[k] for k in pay if k != "age_seconds"} == {
        k: v for k, v in pay.items() if k != "age_seconds"}
    (member,) = one["members"]
    assert member["state"] == "ALARM" and "pay-db-CPU" in member["subject"]
    (create,) = one["operations"]
    assert (create["kind"], create["state"]) == ("create", "done")
    assert create["done_at"] >= create["sent_at"] >= create["created_at"]
    assert len(create["event_ids"]) == 1
    for path in ("0", "-1", "99999", "INC9999999", "%00", "x" * 300,
                 "9" * 30):
        assert call(quiet, f"/api/v1/incidents/{path}")[0] == 404, path


def test_one_incident_tells_of_its_notes(quiet):
    (seen,) = get(quiet, "/api/v1/incidents?q=looked-at")["incidents"]
    one = get(quiet, f"/api/v1/incidents/{seen['id']}")
    kinds = [o["kind"] for o in one["operations"]]
    assert kinds[0] == "resolve" and kinds[-1] == "create"
    assert len(one["notes_sent"]) == kinds.count("note") > 0
    assert not any(n["by_person"] for n in one["notes_sent"])
    page = get(quiet, f"/api/v1/incidents/{seen['id']}?limit=1")
    assert len(page["operations"]) == 1 and page["next_before"]


def test_a_timeline_from_bytes_to_note(quiet):
    first = get(quiet, "/api/v1/events?alarm=looked-at")["events"][-1]
    t = get(quiet, f"/api/v1/events/{first['id']}/timeline")
    assert t["event"]["id"] == first["id"] and "payload" not in t["event"]
    names_ = [s["step"] for s in t["steps"]]
    for a, b in (("sent", "received"), ("received", "journaled"),
                 ("journaled", "decided"), ("decided", "sent to StackFlow"),
                 ("sent to StackFlow", "done")):
        assert names_.index(a) < names_.index(b), names_
    assert all(s["at"] <= n["at"] for s, n in zip(t["steps"],
                                                 t["steps"][1:]))
    assert all(s["ms_since_previous"] >= 0 for s in t["steps"])
    assert t["steps"][0]["ms_since_previous"] == 0
    done = [s for s in t["steps"] if s["step"] == "done"]
    assert t["incident"]["incident"] in done[0]["text"]
    decided = t["steps"][names_.index("decided")]["text"]
    assert decided.startswith("catch-all: no incident is open")


def test_a_timeline_of_what_was_in_doubt(make_agent, sandbox):
    agent = make_agent()
    sandbox.fault("create-then-hangup", method="POST", path="/incidents",
                  count=1)
    agent.hook({"AlarmName": "doubtful"})
    agent.settle()
    event = get(agent, "/api/v1/events")["events"][0]
    t = get(agent, f"/api/v1/events/{event['id']}/timeline")
    steps = [s["step"] for s in t["steps"]]
    assert "in doubt" in steps, t["steps"]
    assert steps.index("in doubt") < steps.index("done")


def test_a_timeline_of_what_is_held(make_agent):
    agent = make_agent()
    status, silence = post(agent, "/api/v1/silences", {
        "match": {"alarm": "quiet-*"}, "owner": "me", "reason": "why",
        "for": "1h"})
    assert status == 201
    agent.hook({"AlarmName": "quiet-one"})
    agent.settle()
    event = get(agent, "/api/v1/events")["events"][0]
    steps = get(agent, f"/api/v1/events/{event['id']}/timeline")["steps"]
    (held,) = [s for s in steps if s["step"] == "held"]
    assert silence["id"] in held["text"]


def test_timelines_and_explanations_of_what_is_not(quiet):
    for what in ("timeline", "explain"):
        for id_ in ("none", "e" + "a" * 13, "%00", "e" * 500, "..", "-1"):
            status, _, body = call(quiet, f"/api/v1/events/{id_}/{what}")
            assert status == 404, (id_, body)
    assert call(quiet, "/api/v1/events//explain")[0] == 404


# ---- explain ----

def test_explain_is_as_the_command_has_it(quiet):
    event = get(quiet, "/api/v1/events?q=pay-db")["events"][0]
    told = get(quiet, f"/api/v1/events/{event['id']}/explain")
    said = quiet.cli("explain", "--json", "--event", event["id"]).stdout
    assert told["explain"] == json.loads(said)
    assert "first" in told["text"] and "10-pay.yaml" in told["text"]
    assert "\x1b" not in told["text"]
    assert get(quiet, f"/api/v1/events/{event['id']}/explain") == told


def test_explain_by_the_rules_of_that_day(make_agent):
    agent = make_agent(rules={"10-pay.yaml": RULES % "of-yesterday"})
    agent.hook({"AlarmName": "pay-one"})
    agent.settle()
    old = get(agent, "/api/v1/events")["events"][0]
    agent.write_rules("10-pay.yaml", "\n\n" + RULES % "of-today")
    assert post(agent, "/-/reload")[0] == 200
    agent.hook({"AlarmName": "pay-two"})
    agent.settle()
    new = get(agent, "/api/v1/events")["events"][0]
    for event, policy in ((old, "of-yesterday"), (new, "of-today"),
                          (old, "of-yesterday")):
        e = get(agent, f"/api/v1/events/{event['id']}/explain")["explain"]
        assert e["decision"]["policy"] == policy
        assert e["decision"]["where"] == event["where"]
        assert e["event"]["ruleset"] == event["ruleset"]


def test_explain_of_what_is_no_alarm(make_agent, sandbox):
    agent = make_agent()
    body = sandbox.sign(message="x", topic=peers.TOPIC,
                        type="SubscriptionConfirmation", token="ab12")
    agent.post(body)
    agent.settle()
    event = get(agent, "/api/v1/events")["events"][0]
    status, _, body = call(agent, f"/api/v1/events/{event['id']}/explain")
    assert status == 409 and b"no alarm" in body


def test_a_big_rule_set_holds_nobody_up(make_agent):
    policy = '  - {id: p%d, match: {alarm: {re: "^pay-[a-z]+-%d$"}}}\n'
    head = RULES.split("policies:")[0]
    big = head + "policies:\n" + "".join(policy % (n, n)
                                         for n in range(8000)) + \
        "  - {id: rest, match: {}}\n"
    agent = make_agent(rules={"10-pay.yaml": big})
    agent.hook({"AlarmName": "pay-big"})
    agent.settle()
    event = get(agent, "/api/v1/events")["events"][0]
    agent.write_rules("10-pay.yaml", RULES % "small")
    assert post(agent, "/-/reload")[0] == 200
    answers, slowest = [], 0

    def ask():
        http_ = peers.Http(agent.admin_port)
        answers.append(http_.call(
            "GET", f"/api/v1/events/{event['id']}/explain")[0])
        http_.close()

    asking = [threading.Thread(target=ask) for _ in range(6)]
    for t in asking:
        t.start()
    while any(t.is_alive() for t in asking):
        begin = time.monotonic()
        assert call(agent, "/healthz")[0] == 200
        slowest = max(slowest, time.monotonic() - begin)
    for t in asking:
        t.join()
    assert answers == [200] * 6
    assert slowest < 1


def test_no_more_explanations_than_may_wait(make_agent):
    """Each connection has one; they end, however many there are."""
    agent = make_agent()
    agent.hook({"AlarmName": "asked"})
    agent.settle()
    event = get(agent, "/api/v1/events")["events"][0]
    answers = []

    def ask():
        http_ = peers.Http(agent.admin_port)
        answers.append(http_.call(
            "GET", f"/api/v1/events/{event['id']}/explain")[0])
        http_.close()

    asking = [threading.Thread(target=ask) for _ in range(40)]
    for t in asking:
        t.start()
    for t in asking:
        t.join()
    assert set(answers) <= {200, 503} and 200 in answers


# ---- series ----

def test_series(quiet):
    s = get(quiet, "/api/v1/series")
    assert s["step_seconds"] == 600
    keys = ["alarms", "incidents", "resolved", "notes", "intake_p50_ms",
            "intake_p99_ms", "stackflow_p50_ms", "stackflow_p99_ms"]
    assert all(len(s[k]) == 144 for k in keys)
    assert sum(s["alarms"]) == 6 and sum(s["resolved"]) == 1
    assert sum(s["incidents"]) == 3
    for k in keys[4:]:
        known = [v for v in s[k] if v is not None]
        assert 1 <= len(known) <= 2 and all(v > 0 for v in known), k
    for a, b in zip(s["intake_p50_ms"], s["intake_p99_ms"]):
        assert a is None or a <= b
    s = get(quiet, "/api/v1/series?since=1h&step=5m")
    assert len(s["alarms"]) == 12 and s["step_seconds"] == 300
    assert sum(s["alarms"]) == 6


def test_series_bad_parameters(quiet):
    for query in ("since=x", "since=-1h", "since=", "step=0s", "step=1s",
                  "since=1h&step=2h", "since=32d", "since=31d&step=1m",
                  "step=%00", "since=99999999999999999999d",
                  "since=9223372036854775807ms"):
        assert call(quiet, "/api/v1/series?" + query)[0] == 400, query
    assert len(get(quiet, "/api/v1/series?since=31d&step=1d")["notes"]) == 31


# ---- live ----

class Stream:
    """Server-sent events, as a browser reads them."""

    def __init__(self, agent, token=None, headers=()):
        self.sock = socket.create_connection(
            ("127.0.0.1", agent.admin_port), timeout=25)
        lines = ["GET /api/v1/live HTTP/1.1",
                 f"Host: 127.0.0.1:{agent.admin_port}",
                 "Accept: text/event-stream", *headers]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode())
        self.file = self.sock.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.head = http.client.parse_headers(self.file)

    def event(self):
        """(name, data), or None at the end; comments are left out."""
        name, data = "message", []
        for raw in self.file:
            line = raw.decode().rstrip("\n")
            if not line and data:
                return name, json.loads("\n".join(data))
            key, _, value = line.partition(":")
            if key == "event":
                name = value.strip()
            elif key == "data":
                data.append(value.strip())
        return None

    def next(self, want):
        while True:
            got = self.event()
            assert got, "the stream ended"
            if got[0] == want:
                return got[1]

    def until(self, what):
        while what not in self.next("changed")["what"]:
            pass

    def close(self):
        self.file.close()
        self.sock.close()


@contextlib.contextmanager
def live(agent, **kw):
    stream = Stream(agent, **kw)
    try:
        yield stream
    finally:
        stream.close()


def test_live_tells_status_and_what_changed(make_agent):
    agent = make_agent()
    with live(agent) as stream:
        assert stream.status == 200
        assert stream.head["Content-Type"] == "text/event-stream"
        assert stream.head["Cache-Control"] == "no-store"
        assert "Content-Length" not in stream.head
        first = stream.next("status")
        now = get(agent, "/api/v1/status")
        assert set(first) == set(now) and first["events"] == 0
        agent.hook({"AlarmName": "seen-live"})
        changed, created = set(), 0
        while "events" not in changed or created != 1:
            name, data = stream.event()
            if name == "changed":
                changed |= set(data["what"])
            else:
                created = data["since_start"]["incidents_created"]
        begin = time.monotonic()
        post(agent, "/api/v1/silences", {
            "match": {"alarm": "x"}, "owner": "me", "reason": "why",
            "for": "1h"})
        stream.until("silences")
        assert time.monotonic() - begin < 1.5
        agent.write_rules("10-pay.yaml", RULES % "new")
        assert post(agent, "/-/reload")[0] == 200
        stream.until("rules")


def test_live_is_silent_while_nothing_changes(make_agent):
    agent = make_agent()
    with live(agent) as stream:
        stream.next("status")
        stream.sock.settimeout(5)
        with pytest.raises(OSError):
            for _ in range(3):      # one more may be on its way
                stream.event()


def test_a_heartbeat_within_fifteen_seconds(make_agent):
    agent = make_agent()
    with live(agent) as stream:
        stream.next("status")
        begin = time.monotonic()
        while not stream.file.readline().startswith(b":"):
            pass
        assert time.monotonic() - begin < 20


def test_at_most_sixteen_listen_and_places_come_back(make_agent):
    agent = make_agent()
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(live(agent)) for _ in range(16)]
        assert {s.status for s in streams} == {200}
        for s in streams:
            s.next("status")
        with live(agent) as late:
            assert late.status == 503 and late.head["Retry-After"] == "5"
        assert call(agent, "/healthz")[0] == 200
        streams[3].close()
        peers.wait_for("a place", lambda: admitted(agent), 5)
        agent.hook({"AlarmName": "to-all"})
        for n, s in enumerate(streams):
            if n != 3:
                s.until("events")


def admitted(agent):
    with live(agent) as stream:
        return stream.status == 200


def test_who_does_not_read_is_cut_and_others_hear_on(make_agent):
    """It gets megabytes of status, for want of anything better to send."""
    agent = make_agent()
    for n in range(3):
        agent.hook({"alerts": [
            {"status": "firing", "labels": {"alertname": f"w{n}-{k}-" +
                                            "x" * 150}}
            for k in range(150)], "version": "4", "groupKey": "g",
            "receiver": "r", "status": "firing", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {},
            "externalURL": ""})
    deaf = socket.create_connection(("127.0.0.1", agent.admin_port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
                 .encode())
    with live(agent) as stream:
        for n in range(3):
            agent.hook({"AlarmName": f"more-{n}"})
            stream.until("events")
    assert call(agent, "/healthz")[0] == 200
    deaf.close()


def test_a_stop_ends_streams_at_once(make_agent):
    agent = make_agent()
    with live(agent) as stream:
        stream.next("status")
        begin = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - begin < 5
        while stream.event():
            pass


def test_live_is_no_way_round_the_checks(quiet):
    for header in ("Origin: https://evil.example", "Origin: null"):
        with live(quiet, headers=[header]) as stream:
            assert stream.status == 403
    status, _, _ = call(quiet, "/api/v1/live", Host="evil.example")
    assert status == 403
    assert call(quiet, "/api/v1/live", "POST", token="admin-token")[0] == 405
    own = f"Origin: http://127.0.0.1:{quiet.admin_port}"
    with live(quiet, headers=[own]) as stream:
        assert stream.status == 200
        stream.next("status")


# ---- notes and ends by people ----

def test_a_note_reaches_stackflow_once(make_agent, sandbox):
    agent = make_agent()
    one = open_one(agent, "noted")
    status, answer = post(agent, f"/api/v1/incidents/{one['id']}/note",
                          {"text": TEXT}, X_Tocsin_User="ann")
    assert status == 202 and answer["incident"] == one["incident"]
    assert answer["done"] == "note" and len(answer["operations"]) == 1
    agent.settle()
    (note,) = remote(agent, one)["notes"]
    assert note["body"].startswith(TEXT + "\n")
    assert "by token, claims to be ann through tocsin" in note["body"]
    assert f"tocsin-event: {answer['note']}" in note["body"]
    detail = get(agent, f"/api/v1/incidents/{one['incident']}")
    (sent,) = detail["notes_sent"]
    assert sent["by_person"] and sent["operation"] == answer["operations"][0]
    assert detail["state"] == "open"
    (line,) = [r for r in get(agent, "/api/v1/audit")["audit"]
               if r["action"] == "incident.note" and
               "text" in r["details"]]
    assert line["who"] == "token, claims to be ann"
    assert line["resource_id"] == one["incident"]
    assert line["details"]["text"] == TEXT
    # By StackFlow's id too, and in the journal with its words.
    status, _ = post(agent, f"/api/v1/incidents/{one['incident']}/note",
                     {"text": "again"})
    assert status == 202
    agent.settle()
    assert len(remote(agent, one)["notes"]) == 2


def test_a_note_in_doubt_is_read_back(make_agent, sandbox):
    agent = make_agent()
    one = open_one(agent, "noted")
    sandbox.fault("create-then-hangup", method="POST",
                  path="/incidents/*/notes", count=1)
    assert post(agent, f"/api/v1/incidents/{one['id']}/note",
                {"text": TEXT})[0] == 202
    agent.settle()
    (note,) = remote(agent, one)["notes"]
    assert TEXT in note["body"]


def test_a_note_survives_a_kill(make_agent, sandbox):
    agent = make_agent()
    one = open_one(agent, "noted")
    sandbox.fault("refuse")
    assert post(agent, f"/api/v1/incidents/{one['id']}/note",
                {"text": TEXT})[0] == 202
    agent.kill()
    sandbox.clear()
    agent.start()
    agent.settle()
    (note,) = remote(agent, one)["notes"]
    assert TEXT in note["body"]


def test_a_note_goes_behind_what_is_held_and_alone(make_agent):
    """A repeat waits for its budget at the end of the lane: it goes first."""
    agent = make_agent(rules={"10-pay.yaml": RULES % "budget"})
    now = time.time()
    one = open_one(agent, "pay-db-cpu", when=now)
    for k in (1, 2, 3):
        assert agent.send(peers.alarm("pay-db-cpu", "ALARM", now + k)) == 200
    agent.settle()
    assert post(agent, f"/api/v1/incidents/{one['id']}/note",
                {"text": TEXT})[0] == 202
    assert agent.send(peers.alarm("pay-db-cpu", "ALARM", now + 4)) == 200
    agent.settle()
    bodies = [n["body"] for n in remote(agent, one)["notes"]]
    mine = [b for b in bodies if TEXT in b]
    assert len(mine) == 1 and bodies[-1] == mine[0]
    assert "repeated" not in mine[0] and len(bodies) >= 2


def test_lines_that_look_like_ours_are_marked(make_agent):
    agent = make_agent()
    one = open_one(agent, "noted")
    text = "tocsin-event: eaaaaaaaaaaaaa\ntocsin-ref: tocsin-x-1"
    assert post(agent, f"/api/v1/incidents/{one['id']}/note",
                {"text": text})[0] == 202
    agent.settle()
    (note,) = remote(agent, one)["notes"]
    assert "\n> tocsin-ref:" in note["body"]
    assert note["body"].startswith("> tocsin-event: eaaa")


BAD_BODIES = [
    b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"text": ""}',
    b'{"text": "  \\n "}', b'{"text": null}', b'{"text": 1}',
    b'{"text": ["x"]}', b'{"text": "x", "more": 1}', b'{"Text": "x"}',
    b'{"text": "x"} x', b'{"text": "a", "text": "b"}', b"{'text': 'x'}",
    b'{"text": "\\u0000"}', b'{"text": "a\\u001b[2Jb"}',
    b'{"text": "a\\u0007"}', b'{"text": "a\\rb"}', b'{"text": "a\\u009bb"}',
    b'{"text": "a\\u202eb"}', b'{"text": "a\\u2066b"}', b'{"text": "\xff"}',
    b'{"text": "' + b"x" * 4001 + b'"}', b'{"text": "\\ud800"}',
]


def test_bad_notes_are_refused(make_agent):
    agent = make_agent()
    one = open_one(agent, "noted")
    path = f"/api/v1/incidents/{one['id']}/"
    for body in BAD_BODIES:
        status, answer = post(agent, path + "note", body)
        assert status == 400 and answer["error"], body
        if body.strip():
            status, _ = post(agent, path + "resolve", body)
            assert status in ((202, 409) if body in (
                b"{}", b'{"text": ""}', b'{"text": "  \\n "}') else (400,))
    assert call(agent, path + "note", "POST", b"x" * 70000,
                "admin-token")[0] == 413


def test_text_of_the_longest_kind(make_agent):
    agent = make_agent()
    one = open_one(agent, "noted")
    text = "\u20ac" * 1333
    assert post(agent, f"/api/v1/incidents/{one['id']}/note",
                {"text": text})[0] == 202
    agent.settle()
    assert text in remote(agent, one)["notes"][0]["body"]


def test_who_may_act(quiet, make_agent):
    pay = [i for i in get(quiet, "/api/v1/incidents")["incidents"]
           if i["alarm"] == "pay-db-CPU"][0]
    body = json.dumps({"text": "x"})
    for what in ("note", "resolve"):
        path = f"/api/v1/incidents/{pay['id']}/{what}"
        for token in (None, "x", "admin-toke", "admin-token2"):
            assert call(quiet, path, "POST", body, token)[0] == 401
        assert call(quiet, path + "?token=admin-token", "POST",
                    body)[0] == 401
        assert call(quiet, path, "POST", body, "admin-token",
                    Origin="https://evil.example")[0] == 403
        assert call(quiet, path, "POST", body, "admin-token",
                    Host="evil.example")[0] == 403
        assert call(quiet, path)[0] == 405
    assert not [n for n in get(quiet, f"/api/v1/incidents/{pay['id']}")[
        "notes_sent"] if n["by_person"]]
    agent = make_agent(conf={"admin": {"token": None}})
    assert call(agent, "/api/v1/incidents/1/note", "POST", body)[0] == 403


def test_only_what_is_open_is_noted_or_resolved(quiet):
    for i in get(quiet, "/api/v1/incidents")["incidents"]:
        if i["state"] == "open":
            continue
        for what in ("note", "resolve"):
            status, answer = post(
                quiet, f"/api/v1/incidents/{i['id']}/{what}", {"text": "x"})
            assert status == 409 and i["state"] in answer["error"]
    for id_ in ("0", "99999", "INC9999999", "x"):
        assert post(quiet, f"/api/v1/incidents/{id_}/note",
                    {"text": "x"})[0] == 404


def resolved(agent, name, still=None, body=None):
    one = open_one(agent, name, when=time.time() - 10)
    status, answer = post(agent, f"/api/v1/incidents/{one['id']}/resolve",
                          body or {"text": "done by hand"})
    assert status == 202 and answer["done"] == "resolve"
    agent.settle()
    return one


def test_a_resolve_is_a_note_and_an_end(make_agent):
    agent = make_agent()
    one = resolved(agent, "ended")
    there = remote(agent, one)
    assert there["state"] == "resolved"
    assert there["notes"][-1]["body"].startswith("done by hand\n\nResolved "
                                                 "by token through tocsin")
    assert get(agent, f"/api/v1/incidents/{one['id']}")["state"] == "closed"
    actions = [r["action"] for r in get(agent, "/api/v1/audit")["audit"]]
    assert "incident.resolve" in actions
    # Its OK is then no news.
    assert agent.send(peers.alarm("ended", "OK")) == 200
    agent.settle()
    assert len(remote(agent, one)["notes"]) == 1


def test_a_resolve_needs_no_words(make_agent):
    agent = make_agent()
    one = open_one(agent, "ended")
    assert post(agent, f"/api/v1/incidents/{one['id']}/resolve")[0] == 202
    agent.settle()
    assert remote(agent, one)["state"] == "resolved"
    assert remote(agent, one)["notes"][0]["body"].startswith("Resolved by ")


@pytest.mark.parametrize("still", ["new", "reopen", "leave"])
def test_a_new_alarm_goes_by_closed_by_person(make_agent, sandbox, still):
    agent = make_agent(rules={"10-pay.yaml": RULES % "kept" +
                              "    closed_by_person: {still_firing: %s}\n" %
                              still})
    one = resolved(agent, "pay-db-cpu")
    assert agent.send(peers.alarm("pay-db-cpu", "ALARM")) == 200
    agent.settle()
    incidents = sandbox.incidents()
    if still == "new":
        assert len(incidents) == 2
        assert {i["state"] for i in incidents} == {"resolved", "new"}
    elif still == "reopen":
        assert len(incidents) == 1
        assert remote(agent, one)["state"] == "in_progress"
    else:
        assert len(incidents) == 1
        assert remote(agent, one)["state"] == "resolved"
        # `leave` lasts until an OK.
        now = time.time()
        assert agent.send(peers.alarm("pay-db-cpu", "OK", now + 1)) == 200
        assert agent.send(peers.alarm("pay-db-cpu", "ALARM", now + 2)) == 200
        agent.settle()
        assert len(sandbox.incidents()) == 2


def test_a_resolve_before_stackflow_has_it(make_agent, sandbox):
    agent = make_agent()
    sandbox.fault("refuse")
    agent.hook({"AlarmName": "early"})
    peers.wait_for("it", lambda: get(agent, "/api/v1/incidents")["incidents"])
    (one,) = get(agent, "/api/v1/incidents")["incidents"]
    assert one["incident"] is None
    assert post(agent, f"/api/v1/incidents/{one['id']}/resolve",
                {"text": "known"})[0] == 202
    sandbox.clear()
    agent.settle()
    (there,) = sandbox.incidents()
    assert there["state"] == "resolved" and "known" in there["notes"][0][
        "body"]


def test_notes_and_alarms_at_once(make_agent, sandbox):
    """Both write to one incident: nothing is lost, nothing is told twice."""
    agent = make_agent()
    now = time.time() - 1000
    one = open_one(agent, "busy", when=now)
    answers = []

    def people(n):
        http_ = peers.Http(agent.admin_port)
        for k in range(10):
            answers.append(http_.call(
                "POST", f"/api/v1/incidents/{one['id']}/note",
                {"text": f"word {n} {k}."},
                {"Authorization": "Bearer admin-token"})[0])
        http_.close()

    asking = [threading.Thread(target=people, args=(n,)) for n in range(3)]
    for t in asking:
        t.start()
    for k in range(30):
        assert agent.send(peers.alarm("busy", "ALARM", now + k + 1)) == 200
    for t in asking:
        t.join()
    agent.settle()
    assert answers.count(202) + answers.count(503) == 30
    assert answers.count(202) >= 25
    text = "\n".join(n["body"] for n in remote(agent, one)["notes"])
    said = re.findall(r"word \d \d\.", text)
    assert len(said) == len(set(said)) == answers.count(202)
    peers.check_invariants(agent, sandbox)


def test_on_the_unix_socket_no_token_is_needed(make_agent, folder):
    path = os.path.join(folder, "admin.sock")
    agent = make_agent(conf={"admin": {"address": "unix:" + path}},
                       start=False)
    agent.start(wait=False)

    def ask(method, target, body=b"", *headers):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(path)
            s.sendall("\r\n".join([
                f"{method} {target} HTTP/1.1", "Host: localhost",
                "Connection: close", f"Content-Length: {len(body)}",
                *headers, "", ""]).encode() + body)
            answer = b""
            while True:
                got = s.recv(65536)
                if not got:
                    break
                answer += got
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def ready():
        try:
            return ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    peers.wait_for("the agent", ready, 30)
    agent.hook({"AlarmName": "local"})
    peers.wait_for("its incident", lambda: json.loads(
        ask("GET", "/api/v1/incidents")[1])["incidents"])
    status, body = ask("POST", "/api/v1/incidents/1/note",
                       b'{"text": "from here"}', "X-Tocsin-User: ann")
    assert status == 202, body
    lines = json.loads(ask("GET", "/api/v1/audit")[1])["audit"]
    (line,) = [r for r in lines if r["action"] == "incident.note" and
               "text" in r["details"]]
    assert line["who"].startswith(f"uid {os.getuid()}")
    assert line["who"].endswith("claims to be ann")


# ---- a full store ----

def test_ten_thousand_events_hold_nobody_up(make_agent):
    agent = make_agent(rules={"10-pay.yaml": RULES % "many"})
    for n in range(50):
        assert agent.hook({
            "version": "4", "groupKey": "g", "receiver": "r",
            "status": "resolved", "groupLabels": {}, "commonLabels": {},
            "commonAnnotations": {}, "externalURL": "http://x",
            "alerts": [{"status": "resolved",
                        "labels": {"alertname": f"many-{n}-{k}"},
                        "startsAt": "2026-11-21T10:00:00Z",
                        "endsAt": f"2026-11-21T10:{n:02}:{k % 60:02}Z",
                        "fingerprint": f"{n:08x}{k:08x}"}
                       for k in range(200)]})[0] == 200
    for n in range(40):
        agent.hook({"AlarmName": f"pay-open-{n}"})
    agent.settle(120)
    assert get(agent, "/api/v1/status")["events"] == 10040
    id_ = get(agent, "/api/v1/events?q=many-0-0")["events"][-1]["id"]
    for path, many in (
            ("events", 100), ("events?limit=1000", 1000),
            ("events?q=many-0-7&limit=1000", 11), ("events?q=NONE-SUCH", 0),
            ("events?alarm=many-3-3", 1), ("events?q=MANY-49-199", 1),
            ("incidents?q=pay-open-3", 11), ("incidents?q=none", 0),
            ("incidents?team=payments", 40)):
        best = 9
        for _ in range(3):
            begin = time.monotonic()
            rows = get(agent, "/api/v1/" + path)
            best = min(best, time.monotonic() - begin)
        assert len(rows[path.split("?")[0]]) == many, path
        assert best < 0.2 * peers.patience(), (path, best)
    for path in (f"events/{id_}/timeline", f"events/{id_}/explain",
                 "series", "status"):
        begin = time.monotonic()
        get(agent, "/api/v1/" + path)
        assert time.monotonic() - begin < 0.5 * peers.patience(), path


# ---- tocsin-api(7) ----

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
VERBS = r"(GET|POST) (/[^\s,]*)"


def manual():
    with open(os.path.join(TOP, "packaging", "man", "tocsin-api.7")) as f:
        return f.read()


def examples():
    """(method, path, body, answer) of each literal block that is a call."""
    blocks = re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed",
                        manual(), re.S)
    out = []
    for block in blocks:
        m = re.match(VERBS + r"[ \n]?(.*)", block, re.S)
        if not m:
            continue
        method, path, rest = m.groups()
        body = None
        if method == "POST" and rest.startswith("{") and \
                not path.endswith(("retry", "expire", "reload")):
            body, end = json.JSONDecoder().raw_decode(rest)
            rest = rest[end:]
        out.append((method, path, body, rest.strip()))
    return out


def test_every_route_is_in_the_manual():
    with open(os.path.join(TOP, "agent", "admin", "admin.c")) as f:
        table = re.findall(r'\{ "(GET|POST)", "([^"]+)"', f.read())
    assert len(table) > 25
    told = {(m, re.sub(r"\{[a-z]+\}", "*", p)) for line in re.findall(
        r"^\.Ss (.*)$", manual(), re.M) for m, p in re.findall(VERBS, line)}
    assert told == set(table)


def has(answer, example, where=""):
    """What an example shows is there, and of that kind."""
    if answer is None and where:
        return                      # not known, or absent
    if isinstance(example, dict):
        assert isinstance(answer, dict), where
        for key, value in example.items():
            assert key in answer, f"{where}.{key}"
            has(answer[key], value, f"{where}.{key}")
    elif isinstance(example, list):
        assert isinstance(answer, list), where
        if example and answer and isinstance(example[0], dict):
            has(answer[0], example[0], where + "[0]")


def test_the_manual_s_examples(make_agent, sandbox):
    agent = make_agent(rules={"10-pay.yaml": RULES % "db"},
                       conf={"stackflow": {"link": "https://x/{id}"}})
    open_one(agent, "pay-db-cpu")
    event = get(agent, "/api/v1/events")["events"][0]["id"]
    sandbox.fault("400", method="POST", path="/incidents")
    agent.hook({"AlarmName": "pay-refused"})
    agent.settle()
    sandbox.clear()
    peers.wait_for("the warning of it", lambda: get(
        agent, "/api/v1/status")["warnings"])
    known = {"ea4xogjkzd7mpm": event, "/dead/7/":
             f"/dead/{get(agent, '/api/v1/dead')['dead'][0]['id']}/"}
    done = examples()
    assert len(done) > 22
    for method, path, body, example in done:
        for old, new in known.items():
            path = path.replace(old, new)
        if path == "/api/v1/live":
            with live(agent) as stream:
                assert "health" in stream.next("status")
            continue
        status, head, answer = call(agent, path, method, body, "admin-token")
        assert status in (200, 201, 202), (method, path, status, answer)
        if path == "/readyz":
            assert answer.decode().strip() == example
        elif example and head["content-type"] == "application/json":
            has(json.loads(answer), json.loads(example), path)
        if path == "/api/v1/silences" and method == "POST":
            known["s5k2"] = json.loads(answer)["id"]
