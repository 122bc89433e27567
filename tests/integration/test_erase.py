"""`tocsin erase`: what an event carried is gone from the store's files, what
became of it stays."""
import json
import os
import time

import peers
import pytest

CANARY = "canary-7Q2XZ"
OTHER = "bystander-K9"


def files(agent):
    out = b""
    for name in os.listdir(agent.folder):
        if name.startswith("tocsin.db"):
            with open(os.path.join(agent.folder, name), "rb") as f:
                out += f.read()
    return out


def carried(agent, word):
    return files(agent).count(word.encode())


def send(agent, name, word, when, state="ALARM", **changes):
    text = peers.alarm(name, state=state, when=when,
                       AlarmDescription=f"{word} severity: HIGH",
                       NewStateReason=f"because {word} " + "x" * 200,
                       **changes)
    assert agent.send(text, subject=f"{state} {word}") == 200


def erase(agent, *words, check=True):
    r = agent.cli("erase", "--json", "--yes", *words, check=check)
    return json.loads(r.stdout) if check else r


def closed(agent, names, word=CANARY, when=None):
    """An incident each, opened and resolved."""
    when = time.time() if when is None else when
    for state in ("ALARM", "OK"):
        for name in names:
            send(agent, name, word, when, state)
        agent.settle()
        when += 1


def test_gone_from_the_files(agent, sandbox):
    closed(agent, [f"pay-{k}" for k in range(30)])
    before = agent.get("/api/v1/events?limit=1000")["events"]
    assert carried(agent, CANARY) > 60
    time.sleep(0.01)
    got = erase(agent, "--before", "0s")
    assert got["erased"] == 60 and got["files_rewritten"] is True
    assert got["problem"] is None
    assert carried(agent, CANARY) == 0
    after = agent.get("/api/v1/events?limit=1000")["events"]
    kept = ("id", "alarm", "action", "because", "team", "policy", "ruleset",
            "time", "received_at", "decided_at", "message_id", "incident_id")
    assert [[e.get(k) for k in kept] for e in after] == \
        [[e.get(k) for k in kept] for e in before]
    assert not any(e.get("subject") for e in after)
    d = json.loads(agent.cli("events", "--evidence", after[0]["id"]).stdout)
    assert d["payload"] is None and d["envelope"] is None
    assert "erased" in d["no_envelope_because"]
    assert d["trust"]["by"] == "signature" and d["trust"]["erased"] is True
    assert "signature" not in d["trust"]
    assert d["operations"] and d["audit"]
    # A redelivery is still known, and an alarm that comes back reopens.
    agent.restart()
    assert carried(agent, CANARY) == 0
    send(agent, "pay-0", OTHER, time.time() + 5)
    agent.settle()
    assert len(sandbox.incidents()) == 30
    got = agent.get("/api/v1/events?limit=1")["events"][0]
    assert got["action"] == "reopen"
    peers.check_invariants(agent, sandbox)
    assert erase(agent, "--before", "0s")["erased"] == 0


def test_what_may_not_go_stays(agent, sandbox):
    now = time.time()
    send(agent, "open", CANARY, now)
    agent.settle()
    sandbox.fault("400", path="/incidents", method="POST")
    send(agent, "dead", CANARY, now)
    agent.settle()
    sandbox.clear()
    closed(agent, ["gone"])
    dry = erase(agent, "--before", "0s", "--dry-run")
    assert dry["erased"] == 2 and dry["dry_run"] is True
    assert dry["stay_incident_open"] == 1 and dry["stay_owed"] == 1
    assert len([x for x in agent.get("/api/v1/audit")["audit"]
                if x["resource_type"] == "events"]) == 0
    r = agent.cli("erase", "--yes", "--before", "0s")
    assert "2 events erased" in r.stdout
    assert "1 stay: their incident is open" in r.stdout
    assert "1 stay: StackFlow is owed" in r.stdout
    kept = [e for e in agent.get("/api/v1/events")["events"]
            if agent.get(f"/api/v1/events/{e['id']}").get("payload")]
    assert sorted(e["alarm"] for e in kept) == ["dead", "open"]
    # Dropped and resolved, they may go.
    (letter,) = agent.get("/api/v1/dead")["dead"]
    agent.cli("dead", "drop", str(letter["id"]))
    send(agent, "open", CANARY, now + 3, "OK")
    agent.settle()
    erase(agent, "--before", "0s")
    assert carried(agent, CANARY) == 0
    told = [x for x in agent.get("/api/v1/audit")["audit"]
            if x["resource_type"] == "events"]
    assert [x["action"] for x in told] == \
        ["events.erased", "events.erase"] * 2
    assert told[2]["details"]["erased"] == 2
    assert told[0]["who"].startswith("token, claims to be ")


