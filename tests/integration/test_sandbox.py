"""The sandbox from outside: StackFlow's API, faults on demand, SNS."""
import base64
import hashlib
import http.client
import json
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from sandbox import TOCSIN, Endpoint, Sandbox


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "box", "--set", "sns_delay=50") as b:
        yield b


# StackFlow's API

def test_ready_line_and_description(box):
    assert re.fullmatch(
        r"sandbox ready stackflow=http://127\.0\.0\.1:\d+/prod/api "
        r"sns=https://127\.0\.0\.1:\d+ page=http://127\.0\.0\.1:\d+/ "
        r"ca=/\S+/ca\.pem\n", box.ready)
    assert box.info["connect_to"] == [
        f"sns.us-east-1.amazonaws.com:443:127.0.0.1:{box.info['sns_port']}"]
    assert box.info["api_key"].startswith("sfk_sandbox_")


def test_health_needs_no_token(box):
    a = box.call("GET", "/prod/api/health")
    assert a.json() == {"status": "healthy", "version": "2026.1",
                        "region": "us-east-1"}
    assert box.call("GET", "/prod/api/v1/health").status == 200
    a = box.call("GET", "/prod/api/incidents")
    assert a.status == 401 and a.headers["WWW-Authenticate"]


def test_incident_life(box):
    a = box.create(priority="P1", ci_id=None, description="d",
                   u_ref="x", category="monitoring")
    assert a.status == 201
    inc = a.json()
    assert inc["id"] == inc["number"] == "INC0000001"
    assert inc["state"] == "new" and inc["priority"] == "P1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", inc["created_at"])
    assert inc["sla_breach_at"] > inc["created_at"]
    n = box.api("POST", "/incidents/INC0000001/notes", {"body": "näh\n"})
    assert n.status == 201 and n.json()["visibility"] == "team"
    p = box.api("PATCH", "/v1/incidents/INC0000001",
                {"state": "resolved", "number": "INC9999999"})
    assert p.json()["state"] == "resolved"
    g = box.api("GET", "/incidents/INC0000001").json()
    assert [x["body"] for x in g["notes"]] == ["näh\n"]
    assert g["u_ref"] == "x" and g["number"] == "INC0000001"
    box.control("POST", "/settings", {"notes": "off"})
    assert "notes" not in box.api("GET", "/incidents/INC0000001").json()


@pytest.mark.parametrize("fields", [
    {"short_description": ""}, {"short_description": 7},
    {"short_description": "x", "priority": "P9"},
    {"short_description": "x", "state": "open"},
    {"short_description": "x", "description": {}},
])
def test_validation(box, fields):
    a = box.api("POST", "/incidents", fields)
    assert a.status == 400 and a.json()["message"]
    assert box.truth()["incidents_created"] == 0


def test_unknown_things(box):
    assert box.api("GET", "/incidents/INC0000009").status == 404
    assert box.api("GET", "/incidents/../x").status == 404
    assert box.api("POST", "/incidents/INC0000009/notes",
                   {"body": "b"}).status == 404
    assert box.api("PATCH", "/incidents/nonsense", {}).status == 404
    assert box.api("DELETE", "/incidents").status == 405
    assert box.api("POST", "/incidents", "{").status == 400


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_lists_page_in_both_styles(box, order):
    box.control("POST", "/settings", {"rate": 0, "order": order})
    for i in range(23):
        box.create(f"n{i}", priority="P1" if i % 2 else "P4")
    seen, page = [], 1
    while True:
        a = box.api("GET", f"/incidents?limit=5&page={page}").json()
        assert (a["total"], a["page"], a["limit"]) == (23, page, 5)
        seen += [i["id"] for i in a["data"]]
        if not a["has_more"]:
            break
        page += 1
    box.control("POST", "/settings", {"paging": "cursor"})
    by_cursor, cursor = [], ""
    while cursor is not None:
        a = box.api("GET", f"/incidents?limit=5{cursor}").json()
        assert "has_more" not in a and a["total"] == 23
        by_cursor += [i["id"] for i in a["data"]]
        cursor = a.get("next_cursor")
        cursor = cursor and "&cursor=" + cursor
    assert seen == by_cursor and len(set(seen)) == 23
    assert (seen == sorted(seen)) == (order == "oldest")
    assert (seen == sorted(seen, reverse=True)) == (order == "newest")
    assert box.api("GET", "/incidents?priority=P1").json()["total"] == 11
    assert box.api("GET", "/incidents?cursor=xyz").status == 400


