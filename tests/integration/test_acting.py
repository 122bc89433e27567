"""What people do from the command line to incidents and silences."""
import json
import os
import re
import time

import peers
from test_silences import RULES, opened, silences

PERSON = {"USER": "ann", "SUDO_USER": ""}


def fire(agent, *names, state="ALARM"):
    for name in names:
        assert agent.send(peers.alarm(name, state)) == 200
    agent.settle()


def incident(agent, name):
    (one,) = [i for i in agent.get("/api/v1/incidents")["incidents"]
              if i["alarm"] == name]
    return one


def audited(agent, action):
    return [e for e in agent.get("/api/v1/audit?limit=1000")["audit"]
            if e["action"] == action]


def test_a_note_and_a_resolve(make_agent, sandbox):
    agent = make_agent(rules=RULES, env=PERSON)
    fire(agent, "pay-db")
    remote = incident(agent, "pay-db")["incident"]
    r = agent.cli("incidents", "note", remote, "the", "vendor is", "on it")
    assert r.stdout == f"{remote}: the note is taken and goes to StackFlow\n"
    agent.settle()
    assert "the vendor is on it" in str(sandbox.incidents()[0]["notes"])
    assert any("ann" in e["who"] for e in audited(agent, "incident.note"))
    r = agent.cli("incidents", "resolve", remote, "failed over", "--json")
    assert json.loads(r.stdout)["done"] == "resolve"
    agent.settle()
    (one,) = sandbox.incidents()
    assert one["state"] == "resolved" and "failed over" in str(one["notes"])
    for verb in ("note", "resolve"):
        r = agent.cli("incidents", verb, remote, "again", check=False)
        assert (r.returncode, r.stdout) == (1, "")
        assert "409" in r.stderr and "isn't open" in r.stderr
    peers.check_invariants(agent, sandbox)


