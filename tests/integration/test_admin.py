"""The admin address: who may ask, what is answered, metrics and reload."""
import http.client
import json
import math
import os
import re
import shutil
import socket
import subprocess
import time

import peers
import pytest


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """An agent with a little in it, for those who only look."""
    folder = str(tmp_path_factory.mktemp("admin"))
    sandbox = peers.Sandbox(folder)
    agent = peers.Agent(folder, sandbox)
    now = time.time()
    for k, state in enumerate(["ALARM", "ALARM", "OK"]):
        assert agent.send(peers.alarm("looked-at", state, now + k)) == 200
    assert agent.hook({"AlarmName": 'odd "name"\\ \n with \u20ac'})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    assert agent.hook({"AlarmName": "refused"})[0] == 200
    agent.settle()
    sandbox.clear()
    yield agent
    assert agent.stop() == 0
    sandbox.stop()


def call(agent, path, method="GET", **headers):
    return agent.admin.call(method, path, None, {
        k.replace("_", "-"): v for k, v in headers.items()})


def test_health_and_readiness(quiet):
    assert call(quiet, "/healthz")[0] == 200
    status, _, body = call(quiet, "/readyz")
    assert (status, body.splitlines()[0]) == (200, b"ready")


def test_readiness_says_degraded_and_stays_200(make_agent, sandbox):
    agent = make_agent()
    sandbox.fault("refuse")
    agent.hook({"AlarmName": "waits"})
    peers.wait_for("the breaker", lambda: b"degraded" in call(
        agent, "/readyz")[2], 20)
    assert call(agent, "/readyz")[0] == 200
    assert agent.metrics()["tocsin_degraded"] == 1
    assert agent.get("/api/v1/status")["health"] == "degraded"
    # Intake is healthy.
    assert agent.hook({"AlarmName": "waits too"})[0] == 200
    sandbox.clear()
    agent.settle(30)
    assert call(agent, "/readyz")[2].startswith(b"ready\n")


def test_lists(quiet):
    status = quiet.get("/api/v1/status")
    assert status["health"] == "ready" and status["backlog"] == 0
    assert status["dead_letters"] == 1
    assert status["stackflow"]["reachable"] is True
    incidents = quiet.get("/api/v1/incidents")["incidents"]
    assert {i["state"] for i in incidents} == {"open", "resolved", "failed"}
    mine = [i for i in incidents if i["state"] == "resolved"]
    assert re.fullmatch(r"INC\d{7}", mine[0]["incident"])
    events = quiet.get("/api/v1/events")["events"]
    assert len(events) == 5
    assert len({e["id"] for e in events}) == 5
    one = quiet.get("/api/v1/events/" + events[0]["id"])
    assert one["id"] == events[0]["id"]
    (dead,) = quiet.get("/api/v1/dead")["dead"]
    assert dead["status"] == 400
    rules = quiet.get("/api/v1/rules")
    assert rules["files"] == [] and rules["hash"]


def test_pages_filters_and_bad_parameters(quiet):
    seen, before = [], ""
    while True:
        page = quiet.get(f"/api/v1/events?limit=2{before}")
        seen += [e["id"] for e in page["events"]]
        if "next_before" not in page:
            break
        before = f"&before={page['next_before']}"
    assert len(seen) == len(set(seen)) == 5
    named = quiet.get("/api/v1/events?alarm=looked-at")["events"]
    assert [e["alarm"] for e in named] == ["looked-at"] * 3
    assert quiet.get("/api/v1/events?alarm=none")["events"] == []
    for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "before=x",
                  "before=-1", "limit=99999999999999999999"):
        assert call(quiet, "/api/v1/events?" + query)[0] == 400, query
    for path in ("/api/v1/events/none", "/api/v1/events/e" + "a" * 13,
                 "/api/v1/events/" + "%00" * 3, "/nothing", "/api/v2/status",
                 "/healthz/", "//healthz", "/sns"):
        assert call(quiet, path)[0] == 404, path
    status, _, _ = call(quiet, "/api/v1/status", "DELETE")
    assert status in (401, 405)
    assert call(quiet, "/api/v1/status", "DELETE",
                Authorization="Bearer admin-token")[0] == 405