def test_list_filters_and_defaults(box):
    box.control("POST", "/settings", {"rate": 0})
    for i in range(30):
        box.create(f"n{i}")
    box.api("PATCH", "/incidents/INC0000003", {"state": "resolved"})
    a = box.api("GET", "/incidents").json()
    assert a["limit"] == 25 and len(a["data"]) == 25 and a["has_more"]
    assert box.api("GET", "/incidents?limit=999").json()["limit"] == 200
    a = box.api("GET", "/incidents?state=resolved").json()
    assert [i["id"] for i in a["data"]] == ["INC0000003"]
    when = urllib.parse.quote("2020-01-01T00:00:00Z")
    assert box.api("GET", f"/incidents?created_before={when}"
                   ).json()["total"] == 0
    assert box.api("GET", "/incidents?created_before=soon").status == 400
    box.control("POST", "/settings", {"list_description": "off"})
    box.create("with", description="d")
    a = box.api("GET", "/incidents?limit=1").json()
    assert "description" not in a["data"][0]


def test_rate_limit(box):
    box.control("POST", "/settings", {"rate": 5})
    got = [box.api("GET", "/incidents") for _ in range(8)]
    assert [a.status for a in got] == [200] * 5 + [429] * 3
    assert got[0].headers["X-RateLimit-Limit"] == "5"
    assert [a.headers["X-RateLimit-Remaining"] for a in got[:5]] == \
        ["4", "3", "2", "1", "0"]
    assert got[5].headers["Retry-After"] == "1"
    assert box.truth()["peak_per_second"] == 8


def test_rate_headers_are_on_every_answer(box):
    box.fault("error", path="/changes")
    for path in "/health", "/incidents", "/changes", "/nothing":
        a = box.api("GET", path)
        if a.status != 500:
            assert a.headers["X-RateLimit-Limit"] == "100"
            assert int(a.headers["X-RateLimit-Reset"]) > time.time() - 5
    box.control("POST", "/settings", {"rate": 0})
    a = box.api("GET", "/incidents")
    assert a.headers["X-RateLimit-Limit"] == "5000"


def test_a_fault_after_does_not_hide_a_refusal(box):
    box.fault("create-then-500")
    assert box.create("").status == 400
    assert box.create("x").status == 500


def test_client_credentials(box):
    i = box.info
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_id": i["client_id"],
        "client_secret": i["client_secret"]})
    a = box.call("POST", "/prod/api/oauth2/token", form).json()
    assert a["token_type"] == "Bearer" and a["expires_in"] == 3600
    basic = base64.b64encode(
        f"{i['client_id']}:{i['client_secret']}".encode()).decode()
    b = box.call("POST", "/prod/api/oauth2/token",
                 "grant_type=client_credentials",
                 {"Authorization": "Basic " + basic}).json()
    for token in a["access_token"], b["access_token"]:
        assert box.api("GET", "/incidents", token=token).status == 200
    bad = box.call("POST", "/prod/api/oauth2/token",
                   form.replace("client_secret=", "client_secret=x"))
    assert bad.status == 400 and bad.json()["error"] == "invalid_client"
    box.control("POST", "/tokens/expire", {})
    assert box.api("GET", "/incidents", token=a["access_token"]).status == 401
    assert box.api("GET", "/incidents").status == 200


def test_tokens_expire_by_themselves(box):
    box.control("POST", "/settings", {"token_life": 1})
    a = box.call("POST", "/prod/api/auth/exchange", "", {
        "Authorization": "Bearer " + box.info["api_key"]}).json()
    assert box.api("GET", "/incidents", token=a["access_token"]).status == 200
    until = time.monotonic() + 5
    while box.api("GET", "/incidents",
                  token=a["access_token"]).status == 200:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_cognito(box):
    def initiate(flow, **params):
        return box.call("POST", "/", {
            "AuthFlow": flow, "ClientId": box.info["client_id"],
            "AuthParameters": params}, {
            "X-Amz-Target":
            "AWSCognitoIdentityProviderService.InitiateAuth"})
    a = initiate("USER_PASSWORD_AUTH", USERNAME=box.info["email"],
                 PASSWORD=box.info["password"]).json()
    r = a["AuthenticationResult"]
    assert r["ExpiresIn"] == 3600 and r["TokenType"] == "Bearer"
    assert box.api("GET", "/incidents", token=r["IdToken"]).status == 200
    b = initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=r["RefreshToken"]).json()
    token = b["AuthenticationResult"]["IdToken"]
    assert box.api("GET", "/incidents", token=token).status == 200
    bad = initiate("USER_PASSWORD_AUTH", USERNAME=box.info["email"],
                   PASSWORD="no")
    assert bad.status == 400
    assert bad.json()["__type"] == "NotAuthorizedException"


