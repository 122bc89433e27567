"""stackflow login: who is asked, what is kept, and what is never said."""
import base64
import glob
import json
import os
import stat
import subprocess
import time

import peers
import pytest
from stackflow_cli import STACKFLOW, Cli, Fake, Terminal, clean_env

KEPT = "state/stackflow/login.json"


@pytest.fixture
def cli(sandbox, folder):
    return Cli(clean_env(
        folder, STACKFLOW_BASE_URL=sandbox.info["stackflow"],
        STACKFLOW_CLIENT_ID=sandbox.info["client_id"],
        AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=sandbox.info[
            "cognito_url"]))


def kept(folder):
    with open(os.path.join(folder, KEPT)) as f:
        return json.load(f)


def keep(folder, **changes):
    path = os.path.join(folder, KEPT)
    k = dict(kept(folder), **changes)
    with open(path, "w") as f:
        json.dump(k, f)


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() + seconds))


def words(sandbox):
    return f"{sandbox.info['email']}\n{sandbox.info['password']}\n"


def test_from_stdin_and_from_then_on(cli, sandbox, folder):
    r = cli.run("incidents")
    assert r.returncode == 1 and "stackflow login" in r.stderr
    assert cli("login", stdin=words(sandbox)).startswith("logged in at ")
    path = os.path.join(folder, KEPT)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert cli("incidents") == "no incidents\n"
    cli("create", "--short-description", "by me")
    # Also where the environment doesn't say where.
    env = {k: v for k, v in cli.env.items() if k != "STACKFLOW_BASE_URL"}
    assert "by me" in cli("incidents", env=env)
    k = kept(folder)
    assert k["refresh_token"] and k["token"]
    secrets = (k["token"], k["refresh_token"], sandbox.info["password"])
    assert not any(s in said for s in secrets for said in cli.said)
    with open(path) as f:
        assert sandbox.info["password"] not in f.read()
    assert cli("logout") == "logged out\n"
    assert not os.path.exists(path)
    assert cli("logout") == "nobody was logged in\n"
    assert cli.run("incidents").returncode == 1


def test_from_the_environment_and_print(cli, sandbox, folder):
    env = dict(cli.env, STACKFLOW_PASSWORD=sandbox.info["password"])
    token = cli("login", "--email", sandbox.info["email"], "--print", env=env)
    assert token.strip() == kept(folder)["token"]
    told = cli.json("login", "--email", sandbox.info["email"], env=env)
    assert told["email"] == sandbox.info["email"] and told["renewable"]
    assert set(told) == {"email", "base_url", "expires_at", "renewable"}
    r = cli.run("login", env=dict(env, STACKFLOW_API_KEY="sfk_x_0123456789",
                                  STACKFLOW_EMAIL=sandbox.info["email"]))
    assert r.returncode == 0 and "go before this login" in r.stderr


def test_a_terminal_is_asked_without_echo(cli, sandbox, folder):
    t = Terminal(cli.env, "login").until(b"email: ")
    assert t.echoes()
    t.type(sandbox.info["email"].encode() + b"\n").until(b"password: ")
    peers.wait_for("no echo", lambda: not t.echoes())
    t.type(sandbox.info["password"].encode() + b"\n")
    status, text = t.end()
    assert status == 0 and "logged in" in text and "renewed by itself" in text
    assert sandbox.info["password"] not in text
    assert kept(folder)["token"] not in text


def test_who_gives_up_has_the_terminal_back(cli, sandbox, folder):
    t = Terminal(cli.env, "login", "--email", "a@b.c").until(b"password: ")
    keeps = os.dup(t.fd)
    try:
        peers.wait_for("no echo", lambda: not t.echoes())
        t.type(b"half-a-pass\x03").until(b"no password")
        assert t.echoes()
        status, text = t.end()
    finally:
        os.close(keeps)
    assert status == 1 and "half-a-pass" not in text
    assert not os.path.exists(os.path.join(folder, KEPT))


