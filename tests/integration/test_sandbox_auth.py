"""Cognito as the sandbox is it: challenges, rotation, SECRET_HASH."""
import base64
import hashlib
import hmac

import pytest

from sandbox import Sandbox


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "box") as b:
        yield b


def turn(box, **settings):
    box.control("POST", "/settings", settings)


def cognito(box, operation="InitiateAuth", **body):
    body.setdefault("ClientId", box.info["client_id"])
    return box.call("POST", "/", body, {
        "X-Amz-Target":
        "AWSCognitoIdentityProviderService." + operation})


def password(box, **more):
    return cognito(box, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={
        "USERNAME": box.info["email"], "PASSWORD": box.info["password"],
        **more})


def refresh(box, token, **more):
    return cognito(box, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={
        "REFRESH_TOKEN": token, **more})


def result(answer):
    assert answer.status == 200, answer.body
    return answer.json()["AuthenticationResult"]


def refused(answer, type_, words=""):
    assert answer.status == 400
    assert answer.json()["__type"] == type_
    assert answer.headers["x-amzn-ErrorType"].startswith(type_)
    assert words in answer.json()["message"]


def works(box, r):
    return box.api("GET", "/incidents", token=r["IdToken"]).status == 200


def secret_hash(box, user=None):
    i = box.info
    mac = hmac.new(i["client_secret"].encode(),
                   ((user or i["email"]) + i["client_id"]).encode(),
                   hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


@pytest.mark.parametrize("name", [
    "NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP",
    "MFA_SETUP", "SELECT_MFA_TYPE"])
def test_challenges(box, name):
    turn(box, challenge=name)
    a = password(box)
    assert a.status == 200
    v = a.json()
    assert v["ChallengeName"] == name and v["Session"]
    assert "AuthenticationResult" not in v
    assert box.api("GET", "/incidents", token=v["Session"]).status == 401
    refused(password(box, PASSWORD="no"), "NotAuthorizedException")
    turn(box, challenge="none")
    assert works(box, result(password(box)))


@pytest.mark.parametrize("name,type_,words", [
    ("PasswordResetRequiredException", "PasswordResetRequiredException",
     "reset required"),
    ("UserNotConfirmedException", "UserNotConfirmedException",
     "not confirmed"),
    ("disabled", "NotAuthorizedException", "disabled"),
    ("attempts_exceeded", "NotAuthorizedException", "attempts exceeded"),
    ("flow_not_enabled", "InvalidParameterException", " flow "),
    ("TooManyRequestsException", "TooManyRequestsException", "Rate"),
])
def test_refusals_of_a_right_password(box, name, type_, words):
    turn(box, challenge=name)
    refused(password(box), type_, words)


def test_a_refresh_token_serves_again_without_rotation(box):
    first = result(password(box))
    for _ in range(2):
        r = result(refresh(box, first["RefreshToken"]))
        assert "RefreshToken" not in r and works(box, r)
    refused(refresh(box, "refresh-x"), "NotAuthorizedException",
            "Invalid Refresh Token")
    refused(refresh(box, ""), "NotAuthorizedException")


@pytest.mark.parametrize("way", ["initiate", "get"])
def test_rotation(box, way):
    def again(token):
        if way == "initiate":
            return refresh(box, token)
        return cognito(box, "GetTokensFromRefreshToken", RefreshToken=token)
    turn(box, refresh_rotation="on")
    token = result(password(box))["RefreshToken"]
    used = []
    for _ in range(3):
        r = result(again(token))
        assert works(box, r)
        used.append(token)
        token = r["RefreshToken"]
    assert len({token, *used}) == 4
    for old in used:
        refused(again(old), "NotAuthorizedException" if way == "initiate"
                else "RefreshTokenReuseException")
    assert works(box, result(again(token)))


def test_strict_rotation_wants_its_own_operation(box):
    turn(box, refresh_rotation="strict")
    token = result(password(box))["RefreshToken"]
    refused(refresh(box, token), "InvalidParameterException", " flow ")
    r = result(cognito(box, "GetTokensFromRefreshToken", RefreshToken=token))
    assert r["RefreshToken"] != token and works(box, r)


def test_refresh_tokens_end_where_asked(box):
    token = result(password(box))["RefreshToken"]
    box.control("POST", "/tokens/expire", {})
    r = result(refresh(box, token))
    box.control("POST", "/tokens/expire?refresh=1", {})
    assert not works(box, r)
    refused(refresh(box, token), "NotAuthorizedException")
    assert result(password(box))["RefreshToken"] != token


def test_the_secret_hash_is_verified(box):
    assert result(password(box, SECRET_HASH="ignored"))
    turn(box, secret_hash="on")
    refused(password(box), "NotAuthorizedException",
            "SECRET_HASH was not received")
    refused(password(box, SECRET_HASH="eA=="), "NotAuthorizedException",
            "SecretHash does not match")
    refused(password(box, SECRET_HASH=secret_hash(box, "other@example.com")),
            "NotAuthorizedException")
    r = result(password(box, SECRET_HASH=secret_hash(box)))
    refused(refresh(box, r["RefreshToken"]), "NotAuthorizedException")
    assert works(box, result(refresh(box, r["RefreshToken"],
                                     SECRET_HASH=secret_hash(box))))
    token = {"RefreshToken": r["RefreshToken"]}
    refused(cognito(box, "GetTokensFromRefreshToken", **token),
            "NotAuthorizedException")
    assert works(box, result(cognito(
        box, "GetTokensFromRefreshToken",
        ClientSecret=box.info["client_secret"], **token)))


def test_tokens_live_as_long_as_is_set(box):
    turn(box, token_life=1000)
    r = result(password(box))
    assert r["ExpiresIn"] == 1000
    turn(box, clock=900000)
    assert works(box, r)
    turn(box, clock=1001000)
    assert not works(box, r)
    assert works(box, result(password(box))), "by the same clock"


def test_what_cognito_does_not_know(box):
    refused(cognito(box, ClientId="other"), "ResourceNotFoundException")
    refused(cognito(box, "SignUp"), "UnknownOperationException")
    refused(cognito(box, AuthFlow="USER_SRP_AUTH"),
            "InvalidParameterException")
    a = box.call("POST", "/", "{", {"X-Amz-Target": "x.InitiateAuth"})
    refused(a, "SerializationException")


def test_faults_strike_cognito_by_name_only(box):
    box.fault("error", status=500)
    assert password(box).status == 200, "by * only StackFlow's interface"
    box.control("DELETE", "/faults")
    box.fault("error", path="/cognito", status=503, count=1)
    box.fault("answer", path="/cognito", status=200, count=1,
              body='{"ChallengeName":"CUSTOM_CHALLENGE"}')
    assert password(box).status == 503
    assert password(box).json() == {"ChallengeName": "CUSTOM_CHALLENGE"}
    assert works(box, result(password(box)))