def test_host_is_checked(quiet):
    port = quiet.admin_port
    for host, status in [
            ("localhost", 200), (f"localhost:{port}", 200),
            ("LOCALHOST", 200), ("127.0.0.1", 200), (f"127.0.0.1:{port}", 200),
            (f"[::1]:{port}", 200), ("192.0.2.1", 200),
            ("evil.example", 403), (f"evil.example:{port}", 403),
            ("localhost.evil.example", 403), ("xlocalhost", 403),
            ("127.0.0.1.evil.example", 403), ("127.0.0.1.nip.io", 403)]:
        for path in ("/metrics", "/api/v1/status", "/healthz"):
            assert call(quiet, path, Host=host)[0] == status, (host, path)


def test_admin_hosts_may_be_named(make_agent):
    agent = make_agent(conf={"admin": {"hosts": ["tocsin.internal"]}})
    assert call(agent, "/metrics", Host="tocsin.internal:9464")[0] == 200
    assert call(agent, "/metrics", Host="localhost")[0] == 403


def test_a_foreign_origin_is_refused(quiet):
    own = f"127.0.0.1:{quiet.admin_port}"
    for origin, status in [
            (f"http://{own}", 200), ("https://evil.example", 403),
            ("null", 403), ("", 403), (f"http://{own}.evil.example", 403),
            ("http://127.0.0.1:1", 403), ("file://", 403)]:
        got = call(quiet, "/api/v1/status", Origin=origin)[0]
        assert got == status, origin
        got = call(quiet, "/-/reload", "POST", Origin=origin,
                   Authorization="Bearer admin-token")[0]
        assert got == status, origin


POSTS = ["/-/reload", "/api/v1/dead/1/retry", "/api/v1/dead/1/drop"]


def test_a_post_needs_the_token(quiet):
    before = quiet.get("/api/v1/dead")["dead"]
    for path in POSTS:
        for value in (None, "Bearer", "Bearer x", "Bearer admin-toke",
                      "Bearer admin-token2", "Basic YWRtaW4tdG9rZW4=",
                      "admin-token"):
            headers = {} if value is None else {"Authorization": value}
            status, answer, body = call(quiet, path, "POST", **headers)
            assert status == 401, (path, value)
            assert answer["www-authenticate"].startswith("Bearer")
            assert b"admin-token" not in body
        assert call(quiet, path + "?token=admin-token", "POST")[0] == 401
    assert quiet.get("/api/v1/dead")["dead"] == before


def test_without_a_token_nobody_may_post(make_agent):
    agent = make_agent(conf={"admin": {"token": None}})
    for path in POSTS:
        assert call(agent, path, "POST")[0] == 403
        assert call(agent, path, "POST", Authorization="Bearer ")[0] == 403
    assert call(agent, "/metrics")[0] == 200


def unix_call(path, method, what, **headers):
    conn = http.client.HTTPConnection("localhost")
    conn.sock = socket.socket(socket.AF_UNIX)
    conn.sock.connect(path)
    conn.request(method, what, headers=headers)
    answer = conn.getresponse()
    out = answer.status, answer.read()
    conn.close()
    return out


def test_admin_on_a_unix_socket(make_agent, sandbox, folder):
    path = os.path.join("/tmp", f"tocsin-{os.getpid()}-{time.time_ns()}.sock")
    agent = make_agent(start=False)
    agent.configure({"admin": {"address": f"unix:{path}", "token": None}})
    try:
        agent.start(wait=False)
        peers.wait_for("the socket", lambda: os.path.exists(path) and
                       unix_call(path, "GET", "/readyz")[0] == 200)
        # It is the daemon's own: connecting asks for the right to write.
        assert os.stat(path).st_mode & 0o002 == 0
        assert unix_call(path, "GET", "/metrics")[0] == 200
        assert unix_call(path, "POST", "/-/reload")[0] == 200
        assert "ready" in agent.cli("status").stdout
        if os.getuid() == 0 and shutil.which("setpriv"):
            r = subprocess.run(
                ["setpriv", "--reuid=65534", "--clear-groups",
                 "/usr/bin/python3", "-c",
                 "import http.client, socket\n"
                 "c = http.client.HTTPConnection('localhost')\n"
                 "c.sock = socket.socket(socket.AF_UNIX)\n"
                 f"c.sock.connect({path!r})\n"
                 "c.request('POST', '/-/reload')\n"
                 "print(c.getresponse().status)\n"],
                capture_output=True, text=True)
            assert r.stdout.strip() == "403" or "PermissionError" in r.stderr
    finally:
        agent.process.stop()
    assert not os.path.exists(path)