def test_a_wrong_password(cli, sandbox, folder):
    r = cli.run("login", stdin=f"{sandbox.info['email']}\nwrong-pass-word\n")
    assert r.returncode == 1 and "NotAuthorizedException" in r.stderr
    assert "wrong-pass-word" not in r.stdout + r.stderr
    assert not os.path.exists(os.path.join(folder, KEPT))
    for stdin, what in (("", "no email"), ("a@b.c\n", "no password")):
        r = cli.run("login", stdin=stdin)
        assert r.returncode == 1 and what in r.stderr
    env = {k: v for k, v in cli.env.items() if k != "STACKFLOW_CLIENT_ID"}
    r = cli.run("login", stdin=words(sandbox), env=env)
    assert r.returncode == 1 and "STACKFLOW_CLIENT_ID" in r.stderr
    env = {k: v for k, v in cli.env.items() if k != "STACKFLOW_BASE_URL"}
    r = cli.run("login", stdin=words(sandbox), env=env)
    assert r.returncode == 1 and "--base-url" in r.stderr


def test_it_is_renewed_by_the_refresh_token(cli, sandbox, folder):
    cli("login", stdin=words(sandbox))
    first = kept(folder)["token"]
    assert cli("incidents") == "no incidents\n"
    assert kept(folder)["token"] == first
    keep(folder, renew_at=iso(-10), expires_at=iso(600))
    assert cli("incidents") == "no incidents\n"
    second = kept(folder)
    assert second["token"] != first and second["refresh_token"]
    assert second["expires_at"] > iso(1200)
    keep(folder, renew_at=iso(-3600), expires_at=iso(-1800))
    assert cli("incidents") == "no incidents\n"
    assert kept(folder)["token"] not in (first, second["token"])