def test_cis_and_changes(box, tmp_path):
    seed = tmp_path / "cis.json"
    seed.write_text(json.dumps([
        {"id": "CI0001001", "name": "pay-db", "arn": "arn:aws:rds:x",
         "resource_id": "pay-db-1"},
        {"id": "CI0001002", "name": "pay-api"}]))
    with Sandbox(tmp_path / "b2", "--cis", str(seed)) as b:
        rows = b.api("GET", "/cmdb/cis?resource_id=pay-db-1").json()["data"]
        assert [r["id"] for r in rows] == ["CI0001001"]
        b.control("POST", "/cis", [{"id": "CI0001003", "name": "pay-api"}])
        a = b.api("GET", "/cmdb/cis?name=pay-api&limit=1").json()
        assert a["total"] == 2 and a["has_more"]
        assert b.api("GET", "/cmdb/cis?arn=none").json()["total"] == 0
        assert b.api("GET", "/changes").json()["data"] == []
        c = b.api("POST", "/changes", {"short_description": "patch",
                                       "state": "implement"})
        assert c.status == 201 and c.json()["id"] == "CHG0000001"
        assert b.api("GET", "/changes?state=implement").json()["total"] == 1


def test_bulk_job(box):
    for i in range(3):
        box.create(f"n{i}")
    a = box.api("POST", "/incidents/bulk", {
        "operation": "update", "ids": ["INC0000001", "INC0000002",
                                       "INC0000077"],
        "fields": {"state": "closed"}})
    assert a.status == 202
    url = a.json()["status_url"].replace("/prod/api", "")
    job = box.api("GET", url).json()
    assert (job["status"], job["succeeded"]) == ("completed", 2)
    assert [f["id"] for f in job["failed"]] == ["INC0000077"]
    assert box.api("GET", "/incidents?state=closed").json()["total"] == 2
    assert box.api("POST", "/incidents/bulk", {
        "operation": "update", "ids": ["x"] * 101,
        "fields": {}}).status == 400


def test_survives_kill(tmp_path):
    b = Sandbox(tmp_path / "box").start()
    try:
        key = b.info["api_key"]
        b.create("kept", description="x\ntocsin-ref: tocsin-a-1")
        b.stop(signal.SIGKILL)
        b.start()
        assert b.info["api_key"] == key
        t = b.truth()
        assert [i["short_description"] for i in t["incidents"]] == ["kept"]
        assert t["incidents"][0]["marker"] == "tocsin-a-1"
    finally:
        b.stop()


def test_one_sandbox_a_folder(box):
    r = subprocess.run([TOCSIN, "sandbox", "--listen", "127.0.0.1:0",
                        "--sns-listen", "127.0.0.1:0", "--data", box.data],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and "another sandbox" in r.stderr


def test_truth_finds_duplicates(box):
    for ref in "tocsin-a-1", "tocsin-b-1", "tocsin-a-1", "tocsin-a-2":
        box.create(ref, description=f"text\ntocsin-ref: {ref}")
    t = box.truth()
    assert t["duplicates"] == [
        {"marker": "tocsin-a-1", "ids": ["INC0000001", "INC0000003"]}]
    assert t["requests_by"]["POST /incidents"] == 4
    assert t["answers_by"]["201"] == 4
    box.control("DELETE", "/truth")
    assert box.truth()["requests"] == 0


def test_a_person_acts(box):
    box.create()
    box.control("POST", "/incidents/INC0000001",
                {"state": "in_progress", "assigned_to": "jane@example.com"})
    box.control("POST", "/incidents/INC0000001", {"note": "mine"})
    a = box.api("GET", "/incidents/INC0000001").json()
    assert a["assigned_to"] == "jane@example.com"
    assert a["notes"][0]["body"] == "mine"


# Faults

def fails(fn):
    with pytest.raises((http.client.HTTPException, OSError)):
        fn()


@pytest.mark.parametrize("kind,status,done", [
    ("error", 500, 0), ("401", 401, 0), ("400", 400, 0),
    ("create-then-500", 500, 1)])
def test_faults_that_answer(box, kind, status, done):
    box.fault(kind, count=1)
    a = box.create()
    assert a.status == status and "id" not in a.json()
    assert box.truth()["incidents_created"] == done
    assert box.create().status == 201


@pytest.mark.parametrize("kind,done", [
    ("hangup", 0), ("create-then-hangup", 1), ("cut-headers", 1),
    ("cut-body", 1), ("refuse", 0)])
def test_faults_that_cut(box, kind, done):
    ids = box.fault(kind, count=1)
    fails(box.create)
    t = box.truth()
    assert t["incidents_created"] == done
    box.control("DELETE", f"/faults/{ids[0]}")
    assert box.create().status == 201


def test_cut_body_sends_the_whole_head(box):
    box.fault("cut-body", count=1)
    s = socket.create_connection(("127.0.0.1", box.port))
    body = b'{"short_description":"x"}'
    s.sendall(b"POST /prod/api/incidents HTTP/1.1\r\nHost: x\r\n"
              b"Authorization: Bearer " + box.info["api_key"].encode() +
              b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    got = b""
    with pytest.raises(ConnectionResetError):
        while chunk := s.recv(4096):
            got += chunk
    s.close()
    head, _, rest = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201") and rest
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])
    assert len(rest) == length // 2


