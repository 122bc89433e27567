"""No secret in journal, log, metrics, answers or a core, whatever happens."""
import base64
import glob
import http.server
import itertools
import json
import os
import signal
import subprocess
import threading
import time
import uuid

import peers
import pytest


class Parrot(http.server.ThreadingHTTPServer):
    """A StackFlow, token endpoint, Cognito, AWS and webhook that answer with
    all they were told, by turns well, wrongly and not at all."""

    daemon_threads = True

    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token = token
        self.tokens = itertools.count()
        self.writes = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.heard = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Echo", self.headers.get("Authorization") or "-")
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def echo(self, status):
        told = " ".join(self.headers.values()) + " " + self.body
        self.say(status, {"message": told, "error": self.body,
                          "error_description": told, "__type": "X#" + told,
                          "Error": {"Code": told, "Message": told}})

    def give_token(self):
        token = self.server.token
        # The first is good, then by turns failed and good.
        if next(self.server.tokens) % 2:
            return self.echo(500)
        if "x-amz-target" in self.headers:
            return self.say(200, {"AuthenticationResult": {
                "IdToken": token, "RefreshToken": token + "-refresh",
                "ExpiresIn": 2}})
        return self.say(200, {"access_token": token, "expires_in": 2,
                              "token_type": "Bearer"})

    def write(self):
        n = self.server.writes
        self.server.writes += 1
        turn = n % 8
        if turn in (1, 2, 3, 4, 6):
            return self.echo((500, 400, 200, 429, 0, 401)[turn - 1])
        if turn == 5:
            self.close_connection = True
            return None
        return self.say(201, {"id": f"INC{n:07d}", "state": "new"})

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(n).decode("utf-8", "replace")
        self.server.heard.append(" ".join(self.headers.values()) + self.body)
        if self.path.startswith("/api"):
            return self.write()
        if self.path.startswith(("/token", "/cognito")):
            return self.give_token()
        return self.echo(403)

    do_PATCH = do_PUT = do_POST

    def do_GET(self):
        self.body = ""
        self.server.heard.append(" ".join(self.headers.values()))
        if "?" in self.path or self.path.endswith("/cis"):
            return self.say(200, {"data": [], "has_more": False})
        return self.echo(500)


def canary(name):
    return f"canary-{name}-{uuid.uuid4().hex}"


def auth_of(method, secrets, url):
    if method == "api_key":
        return {"method": method, "api_key": secrets["api-key"]}
    if method == "exchange":
        return {"method": "api_key", "api_key": secrets["api-key"],
                "exchange_url": url + "/token"}
    if method == "client_credentials":
        return {"method": method, "token_url": url + "/token",
                "client_id": "tocsin", "client_secret":
                    secrets["client-secret"], "api_key": None}
    return {"method": "password", "region": "us-east-1",
            "client_id": "tocsin", "email": "tocsin@example.com",
            "password": secrets["password"], "endpoint_url": url + "/cognito", "api_key": None}


def forms(text):
    """As it is, in Basic, percent-encoded by halves: what a leak looks like."""
    raw = text.encode()
    for before in (b"", b"x", b"xx"):
        # What base64 makes of it at each offset, less the edges.
        code = base64.b64encode(before + raw)[4:-4]
        yield code
    yield raw


def look(where, data, secrets):
    for name, text in secrets.items():
        for form in forms(text):
            assert form not in data, f"{name} in {where}"


def pages(agent):
    for path in ("/metrics", "/readyz", "/api/v1/status", "/api/v1/incidents",
                 "/api/v1/events", "/api/v1/dead", "/"):
        yield path, agent.api(path)[1]
    for args in (["status"], ["status", "--json"], ["dead"], ["incidents"],
                 ["events"], ["check"]):
        r = agent.cli(*args, check=False)
        yield " ".join(args), (r.stdout + r.stderr).encode()
    for name in ("cmdline", "comm", "status"):
        with open(f"/proc/{agent.process.popen.pid}/{name}", "rb") as f:
            yield name, f.read()


def files(agent):
    """All that it keeps and says, but for what it was configured with."""
    for path in glob.glob(agent.folder + "/**", recursive=True):
        if os.path.isfile(path) and os.path.basename(path) not in (
                "tocsin.yaml", "install.key"):
            with open(path, "rb") as f:
                yield path, f.read()


