"""libstackflow with no arguments: all from the environment, its logins and
their renewal against the sandbox and against cognito-local, which isn't ours.
It is loaded as bindings do."""
import ctypes
import os
import threading
import time

import aws
import peers
import pytest
import test_cognito

LIBRARY = os.path.join(os.path.dirname(peers.TOCSIN), "libstackflow.so.")
OK, NOT_EXECUTED = 0, 1


class Str(ctypes.Structure):
    _fields_ = [("p", ctypes.c_char_p), ("n", ctypes.c_size_t)]


class Result(ctypes.Structure):
    _fields_ = [("outcome", ctypes.c_int), ("status", ctypes.c_int),
                ("body", ctypes.c_void_p), ("id", Str),
                ("problem", ctypes.c_char_p)]


class Stats(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint64) for n in (
        "requests", "answered_2xx", "answered_429", "answered_5xx",
        "renewals", "rate_limit", "rate_remaining", "paused_until")] + [
        ("authenticated", ctypes.c_bool), ("problem", ctypes.c_char * 256)]


class Err(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 1024)]


def library():
    folder, name = os.path.split(LIBRARY)
    found = [f for f in sorted(os.listdir(folder)) if f.startswith(name)]
    if not found:
        pytest.skip("no shared library in this build")
    lib = ctypes.CDLL(os.path.join(folder, found[-1]))
    lib.sf_answer_new.restype = ctypes.c_void_p
    lib.sf_answer_new.argtypes = [ctypes.c_void_p]
    lib.sf_answer_free.argtypes = [ctypes.c_void_p]
    lib.sf_answer_wait.restype = ctypes.POINTER(Result)
    lib.sf_answer_wait.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.sf_incident_list.argtypes = [ctypes.c_void_p, ctypes.c_char_p, Str,
                                     ctypes.c_void_p, ctypes.c_void_p]
    for name in ("sf_client_free", "sf_client_stats", "sf_client_set_token"):
        getattr(lib, name).argtypes = [ctypes.c_void_p] + \
            [ctypes.c_void_p] * (name == "sf_client_stats") + \
            [ctypes.c_char_p] * (name == "sf_client_set_token")
    return lib


class Client:
    def __init__(self, lib):
        self.lib, self.at = lib, ctypes.c_void_p()
        err = Err()
        rc = lib.sf_client_new_from_env(ctypes.byref(self.at),
                                        ctypes.byref(err))
        assert rc == 0, (rc, err.text)

    def list(self):
        """(outcome, problem) of GET /incidents, waited for."""
        answer = self.lib.sf_answer_new(self.at)
        done = ctypes.cast(self.lib.sf_answer_done, ctypes.c_void_p)
        r = self.lib.sf_answer_wait(answer, self.lib.sf_incident_list(
            self.at, b"limit=1", Str(), done, answer)).contents
        got = r.outcome, (r.problem or b"").decode()
        self.lib.sf_answer_free(answer)
        return got

    def stats(self):
        s = Stats()
        self.lib.sf_client_stats(self.at, ctypes.byref(s))
        return s

    def free(self):
        self.lib.sf_client_free(self.at)