def test_garbage_and_no_id(box):
    box.fault("garbage", count=1)
    a = box.create()
    assert a.status == 201
    with pytest.raises(ValueError):
        a.json()
    box.fault("no-id", count=1)
    a = box.create()
    assert a.status == 200 and "id" not in a.json()
    assert box.truth()["incidents_created"] == 2


@pytest.mark.parametrize("text", ["7", "0", "-1", "1000000000", "soon",
                                  "Fri, 31 Dec 2027 23:59:59 GMT", None])
def test_429_with_any_retry_after(box, text):
    keys = {} if text is None else {"retry_after": text}
    box.fault("429", count=1, **keys)
    a = box.api("GET", "/incidents")
    assert a.status == 429 and a.headers.get("Retry-After") == text


def test_slow_before_and_after(box):
    box.fault("slow", count=1, delay=300)
    t = time.monotonic()
    assert box.create().status == 201
    assert time.monotonic() - t >= 0.3
    box.fault("slow-answer", count=1, delay=3000)
    fails(lambda: box.api("POST", "/incidents",
                          {"short_description": "x"}, timeout=0.5))
    assert box.truth()["incidents_created"] == 2


def test_late_shows_late(box):
    box.fault("late", count=1, delay=600)
    assert box.create().status == 201
    assert box.api("GET", "/incidents").json()["total"] == 0
    assert box.api("GET", "/incidents/INC0000001").status == 404
    until = time.monotonic() + 5
    while box.api("GET", "/incidents").json()["total"] == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert box.api("GET", "/incidents/INC0000001").status == 200


def test_drip_endless_and_big_headers(box):
    box.fault("drip", count=1, delay=1000)
    fails(lambda: box.api("GET", "/incidents", timeout=0.9))
    box.fault("endless", count=1, size=3000000)
    a = box.api("GET", "/incidents")
    assert len(a.body) == 3000000
    box.fault("big-headers", count=1, size=50000)
    c = socket.create_connection(("127.0.0.1", box.port))
    c.sendall(b"GET /prod/api/health HTTP/1.1\r\nConnection: close\r\n\r\n")
    got = b""
    while chunk := c.recv(65536):
        got += chunk
    c.close()
    assert len(got) > 50000 and b"X-Filler-" in got


def test_redirect_and_given_answers(box):
    box.fault("redirect", count=1, location="file:///etc/passwd")
    a = box.api("GET", "/incidents")
    assert a.status == 302 and a.headers["Location"] == "file:///etc/passwd"
    box.fault("done-answer", count=1, body='{"id":"INC1\\r\\nX: y"}')
    a = box.create()
    assert a.status == 201 and a.json()["id"] == "INC1\r\nX: y"
    box.fault("answer", count=1, status=418, body="tea")
    assert box.create().body == b"tea"
    assert box.truth()["incidents_created"] == 1


def test_fault_on_a_reused_connection_only(box):
    box.fault("create-then-hangup", reused=True, count=1)
    c = http.client.HTTPConnection("127.0.0.1", box.port)
    headers = {"Authorization": "Bearer " + box.info["api_key"]}
    body = '{"short_description":"x"}'
    c.request("POST", "/prod/api/incidents", body, headers)
    assert c.getresponse().read()
    c.request("POST", "/prod/api/incidents", body, headers)
    with pytest.raises((http.client.HTTPException, OSError)):
        c.getresponse()
    c.close()
    assert box.truth()["incidents_created"] == 2