def test_by_account_and_time(agent, sandbox):
    now = time.time()
    closed(agent, ["a"], CANARY, now)
    for state, at in (("ALARM", now), ("OK", now + 1)):
        text = peers.alarm(
            "b", state=state, when=at, AWSAccountId="444455556666",
            AlarmDescription=OTHER,
            AlarmArn="arn:aws:cloudwatch:us-east-1:444455556666:alarm:b")
        assert agent.send(text) == 200
        agent.settle()
    assert erase(agent, "--before", "1h")["erased"] == 0
    assert erase(agent, "--account", "999900001111")["erased"] == 0
    got = erase(agent, "--account", peers.ACCOUNT)
    assert got["erased"] == 2 and got["account"] == peers.ACCOUNT
    assert carried(agent, CANARY) == 0 and carried(agent, OTHER) > 0
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 3600))
    assert erase(agent, "--before", stamp)["erased"] == 2
    assert carried(agent, OTHER) == 0


def test_while_alarms_come(agent, sandbox):
    """Neither is lost nor waits for long, and no event half goes."""
    closed(agent, [f"old-{k}" for k in range(10)])
    signer = peers.Signer(sandbox)
    now = time.time() + 10
    for k in range(5):
        work = [signer.envelope(peers.alarm(f"new-{k}-{n}", when=now))
                for n in range(20)]
        assert agent.api("/api/v1/erase", "GET")[0] == 200
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", agent.admin_port)
        c.request("POST", "/api/v1/erase", json.dumps(
            {"account": peers.ACCOUNT}),
            {"Authorization": "Bearer admin-token"})
        assert c.getresponse().status in (202, 409)
        c.close()
        for envelope in work:
            assert agent.post(envelope) == 200
    peers.wait_for("the last one", lambda: agent.get("/api/v1/erase")["state"]
                   == "done")
    agent.settle()
    assert len(sandbox.incidents()) == 110
    peers.check_invariants(agent, sandbox)


def test_tools_that_read_what_was_erased(agent, sandbox):
    closed(agent, ["a", "b"])
    erase(agent, "--before", "0s")
    closed(agent, ["c"], OTHER)
    agent.write_rules("10-x.yaml", "version: 1\nteam: x\n"
                      "owners: [x@example.com]\nclaims: [{alarm: \"*\"}]\n"
                      "policies:\n  - {id: rest, match: {}}\n")
    r = agent.cli("replay", "--rules", agent.rules, "--since", "1h",
                  check=False)
    assert r.returncode in (0, 3), r.stderr
    event = [e for e in agent.get("/api/v1/events")["events"]
             if e["alarm"] == "a"][0]
    r = agent.cli("explain", "--event", event["id"], check=False)
    assert r.returncode == 1 and "erased" in r.stderr, r.stderr
    assert CANARY not in r.stdout + r.stderr


@pytest.mark.parametrize("words, status, says", [
    ([], 2, "--before, --account or both"),
    (["--before", "soon"], 2, "span such as 30d"),
    (["--before", "1h"], 2, "--yes"),
    (["--account", ""], 1, "account"),
    (["--before", "1h", "extra"], 2, "no argument"),
])
def test_wrong_usage(agent, words, status, says):
    if status == 1:
        words = words + ["--yes"]
    r = agent.cli("erase", *words, check=False)
    assert r.returncode == status, r.stderr
    assert says in r.stderr


@pytest.mark.parametrize("body, status", [
    ("", 400), ("[]", 400), ("{}", 400), ('{"before":"x"}', 400),
    ('{"account":5}', 400), ('{"account":"1","more":1}', 400),
    ('{"account":"1","dry_run":"yes"}', 400),
    ('{"account":"%s"}' % ("1" * 64), 400),
])
def test_wrong_requests(agent, body, status):
    got, _, data = agent.admin.call("POST", "/api/v1/erase", body.encode(),
                                    {"Authorization": "Bearer admin-token"})
    assert got == status and b"error" in data
    assert agent.admin.call("POST", "/api/v1/erase", body.encode())[0] == 401
    assert agent.get("/api/v1/erase")["state"] == "never"