@pytest.fixture
def clean(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("STACKFLOW_", "AWS_")) or name in (
                "ORG_ID", "REQUEST_ID"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def client(clean):
    """A client of an environment; the last is freed."""
    lib, made = library(), []

    def make(**variables):
        for name, value in variables.items():
            clean.setenv(name, value)
        made.append(Client(lib))
        return made[-1]

    yield make
    for c in made:
        c.free()


def key(sandbox):
    return {"STACKFLOW_BASE_URL": sandbox.info["stackflow"],
            "STACKFLOW_API_KEY": sandbox.info["api_key"]}


def credentials(sandbox):
    return {"STACKFLOW_BASE_URL": sandbox.info["stackflow"],
            "STACKFLOW_COGNITO_URL": sandbox.info["stackflow"],
            "STACKFLOW_CLIENT_ID": sandbox.info["client_id"],
            "STACKFLOW_CLIENT_SECRET": sandbox.info["client_secret"]}


def person(sandbox, secret=False):
    i = sandbox.info
    more = {"STACKFLOW_CLIENT_SECRET": i["client_secret"]} if secret else {}
    return {"STACKFLOW_BASE_URL": i["stackflow"],
            "STACKFLOW_CLIENT_ID": i["client_id"],
            "STACKFLOW_EMAIL": i["email"], "STACKFLOW_PASSWORD": i["password"],
            "STACKFLOW_USER_POOL_ID": "us-east-1_sandbox",
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": i["cognito_url"],
            **more}


def flows(sandbox):
    """What Cognito was asked, in order."""
    out = []
    for e in sandbox.control("GET", "/exchanges?limit=100")["exchanges"]:
        target = e["request_headers"].get("X-Amz-Target", "")
        if target:
            out.append(e["request_body"].get("AuthFlow") or
                       target.rpartition(".")[2])
    return out


def renewed(client, threads=3, renewals=3):
    """Requests without a pause while tokens are renewed: none may fail."""
    failed = []

    def ask():
        until = time.monotonic() + 60
        while client.stats().renewals <= renewals and not failed:
            got = client.list()
            if got[0] != OK or time.monotonic() > until:
                failed.append(got)
            time.sleep(0.1)

    all_threads = [threading.Thread(target=ask) for _ in range(threads)]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()
    assert not failed, failed
    assert client.stats().problem == b""


def test_a_key_and_on_whose_behalf(sandbox, client):
    c = client(ORG_ID="acme", REQUEST_ID="r-1", **key(sandbox))
    assert c.list() == (OK, "")
    sent, = sandbox.control("GET", "/exchanges")["exchanges"]
    assert sent["request_headers"]["X-Org-Id"] == "acme"
    assert sent["request_headers"]["X-Request-Id"] == "r-1"
    assert "X-Job-Id" not in sent["request_headers"]


def test_client_credentials_are_renewed(sandbox, client):
    sandbox.set(token_life=2)
    renewed(client(**credentials(sandbox)))


def test_a_person_is_renewed_by_refresh_token(sandbox, client):
    sandbox.set(token_life=2, secret_hash="on")
    renewed(client(**person(sandbox, secret=True)))
    seen = flows(sandbox)
    assert seen[0] == "USER_PASSWORD_AUTH"
    assert set(seen[1:]) == {"REFRESH_TOKEN_AUTH"}


@pytest.mark.parametrize("rotation", ["on", "strict"])
def test_refresh_tokens_rotate(sandbox, client, rotation):
    sandbox.set(token_life=2, refresh_rotation=rotation)
    renewed(client(**person(sandbox)))
    seen = flows(sandbox)
    assert seen.count("USER_PASSWORD_AUTH") == 1
    if rotation == "strict":
        assert seen.count("REFRESH_TOKEN_AUTH") == 1, "then it is known"
        assert seen.count("GetTokensFromRefreshToken") >= 3


def test_a_refresh_token_that_ended(sandbox, client):
    c = client(**person(sandbox))
    assert c.list() == (OK, "")
    sandbox.control("POST", "/tokens/expire?refresh=1")
    assert c.list() == (OK, ""), "by the password again, in the same call"
    assert flows(sandbox) == ["USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH",
                              "USER_PASSWORD_AUTH"]


@pytest.mark.parametrize("challenge, words", [
    ("NEW_PASSWORD_REQUIRED", "set a lasting password"),
    ("SOFTWARE_TOKEN_MFA", "second factor"),
    ("SMS_MFA", "second factor"),
    ("EMAIL_OTP", "one-time password"),
    ("MFA_SETUP", "wants a second factor"),
    ("SELECT_MFA_TYPE", "several second factors"),
    ("PasswordResetRequiredException", "reset this user's password"),
    ("UserNotConfirmedException", "confirm this user"),
    ("disabled", "enable this user"),
    ("attempts_exceeded", "check the password"),
    ("flow_not_enabled", "ALLOW_USER_PASSWORD_AUTH"),
])
def test_what_a_person_must_do(sandbox, client, challenge, words):
    sandbox.set(challenge=challenge)
    c = client(**person(sandbox))
    for _ in range(3):
        outcome, problem = c.list()
        assert outcome == NOT_EXECUTED
        assert problem.startswith("no token: ") and words in problem
        assert sandbox.info["password"] not in problem
    assert c.stats().problem.decode() == problem
    assert not c.stats().authenticated
    assert len(flows(sandbox)) == 1, "and it isn't asked in a loop"


def test_a_missing_secret(sandbox, client):
    sandbox.set(secret_hash="on")
    outcome, problem = client(**person(sandbox)).list()
    assert outcome == NOT_EXECUTED
    assert "check client_secret" in problem


def test_throttling_passes(sandbox, client):
    sandbox.set(challenge="TooManyRequestsException")
    c = client(**person(sandbox))
    peers.wait_for("the refusal", lambda: b"TooManyRequests" in
                   c.stats().problem)
    sandbox.set(challenge="none")
    assert c.list() == (OK, ""), "it waits for the next try, and is answered"


def test_a_token_replaced_in_place(sandbox, client):
    c = client(STACKFLOW_BASE_URL=sandbox.info["stackflow"],
               STACKFLOW_TOKEN="not-this-one")
    assert c.list()[0] == NOT_EXECUTED
    assert c.stats().problem == b"StackFlow refuses the token (401)"
    assert c.lib.sf_client_set_token(
        c.at, sandbox.info["api_key"].encode()) == 0
    assert c.list() == (OK, "")
    assert c.stats().problem == b""


@pytest.fixture
def cognito(folder):
    yield from test_cognito.cognito.__wrapped__(folder)


def of_cognito(cognito, sandbox, password=test_cognito.PASSWORD):
    return {**person(sandbox), "STACKFLOW_CLIENT_ID": cognito.client,
            "STACKFLOW_EMAIL": test_cognito.EMAIL,
            "STACKFLOW_PASSWORD": password,
            "STACKFLOW_USER_POOL_ID": cognito.pool,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER":
            cognito.front.url}


def test_anothers_cognito(cognito, sandbox, client):
    cognito.set_password()

    def short(answer):
        """A token that the sandbox knows, for two seconds."""
        answer["AuthenticationResult"].update(
            ExpiresIn=2, IdToken=sandbox.info["api_key"])

    cognito.front.fault("change", "InitiateAuth", count=None, how=short)
    renewed(client(**of_cognito(cognito, sandbox)))
    seen = cognito.front.flows()
    assert seen[0] == "USER_PASSWORD_AUTH"
    assert set(seen[1:]) == {"REFRESH_TOKEN_AUTH"}


def test_anothers_cognito_wants_a_person(cognito, sandbox, client):
    outcome, problem = client(**of_cognito(cognito, sandbox,
                                           "Temporary-1")).list()
    assert outcome == NOT_EXECUTED
    assert "NEW_PASSWORD_REQUIRED: sign in once as this user" in problem
    assert cognito.front.count("InitiateAuth") == 1