def test_fault_filters_skip_and_chance(box):
    box.control("POST", "/settings", {"rate": 0})
    box.fault("error", method="GET", path="/incidents", skip=1, count=1)
    assert box.create().status == 201
    got = [box.api("GET", "/incidents").status for _ in range(3)]
    assert got == [200, 500, 200]
    box.control("DELETE", "/faults")

    def draw():
        box.control("POST", "/faults", {"seed": 42})
        box.fault("error", p=0.5)
        got = [box.api("GET", "/incidents").status for _ in range(60)]
        box.control("DELETE", "/faults")
        return got
    first = draw()
    assert first == draw() and 10 < first.count(500) < 50


def test_wrong_faults_and_settings_are_refused(box):
    for bad in ({"kind": "nonsense"}, {"kind": "error", "colour": "red"},
                {"kind": "429", "retry_after": "1\r\nX: y"}, [1], "x"):
        assert box.call("POST", "/sandbox/faults",
                        json.dumps(bad)).status == 400
    assert box.control("GET", "/faults") == []
    for bad in {"rate": -1}, {"order": "up"}, {"speed": 1}:
        assert box.call("POST", "/sandbox/settings",
                        json.dumps(bad)).status == 400
    r = subprocess.run([TOCSIN, "sandbox", "--data", box.data + "2",
                        "--fault", "nonsense"], capture_output=True,
                       text=True, timeout=60)
    assert r.returncode == 1 and "nonsense" in r.stderr


# SNS

SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp",
                     "TopicArn", "Type"],
    "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL",
                                 "Timestamp", "Token", "TopicArn", "Type"],
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


def certificate(box, m):
    u = urllib.parse.urlsplit(m["SigningCertURL"])
    pem = box.sns(u.path, u.hostname).body
    cert = x509.load_pem_x509_certificate(pem)
    der = cert.public_bytes(serialization.Encoding.DER)
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    assert u.path == f"/SimpleNotificationService-{digest}.pem"
    return cert


def verify(box, m):
    cert = certificate(box, m)
    names = cert.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert "sns.amazonaws.com" in names
    text = "".join(f"{k}\n{m[k]}\n" for k in SIGNED[m["Type"]] if k in m)
    algorithm = {"1": hashes.SHA1, "2": hashes.SHA256}[m["SignatureVersion"]]
    cert.public_key().verify(base64.b64decode(m["Signature"]), text.encode(),
                             padding.PKCS1v15(), algorithm())


@pytest.mark.parametrize("version", [1, 2])
def test_confirm_and_deliver(box, version):
    with Endpoint(box) as e:
        s = box.subscribe(e.url, signature_version=version)
        assert s["confirmed"]
        _, headers, body = e.requests[0]
        m = json.loads(body)
        verify(box, m)
        assert list(m) == ["Type", "MessageId", "Token", "TopicArn",
                           "Message", "SubscribeURL", "Timestamp",
                           "SignatureVersion", "Signature", "SigningCertURL"]
        assert "x-amz-sns-subscription-arn" not in headers
        p = box.publish('{"a":"b\\n"}\u00fc\U0001f34c\x07', subject="s",
                        attributes={"k": {"Type": "String", "Value": "v"}})
        assert (p["deliveries"], p["delivered"]) == (1, 1)
        _, headers, body = e.requests[1]
        m = json.loads(body)
        verify(box, m)
        assert m["SignatureVersion"] == str(version)
        assert m["Message"] == '{"a":"b\\n"}\u00fc\U0001f34c\x07'
        assert m["MessageId"] == p["message_ids"][0]
        expect = (
            '{\n  "Type" : "Notification",\n'
            f'  "MessageId" : "{m["MessageId"]}",\n'
            '  "TopicArn" : "arn:aws:sns:us-east-1:111122223333:alarms",\n'
            '  "Subject" : "s",\n'
            '  "Message" : "{\\"a\\":\\"b\\\\n\\"}\u00fc\\ud83c\\udf4c'
            '\\u0007",\n'
            f'  "Timestamp" : "{m["Timestamp"]}",\n'
            f'  "SignatureVersion" : "{version}",\n'
            f'  "Signature" : "{m["Signature"]}",\n'
            f'  "SigningCertURL" : "{m["SigningCertURL"]}",\n'
            f'  "UnsubscribeURL" : "{m["UnsubscribeURL"]}",\n'
            '  "MessageAttributes" : {\n'
            '    "k" : {"Type":"String","Value":"v"}\n  }\n}')
        assert body.decode() == expect
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                            m["Timestamp"])
        assert headers["Content-Type"] == "text/plain; charset=UTF-8"
        assert headers["User-Agent"] == \
            "Amazon Simple Notification Service Agent"
        assert headers["x-amz-sns-message-type"] == "Notification"
        assert headers["x-amz-sns-message-id"] == m["MessageId"]
        assert headers["x-amz-sns-topic-arn"] == m["TopicArn"]
        assert headers["x-amz-sns-subscription-arn"] == s["subscription_arn"]
        assert headers["Accept-Encoding"] == "gzip,deflate"
        assert "x-amz-sns-rawdelivery" not in headers


