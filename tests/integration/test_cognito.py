"""The password method against cognito-local, a Cognito that isn't ours."""
import json
import os
import time

import aws
import peers
import pytest

EMAIL, PASSWORD = "tocsin@example.com", "Correct-Horse-7"


class Cognito(aws.NodePeer):
    def __init__(self, folder):
        home = os.path.join(folder, "cognito")
        os.makedirs(home)
        super().__init__("cognito.mjs", folder, cwd=home)
        self.http = peers.Http(self.port)
        pool = self.call("CreateUserPool", PoolName="stackflow")
        self.pool = pool["UserPool"]["Id"]
        client = self.call("CreateUserPoolClient", UserPoolId=self.pool,
                           ClientName="tocsin", ExplicitAuthFlows=[
                               "ALLOW_USER_PASSWORD_AUTH",
                               "ALLOW_REFRESH_TOKEN_AUTH"])
        self.client = client["UserPoolClient"]["ClientId"]
        self.call("AdminCreateUser", UserPoolId=self.pool, Username=EMAIL,
                  TemporaryPassword="Temporary-1", MessageAction="SUPPRESS",
                  UserAttributes=[{"Name": "email", "Value": EMAIL}])

    def call(self, operation, **body):
        status, _, data = self.http.call("POST", "/", body, {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target":
            f"AWSCognitoIdentityProviderService.{operation}"})
        assert status == 200, (operation, status, data)
        return json.loads(data)

    def set_password(self, password=PASSWORD):
        self.call("AdminSetUserPassword", UserPoolId=self.pool,
                  Username=EMAIL, Password=password, Permanent=True)

    def stop(self):
        self.http.close()
        super().stop()


class Front(aws.Injector):
    """Counts what is asked, and takes answers apart on demand."""

    def answer(self, request, upstream):
        with self.lock:
            self.requests.append(request)
        fault = self.take_fault(request)
        if fault and fault.kind == "error":
            return self.before_error(request, fault)
        status, _, data = peers.Http(self.cognito.port).call(
            request.method, request.path, request.body,
            {n: v for n, v in request.headers
             if n.lower() in ("content-type", "x-amz-target")})
        got = aws.Answer(status, data, [("Content-Type",
                                         "application/x-amz-json-1.1")])
        if fault and fault.kind == "change":
            return self.after_change(request, fault, got)
        return got

    def flows(self):
        return [r.json()["AuthFlow"] for r in self.seen("InitiateAuth")]


@pytest.fixture
def cognito(folder):
    aws.need_node("cognito-local")
    c = Cognito(folder)
    front = Front()
    front.cognito = c
    c.front = front
    yield c
    front.stop()
    c.stop()


def auth(cognito, **more):
    return {"stackflow": {"auth": {
        "method": "password", "region": "us-east-1",
        "client_id": cognito.client, "email": EMAIL, "password": PASSWORD,
        "endpoint_url": cognito.front.url, "api_key": None, **more}}}


def test_the_first_token_and_its_renewal(cognito, make_agent, sandbox):
    cognito.set_password()
    agent = make_agent(conf=auth(cognito))
    peers.wait_for("a token", lambda: cognito.front.count(
        "InitiateAuth", status=200))
    first, *_ = cognito.front.seen("InitiateAuth")
    assert first.json()["AuthFlow"] == "USER_PASSWORD_AUTH"
    assert first.json()["ClientId"] == cognito.client
    assert first.header("authorization") is None, "it is unsigned"
    assert first.status == 200
    # The sandbox has never heard of this token: 401, and one renewal.
    agent.send(peers.alarm())
    peers.wait_for("a renewal", lambda: cognito.front.count(
        "InitiateAuth", status=200) >= 2)
    assert cognito.front.flows()[1] in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
    time.sleep(3)
    assert cognito.front.count("InitiateAuth") <= 4, \
        "tokens that StackFlow refuses are not fetched in a loop"
    assert PASSWORD not in agent.process.text()
    for r in cognito.front.seen("InitiateAuth"):
        assert "eyJ" not in agent.process.text(), r


def test_a_token_is_renewed_ahead_of_its_end(cognito, make_agent, sandbox):
    """cognito-local names no ExpiresIn; here it is given one, and a token
    that the sandbox knows."""
    cognito.set_password()

    def short(answer):
        answer["AuthenticationResult"].update(
            ExpiresIn=5, IdToken=sandbox.info["api_key"])

    cognito.front.fault("change", "InitiateAuth", count=None, how=short)
    agent = make_agent(conf=auth(cognito))
    agent.send(peers.alarm())
    agent.settle()
    assert len(sandbox.incidents()) == 1
    peers.wait_for("two renewals",
                   lambda: cognito.front.count("InitiateAuth") >= 3, 20)
    flows = cognito.front.flows()
    assert flows[0] == "USER_PASSWORD_AUTH"
    assert set(flows[1:]) <= {"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"}
    times = [r.time for r in cognito.front.seen("InitiateAuth")]
    assert min(b - a for a, b in zip(times, times[1:])) > 1


def test_a_wrong_password_is_told_and_not_hammered(cognito, make_agent):
    cognito.set_password("Another-Horse-8")
    agent = make_agent(conf=auth(cognito))
    peers.wait_for("the refusal",
                   lambda: cognito.front.count("InitiateAuth"))
    peers.wait_for("words", lambda: "NotAuthorized" in agent.process.text() or
                   "InvalidPassword" in agent.process.text())
    agent.send(peers.alarm())
    time.sleep(5)
    # Cognito locks a user out for longer with each failure.
    assert cognito.front.count("InitiateAuth") <= 2, \
        [(r, r.time) for r in cognito.front.seen()]
    assert PASSWORD not in agent.process.text()
    assert agent.admin.call("GET", "/readyz")[0] == 200
    assert "password" in json.dumps(agent.get("/api/v1/status")).lower()


def test_a_lockouts_own_words(cognito, make_agent):
    cognito.set_password()
    cognito.front.fault("error", "InitiateAuth", count=1,
                        code="NotAuthorizedException",
                        message="Password attempts exceeded")
    agent = make_agent(conf=auth(cognito))
    agent.send(peers.alarm())
    peers.wait_for("words", lambda: "Password attempts exceeded" in
                   agent.process.text() + json.dumps(
                       agent.get("/api/v1/status")))
    time.sleep(3)
    assert cognito.front.count("InitiateAuth") <= 2


def test_a_temporary_password_needs_a_person(cognito, make_agent):
    agent = make_agent(conf=auth(cognito, password="Temporary-1"))
    agent.send(peers.alarm())
    peers.wait_for("words", lambda: "NEW_PASSWORD_REQUIRED" in
                   agent.process.text() + json.dumps(
                       agent.get("/api/v1/status")))
    time.sleep(3)
    assert cognito.front.count("InitiateAuth") <= 2
    assert cognito.front.count("RespondToAuthChallenge") == 0


def test_throttling_is_waited_out(cognito, make_agent):
    cognito.set_password()
    cognito.front.fault("error", "InitiateAuth", count=2,
                        code="TooManyRequestsException",
                        message="Rate exceeded")
    make_agent(conf=auth(cognito)).send(peers.alarm())
    peers.wait_for("a token", lambda: cognito.front.count(
        "InitiateAuth", status=200), 30)
    times = [r.time for r in cognito.front.seen("InitiateAuth")]
    assert len(times) >= 3 and times[2] - times[0] > 0.9