# ---- reload ----

GOOD = "version: 1\nteam: t\nowners: [a@b.c]\n" \
    "policies: [{id: first, match: {}}]\n"


def reload(agent):
    status, _, body = agent.admin.call(
        "POST", "/-/reload", None, {"Authorization": "Bearer admin-token"})
    return status, json.loads(body)


def test_reload_lists_every_fault(make_agent):
    good = GOOD + "claims: [{alarm: 't-*'}]\n"
    agent = make_agent(rules={"10-t.yaml": good, "20-u.yaml":
                              "version: 1\nteam: u\nowners: [a@b.c]\n"
                              "claims: [{alarm: 'u-*'}]\n"
                              "policies: [{id: u, match: {}}]\n"})
    assert reload(agent) == (200, {"reloaded": True, "faults": []})
    stale = 'tocsin_rules_stale{file="%s"}'
    assert agent.metrics()[stale % "10-t.yaml"] == 0
    agent.write_rules("10-t.yaml", "version: 1\nteam: t\npolicys: []\n"
                                   "policies: [{id: x, mach: {}}]\n")
    status, answer = reload(agent)
    assert status == 422 and answer["reloaded"] is False
    faults = [f for f in answer["faults"] if f["level"] == "error"]
    assert len(faults) >= 2
    for f in faults:
        assert f["file"].endswith("10-t.yaml") and f["line"] >= 1
        assert f["code"] and f["text"] and f["column"] >= 1
    assert any("did you mean" in f["text"] for f in faults)
    m = agent.metrics()
    assert m[stale % "10-t.yaml"] == 1 and m[stale % "20-u.yaml"] == 0
    assert agent.get("/api/v1/status")["rules_stale"] == ["10-t.yaml"]
    files = {f["file"]: f for f in agent.get("/api/v1/rules")["files"]}
    assert files["10-t.yaml"]["stale"] and not files["20-u.yaml"]["stale"]
    agent.write_rules("10-t.yaml", good)
    status, answer = reload(agent)
    assert status == 200 and answer["reloaded"] is True
    assert agent.metrics()[stale % "10-t.yaml"] == 0


def test_reload_of_a_wrong_configuration(make_agent):
    agent = make_agent()
    agent.configure({"sns": {"max_age": "75"}, "lissen": []})
    status, answer = reload(agent)
    assert status == 422
    codes = [f for f in answer["faults"] if f["level"] == "error"]
    assert len(codes) == 2
    assert agent.metrics()["tocsin_reloads_failed_total"] == 1
    assert agent.hook({"AlarmName": "as before"})[0] == 200


def test_reload_of_the_admin_token(make_agent):
    agent = make_agent()
    agent.configure({"admin": {"token": "another-token"}})
    assert reload(agent)[0] == 200
    assert reload(agent)[0] == 401
    assert agent.api("/-/reload", "POST", "another-token")[0] == 200


def test_dead_letters_can_be_retried_and_dropped(make_agent, sandbox):
    agent = make_agent()
    sandbox.fault("400", method="POST", path="/incidents", count=2)
    agent.hook({"AlarmName": "one"})
    agent.settle()
    agent.hook({"AlarmName": "two"})
    agent.settle()
    dead = agent.get("/api/v1/dead")["dead"]
    assert len(dead) == 2 and agent.metrics()["tocsin_dead_letters"] == 2
    by_name = {("one" if "one" in d["body"] else "two"): d["id"]
               for d in dead}
    assert agent.api(f"/api/v1/dead/{by_name['one']}/retry", "POST")[0] == 200
    assert agent.api(f"/api/v1/dead/{by_name['two']}/drop", "POST")[0] == 200
    for word in ("retry", "drop"):
        for i in (by_name["two"], 999999, 0):
            assert agent.api(f"/api/v1/dead/{i}/{word}", "POST")[0] == 404
    agent.settle()
    assert agent.get("/api/v1/dead")["dead"] == []
    (incident,) = sandbox.incidents()
    assert "one" in incident["short_description"]


