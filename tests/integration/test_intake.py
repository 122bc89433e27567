"""The listeners: HTTP, TLS, deadlines, reloads, room and the end."""
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import threading
import time

import peers
import pytest
import tls

HOOK = {"Authorization": "Bearer hook-token"}


def raw(port, data, seconds=10, tls_context=None, half_close=False):
    """Send bytes, read until the end or the deadline."""
    s = socket.create_connection(("127.0.0.1", port), seconds)
    if tls_context:
        s = tls_context.wrap_socket(s, server_hostname="localhost")
    try:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        out = b""
        while True:
            got = s.recv(65536)
            if not got:
                return out
            out += got
    except (ConnectionError, socket.timeout):
        return out
    finally:
        s.close()


def status_of(answer):
    return int(answer.split()[1]) if answer else None


def hook_request(body, extra=b"", close=True, path=b"/hooks/test"):
    return b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n" \
        b"Authorization: Bearer hook-token\r\n" + \
        (b"Connection: close\r\n" if close else b"") + extra + \
        b"Content-Length: %d\r\n\r\n" % len(body) + body


def direct(name):
    return json.dumps({"AlarmName": name}).encode()


# ---- statuses ----

def test_statuses_of_the_intake(agent):
    call = agent.http.call
    for path in ("/", "/sn", "/sns/", "/snsx", "/SNS", "/hooks", "/metrics",
                 "/healthz", "/api/v1/status", "/hooks/test/../test"):
        assert call("POST", path, "{}", HOOK)[0] == 404, path
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        for path in ("/sns", "/hooks/test"):
            status, headers, _ = call(method, path, None, HOOK)
            assert status == 405, (method, path)
            assert "POST" in headers["allow"]
    # A query is none of ours, and in nobody's way.
    assert call("POST", "/hooks/test?x=1", direct("q"), HOOK)[0] == 200


def test_a_webhook_s_token(agent):
    call = agent.http.call
    for value in (None, "", "Bearer", "Bearer ", "Bearer hook-toke",
                  "Bearer hook-token2", "Bearer HOOK-TOKEN",
                  "Basic aG9vay10b2tlbg==", "hook-token"):
        headers = {} if value is None else {"Authorization": value}
        status, answer, body = call("POST", "/hooks/test", direct("x"),
                                    headers)
        assert status == 401, value
        assert answer["www-authenticate"].startswith("Bearer")
        assert b"hook-token" not in body
    assert call("POST", "/hooks/test", direct("x"),
                {"authorization": "bearer  hook-token "})[0] == 200


def test_two_webhooks_have_a_token_each(make_agent):
    agent = make_agent(conf={"webhooks": [
        {"path": "/a", "token": "token-a"},
        {"path": "/b", "token": "token-b"}]})
    for path, token, status in [("/a", "token-a", 200), ("/b", "token-b", 200),
                                ("/a", "token-b", 401),
                                ("/b", "token-a", 401)]:
        assert agent.http.call("POST", path, direct(path), {
            "Authorization": f"Bearer {token}"})[0] == status


@pytest.mark.parametrize("body", [
    b"", b" ", b"{", b"{'a':1}", b'{"a":1}{"b":2}', b'{"a":NaN}',
    b'{"a":1,"a":2}', b'{"a":"\xff"}', b'{"a":"\x01"}', b"hello",
    b'{"a\\u0000":1}', b'{"AlarmName":"x"}\0', b"[" * 5000])
def test_a_webhook_takes_strict_json_only(agent, body):
    assert agent.http.call("POST", "/hooks/test", body, HOOK)[0] == 400
    assert agent.metrics()["tocsin_events_accepted_total"] == 0


def test_a_webhook_keeps_any_json(agent, sandbox):
    for body in (b"[]", b"7", b'"text"', b"null", b'{"unknown": true}'):
        assert agent.http.call("POST", "/hooks/test", body, HOOK)[0] == 200
    agent.settle()
    assert agent.metrics()["tocsin_events_accepted_total"] == 5


