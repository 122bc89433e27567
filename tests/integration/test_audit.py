"""Who did what: people's actions and the ends of operations, in the store and
in the log."""
import json
import time

import peers
import pytest
import test_admin


def lines(agent, **kw):
    query = "&".join(f"{k}={v}" for k, v in kw.items())
    return agent.get(f"/api/v1/audit?{query}")["audit"]


def actions(agent):
    return [x["action"] for x in reversed(lines(agent))]


def logged(agent):
    return [ln for ln in agent.process.text().splitlines()
            if 'msg="audit"' in ln]


def test_the_life_of_an_incident(agent, sandbox):
    now = time.time()
    for k, state in enumerate(("ALARM", "ALARM", "OK")):
        assert agent.send(peers.alarm(state=state, when=now + k)) == 200
        agent.settle()
    (incident,) = sandbox.incidents()
    got = list(reversed(lines(agent, resource=incident["id"])))
    assert [x["action"] for x in got] == \
        ["incident.create", "incident.note", "incident.note",
         "incident.resolve"]
    events = {e["id"]: e for e in agent.get("/api/v1/events")["events"]}
    for x in got:
        assert x["who"] == "tocsin" and x["resource_type"] == "incident"
        assert x["details"]["outcome"] == "done"
        assert x["details"]["status"] in (200, 201)
        assert x["details"]["attempts"] == 1
        assert set(x["details"]["events"]) <= set(events)
    assert events[got[0]["details"]["events"][0]]["action"] == "create"
    assert len(logged(agent)) == 4
    assert f"resource_id={incident['id']}" in logged(agent)[0]
    # Paged, the newest first.
    page = agent.get("/api/v1/audit?limit=3")
    assert [x["action"] for x in page["audit"]][0] == "incident.resolve"
    rest = agent.get(f"/api/v1/audit?before={page['next_before']}")
    assert [x["action"] for x in rest["audit"]] == ["incident.create"]
    assert "next_before" not in rest
    for wrong in ("limit=0", "limit=x", "limit=1001", "before=-1"):
        assert agent.api(f"/api/v1/audit?{wrong}")[0] == 400


def test_an_end_and_its_line_commit_together(make_agent, sandbox):
    """Killed at any moment: each finished operation has exactly one line."""
    agent = make_agent()
    now = time.time()
    for k in range(6):
        for n in range(4):
            assert agent.send(peers.alarm(f"pay-{n}", when=now + k)) == 200
        time.sleep(0.03 * k)
        agent.restart()
    agent.settle()
    ended = {}
    for i in agent.get("/api/v1/incidents")["incidents"]:
        one = agent.get(f"/api/v1/incidents/{i['id']}")
        for op in one["operations"]:
            if op["state"] == "done" and op["kind"] != "audit":
                ended[op["id"]] = op
    told = [x["details"]["op"] for x in lines(agent, limit=1000)
            if x["action"].startswith("incident.") and
            x["action"] != "incident.search"]
    assert len(ended) > 4
    assert sorted(told) == sorted(ended)


def test_a_dead_letter_and_who_acts_on_it(agent, sandbox):
    sandbox.fault("400", path="/incidents", method="POST")
    assert agent.send(peers.alarm()) == 200
    agent.settle()
    (dead,) = agent.get("/api/v1/dead")["dead"]
    (line,) = lines(agent)
    assert line["action"] == "incident.create"
    assert line["details"]["outcome"] == "dead"
    assert line["details"]["status"] == 400
    assert line["resource_id"].startswith("local-")
    sandbox.clear()
    agent.cli("dead", "retry", str(dead["id"]))
    agent.settle()
    assert actions(agent) == ["incident.create", "dead.retry",
                              "incident.create"]
    retry = lines(agent)[1]
    assert retry["resource_type"] == "dead"
    assert retry["resource_id"] == str(dead["id"])
    assert retry["details"]["kind"] == "create"
    assert retry["details"]["status"] == 400
    assert retry["who"].startswith("token, claims to be ")
    # What was refused changed nothing, and isn't told.
    assert agent.api("/api/v1/dead/999/retry", "POST")[0] == 404
    assert agent.api(f"/api/v1/dead/{dead['id']}/drop", "POST")[0] == 404
    assert agent.admin.call("POST", "/-/reload")[0] == 401
    assert len(lines(agent)) == 3


def test_reload_and_silences(agent):
    agent.cli("silence", "add", "--match", "alarm=pay-*", "--owner", "dba",
              "--reason", "moving", "--for", "1h")
    (s,) = agent.get("/api/v1/silences")["silences"]
    agent.cli("silence", "expire", s["id"])
    assert agent.api("/-/reload", "POST")[0] == 200
    agent.write_rules("broken.yaml", "rules: [")
    assert agent.api("/-/reload", "POST")[0] == 422
    got = list(reversed(lines(agent)))
    assert [x["action"] for x in got] == \
        ["silence.add", "silence.expire", "conf.reload", "conf.reload"]
    assert got[0]["resource_id"] == got[1]["resource_id"] == s["id"]
    assert got[0]["details"]["owner"] == "dba"
    assert "pay-*" in json.dumps(got[0]["details"]["match"])
    assert got[2]["details"] == {"reloaded": True, "faults": 0}
    assert got[3]["details"]["reloaded"] is False
    assert "claims" not in got[2]["who"]
    assert len(logged(agent)) == 4


@pytest.mark.parametrize("claim", ["alice", "x" * 500, "a\tb", "Zoë"])
def test_a_claim_is_marked_and_bounded(agent, claim):
    status = agent.admin.call("POST", "/-/reload", None,
                              {"Authorization": "Bearer admin-token",
                               "X-Tocsin-User": claim.encode()})[0]
    assert status in (200, 400)
    if status == 200:
        who = lines(agent)[0]["who"]
        assert who.startswith("token, claims to be ") and len(who) < 200
        assert "\t" not in who


def test_on_the_unix_socket(make_agent, folder):
    path = f"{folder}/admin.sock"
    agent = make_agent(start=False)
    agent.configure({"admin": {"address": f"unix:{path}", "token": None}})
    agent.start(wait=False)
    peers.wait_for("the admin socket", lambda: ready(path))
    agent.cli("silence", "add", "--match", "alarm=a", "--owner", "o",
              "--reason", "r", "--for", "1h")
    r = json.loads(agent.cli("audit", "--json").stdout)
    assert r["audit"][0]["who"].startswith("uid 0 (root), claims to be ")
    table = agent.cli("audit").stdout.splitlines()
    assert table[0].split()[:3] == ["AT", "WHO", "ACTION"]
    assert "silence.add" in table[1]
    assert agent.cli("audit", "a", "b", check=False).returncode == 2
    assert "no audit lines" in agent.cli("audit", "nothing").stdout


def ready(path):
    try:
        return test_admin.unix_call(path, "GET", "/readyz")[0] == 200
    except OSError:
        return False
