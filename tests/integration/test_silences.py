"""Silences made at run time: what they hold, how they end, who may."""
import concurrent.futures
import fcntl
import json
import os
import sqlite3
import struct
import subprocess
import termios
import time

import peers
import timed
from timed import HOUR, MINUTE

PLATFORM = """\
version: 1
team: platform
owners: [platform@example.com]
platform: true
guards:
  - {id: p1-never-held, match: {priority: P1}, forbid: suppress}
"""

PAYMENTS = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "*"}]
severity:
  - {when: {alarm: "*-SEV1*"}, set: critical}
  - {else: medium}
policies:
  - {id: rest, match: {}}
"""

RULES = {"00-platform.yaml": PLATFORM, "20-payments.yaml": PAYMENTS}


def add(agent, *words, match=("alarm=pay-*",), check=True):
    """Its id, or with check=False what the command said."""
    args = [w for m in match for w in ("--match", m)]
    r = agent.cli("silence", "add", *args, "--owner", "dba", "--reason",
                  "moving", *words, check=check)
    return r.stdout.split()[0] if check else r


def post(agent, token="admin-token", **fields):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"match": {"alarm": "pay-*"}, "owner": "dba", "reason": "moving",
            "for": "1h", **fields}
    body = {k: v for k, v in body.items() if v is not None}
    status, _, data = agent.admin.call("POST", "/api/v1/silences", body,
                                       headers)
    return status, json.loads(data)


def silences(agent, query=""):
    return agent.get("/api/v1/silences" + query)["silences"]


def event(agent, name, n=0):
    return agent.get(f"/api/v1/events?alarm={name}")["events"][n]


def titles(sandbox):
    return sorted(i["short_description"] for i in sandbox.incidents())


def opened(sandbox, name):
    return [i for i in sandbox.incidents() if name in i["short_description"]]


def test_it_holds_and_its_end_opens(make_agent, sandbox, clock):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "2h")
    for name in ("pay-db", "web-1"):
        timed.fire(agent, name, when=clock.now())
    agent.settle()
    clock.pass_by(agent, 2 * HOUR - MINUTE)
    assert not opened(sandbox, "pay-db") and opened(sandbox, "web-1")
    e = event(agent, "pay-db")
    assert e["action"] == "hold" and id in e["because"]
    (s,) = silences(agent)
    assert (s["id"], s["state"], s["holding"]) == (id, "active", 1)
    assert s["match"] == {"alarm": "pay-*"} and "pay-db" in s["alarms"][0]
    clock.forward(2 * MINUTE)
    peers.wait_for("the incident", lambda: opened(sandbox, "pay-db"))
    assert len(opened(sandbox, "pay-db")) == 1
    agent.settle()
    assert silences(agent) == []
    (s,) = silences(agent, "?all=true")
    assert (s["id"], s["state"], s["holding"]) == (id, "ended", 0)
    peers.check_invariants(agent, sandbox)


def test_an_ok_inside_ends_it_without_an_incident(make_agent, sandbox,
                                                  clock):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "2h")
    timed.fire(agent, "pay-db", when=clock.now())
    timed.fire(agent, "pay-db", "OK", when=clock.now())
    timed.fire(agent, "pay-api", when=clock.now())
    agent.settle()
    assert [s["holding"] for s in silences(agent)] == [1]
    clock.pass_by(agent, 3 * HOUR)
    assert opened(sandbox, "pay-api")
    assert len(sandbox.incidents()) == 1
    first = event(agent, "pay-db", 1)
    assert first["state"] == "ALARM"
    assert id in first["because"] and "OK" in first["because"]


def test_a_guard_forbids_it(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    add(agent, "--for", "1h")
    for name in ("pay-db-SEV1", "pay-db"):
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["priority"] == "P1"
    assert "SEV1" in incident["short_description"]
    assert event(agent, "pay-db")["action"] == "hold"


def test_ending_one_opens_what_it_holds_at_once(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "1h")
    other = add(agent, "--for", "1h", match=["alarm=web-*"])
    for name in ("pay-1", "pay-2", "web-1"):
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    assert not sandbox.incidents()
    r = agent.cli("silence", "expire", id)
    assert r.stdout == f"{id}: ended\n"
    peers.wait_for("both", lambda: len(sandbox.incidents()) == 2)
    assert agent.send(peers.alarm("pay-3")) == 200
    agent.settle()
    assert len(titles(sandbox)) == 3 and not opened(sandbox, "web-1")
    assert [s["id"] for s in silences(agent)] == [other]
    r = agent.cli("silence", "expire", id, check=False)
    assert r.returncode == 1 and "no silence of this id" in r.stderr


def test_two_that_match_hold_until_the_later_end(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    first = add(agent, "--for", "1h")
    second = add(agent, "--for", "2h", match=["alarm=pay-db"])
    assert agent.send(peers.alarm("pay-db")) == 200
    agent.settle()
    agent.cli("silence", "expire", second)
    peers.wait_for("the first to hold it", lambda: [
        s["holding"] for s in silences(agent)] == [1])
    assert not sandbox.incidents()
    agent.cli("silence", "expire", first)
    peers.wait_for("the incident", sandbox.incidents)


def test_notes_of_an_open_incident_are_held(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    now = time.time()
    assert agent.send(peers.alarm("pay-db", "ALARM", now)) == 200
    agent.settle()
    id = add(agent, "--for", "1h")
    for k in range(1, 4):
        assert agent.send(peers.alarm("pay-db", "ALARM", now + k)) == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert not incident["notes"]
    agent.cli("silence", "expire", id)
    peers.wait_for("one note of all", lambda: sandbox.incidents()[0]["notes"],
                   10)
    assert agent.send(peers.alarm("pay-db", "OK", now + 9)) == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


def test_kept_through_kill_9(make_agent, sandbox, clock):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "10h")
    short = add(agent, "--for", "1h", match=["alarm=web-*"])
    timed.fire(agent, "pay-1", when=clock.now())
    timed.fire(agent, "web-1", when=clock.now())
    agent.settle()
    agent.restart()
    clock.pass_by(agent, HOUR - MINUTE)
    held = {s["id"]: s["holding"] for s in silences(agent)}
    assert held == {id: 1, short: 1}
    timed.fire(agent, "pay-2", when=clock.now())
    agent.settle()
    assert not sandbox.incidents()
    clock.forward(2 * MINUTE)
    peers.wait_for("the short one's", lambda: opened(sandbox, "web-1"))
    assert not opened(sandbox, "pay")
    agent.restart()
    agent.cli("silence", "expire", id)
    peers.wait_for("both", lambda: len(opened(sandbox, "pay")) == 2)


def test_what_is_matched(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    add(agent, "--for", "1h", match=["alarm=~^pay-", "alarm!=pay-never",
                                     "region=us-*", "alarm!~-x$"])
    add(agent, "--for", "1h", match=["{alarm: [web-1, web-2], not: {dim."
                                     "DBInstanceIdentifier: other}}"])
    names = ("pay-1", "pay-never", "pay-x", "nopay-1", "web-2", "web-3")
    for name in names:
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    got = {name: event(agent, name)["action"] for name in names}
    assert {k for k, v in got.items() if v == "hold"} == {"pay-1", "web-2"}
    assert len(sandbox.incidents()) == 4


REFUSED = [
    ({"owner": None}, "owner"), ({"owner": "  "}, "owner"),
    ({"owner": "a\nb"}, "owner"), ({"owner": 7}, "owner"),
    ({"owner": "x" * 201}, "owner"),
    ({"reason": None}, "reason"), ({"reason": ""}, "reason"),
    ({"for": None}, "ends_at"), ({"for": "31d"}, "for"),
    ({"for": "soon"}, "for"), ({"for": 7}, "for"), ({"for": "0s"}, "for"),
    ({"ends_at": "2099-01-01T00:00:00Z", "for": None}, "ends_at"),
    ({"ends_at": "2020-01-01T00:00:00Z", "for": None}, "ends_at"),
    ({"ends_at": "tomorrow", "for": None}, "ends_at"),
    ({"ends_at": "2099-01-01T00:00:00Z"}, "for"),
    ({"match": None}, "match"), ({"match": {}}, "match"),
    ({"match": "{}"}, "match"), ({"match": 7}, "match"),
    ({"match": ""}, "match"), ({"match": "{alarm: "}, "match"),
    ({"match": {"alarrm": "x"}}, "match"),
    ({"match": {"alarm": {"re": "("}}}, "match"),
    ({"match": {"alarm": "x" * 9000}}, "match"),
    ({"colour": "red"}, "colour"),
]


def test_what_is_refused_names_the_field(make_agent):
    agent = make_agent(rules=RULES)
    for fields, field in REFUSED:
        status, answer = post(agent, **fields)
        assert (status, answer.get("field")) == (400, field), \
            (fields, status, answer)
        assert answer["error"].startswith(field + " "), answer
    status, _, data = agent.admin.call(
        "POST", "/api/v1/silences", b"{", {"Authorization":
                                           "Bearer admin-token"})
    assert status == 400 and json.loads(data)["error"]
    assert silences(agent, "?all=true") == []
    status, answer = post(agent, match={"alarrm": "x"})
    assert "alarm" in answer["error"].replace("alarrm", "")


def test_the_command_says_what_is_missing(make_agent):
    agent = make_agent(rules=RULES)
    whole = {"--match": "alarm=x", "--for": "1h", "--owner": "o",
             "--reason": "r"}
    for left_out in whole:
        words = [w for k, v in whole.items() if k != left_out for w in (k, v)]
        r = agent.cli("silence", "add", *words, check=False)
        assert r.returncode == 2 and left_out in r.stderr, r.stderr
    for words in (["--until", "2026-01-01T00:00:00Z"],
                  ["--match", "alarm"], ["--match", "!"], ["--match", "=x"],
                  ["--match", "alarm=y"]):
        r = agent.cli("silence", "add", *words,
                      *[w for p in whole.items() for w in p], check=False)
        assert r.returncode == 2, (words, r.stdout, r.stderr)
    for words in (["expire"], ["nothing"], ["list", "--owner", "x"],
                  ["add", "more", "words"], ["expire", "x", "--all"]):
        r = agent.cli("silence", *words, check=False)
        assert r.returncode == 2 and r.stderr, words
    r = add(agent, "--for", "40d", check=False)
    assert r.returncode == 1 and "30d" in r.stderr
    assert agent.cli("silence", "list").stdout == "no silences in force\n"


def test_who_may(make_agent):
    agent = make_agent(rules=RULES)
    assert post(agent, token=None)[0] == 401
    assert post(agent, token="wrong")[0] == 401
    status, s = post(agent)
    assert status == 201 and s["state"] == "active"
    path = f"/api/v1/silences/{s['id']}/expire"
    assert agent.admin.call("POST", path)[0] == 401
    assert agent.admin.call("GET", "/api/v1/silences")[0] == 200
    assert agent.admin.call("GET", path)[0] == 405
    assert agent.api(path, "POST")[0] == 200
    assert agent.api(path, "POST")[0] == 404
    assert agent.api("/api/v1/silences/..%2f/expire", "POST")[0] == 404


def test_told_in_the_log(make_agent):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "1h")
    agent.cli("silence", "expire", id)
    lines = [ln for ln in agent.process.text().splitlines() if id in ln and
             "msg=\"audit\"" in ln]
    assert len(lines) == 2, lines
    assert "action=silence.add" in lines[0] and "dba" in lines[0]
    assert "moving" in lines[0] and "pay-*" in lines[0]
    assert "who=\"token, claims to be " in lines[0]
    assert "action=silence.expire" in lines[1]


def test_tables_and_json(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    id = add(agent, "--for", "1h")
    r = agent.cli("silence", "add", "--json", "--match", "alarm=web-*",
                  "--until", time.strftime(
                      "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600)),
                  "--owner", "über", "--reason", "x\u202e y")
    other = json.loads(r.stdout)
    assert other["owner"] == "über"
    assert agent.send(peers.alarm("pay-1")) == 200
    agent.settle()
    out = agent.cli("silence", "list").stdout
    head, *rows = out.splitlines()
    assert head.split() == ["ID", "STATE", "ENDS", "HOLDS", "OWNER",
                            "REASON", "MATCH"]
    assert [r.split()[0] for r in rows] == [other["id"], id]
    assert rows[1].split()[3:] == ["1", "dba", "moving",
                                   '{"alarm":"pay-*"}']
    assert "\u202e" not in out
    agent.cli("silence", "expire", id, other["id"])
    assert agent.cli("silence").stdout == "no silences in force\n"
    assert agent.cli("silence", "list", "--all").stdout.count("ended") == 2
    listed = json.loads(agent.cli("silence", "list", "--all",
                                  "--json").stdout)["silences"]
    assert {s["id"] for s in listed} == {id, other["id"]}


def test_a_terminal_of_80_columns(make_agent):
    agent = make_agent(rules=RULES)
    add(agent, "--for", "1h", match=["alarm=" + "pay-" * 60])
    parent, child = os.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([peers.TOCSIN, "silence", "list", "-c", agent.path],
                   stdout=child, check=True, timeout=60,
                   env=dict(agent.env, NO_COLOR="1"))
    os.close(child)
    text = os.read(parent, 65536).decode()
    os.close(parent)
    lines = text.splitlines()
    assert len(lines) == 2 and all(len(ln) <= 80 for ln in lines), lines
    assert "pay-pay-" in lines[1]


def one_more(agent, k):
    """By a connection of its own."""
    http = peers.Http(agent.admin_port)
    status, _, data = http.call("POST", "/api/v1/silences", {
        "match": {"alarm": f"x-{k}"}, "owner": "dba", "reason": "r",
        "for": "1h"}, {"Authorization": "Bearer admin-token"})
    http.close()
    return status, data


def test_bounded_in_number(make_agent):
    agent = make_agent(rules=RULES)
    assert post(agent)[0] == 201
    agent.stop()
    with sqlite3.connect(os.path.join(agent.folder, "tocsin.db")) as db:
        db.executemany(
            "INSERT INTO silence (id, begins_ms, ends_ms, created_ms, match,"
            " owner, reason) SELECT ?, begins_ms, ends_ms, created_ms, match,"
            " owner, reason FROM silence LIMIT 1",
            [(f"s{k}",) for k in range(990)])
    agent.start()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for status, answer in pool.map(lambda k: one_more(agent, k),
                                       range(9)):
            assert status == 201, answer
    status, answer = post(agent)
    assert status == 409 and "1000" in answer["error"]
    ids = [s["id"] for s in silences(agent)]
    assert len(set(ids)) == 1000
    assert agent.api(f"/api/v1/silences/{ids[0]}/expire", "POST")[0] == 200
    assert post(agent)[0] == 201


def test_a_clock_that_goes_back_revives_none(make_agent, sandbox, folder):
    clock = timed.Clock(folder)
    agent = make_agent(rules=RULES, env=clock.env())
    ended = post(agent, **{"for": "30m"})[1]["id"]
    longer = post(agent, **{"for": "2h"})[1]["id"]
    assert {s["id"] for s in silences(agent)} == {ended, longer}
    clock.forward(31 * MINUTE)
    peers.wait_for("its end", lambda: [s["id"] for s in silences(agent)] ==
                   [longer])
    before = silences(agent)[0]["ends_at"]
    # All of the agent has seen the later time.
    assert agent.send(peers.alarm("web-1")) == 200
    peers.wait_for("the incident", sandbox.incidents)
    agent.settle()
    clock.forward(-HOUR)
    peers.wait_for("the clock", lambda: "set back" in agent.process.text())
    peers.wait_for("the end to move", lambda: [
        s["ends_at"] for s in silences(agent) if s["id"] == longer] <
        [before])
    assert [s["id"] for s in silences(agent)] == [longer]
    # Nor does it at a start.
    agent.restart()
    assert [s["id"] for s in silences(agent)] == [longer]
