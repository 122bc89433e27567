"""Behind a load balancer: the PROXY protocol's header, version 2, from
haproxy and by hand."""
import os
import shutil
import socket
import ssl
import struct

import peers
import pytest
import tls

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
haproxy = pytest.mark.skipif(not os.path.exists(HAPROXY),
                             reason="haproxy isn't installed")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"POST /sns HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" \
    b"Connection: close\r\n\r\n{}"


def header(source="198.51.100.7", command=0x21):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    size = 16 if ":" in source else 4
    body = socket.inet_pton(family, source) + bytes(size) + \
        struct.pack(">HH", 4711, 443)
    return SIGNATURE + bytes([command, 0x21 if ":" in source else 0x11]) + \
        struct.pack(">H", len(body)) + body


def ask(port, data, source=None, context=None):
    """What is answered to these bytes until the end; b"" where nothing is."""
    first, data = data if isinstance(data, tuple) else (b"", data)
    with socket.create_connection(
            ("127.0.0.1", port), 20,
            (source, 0) if source else None) as s:
        out = b""
        try:
            s.sendall(first)
            if context:
                s = context.wrap_socket(s, server_hostname="localhost")
            s.sendall(data)
            while True:
                got = s.recv(65536)
                if not got:
                    break
                out += got
        except (ConnectionError, ssl.SSLError):
            pass
        s.close()
        return out


def behind(agent, proxy_from=("127.0.0.1",), **more):
    agent.configure({"listen": [{
        "address": f"127.0.0.1:{agent.port}", "proxy_protocol": True,
        "proxy_from": list(proxy_from), **more}]})
    agent.start()


def refused(agent):
    return agent.metrics()["tocsin_http_proxy_refused_total"]


def peers_refused(agent):
    return [line.rsplit("peer=", 1)[1].split()[0]
            for line in agent.process.text().splitlines()
            if 'msg="message refused"' in line]


def test_the_header_names_the_peer(make_agent):
    agent = make_agent(start=False)
    behind(agent)
    for source in ("198.51.100.7", "2001:db8::7"):
        assert ask(agent.port, header(source) + REQUEST).startswith(
            b"HTTP/1.1 400 ")
    # A health check of the balancer's own.
    assert ask(agent.port, header(command=0x20) + REQUEST).startswith(
        b"HTTP/1.1 400 ")
    assert peers_refused(agent) == ["198.51.100.7", "2001:db8::7",
                                    "127.0.0.1"]
    assert refused(agent) == 0


def test_nobody_else_is_heard(make_agent):
    agent = make_agent(start=False)
    behind(agent, proxy_from=["10.0.0.0/8", "127.0.0.1"])
    assert ask(agent.port, REQUEST) == b""
    assert ask(agent.port, b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" +
               REQUEST) == b""
    assert ask(agent.port, header() + REQUEST, source="127.0.0.2") == b""
    assert refused(agent) == 3
    assert agent.metrics()["tocsin_http_requests_total"] == 0
    assert ask(agent.port, header() + REQUEST)


def test_other_listeners_take_no_header(agent):
    assert ask(agent.port, header() + REQUEST).startswith(b"HTTP/1.1 400 ")
    assert agent.metrics()["tocsin_http_malformed_total"] == 1


def test_it_comes_before_tls(make_agent, folder):
    authority = tls.Authority(os.path.join(folder, "ca"))
    certificate, key = authority.issue()
    context = ssl.create_default_context(cafile=authority.ca_file)
    agent = make_agent(start=False)
    behind(agent, tls={"certificate": certificate, "key": key})
    assert ask(agent.port, (header(), REQUEST),
               context=context).startswith(b"HTTP/1.1 400 ")
    assert peers_refused(agent) == ["198.51.100.7"]
    assert ask(agent.port, (b"", REQUEST), context=context) == b""
    assert refused(agent) == 1