def be_busy(agent, sandbox, parrot):
    wrong = {"Authorization": "Bearer " + canary("wrong")}
    basic = {"Authorization": "Basic " + base64.b64encode(
        b"sns:" + canary("wrong").encode()).decode()}
    now = time.time()
    said = []
    for k in range(24):
        state = "OK" if k % 4 == 3 else "ALARM"
        agent.hook({"AlarmName": f"busy-{k // 4}", "NewStateValue": state,
                    "StateChangeTime": int((now + k) * 1000)})
        said.append(agent.http.call("POST", "/hooks/test", "{}", wrong)[2])
        said.append(agent.http.call("POST", "/sns", sandbox.sign(
            message=peers.alarm(f"sns-{k}"), topic=peers.TOPIC), basic)[2])
        said.append(agent.api("/-/reload", "POST", wrong["Authorization"])[1])
    peers.wait_for("every turn", lambda: parrot.writes > 7, 40, 0.2)
    assert agent.api("/-/reload", "POST")[0] == 200
    return {"wrong token": wrong["Authorization"][7:],
            "wrong password": basic["Authorization"][6:]}, b"".join(said)


@pytest.mark.parametrize("method", ["api_key", "exchange",
                                    "client_credentials", "password"])
def test_no_secret_leaves_the_agent(make_agent, sandbox, method):
    secrets = {name: canary(name) for name in (
        "api-key", "client-secret", "password", "token", "basic", "hook",
        "admin", "aws-secret", "aws-session")}
    parrot = Parrot(secrets["token"])
    try:
        agent = make_agent(env={
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": secrets["aws-secret"],
            "AWS_SESSION_TOKEN": secrets["aws-session"]}, start=False)
        agent.configure({
            "sns": {"basic_auth": {"user": "sns",
                                   "password": secrets["basic"]}},
            "webhooks": [{"path": "/hooks/test", "token": secrets["hook"]}],
            "sqs": [{"queue_url":
                     f"{parrot.url}/{peers.ACCOUNT}/alarms"}],
            "aws": {"region": "us-east-1", "endpoint_url": parrot.url},
            "stackflow": {
                "base_url": parrot.url + "/api", "settle": "100ms",
                "timeout": "1s", "auth": auth_of(method, secrets, parrot.url),
                "fallback": {"after": "1s", "priority": ["P1", "P2", "P3"],
                             "webhook": parrot.url + "/fallback"}},
            "admin": {"token": secrets["admin"]},
            "log": {"level": "debug"}})
        hook, api = agent.hook, agent.api
        agent.hook = lambda body: hook(body, secrets["hook"])
        agent.api = lambda path, way="GET", token=secrets["admin"]: api(
            path, way, token)
        agent.start()
        more, said = be_busy(agent, sandbox, parrot)
        # What StackFlow echoed is kept with a dead letter, but for secrets.
        assert b"tocsin/" in agent.api("/api/v1/dead")[1]
        secrets.update(more)
        with open(os.path.join(agent.folder, "install.key"), "rb") as f:
            secrets["install key"] = f.read().decode().strip()
        look("answers to strangers", said, secrets)
        for _ in range(2):
            for where, data in itertools.chain(pages(agent), files(agent)):
                look(where, data, secrets)
            agent.restart()
            time.sleep(1)
        # The secrets were in use, and came back to it in answers.
        told = " ".join(parrot.heard)
        assert (secrets["api-key"] if method == "api_key" else
                secrets["token"]) in told
        assert agent.stop() == 0
        for where, data in files(agent):
            look(where, data, secrets)
        for path in glob.glob(agent.folder + "/tocsin.db*"):
            assert os.stat(path).st_mode & 0o077 == 0, path
    finally:
        parrot.close()


def killed_how(pid):
    os.kill(pid, signal.SIGABRT)
    return os.waitid(os.P_PID, pid, os.WEXITED).si_code


def test_a_process_that_is_aborted_leaves_no_core(make_agent, sandbox,
                                                  folder):
    limit = ["env", "-C", folder, "prlimit", "--core=unlimited"]
    other = subprocess.Popen(limit + ["sleep", "60"])
    time.sleep(0.5)
    if killed_how(other.pid) != os.CLD_DUMPED:
        pytest.skip("no process leaves a core here")
    agent = make_agent(wrapper=limit)
    assert killed_how(agent.process.popen.pid) == os.CLD_KILLED