def test_openssl_agrees(box, tmp_path):
    m = json.loads(box.call("POST", "/sandbox/sns/sign", {
        "topic": "alarms", "message": "m", "signature_version": 2}).body)
    (tmp_path / "pem").write_bytes(box.call(
        "GET", "/sandbox/sns/certificate").body)
    pub = subprocess.run(["openssl", "x509", "-in", tmp_path / "pem",
                          "-noout", "-pubkey"], capture_output=True,
                         check=True).stdout
    (tmp_path / "pub").write_bytes(pub)
    (tmp_path / "sig").write_bytes(base64.b64decode(m["Signature"]))
    text = "".join(f"{k}\n{m[k]}\n" for k in SIGNED[m["Type"]] if k in m)
    subprocess.run(["openssl", "dgst", "-sha256", "-verify",
                    tmp_path / "pub", "-signature", tmp_path / "sig"],
                   input=text.encode(), capture_output=True, check=True)


def test_region_names_of_the_tls_certificate(box):
    for host in ("sns.eu-central-1.amazonaws.com",
                 "sns.cn-north-1.amazonaws.com.cn",
                 "sns.us-gov-west-1.amazonaws.com"):
        assert box.sns("/nothing", host).status == 404
    with pytest.raises(OSError):
        box.sns("/", "sqs.us-east-1.amazonaws.com")


def test_confirm_answers(box):
    with Endpoint(box) as e:
        e.confirm = False
        s = box.subscribe(e.url, wait=0)
        assert not s["confirmed"]
        until = time.monotonic() + 5
        while not e.requests:
            assert time.monotonic() < until
            time.sleep(0.01)
        m = json.loads(e.requests[0][2])
        arn = "arn:aws:sns:us-east-1:111122223333:alarms"
        base = "/?Action=ConfirmSubscription&TopicArn="
        bad = box.sns(base + arn + "&Token=00")
        assert bad.status == 400
        assert b"<Code>InvalidParameter</Code><Message>Invalid parameter: " \
            b"Token" in bad.body
        far = box.sns(base + arn.replace("us-east-1", "eu-west-1") +
                      "&Token=" + m["Token"])
        assert far.status == 400 and b"Invalid parameter: Topic" in far.body
        for _ in range(2):
            a = box.sns(base + arn + "&Token=" + m["Token"])
            assert a.status == 200
            assert f"<SubscriptionArn>{s['subscription_arn']}<".encode() \
                in a.body
        e.answers = [(200, {})]
        box.publish()
        assert len(e.notifications()) == 1


def test_retries_then_delivers(box):
    with Endpoint(box) as e:
        box.subscribe(e.url)
        e.answers = [(503, {}), (429, {}), (200, {})]
        p = box.publish()
        assert (p["delivered"], p["attempts"]) == (1, 3)
        bodies = {r[2] for r in e.notifications()}
        assert len(bodies) == 1
        times = [r[0] for r in e.notifications()]
        assert times[1] - times[0] >= 0.045


def test_gives_up(box):
    with Endpoint(box) as e:
        box.subscribe(e.url)
        e.answers = [(500, {})] * 4
        p = box.publish()
        assert (p["failed"], p["attempts"], p["status"]) == (1, 4, 500)
        e.answers = [(403, {})]
        p = box.publish()
        assert (p["failed"], p["attempts"], p["status"]) == (1, 1, 403)
        log = box.control("GET", "/sns/deliveries")
        assert log["failed"] == 2
        assert log["deliveries"][0]["final"] == "failed"


def test_no_answer_is_tried_again(box):
    with Endpoint(box) as e:
        assert box.subscribe(e.url)["confirmed"]
    box.control("POST", "/settings", {"sns_retries": 1})
    with socket.socket() as nobody:     # else the next one to ask gets it
        nobody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        nobody.bind(("127.0.0.1", e.port))
        p = box.publish()
    assert (p["failed"], p["attempts"], p["status"]) == (1, 2, 0)