def test_the_configuration_is_checked(make_agent):
    agent = make_agent(start=False)
    wrong = [
        ({"proxy_protocol": True}, "missing-key", "needs proxy_from"),
        ({"proxy_from": ["10.0.0.0/8"]}, "conflict", "proxy_protocol: true"),
        ({"proxy_protocol": True, "proxy_from": ["10.0.0.1/8"]}, "bad-value",
         '"10.0.0.1/8" is no network'),
    ]
    for keys, code, text in wrong:
        agent.configure({"listen": [
            {"address": f"127.0.0.1:{agent.port}", **keys}]})
        r = agent.cli("check", check=False)
        assert r.returncode == 78 or r.returncode == 1
        (line,) = [x for x in (r.stdout + r.stderr).splitlines()
                   if "error[" in x]
        assert f"error[{code}]" in line and text in line, line
    agent.configure({"listen": [{
        "address": f"unix:{agent.folder}/in.sock", "proxy_protocol": True}]})
    agent.cli("check")


@pytest.fixture
def balancer(folder):
    """haproxy before an agent's port; more: what it adds to the header."""
    made = []

    def start(port, more=""):
        front = peers.free_port()
        path = os.path.join(folder, f"haproxy-{front}.cfg")
        with open(path, "w") as f:
            f.write(f"""
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen alarms
    bind 127.0.0.1:{front}
    server tocsin 127.0.0.1:{port} send-proxy-v2 {more}
""")
        made.append(peers.Process([HAPROXY, "-db", "-f", path],
                                  path + ".log"))

        def up():
            assert made[-1].alive(), made[-1].text()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", front)) == 0
        peers.wait_for("haproxy", up)
        return front

    yield start
    for p in made:
        p.kill()


@haproxy
@pytest.mark.parametrize("more", [
    "", "proxy-v2-options crc32c,unique-id,authority",
    "check check-send-proxy inter 50ms"])
def test_an_alarm_through_haproxy(make_agent, sandbox, balancer, more):
    agent = make_agent(start=False)
    behind(agent)
    front = balancer(agent.port, more)
    envelope = sandbox.sign(message=peers.alarm("through"), topic=peers.TOPIC)
    http = peers.Http(front)
    for _ in range(2):
        status, _, data = http.call("POST", "/sns", envelope,
                                    peers.sns_headers(envelope))
        assert status == 200, data
    http.close()
    agent.settle()
    assert len(sandbox.incidents()) == 1
    assert ask(front, REQUEST, source="127.0.0.9").startswith(
        b"HTTP/1.1 400 ")
    assert peers_refused(agent) == ["127.0.0.9"]
    if not more.startswith("check"):
        assert refused(agent) == 0


@haproxy
def test_tls_through_haproxy(make_agent, sandbox, folder, balancer):
    authority = tls.Authority(os.path.join(folder, "ca"))
    certificate, key = authority.issue()
    context = ssl.create_default_context(cafile=authority.ca_file)
    agent = make_agent(start=False)
    behind(agent, tls={"certificate": certificate, "key": key})
    front = balancer(agent.port)
    assert ask(front, REQUEST, source="127.0.0.9",
               context=context).startswith(b"HTTP/1.1 400 ")
    assert peers_refused(agent) == ["127.0.0.9"]


@haproxy
def test_the_number_of_an_address_is_of_the_headers(make_agent, balancer):
    agent = make_agent(start=False)
    agent.configure({"listen": [{
        "address": f"127.0.0.1:{agent.port}", "proxy_protocol": True,
        "proxy_from": ["127.0.0.1"]}], "web": {"per_address": 1}})
    agent.start()
    front = balancer(agent.port)
    held = [socket.create_connection(("127.0.0.1", front), 20,
                                     (f"127.0.0.{n}", 0)) for n in (8, 9)]
    for s in held:
        s.sendall(REQUEST.replace(b"close", b"keep-alive"))
        assert s.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert ask(front, REQUEST, source="127.0.0.9") == b""
    for s in held:
        s.close()