def test_framing_that_is_refused(agent):
    port = agent.port
    head = b"POST /hooks/test HTTP/1.1\r\nHost: localhost\r\n" \
        b"Authorization: Bearer hook-token\r\n"
    big = b"x" * 20000
    many = b"".join(b"X-%d: 1\r\n" % n for n in range(80))
    cases = [
        (413, head + b"Content-Length: 2097153\r\n\r\n"),
        (413, head + b"Content-Length: 99999999999999999999999\r\n\r\n"),
        (415, head + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        (415, head + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"),
        (431, head + b"X: " + big + b"\r\n\r\n"),
        (431, head + many + b"\r\n"),
        (414, b"POST /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        (505, b"POST /sns HTTP/2.0\r\nHost: x\r\n\r\n"),
        (505, b"POST /sns HTTP/0.9\r\nHost: x\r\n\r\n"),
        (405, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (405, b"TRACE /sns HTTP/1.1\r\nHost: x\r\n\r\n"),
        (405, b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (417, head + b"Expect: a-pony\r\nContent-Length: 2\r\n\r\n{}"),
        (400, head + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
              b"\r\n0\r\n\r\n"),
        (400, head + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
        (400, head + b"Content-Length: +2\r\n\r\n{}"),
        (400, head + b"Content-Length: 0x2\r\n\r\n{}"),
        (400, head + b"Content-Length: -1\r\n\r\n{}"),
        (400, head + b"Content-Length: 2, 2\r\n\r\n{}"),
        (400, head + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (400, head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        (400, head + b"Transfer-Encoding: chunked\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
        (400, head + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n"),
        (400, head + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n"),
        (400, head + b"X: a\r\n b\r\n\r\n"),
        (400, head + b"X : a\r\n\r\n"),
        (400, head + b"X: a\nY: b\r\n\r\n"),
        (400, head + b"X: a\0b\r\n\r\n"),
        (400, head + b"Host: other\r\n\r\n"),
        (400, b"POST /sns HTTP/1.1\r\n\r\n"),
        (400, b"POST  /sns HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"POST /sns HTTP/1.1 \r\nHost: x\r\n\r\n"),
        (400, b"POST http://x/sns HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ]
    for wanted, request in cases:
        # Whatever follows must never be taken for a request.
        smuggled = hook_request(direct("smuggled"))
        answer = raw(port, request + smuggled)
        assert status_of(answer) == wanted, (wanted, request[-120:], answer)
        assert answer.count(b"HTTP/1.1 ") == 1, request[-120:]
    time.sleep(0.2)
    assert agent.metrics()["tocsin_events_accepted_total"] == 0
    assert agent.hook({"AlarmName": "still there"})[0] == 200


def test_chunked_bodies(agent, sandbox):
    head = b"POST /hooks/test HTTP/1.1\r\nHost: localhost\r\n" \
        b"Authorization: Bearer hook-token\r\nConnection: close\r\n" \
        b"Transfer-Encoding: chunked\r\n\r\n"
    body = direct("by-chunks")
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, c) for c in body)
    assert status_of(raw(agent.port, head + chunks + b"0\r\n\r\n")) == 200
    whole = b"%X;ext=1\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert status_of(raw(agent.port, head + whole)) in (200, 400)
    # Without an end it is no request.
    assert status_of(raw(agent.port, head + chunks,
                         half_close=True)) in (None, 400, 408)
    agent.settle()
    assert "by-chunks" in sandbox.incidents()[0]["short_description"]


def test_a_chunked_body_has_the_same_limit(make_agent):
    agent = make_agent(conf={"web": {"body": "4KiB"}})
    head = b"POST /hooks/test HTTP/1.1\r\nHost: localhost\r\n" \
        b"Authorization: Bearer hook-token\r\n" \
        b"Transfer-Encoding: chunked\r\n\r\n"
    answer = raw(agent.port, head + b"1000\r\n" + b" " * 4096 + b"\r\n" +
                 b"1\r\n \r\n0\r\n\r\n")
    assert status_of(answer) == 413
    assert agent.http.call("POST", "/hooks/test", b" " * 4097, HOOK)[0] == 413
    body = direct("fits").ljust(4096)
    assert agent.http.call("POST", "/hooks/test", body, HOOK)[0] == 200


def test_expect_100_continue(agent):
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s" \
        b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n"
    token = b"Authorization: Bearer hook-token\r\n"
    with socket.create_connection(("127.0.0.1", agent.port), 10) as s:
        s.sendall(head % (b"/hooks/test", token))
        assert s.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b'{"AlarmName":"a"}   ')
        assert status_of(s.recv(4096)) == 200
    # Who may not send is told before sending.
    for path, who, wanted in [(b"/nowhere", token, 404),
                              (b"/hooks/test", b"", 401)]:
        answer = raw(agent.port, head % (path, who))
        assert status_of(answer) == wanted and b"100 Continue" not in answer


def test_keep_alive_and_pipelining(agent):
    s = socket.create_connection(("127.0.0.1", agent.port), 10)
    for k in range(20):
        s.sendall(hook_request(direct(f"alive-{k}"), close=False))
        assert status_of(s.recv(4096)) == 200
    s.close()
    many = b"".join(hook_request(direct(f"pipe-{k}"), close=k == 49)
                    for k in range(50))
    answer = raw(agent.port, many)
    assert answer.count(b"HTTP/1.1 200") == 50
    assert agent.metrics()["tocsin_events_accepted_total"] == 70
    assert b"Connection: close" in raw(agent.port, hook_request(b"{}"))


# ---- deadlines ----

DEADLINES = {"web": {"headers": "600ms", "body_within": "600ms",
                     "idle": "900ms", "handshake": "600ms"}}


def drip(port, count, lives):
    """A byte a connection now and then, until all of them are closed."""
    head = b"POST /hooks/test HTTP/1.1\r\nHost: localhost\r\n" \
        b"Authorization: Bearer hook-token\r\nX: " + b"a" * 10000
    crowd = {}
    for k in range(count):
        s = socket.create_connection(("127.0.0.1", port), 10)
        # Some have whole headers and drip their body.
        s.sendall(head[:30] if k % 2 else
                  head[:83] + b"\r\nContent-Length: 1000\r\n\r\n")
        s.setblocking(False)
        crowd[s] = time.monotonic()
    at = 30
    while crowd:
        for s, since in list(crowd.items()):
            try:
                s.send(head[at:at + 1])
                if s.recv(4096):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            lives.append(time.monotonic() - since)
            del crowd[s]
            s.close()
        at += 1
        time.sleep(0.05)


def test_slow_senders_are_closed_while_others_are_served(make_agent):
    """G10: at the deadline and 2 s, while an ordinary client is served."""
    agent = make_agent(conf=DEADLINES)
    lives, served = [], []
    slow = threading.Thread(target=drip, args=(agent.port, 300, lives))
    slow.start()
    while slow.is_alive():
        started = time.monotonic()
        assert agent.hook({"AlarmName": f"n-{len(served)}"})[0] == 200
        served.append(time.monotonic() - started)
        time.sleep(0.02)
    slow.join()
    assert len(lives) == 300
    assert max(lives) < 2.6 * peers.patience()
    assert sorted(served)[len(served) * 99 // 100] < 1 * peers.patience()
    assert agent.metrics()["tocsin_http_timed_out_total"] == 300


def test_a_slow_body_is_408(make_agent):
    agent = make_agent(conf=DEADLINES)
    s = socket.create_connection(("127.0.0.1", agent.port), 10)
    s.sendall(b"POST /hooks/test HTTP/1.1\r\nHost: localhost\r\n"
              b"Authorization: Bearer hook-token\r\n"
              b"Content-Length: 100\r\n\r\n{")
    started = time.monotonic()
    answer = s.recv(4096)
    assert status_of(answer) == 408
    assert 0.4 < time.monotonic() - started < 3 * peers.patience()
    s.close()


def test_slow_headers_are_408_and_idle_connections_end(make_agent):
    agent = make_agent(conf=DEADLINES)
    s = socket.create_connection(("127.0.0.1", agent.port), 10)
    s.sendall(b"POST /hooks/test HTTP/1.1\r\nHost:")
    assert status_of(s.recv(4096)) == 408
    s.close()
    s = socket.create_connection(("127.0.0.1", agent.port), 10)
    s.sendall(hook_request(direct("then idle"), close=False))
    assert status_of(s.recv(4096)) == 200
    started = time.monotonic()
    assert s.recv(4096) == b""
    assert 0.5 < time.monotonic() - started < 4 * peers.patience()
    s.close()


def test_a_stalled_handshake_ends(make_agent, folder):
    ca = tls.Authority(os.path.join(folder, "ca"))
    agent = make_agent(conf=dict(DEADLINES, listen=[]), start=False)
    certificate, key = ca.issue()
    agent.configure(dict(DEADLINES, listen=[
        {"address": f"127.0.0.1:{agent.port}",
         "tls": {"certificate": certificate, "key": key}}]))
    agent.start()
    s = socket.create_connection(("127.0.0.1", agent.port), 10)
    s.sendall(b"\x16\x03\x01\x02\x00\x01")
    started = time.monotonic()
    try:
        assert s.recv(4096) == b""
    except ConnectionError:
        pass
    assert time.monotonic() - started < 3 * peers.patience()
    s.close()


def test_full_of_connections_the_least_advanced_goes(make_agent):
    agent = make_agent(conf={"web": {"connections": 20}})
    idle = [socket.create_connection(("127.0.0.1", agent.port), 10)
            for _ in range(60)]
    for k in range(30):
        started = time.monotonic()
        answer = raw(agent.port, hook_request(direct(f"full-{k}")))
        assert status_of(answer) == 200
        assert time.monotonic() - started < 2 * peers.patience()
    assert agent.metrics()["tocsin_http_evicted_total"] >= 30
    for s in idle:
        s.close()


# ---- TLS ----

@pytest.fixture
def secure(make_agent, folder):
    ca = tls.Authority(os.path.join(folder, "ca"))
    certificate, key = ca.issue()
    agent = make_agent(start=False)
    agent.configure({"listen": [
        {"address": f"127.0.0.1:{agent.port}",
         "tls": {"certificate": certificate, "key": key}}]})
    agent.start()
    agent.ca, agent.pair = ca, (certificate, key)
    agent.http = peers.Http(agent.port, ca.context())
    return agent


def serial(port, context):
    raw_socket = socket.create_connection(("127.0.0.1", port), 10)
    with context.wrap_socket(raw_socket, server_hostname="localhost") as s:
        return int(s.getpeercert()["serialNumber"], 16)


def test_https(secure, sandbox):
    body = peers.Signer(sandbox).envelope(peers.alarm("over-tls"))
    assert secure.post(body) == 200
    secure.settle()
    assert "over-tls" in sandbox.incidents()[0]["short_description"]
    assert secure.metrics()["tocsin_tls_certificate_end_seconds"] > \
        time.time() + 300 * 86400
    # Plain text there is nothing, old protocols neither.
    assert status_of(raw(secure.port, b"GET / HTTP/1.1\r\n\r\n")) != 200
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(secure.ca.ca_file)
    try:
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    except ValueError:
        return
    with pytest.raises((ssl.SSLError, OSError)):
        serial(secure.port, old)


def test_a_new_certificate_is_taken_up_without_losing_anyone(secure):
    """R20, inbound: open connections go on, new ones see the new one."""
    context = secure.ca.context()
    held = [peers.Http(secure.port, context) for _ in range(5)]
    for k, h in enumerate(held):
        assert h.call("POST", "/hooks/test", direct(f"held-{k}"),
                      HOOK)[0] == 200
    old = secure.ca.serial
    failed, done = [], threading.Event()

    def load(n):
        http_ = peers.Http(secure.port, context)
        k = 0
        while not done.is_set():
            k += 1
            try:
                # Half of them with a handshake each.
                if n % 2:
                    http_.close()
                status = http_.call("POST", "/hooks/test",
                                    direct(f"load-{n}-{k}"), HOOK)[0]
                if status != 200:
                    failed.append(status)
            except OSError as e:
                failed.append(e)
        http_.close()

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    try:
        assert serial(secure.port, context) == old
        secure.ca.issue()
        peers.wait_for("the new certificate", lambda: serial(
            secure.port, context) == secure.ca.serial, 10, 0.1)
        # A pair that doesn't match leaves the old one at work.
        shutil.copy(secure.pair[0], secure.pair[0] + ".keep")
        with open(secure.pair[0], "w") as f:
            f.write("no certificate\n")
        secure.process.popen.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert serial(secure.port, context) == secure.ca.serial
        os.rename(secure.pair[0] + ".keep", secure.pair[0])
        secure.ca.issue()
        secure.process.popen.send_signal(signal.SIGHUP)
        peers.wait_for("the third certificate", lambda: serial(
            secure.port, context) == secure.ca.serial, 10, 0.1)
    finally:
        done.set()
        for t in threads:
            t.join()
    assert failed == []
    for k, h in enumerate(held):
        # The same connection: the socket is still the first one.
        before = h.conn.sock
        assert h.call("POST", "/hooks/test", direct(f"later-{k}"),
                      HOOK)[0] == 200
        assert h.conn.sock is before
        h.close()


# ---- reload ----

class Load:
    """Posts until told to stop; what was acknowledged and what wasn't."""

    def __init__(self, agent, threads=3, pause=0.0, retry=False):
        self.agent, self.pause, self.retry = agent, pause, retry
        self.acked, self.other = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,))
                        for n in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, n):
        http_ = peers.Http(self.agent.port, timeout=20)
        k = 0
        while not self.stopping.is_set():
            k += 1
            name = f"load-{n}-{k}"
            try:
                status = http_.call("POST", "/hooks/test", direct(name),
                                    HOOK)[0]
                if status == 200:
                    self.acked.append(name)
                else:
                    self.other.append((name, status))
            except (OSError, http.client.HTTPException) as e:
                self.other.append((name, e))
                http_.close()
                if not self.retry:
                    break
            time.sleep(self.pause)
        http_.close()

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()


def stored(agent):
    """Every alarm's name in the journal."""
    out, before = set(), ""
    while True:
        page = agent.get(f"/api/v1/events?limit=1000{before}")
        out |= {e["alarm"] for e in page["events"]}
        if "next_before" not in page:
            return out
        before = f"&before={page['next_before']}"


def test_fifty_reloads_under_load_lose_no_request(make_agent):
    good = "version: 1\nteam: t\nowners: [a@b.c]\n" \
        "policies: [{id: p%d, match: {}}]\n"
    agent = make_agent(rules={"10-t.yaml": good % 0},
                       conf={"stackflow": {"requests_per_second": 1000}})
    load = Load(agent)
    reloads = agent.process.text().count('msg="reloaded')
    for k in range(50):
        # Every other file can't be loaded.
        agent.write_rules("10-t.yaml", good % k if k % 2 else "team: [")
        agent.process.popen.send_signal(signal.SIGHUP)
        peers.wait_for("the reload", lambda: agent.process.text()
                       .count('msg="reloaded') > reloads + k, 10)
    load.stop()
    assert load.other == []
    assert len(load.acked) > 50
    assert set(load.acked) <= stored(agent)
    assert agent.metrics()['tocsin_rules_stale{file="10-t.yaml"}'] == 0
    assert agent.metrics()["tocsin_reloads_failed_total"] == 25


def test_a_reload_changes_tokens_and_paths(agent):
    agent.configure({"webhooks": [{"path": "/new", "token": "second"}]})
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the new path", lambda: agent.http.call(
        "POST", "/new", direct("n"),
        {"Authorization": "Bearer second"})[0] == 200, 10)
    assert agent.http.call("POST", "/hooks/test", direct("n"),
                           HOOK)[0] == 404
    # What can't be loaded leaves the last good version at work.
    with open(agent.path, "w") as f:
        f.write("listen: [")
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the failed reload", lambda: agent.metrics()
                   ["tocsin_reloads_failed_total"] == 1, 10)
    assert agent.http.call("POST", "/new", direct("n"),
                           {"Authorization": "Bearer second"})[0] == 200


# ---- systemd's socket ----

HAND_OVER = """
import os, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES="http")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_socket_that_systemd_hands_over(make_agent, sandbox):
    agent = make_agent(start=False)
    agent.configure({"listen": [{"socket": "http"}]})
    agent.wrapper = ["/usr/bin/python3", "-c", HAND_OVER, str(agent.port)]
    agent.start()
    assert agent.hook({"AlarmName": "handed"})[0] == 200
    agent.settle()
    assert "handed" in sandbox.incidents()[0]["short_description"]


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"),
                    reason="no systemd-socket-activate")
def test_a_socket_by_systemd_socket_activate(make_agent, sandbox):
    agent = make_agent(start=False)
    agent.configure({"listen": [{"socket": "http"}]})
    agent.wrapper = ["systemd-socket-activate", "-l",
                     f"127.0.0.1:{agent.port}", "--fdname=http"]
    agent.start(wait=False)

    # The first connection starts it, and is served.
    def served():
        try:
            return agent.hook({"AlarmName": "woken"})[0] == 200
        except OSError:
            return False
    peers.wait_for("the first request", served, 20)
    peers.wait_for("the agent", agent.ready, 20)


def test_no_such_socket_says_so(make_agent):
    agent = make_agent(start=False)
    agent.configure({"listen": [{"socket": "http"}]})
    agent.start(wait=False)
    peers.wait_for("the end", lambda: not agent.process.alive(), 10)
    assert agent.process.popen.returncode in (1, 78)
    assert "no socket named http" in agent.process.text()


# ---- the end ----

def test_sigterm_under_load_loses_nothing(make_agent, sandbox):
    sandbox.set(rate=0)
    agent = make_agent(conf={"stackflow": {"requests_per_second": 50}})
    load = Load(agent, threads=6)
    time.sleep(1.5)
    started = time.monotonic()
    agent.process.popen.send_signal(signal.SIGTERM)
    assert agent.process.popen.wait(10 * peers.patience()) == 0
    assert time.monotonic() - started < 10 * peers.patience()
    load.stop()
    assert len(load.acked) > 20
    # Whoever was not answered was cut off, never refused for good.
    assert all(not isinstance(why, int) or why == 503
               for _, why in load.other), load.other[:5]
    agent.start()
    assert set(load.acked) <= stored(agent)
    assert len(load.acked) < 5000


def test_sigterm_while_stackflow_hangs_is_quick(make_agent, sandbox):
    agent = make_agent(conf={"stackflow": {"timeout": "30s"}})
    sandbox.fault("slow", delay=30000)
    for k in range(5):
        agent.hook({"AlarmName": f"hang-{k}"})
    time.sleep(0.5)
    started = time.monotonic()
    agent.http.close()
    agent.admin.close()
    agent.process.popen.send_signal(signal.SIGTERM)
    assert agent.process.popen.wait(10 * peers.patience()) == 0
    assert time.monotonic() - started < 10 * peers.patience()
    sandbox.clear()
    agent.start()
    agent.settle(60)
    assert len(sandbox.incidents()) == 5
    peers.check_invariants(agent, sandbox)


def test_an_idle_agent_ends_at_once(agent):
    started = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - started < 5 * peers.patience()


# ---- no room ----

def flood(agent, count=4000, size=4000):
    for k in range(count):
        body = json.dumps({"AlarmName": f"fill-{k}", "pad": "x" * size})
        status, headers, _ = agent.http.call("POST", "/hooks/test", body,
                                             HOOK)
        if status != 200:
            return k, status, headers
    return count, 200, {}


def test_a_full_journal_is_503_and_work_goes_on(make_agent, sandbox):
    """R5: room is kept for outcomes, so that what was taken ends."""
    sandbox.set(rate=0)
    agent = make_agent(conf={"store": {"max_size": "2MiB"},
                             "stackflow": {"requests_per_second": 1000}})
    taken, status, headers = flood(agent)
    assert status == 503 and int(headers["retry-after"]) >= 1
    assert 0 < taken < 4000
    assert agent.admin.call("GET", "/readyz")[0] == 503
    assert agent.metrics()["tocsin_store_full"] == 1
    agent.settle(60)
    assert len(sandbox.incidents()) == taken
    body = peers.Signer(sandbox).envelope(peers.alarm("too late"))
    assert agent.post(body) == 503
    # More room, and it takes alarms again.
    agent.kill()
    agent.configure({"store": {"max_size": "64MiB"}})
    agent.start()
    assert agent.post(body) == 200
    agent.settle()
    assert len(sandbox.incidents()) == taken + 1


LIBC = ctypes.CDLL("libc.so.6", use_errno=True)


@pytest.fixture
def small_disk(folder):
    """A tmpfs of 32 MB, where this user may mount one."""
    path = os.path.join(folder, "disk")
    os.makedirs(path)
    if LIBC.mount(b"tmpfs", path.encode(), b"tmpfs", 0, b"size=32m"):
        pytest.skip("can't mount a tmpfs here")
    yield path
    LIBC.umount2(path.encode(), 2)


def test_a_full_disk_is_503_and_resumes(make_agent, sandbox, small_disk):
    sandbox.set(rate=0)
    agent = make_agent(conf={
        "store": {"url": f"sqlite:{small_disk}/tocsin.db"},
        "stackflow": {"requests_per_second": 1000}})
    assert agent.hook({"AlarmName": "first"})[0] == 200
    ballast = os.path.join(small_disk, "ballast")

    def filled():
        """Not if the agent takes room at the same time."""
        room = os.statvfs(small_disk)
        try:
            with open(ballast, "wb") as f:
                os.posix_fallocate(f.fileno(), 0, room.f_bavail *
                                   room.f_frsize - 200 * 1024)
        except OSError:
            return False
        return True

    peers.wait_for("a full disk", filled)
    taken, status, headers = flood(agent, count=500)
    assert status == 503 and int(headers["retry-after"]) >= 1
    assert agent.process.alive()
    os.unlink(ballast)
    peers.wait_for("room again", lambda: agent.hook(
        {"AlarmName": "after"})[0] == 200, 20, 0.2)
    agent.settle(60)
    assert len(sandbox.incidents()) == taken + 2
    peers.check_invariants(agent, sandbox)


@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit")
def test_sixty_four_descriptors(make_agent, sandbox):
    """R6: no spinning, and the alarm still becomes an incident."""
    agent = make_agent(wrapper=["prlimit", "--nofile=64", "--"])
    crowd = []
    for _ in range(200):
        try:
            s = socket.create_connection(("127.0.0.1", agent.port), 2)
            crowd.append(s)
        except OSError:
            break
    ticks = cpu(agent)
    time.sleep(1)
    assert cpu(agent) - ticks < 60 * peers.SLOW, "it spins"
    for s in crowd[:len(crowd) // 2]:
        s.close()
    answers = [status_of(raw(agent.port, hook_request(direct(f"fd-{k}"))))
               for k in range(20)]
    assert 200 in answers, answers
    for s in crowd:
        s.close()
    peers.wait_for("all well", lambda: status_of(raw(
        agent.port, hook_request(direct("last")))) == 200, 10)
    agent.settle(40)
    names = {i["short_description"] for i in sandbox.incidents()}
    assert any("last" in n for n in names)
    peers.check_invariants(agent, sandbox)


def cpu(agent):
    """Clock ticks that the process used."""
    with open(f"/proc/{agent.process.popen.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_idle_connections_stay_small(make_agent):
    """G10, in short: what an idle connection costs."""
    agent = make_agent()
    before = resident(agent)
    crowd = [socket.create_connection(("127.0.0.1", agent.port), 5)
             for _ in range(800)]
    for s in crowd:
        s.sendall(b"P")
    time.sleep(0.5)
    started = time.monotonic()
    assert agent.hook({"AlarmName": "among"})[0] == 200
    assert time.monotonic() - started < 1 * peers.patience()
    assert resident(agent) - before < 800 * 32 * peers.SLOW + 8192
    for s in crowd:
        s.close()


def resident(agent):
    """KiB."""
    with open(f"/proc/{agent.process.popen.pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