def test_many_at_once_renew_once(cli, sandbox, folder):
    cli("login", stdin=words(sandbox))
    keep(folder, renew_at=iso(-3600), expires_at=iso(-1800))
    running = [subprocess.Popen([STACKFLOW, "incidents"], env=cli.env,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
               for _ in range(6)]
    for p in running:
        out, err = p.communicate(timeout=60 * peers.SLOW)
        assert (p.returncode, out, err) == (0, "no incidents\n", "")


def test_a_refresh_token_that_is_over(cli, sandbox, folder):
    cli("login", stdin=words(sandbox))
    token = kept(folder)["token"]
    keep(folder, refresh_token="gone-0123456789", renew_at=iso(-10),
         expires_at=iso(-1))
    r = cli.run("incidents")
    assert r.returncode == 1 and "`stackflow login` anew" in r.stderr
    assert "gone-0123456789" not in r.stderr and token not in r.stderr
    keep(folder, refresh_token="")
    r = cli.run("incidents")
    assert r.returncode == 1 and "expired" in r.stderr


def test_the_token_goes_nowhere_else(cli, sandbox, folder):
    cli("login", stdin=words(sandbox))
    with Fake(lambda *_: (200, {"data": []})) as other:
        r = cli.run("incidents", "--base-url", other.url + "/prod/api")
        assert r.returncode == 1 and "the login is for" in r.stderr
        assert other.requests == []


@pytest.mark.parametrize("spoil", ["mode", "json", "empty", "link"])
def test_a_spoilt_file_is_told(cli, sandbox, folder, spoil):
    cli("login", stdin=words(sandbox))
    path = os.path.join(folder, KEPT)
    token = kept(folder)["token"]
    if spoil == "mode":
        os.chmod(path, 0o644)
    elif spoil == "link":
        os.rename(path, path + ".x")
        os.symlink(path + ".x", path)
    else:
        with open(path, "w") as f:
            f.write("{" if spoil == "json" else "{}")
    r = cli.run("incidents")
    assert r.returncode == 1 and "login" in r.stderr and token not in r.stderr
    assert cli("login", stdin=words(sandbox)).startswith("logged in")
    assert cli("incidents") == "no incidents\n"


def claims(**values):
    def part(v):
        return base64.urlsafe_b64encode(json.dumps(v).encode()).rstrip(
            b"=").decode()
    return ".".join((part({"alg": "none"}), part(values), "c2lnbmF0dXJl"))


@pytest.mark.parametrize("name,told", [
    ("NEW_PASSWORD_REQUIRED", "password"), ("SOFTWARE_TOKEN_MFA", "factor"),
    ("EMAIL_OTP", "one-time"), ("DEVICE_SRP_AUTH", "")])
def test_a_challenge_is_told_in_words(folder, name, told):
    def answer(method, path, headers, body):
        return 200, {"ChallengeName": name, "Session": "session-0123456789",
                     "ChallengeParameters": {}}

    with Fake(answer) as cognito:
        cli = Cli(clean_env(
            folder, STACKFLOW_CLIENT_ID="client", STACKFLOW_BASE_URL=
            "https://your-instance.stackflow-tech.com/prod/api"))
        r = cli.run("login", "--endpoint-url", cognito.url,
                    stdin="a@b.c\nsecret-pass-word\n")
        sent = json.loads(cognito.requests[0][3])
    assert sent["AuthFlow"] == "USER_PASSWORD_AUTH"
    assert r.returncode == 1 and r.stdout == ""
    assert name in r.stderr and told in r.stderr, r.stderr
    assert "session-0123456789" not in r.stderr
    assert "secret-pass-word" not in r.stderr
    assert not glob.glob(os.path.join(folder, KEPT))


def test_a_pool_that_rotates_refresh_tokens(folder):
    """REFRESH_TOKEN_AUTH is off there; each renewal brings a new one."""
    asked = []

    def answer(method, path, headers, body):
        if method == "GET":
            return 200, {"data": []}
        words = json.loads(body)
        target = headers["X-Amz-Target"].split(".")[1]
        asked.append((words.get("AuthFlow", target),
                      words.get("RefreshToken")))
        if words.get("AuthFlow") == "REFRESH_TOKEN_AUTH":
            return 400, {"__type": "UnsupportedOperationException",
                         "message": "Refresh token rotation is enabled"}
        return 200, {"AuthenticationResult": {
            "IdToken": claims(n=len(asked)), "ExpiresIn": 3600,
            "RefreshToken": f"refresh-{len(asked)}"}}

    with Fake(answer) as both:
        cli = Cli(clean_env(folder, STACKFLOW_CLIENT_ID="client",
                            STACKFLOW_BASE_URL=both.url + "/prod/api"))
        cli("login", "--endpoint-url", both.url, stdin="a@b.c\npw-12345\n")
        assert kept(folder)["refresh_token"] == "refresh-1"
        keep(folder, renew_at=iso(-10))
        assert cli("incidents") == "no incidents\n"
        bearer = both.requests[-1][2]["Authorization"]
    assert asked == [("USER_PASSWORD_AUTH", None),
                     ("REFRESH_TOKEN_AUTH", None),
                     ("GetTokensFromRefreshToken", "refresh-1")]
    assert kept(folder)["refresh_token"] == "refresh-3"
    assert bearer == "Bearer " + kept(folder)["token"]


def test_no_secret_is_in_the_list_of_processes(cli, sandbox, folder):
    cli("login", stdin=words(sandbox))
    sandbox.fault("slow", delay=3000, method="GET", path="/incidents")
    k = kept(folder)
    p = subprocess.Popen([STACKFLOW, "incidents"], env=cli.env,
                         stdout=subprocess.PIPE, text=True)
    try:
        peers.wait_for("its request", lambda: len(os.listdir(
            f"/proc/{p.pid}/task")) > 1)
        for name in "cmdline", "environ":
            with open(f"/proc/{p.pid}/{name}", "rb") as f:
                said = f.read()
            for secret in (k["token"], k["refresh_token"],
                           sandbox.info["password"]):
                assert secret.encode() not in said
    finally:
        p.communicate(timeout=60)