# ---- metrics ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (\S+)\Z")


def parse_exposition(text):
    """The text format, strictly: families together, declared, no twins."""
    assert text.endswith("\n")
    kind, helped, samples, current = {}, set(), {}, None
    ended = set()
    for line in text[:-1].split("\n"):
        assert line == line.strip() and line, repr(line)
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            assert name not in helped and re.fullmatch(NAME, name)
            assert words.strip() and "\\" not in words
            helped.add(name)
            continue
        if line.startswith("# TYPE "):
            name, what = line[7:].split(" ")
            assert name not in kind, name
            assert what in ("counter", "gauge", "histogram")
            kind[name] = what
            if current:
                ended.add(current)
            assert name not in ended
            current = name
            continue
        m = SAMPLE.match(line)
        assert m, line
        name, labels, value = m.groups()
        family = re.sub(r"_(bucket|sum|count)\Z", "", name)
        family = family if kind.get(family) == "histogram" else name
        assert family == current, f"{line} stands outside {current}"
        assert (name, labels) not in samples, line
        samples[name, labels] = float(value)
        assert not math.isnan(samples[name, labels])
        if kind[family] == "counter":
            assert family.endswith("_total") and samples[name, labels] >= 0
    assert set(kind) == helped
    for name, what in kind.items():
        if what != "histogram":
            continue
        buckets = [(labels, v) for (n, labels), v in samples.items()
                   if n == name + "_bucket"]
        values = [v for _, v in buckets]
        assert values == sorted(values)
        assert buckets[-1][0] == 'le="+Inf"'
        assert values[-1] == samples[name + "_count", None]
        assert (name + "_sum", None) in samples
    return kind, samples


def test_metrics_are_valid_and_complete(quiet):
    status, headers, body = call(quiet, "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    kind, samples = parse_exposition(body.decode())
    for name in """tocsin_events_accepted_total tocsin_events_duplicate_total
            tocsin_incidents_created_total tocsin_incidents_resolved_total
            tocsin_notes_appended_total tocsin_backlog tocsin_in_doubt
            tocsin_dead_letters tocsin_duplicate_incidents_total
            """.split():
        assert (name, None) in samples, name
    assert ("tocsin_events_received_total",
            'source="sns",kind="metric-alarm"') in samples
    assert kind["tocsin_stackflow_request_seconds"] == "histogram"
    assert kind["tocsin_intake_seconds"] == "histogram"
    assert kind["tocsin_rules_stale"] == "gauge"
    assert kind["tocsin_events_rejected_total"] == "counter"
    if shutil.which("promtool"):
        r = subprocess.run(["promtool", "check", "metrics"], input=body,
                           capture_output=True)
        assert r.returncode == 0, r.stdout + r.stderr


def test_strangers_can_not_multiply_series(make_agent):
    """S23: what is sent never becomes a label."""
    agent = make_agent()
    before = len(agent.metrics())
    for k in range(60):
        agent.http.call("POST", f"/path-{k}", "{}")
        agent.http.call("POST", "/sns", json.dumps(
            {"Type": f"T{k}", "TopicArn": f"arn:aws:sns:x:{k}:y"}))
        agent.http.call(f"M{k}", "/sns")
        agent.hook({"AlarmName": f"a-{k}", "source": f"s-{k}",
                    "kind": f"k-{k}"})
    agent.settle()
    assert len(agent.metrics()) - before < 12


def test_the_public_listener_shows_nothing_of_it(quiet):
    for path in ("/metrics", "/healthz", "/readyz", "/api/v1/status", "/",
                 "/-/reload"):
        assert quiet.http.call("GET", path)[0] == 404


def test_an_odd_rule_file_name_is_one_label(make_agent):
    name = '10-a"b\\c.yaml'
    agent = make_agent(rules={name: GOOD})
    parse_exposition(agent.api("/metrics")[1].decode())
    files = agent.get("/api/v1/rules")["files"]
    assert [f["file"] for f in files] == [name]
