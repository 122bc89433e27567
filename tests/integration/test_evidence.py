"""`tocsin events --evidence`: an event by itself, its envelope verified by
another library than ours."""
import base64
import json
import time

import peers
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def signed_string(m):
    keys = [k for k in ("Message", "MessageId", "Subject", "Timestamp",
                        "TopicArn", "Type") if k in m]
    return "".join(f"{k}\n{m[k]}\n" for k in keys).encode()


def verify(document):
    m = document["envelope"]
    cert = x509.load_pem_x509_certificate(document["certificate"].encode())
    assert cert.fingerprint(hashes.SHA256()).hex() == \
        document["trust"]["sha256"]
    how = {"1": hashes.SHA1(), "2": hashes.SHA256()}[m["SignatureVersion"]]
    cert.public_key().verify(base64.b64decode(m["Signature"]),
                             signed_string(m), padding.PKCS1v15(), how)


def evidence(agent, k=0):
    event = agent.get("/api/v1/events")["events"][k]
    return json.loads(agent.cli("events", "--evidence", event["id"]).stdout)


@pytest.mark.parametrize("fields", [
    {}, {"subject": "ALARM: \"pay\" in US East"}, {"version": 1},
])
def test_the_envelope_verifies_elsewhere(agent, sandbox, fields):
    message = peers.alarm(AlarmDescription="Zoë's \u2028 \"x\"\n\\ \x7f")
    envelope = sandbox.sign(message=message, topic=peers.TOPIC, **fields)
    sent = json.loads(envelope)
    assert agent.post(envelope) == 200
    agent.settle()
    d = evidence(agent)
    for key in ("Type", "MessageId", "TopicArn", "Subject", "Message",
                "Timestamp", "SignatureVersion", "Signature",
                "SigningCertURL"):
        assert d["envelope"].get(key) == sent.get(key), key
    verify(d)
    assert d["verdict"] == {"believed_by": "signature",
                            "at_intake": "genuine", "again_now": "genuine",
                            "because": None}
    assert d["payload"] == message
    d["envelope"]["Message"] += " "
    with pytest.raises(InvalidSignature):
        verify(d)


def test_all_of_it(make_agent, sandbox):
    agent = make_agent(rules={"10-pay.yaml": """
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: "pay-*"}]
policies:
  - {id: pay-default, match: {}}
"""})
    now = time.time()
    for k in range(2):
        assert agent.send(peers.alarm(when=now + k)) == 200
        agent.settle()
    (incident,) = sandbox.incidents()
    first, second = evidence(agent, 1), evidence(agent, 0)
    assert first["decision"]["action"] == "create"
    assert first["decision"]["team"] == "payments"
    assert first["incident"]["incident"] == incident["id"]
    (op,) = first["operations"]
    assert (op["kind"], op["state"], op["status"]) == ("create", "done", 201)
    assert op["created_at"] <= op["sent_at"] <= op["done_at"]
    (op,) = second["operations"]
    assert (op["kind"], op["state"]) == ("note", "done")
    assert [x["action"] for x in second["audit"]] == \
        ["incident.create", "incident.note"]
    assert first["audit"] == second["audit"]
    assert first["ruleset"]["hash"] == \
        agent.get("/api/v1/rules")["hash"]
    assert "pay-default" in json.dumps(first["ruleset"]["sources"])
    # Of the store alone, the same.
    agent.kill()
    alone = json.loads(agent.cli("events", "--evidence",
                                 first["event"]["id"]).stdout)
    for x in (alone, first):
        x.pop("made_at"), x["incident"].pop("age_seconds")
    assert alone == first
    verify(alone)
    for wrong in ("eaaaaaaaaaaaaa", "x/../y", "e"):
        r = agent.cli("events", "--evidence", wrong, check=False)
        assert r.returncode == 1 and "no event" in r.stderr


def test_what_came_in_no_envelope(agent):
    assert agent.hook(json.dumps({"alarm_name": "disk", "state": "ALARM"})
                      )[0] == 200
    agent.settle()
    d = evidence(agent)
    assert d["trust"] == {"by": "bearer", "path": "/hooks/test"}
    assert d["envelope"] is None and d["certificate"] is None
    assert "no SNS envelope" in d["no_envelope_because"]
    assert d["verdict"]["at_intake"] is None
    text = json.dumps(d)
    assert "hook-token" not in text and "admin-token" not in text


def test_raw_delivery(make_agent):
    agent = make_agent(conf={"sns": {"basic_auth": {"user": "sns",
                                                    "password": "geheim"}}})
    headers = {"x-amz-sns-rawdelivery": "true",
               "x-amz-sns-topic-arn": peers.TOPIC,
               "x-amz-sns-message-id": "3f9e92c1-a2a0-56cc-984a-9474049c4886",
               "Authorization": "Basic " +
               base64.b64encode(b"sns:geheim").decode()}
    assert agent.post(peers.alarm().encode(), headers) == 200
    agent.settle()
    d = evidence(agent)
    assert d["trust"] == {"by": "basic_auth", "path": "/sns"}
    assert "geheim" not in json.dumps(d)


def test_an_event_of_a_message_of_many(agent, sandbox):
    """Each of them has the message's envelope."""
    alerts = [{"status": "firing", "startsAt": "2026-11-21T10:00:00Z",
               "labels": {"alertname": f"a{k}", "severity": "critical"},
               "annotations": {}} for k in range(3)]
    message = json.dumps({"version": "4", "status": "firing",
                          "receiver": "r", "groupKey": "g",
                          "groupLabels": {}, "commonLabels": {},
                          "commonAnnotations": {}, "alerts": alerts})
    assert agent.send(message) == 200
    agent.settle()
    ids = set()
    for k in range(3):
        d = evidence(agent, k)
        verify(d)
        ids.add(d["event"]["id"])
    assert len(ids) == 3
