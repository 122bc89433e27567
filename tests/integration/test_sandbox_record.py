"""The sandbox's recorder: what is asked and answered, without secrets."""
import json
import os
import re
import subprocess
import urllib.parse

import pytest

from sandbox import TOCSIN, Sandbox

CONTEXT = {"X-Org-Id": "org-1", "X-Workspace-Id": "ws-1",
           "X-Request-Id": "req-1", "X-Execution-Id": "ex-1"}


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "box", "--record", str(tmp_path / "log")) as b:
        b.log = tmp_path / "log"
        yield b


def lines(box):
    return [json.loads(x) for x in box.log.read_text().splitlines()]


def secrets(box):
    return [box.info[n] for n in ("api_key", "client_secret", "password")]


def test_an_exchange_is_recorded_whole(box):
    a = box.api("POST", "/incidents?x=1", {"short_description": "näh\n"},
                headers={**CONTEXT, "Cookie": "session=1"})
    x, = lines(box)
    assert list(x) == ["time", "method", "path", "request_headers",
                       "request_body", "status", "answer_headers",
                       "answer_body", "ms"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", x["time"])
    assert (x["method"], x["path"], x["status"]) == \
        ("POST", "/prod/api/incidents?x=1", 201)
    h = x["request_headers"]
    assert {k: h[k] for k in CONTEXT} == CONTEXT
    assert h["Authorization"] == "Bearer ***" and h["Cookie"] == "***"
    assert x["request_body"] == {"short_description": "näh\n"}
    assert x["answer_body"] == a.json()
    assert x["answer_headers"]["X-RateLimit-Limit"] == "100"
    assert x["answer_headers"]["Content-Type"] == "application/json"
    assert 0 <= x["ms"] < 5000
    assert os.stat(box.log).st_mode & 0o777 == 0o600


def test_secrets_are_masked_wherever_they_go(box):
    i = box.info
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_id": i["client_id"],
        "client_secret": i["client_secret"]})
    tokens = [box.call("POST", "/prod/api/oauth2/token",
                       form).json()["access_token"],
              box.call("POST", "/prod/api/auth/exchange", {
                  "api_key": i["api_key"]}).json()["access_token"]]
    auth = {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}
    r = box.call("POST", "/", json.dumps({
        "ClientId": i["client_id"], "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": i["email"],
                           "PASSWORD": i["password"],
                           "SECRET_HASH": "aGFzaA=="}}, indent=1),
                 auth).json()["AuthenticationResult"]
    tokens += [r["AccessToken"], r["IdToken"], r["RefreshToken"]]
    box.call("POST", "/", '{"PASSWORD": "%s"' % i["password"], auth)
    box.call("POST", "/", i["password"], auth)
    box.call("GET", "/prod/api/incidents",
             headers={"Authorization": i["api_key"]})
    box.call("GET", "/prod/api/incidents", headers={
        "X-Api-Key": i["api_key"]})
    box.api("POST", "/incidents", {"short_description": "x", "nested": [
        {"client_secret": i["client_secret"]}]})
    everything = box.log.read_text() + \
        box.call("GET", "/sandbox/exchanges?limit=100").body.decode() + \
        box.call("GET", "/").body.decode()
    for secret in [*secrets(box), *tokens, "aGFzaA=="]:
        assert secret not in everything, secret
    first, *_ = lines(box)
    assert first["request_body"] == "grant_type=client_credentials&" \
        f"client_id={i['client_id']}&client_secret=***"
    assert first["answer_body"]["access_token"] == "***"
    signed = lines(box)[2]
    assert signed["request_body"]["AuthParameters"] == {
        "USERNAME": i["email"], "PASSWORD": "***", "SECRET_HASH": "***"}
    assert signed["answer_body"]["AuthenticationResult"]["ExpiresIn"] == 3600


def test_the_last_ones_are_asked_for(box):
    for n in range(105):
        box.api("GET", f"/incidents?n={n}")
    a = box.control("GET", "/exchanges")
    assert a["total"] == 105
    assert [x["path"][-3:] for x in a["exchanges"]] == \
        [f"n={n}"[-3:] for n in range(85, 105)]
    assert len(box.control("GET", "/exchanges?limit=9999")["exchanges"]) == 100
    one, = box.control("GET", "/exchanges?limit=1")["exchanges"]
    assert one == lines(box)[-1]
    page = box.call("GET", "/").body.decode()
    assert "Last exchanges" in page and "n=104" in page
    box.control("DELETE", "/exchanges")
    assert box.control("GET", "/exchanges") == {"exchanges": [], "total": 0}


def test_only_what_is_stackflows_and_its_kin(box):
    box.truth()
    box.call("GET", "/")
    box.control("POST", "/settings", {"rate": 0})
    assert box.log.read_text() == ""


def test_paths_are_escaped_on_the_page(box):
    box.call("GET", "/prod/api/<script>alert(1)</script>")
    assert "<script>" not in box.call("GET", "/").body.decode()


def test_bodies_are_bounded(box):
    box.control("POST", "/settings", {"record_body": 100})
    box.api("POST", "/incidents", {"short_description": "ä" * 500})
    x, = lines(box)
    assert x["request_body_cut"] is True and x["answer_body_cut"] is True
    assert 80 < len(x["request_body"]) <= 100
    box.control("POST", "/settings", {"record_body": 0})
    box.api("GET", "/incidents")
    assert lines(box)[-1]["answer_body"] is None
    assert lines(box)[-1]["answer_body_cut"] is True


def test_a_secret_that_is_cut_is_masked(box):
    box.control("POST", "/settings", {"record_body": 40})
    box.api("POST", "/incidents", '{"client_secret":"%s","x":"%s"}' % (
        box.info["client_secret"], "y" * 300))
    assert box.info["client_secret"][:8] not in box.log.read_text()


def test_what_a_fault_did_is_told(box):
    box.fault("hangup", count=1)
    box.fault("create-then-hangup", count=1)
    box.fault("cut-body", count=1)
    for _ in range(3):
        with pytest.raises(Exception):
            box.create("x").json()
    assert [(x["status"], x.get("fault")) for x in lines(box)] == [
        (0, "hangup"), (0, "hangup"), (201, "body")]
    assert lines(box)[0]["request_body"]["short_description"] == "x"


def test_what_is_no_json_is_text(box):
    box.api("POST", "/incidents", "no json")
    box.fault("garbage", count=1)
    box.create("x")
    first, second = lines(box)
    assert first["request_body"] == "no json"
    assert second["answer_body"] == '{"id": "INC00'


def test_stdout_comes_after_the_ready_line(tmp_path):
    with Sandbox(tmp_path / "box", "--record", "-") as b:
        b.create("x")
        x = json.loads(b.process.stdout.readline())
        assert x["status"] == 201
        b.api("GET", "/incidents")
        assert json.loads(b.process.stdout.readline())["method"] == "GET"


def test_a_record_goes_on(tmp_path):
    for n in range(2):
        with Sandbox(tmp_path / "box", "--record",
                     str(tmp_path / "log")) as b:
            b.create(f"n{n}")
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_record_that_cannot_be_written(tmp_path):
    r = subprocess.run([TOCSIN, "sandbox", "--listen", "127.0.0.1:0",
                        "--sns-listen", "127.0.0.1:0", "--data",
                        str(tmp_path / "b"), "--record",
                        str(tmp_path / "none" / "log")],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and "none/log" in r.stderr