def test_an_answer_that_is_late_is_tried_again(box):
    with Endpoint(box) as e:
        assert box.subscribe(e.url)["confirmed"]
        box.control("POST", "/settings", {"sns_timeout": 200,
                                          "sns_retries": 1})
        e.delay = 1
        p = box.publish()
    assert (p["failed"], p["attempts"], p["status"]) == (1, 2, 0)


def test_basic_handshake(box):
    with Endpoint(box, basic="us er:p:w") as e:
        s = box.subscribe(f"http://us%20er:p%3Aw@127.0.0.1:{e.port}/sns",
                          raw=True)
        assert s["confirmed"]
        p = box.publish("raw text")
        assert (p["delivered"], p["attempts"]) == (1, 1)
        first, second = e.notifications()
        assert "Authorization" not in first[1]
        assert second[1]["Authorization"].startswith("Basic ")
        assert second[2] == b"raw text"
        assert second[1]["x-amz-sns-rawdelivery"] == "true"
        e.basic = "other:one"
        p = box.publish("raw text")
        assert (p["failed"], p["status"]) == (1, 401)
        assert "p:w" not in json.dumps(
            box.control("GET", "/sns/subscriptions"))


def test_unsubscribe_tells_the_endpoint(box):
    with Endpoint(box) as e:
        s = box.subscribe(e.url)
        a = box.sns("/?Action=Unsubscribe&SubscriptionArn=" +
                    s["subscription_arn"])
        assert a.status == 200
        until = time.monotonic() + 5
        while len(e.requests) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        m = json.loads(e.requests[1][2])
        verify(box, m)
        assert m["Type"] == "UnsubscribeConfirmation"
        assert box.publish()["deliveries"] == 0


def test_subscriptions_survive(tmp_path):
    b = Sandbox(tmp_path / "box").start()
    try:
        with Endpoint(b) as e:
            assert b.subscribe(e.url)["confirmed"]
            b.stop(signal.SIGKILL)
            b.start()
            assert b.publish()["delivered"] == 1
    finally:
        b.stop()


def test_query_api_publishes(box):
    with Endpoint(box) as e:
        box.subscribe(e.url)
        a = box.call("POST", "/", urllib.parse.urlencode({
            "Action": "Publish", "Message": "m & m",
            "TopicArn": "arn:aws:sns:us-east-1:111122223333:alarms"}))
        assert a.status == 200 and b"<MessageId>" in a.body
        until = time.monotonic() + 5
        while not e.notifications():
            assert time.monotonic() < until
            time.sleep(0.01)
        assert json.loads(e.notifications()[0][2])["Message"] == "m & m"
        assert box.call("POST", "/", "Action=Nothing").status == 400


def test_signed_and_forged_envelopes(box):
    def sign(**keys):
        a = box.call("POST", "/sandbox/sns/sign", dict(
            topic="alarms", message="m", **keys))
        assert a.status == 200, a.body
        return json.loads(a.body)
    verify(box, sign())
    verify(box, sign(timestamp="2020-01-01T00:00:00.000Z"))
    verify(box, sign(type="SubscriptionConfirmation", token="ab" * 48))
    for keys in ({"signature": "broken"}, {"key": "stranger"},
                 {"replace": {"Message": "other"}},
                 {"replace": {"Type": "UnsubscribeConfirmation",
                              "TopicArn": "arn:aws:sns:us-east-1:1:x"}},
                 {"replace": {"Timestamp": "2020-01-01T00:00:00.000Z"}}):
        m = sign(**keys)
        m["Type"] = "Notification"
        with pytest.raises(InvalidSignature):
            verify(box, m)


def test_sns_listener_faults(box):
    box.fault("error", path="/sns/certificate", status=503, count=1)
    box.fault("error", count=1)
    name = json.loads(box.call("POST", "/sandbox/sns/sign", {
        "topic": "a", "message": "m"}).body)["SigningCertURL"].split("/")[-1]
    assert box.sns("/" + name).status == 503
    assert box.sns("/" + name).status == 200


def test_many_messages(box):
    with Endpoint(box) as e:
        box.subscribe(e.url)
        p = box.control("POST", "/sns/publish", {
            "topic": "alarms", "wait": 20000,
            "messages": [{"message": f"m{i}"} for i in range(200)]},
            timeout=40)
        assert p["delivered"] == 200 and len(set(p["message_ids"])) == 200
        got = {json.loads(r[2])["Message"] for r in e.notifications()}
        assert got == {f"m{i}" for i in range(200)}