def test_a_resolve_needs_no_words(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    fire(agent, "pay-db")
    agent.cli("incidents", "resolve", str(incident(agent, "pay-db")["id"]))
    agent.settle()
    assert sandbox.incidents()[0]["state"] == "resolved"


def test_show(make_agent):
    agent = make_agent(rules=RULES)
    hostile = "a\033[31mb\u202ec"
    fire(agent, "pay-db", hostile)
    one = incident(agent, "pay-db")
    text = agent.cli("incidents", "show", one["incident"]).stdout
    assert re.search(rf"^Incident +{one['incident']}$", text, re.M)
    assert re.search(r"^Alarm +pay-db 111122223333 us-east-1$", text, re.M)
    assert re.search(r"create: done, StackFlow answered 201$", text, re.M)
    assert "\033" not in text
    both = agent.cli("incidents", "show", one["incident"],
                     str(incident(agent, hostile)["id"])).stdout
    assert both.count("Its alarms") == 2
    assert "\033" not in both and "\u202e" not in both
    doc = json.loads(agent.cli("incidents", "show", "--json",
                               one["incident"]).stdout)
    assert doc["operations"][0]["kind"] == "create"
    r = agent.cli("incidents", "show", "INC9999999", check=False)
    assert r.returncode == 1 and "no such incident" in r.stderr


def test_wrong_usage(make_agent):
    agent = make_agent(start=False)
    for words in (["incidents", "show"], ["incidents", "note"],
                  ["incidents", "note", "INC1"], ["incidents", "resolve"],
                  ["incidents", "list", "x"],
                  ["incidents", "show", "INC1", "--state", "open"],
                  ["silence", "extend", "--for", "1h"],
                  ["silence", "extend", "s1"],
                  ["silence", "extend", "s1", "--for", "1h", "--until", "x"],
                  ["silence", "extend", "s1", "--for", "1h", "--owner", "x"],
                  ["silence", "add", "--alarm", "x"],
                  ["silence", "add", "--alarm", "x", "--incident", "INC1",
                   "--for", "1h"],
                  ["silence", "add", "--alarm", "x", "--match", "alarm=x",
                   "--for", "1h"]):
        r = agent.cli(*words, check=False)
        assert (r.returncode, r.stdout) == (2, ""), (words, r)
        assert "--help" in r.stderr


def test_a_silence_of_an_incident(make_agent, sandbox):
    agent = make_agent(rules=RULES, env=PERSON)
    fire(agent, "pay-db", "pay-db-2")
    remote = incident(agent, "pay-db")["incident"]
    agent.cli("silence", "add", "--incident", remote, "--for", "2h")
    (s,) = silences(agent)
    assert s["match"] == {"alarm": "pay-db", "account": "111122223333",
                          "region": "us-east-1"}
    assert (s["owner"], s["reason"]) == ("ann", f"for {remote}")
    fire(agent, "pay-db", "pay-db-2", state="OK")
    agent.cli("incidents", "show", remote)
    r = agent.cli("silence", "add", "--incident", "INC0099999", "--for",
                  "2h", check=False)
    assert r.returncode == 1 and "no such incident" in r.stderr
    assert len(silences(agent)) == 1


def test_a_silence_of_one_alarm_whatever_its_name(make_agent, sandbox):
    agent = make_agent(rules=RULES, env=PERSON)
    names = ["pay[1]*", "a.b?{c}", "plain", "q\\d$^|()+"]
    for name in names:
        agent.cli("silence", "add", "--alarm", name, "--for", "2h",
                  "--reason", "moving")
    fire(agent, *names, "pay1x", "aXb", "plainer")
    held = {a for s in silences(agent) for a in s["alarms"]}
    assert held == set(names)
    assert len(sandbox.incidents()) == 3
    assert {s["reason"] for s in silences(agent)} == {"moving"}


def test_a_silence_lasts_longer(make_agent, sandbox, clock):
    agent = make_agent(rules=RULES, env=PERSON)
    add = agent.cli("silence", "add", "--alarm", "pay-db", "--for", "1h")
    id = add.stdout.split()[0]
    assert agent.send(peers.alarm("pay-db", when=clock.now())) == 200
    agent.settle()
    (before,) = silences(agent)
    r = agent.cli("silence", "extend", id, "--for", "2h")
    assert r.stdout.startswith(f"{id} until ")
    (after,) = silences(agent)
    hours = [time.mktime(time.strptime(x["ends_at"][:19],
             "%Y-%m-%dT%H:%M:%S")) / 3600 for x in (before, after)]
    assert abs(hours[1] - hours[0] - 2) < 0.01
    assert after["holding"] == 1
    # What it holds is told to wait for the new end, and does.
    peers.wait_for("the new end", lambda: agent.get("/api/v1/status")[
        "alarms_held"][0]["until"] == after["ends_at"])
    agent.restart()
    clock.pass_by(agent, 2 * 3600)
    assert not opened(sandbox, "pay-db")
    clock.forward(3660)
    peers.wait_for("its end", lambda: opened(sandbox, "pay-db"))
    assert len(opened(sandbox, "pay-db")) == 1
    (entry,) = audited(agent, "silence.extend")
    assert entry["resource_id"] == id and "ann" in entry["who"]
    assert "until" in entry["details"]
    r = agent.cli("silence", "extend", id, "--for", "2h", check=False)
    assert r.returncode == 1 and "no silence of this id" in r.stderr
    peers.check_invariants(agent, sandbox)


REFUSED = [
    ({}, "the body is"), ({"for": "2h", "owner": "x"}, "the body is"),
    ({"for": "2h", "ends_at": "2036-01-01T00:00:00Z"}, "goes without"),
    ({"for": "31d"}, "at most 30d"), ({"for": "-1h"}, "whole number"),
    ({"for": "30d"}, "more than 30 days"), ({"for": 7}, "whole number"),
    ({"ends_at": "2020-01-01T00:00:00Z"}, "in the past"),
    ({"ends_at": "soon"}, "a time such as"), ({"match": {"alarm": "*"},
     "for": "1h"}, "the body is"), ([], "JSON object"),
]


def test_what_is_no_later_end_is_refused(make_agent):
    agent = make_agent(rules=RULES)
    id = agent.cli("silence", "add", "--alarm", "pay-db", "--for",
                   "1h").stdout.split()[0]
    headers = {"Authorization": "Bearer admin-token"}

    def extend(body, silence=id, headers=headers):
        status, _, data = agent.admin.call(
            "POST", f"/api/v1/silences/{silence}/extend", json.dumps(body),
            headers)
        return status, json.loads(data)["error"] if status >= 400 else ""
    for body, words in REFUSED:
        status, error = extend(body)
        assert status == 400 and words in error, (body, error)
    sooner = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                           time.gmtime(time.time() + 60))
    status, error = extend({"ends_at": sooner})
    assert status == 400 and "no later" in error and "expire" in error
    assert extend({"for": "1h"}, "s" + "a" * 300)[0] == 404
    assert extend({"for": "1h"}, headers={})[0] == 401
    assert extend({"for": "1h"})[0] == 200


def test_an_end_and_an_extension_at_once(make_agent, sandbox):
    """Whoever is last, what was ended stays ended."""
    import concurrent.futures
    agent = make_agent(rules=RULES)
    for _ in range(10):
        id = agent.cli("silence", "add", "--alarm", "pay-db", "--for",
                       "1h").stdout.split()[0]

        def act(verb):
            http = peers.Http(agent.admin_port)
            body = {"for": "1h"} if verb == "extend" else None
            try:
                return http.call("POST", f"/api/v1/silences/{id}/{verb}",
                                 body, {"Authorization":
                                        "Bearer admin-token"})[0]
            finally:
                http.close()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(act, ["extend", "extend", "expire",
                                      "extend", "extend", "extend"]))
        assert set(got) <= {200, 404} and got[2] == 200
        assert silences(agent) == []


def test_names_of_people_are_claims(make_agent):
    agent = make_agent(rules=RULES, env={**os.environ, "USER": "root",
                                         "SUDO_USER": "bob"})
    agent.cli("silence", "add", "--alarm", "x", "--for", "1h")
    (s,) = silences(agent)
    assert s["owner"] == "bob"
    (entry,) = audited(agent, "silence.add")
    assert "bob" in entry["who"] and "claims" in entry["who"]