def test_held_messages_go_at_once(box):
    with Endpoint(box) as e:
        box.subscribe(e.url)
        box.control("POST", "/settings", {"sns_hold": "on"})
        p = box.publish(wait=0, copies=3)
        assert (p["deliveries"], p["pending"]) == (3, 3)
        assert not e.notifications()
        box.control("POST", "/settings", {"sns_hold": "off"})
        assert box.publish()["delivered"] == 1
        until = time.monotonic() + 5
        while len(e.notifications()) < 4:
            assert time.monotonic() < until
            time.sleep(0.01)
        ids = [json.loads(r[2])["MessageId"] for r in e.notifications()]
        assert ids.count(p["message_ids"][0]) == 3


# The page

def test_page_escapes_and_forbids(box):
    box.create("<script>alert(1)</script> & co", description="</pre><b>",
               priority="P1", ci_id="CI1", assignment_group='"x"')
    box.api("POST", "/incidents/INC0000001/notes", {"body": "<i>note"})
    a = box.call("GET", "/")
    text = a.body.decode()
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "default-src 'none'" in a.headers["Content-Security-Policy"]
    assert a.headers["Content-Type"] == "text/html; charset=utf-8"
    a = box.call("GET", "/incidents/INC0000001")
    text = a.body.decode()
    assert "&lt;/pre&gt;&lt;b&gt;" in text and "&lt;i&gt;note" in text
    assert box.call("GET", "/incidents/INC0000099").status == 404


def test_browsers_of_other_pages_are_refused(box):
    a = box.call("POST", "/sandbox/tokens/expire", {},
                 {"Origin": "https://elsewhere.example"})
    assert a.status == 403


# tocsin send

def send(box, *args):
    return subprocess.run([TOCSIN, "send", "--data", box.data, *args],
                          capture_output=True, text=True, timeout=60)


def test_send(box):
    with Endpoint(box) as e:
        r = send(box, "--to", e.url, "--severity", "HIGH", "--ci",
                 "CI0001234", "--dim", "DBInstanceIdentifier=pay-db-1",
                 "--namespace", "AWS/RDS", "pay-db-cpü")
        assert r.returncode == 0, r.stderr
        m = json.loads(e.notifications()[0][2])
        verify(box, m)
        assert m["Subject"] == \
            'ALARM: "pay-db-cp_" in US East (N. Virginia)'
        a = json.loads(m["Message"])
        assert a["AlarmArn"] == ("arn:aws:cloudwatch:us-east-1:111122223333:"
                                 "alarm:pay-db-cpü")
        assert (a["NewStateValue"], a["OldStateValue"]) == ("ALARM", "OK")
        assert a["AlarmDescription"].split("\n") == [
            "severity: HIGH", "stackflow_ci_id: CI0001234"]
        assert a["Trigger"]["Dimensions"] == [
            {"value": "pay-db-1", "name": "DBInstanceIdentifier"}]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000",
                            a["StateChangeTime"])
        r = send(box, "--state", "OK", "--count", "3", "many")
        assert r.returncode == 0 and "3 delivered" in r.stdout
        names = [json.loads(json.loads(x[2])["Message"])["AlarmName"]
                 for x in e.notifications()[1:]]
        assert sorted(names) == ["many-1", "many-2", "many-3"]
        e.answers = [(403, {})]
        r = send(box, "refused")
        assert r.returncode == 1 and "403" in r.stderr


def test_send_without_subscribers_or_sandbox(box, tmp_path):
    r = send(box, "x")
    assert r.returncode == 1 and "nobody is subscribed" in r.stderr
    r = subprocess.run([TOCSIN, "send", "--data", str(tmp_path / "none"),
                        "x"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and r.stderr
    for bad in (["--state", "BAD", "x"], [], ["--nope"], ["a", "b"],
                ["--count", "0", "x"], ["--dim", "x", "y"]):
        assert send(box, *bad).returncode == 2
    assert send(box, "--help").returncode == 0


def test_send_subject_is_cut(box):
    with Endpoint(box) as e:
        assert send(box, "--to", e.url, "x" * 200).returncode == 0
        subject = json.loads(e.notifications()[0][2])["Subject"]
        assert len(subject) < 100
        assert subject.endswith('..." in US East (N. Virginia)')
