"""A running `tocsin sandbox` and an HTTP endpoint for its SNS, for tests."""
import base64
import http.client
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import peers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOCSIN = peers.TOCSIN


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Sandbox:
    """Started with free ports in a folder of its own; use as a context."""

    def __init__(self, data, *options):
        self.data = str(data)
        self.options = options
        self.process = None

    def start(self):
        peers.keys.lend(self.data)
        self.process = subprocess.Popen(
            [TOCSIN, "sandbox", "--listen", "127.0.0.1:0", "--sns-listen",
             "127.0.0.1:0", "--data", self.data, *self.options],
            stdout=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()
        assert self.ready.startswith("sandbox ready "), self.ready
        peers.keys.take(self.data)
        with open(os.path.join(self.data, "sandbox.json")) as f:
            self.info = json.load(f)
        self.port = self.info["port"]
        return self

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait(10)
            self.process.stdout.close()
            code = self.process.returncode
            self.process = None
            return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        assert self.stop() in (0, None)

    def call(self, method, path, body=None, headers=None, timeout=20):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            c.request(method, path, body, headers or {})
            return Answer(c.getresponse())
        finally:
            c.close()

    def api(self, method, path, body=None, token=None, headers=None, **kw):
        headers = dict(headers or {})
        headers["Authorization"] = "Bearer " + (token or self.info["api_key"])
        return self.call(method, "/prod/api" + path, body, headers, **kw)

    def control(self, method, path, body=None, **kw):
        a = self.call(method, "/sandbox" + path, body, **kw)
        assert a.status == 200, a.body
        return json.loads(a.body)

    def truth(self):
        return self.control("GET", "/truth")

    def fault(self, kind, **keys):
        return self.control("POST", "/faults", dict(kind=kind, **keys))["ids"]

    def create(self, short="disk full", **fields):
        return self.api("POST", "/incidents",
                        dict(short_description=short, **fields))

    def sns(self, path, host="sns.us-east-1.amazonaws.com"):
        """GET from SNS's listener as `host`, its certificate checked."""
        tls = ssl.create_default_context(cafile=self.info["ca_file"])
        raw = socket.create_connection(("127.0.0.1", self.info["sns_port"]))
        c = http.client.HTTPSConnection(host, timeout=10)
        c.sock = tls.wrap_socket(raw, server_hostname=host)
        try:
            c.request("GET", path)
            return Answer(c.getresponse())
        finally:
            c.close()

    def subscribe(self, url, topic="alarms", wait=10000, **keys):
        return self.control("POST", "/sns/subscribe", dict(
            topic=topic, endpoint=url, wait=wait, **keys), timeout=40)

    def publish(self, message="hello", topic="alarms", wait=10000, **keys):
        return self.control("POST", "/sns/publish", dict(
            topic=topic, message=message, wait=wait, **keys), timeout=40)


class Endpoint:
    """What SNS delivers to. Confirms subscriptions; answers by `answers`,
    a list of (status, headers), then 200."""

    def __init__(self, box, basic=None):
        self.box, self.basic = box, basic
        self.requests, self.answers = [], []
        self.connections = []
        self.confirm, self.delay = True, 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                owner.connections.append(self.connection)

            def do_POST(self):
                owner.handle(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/sns"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for c in self.connections:      # those that were kept alive
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        self.requests.append((time.monotonic(), h.headers, body))
        status, headers = 200, {}
        if self.basic and h.headers.get("Authorization") != "Basic " + \
                base64.b64encode(self.basic.encode()).decode():
            status = 401
            headers = {"WWW-Authenticate": 'Basic realm="sns"'}
        elif h.headers["x-amz-sns-message-type"] == \
                "SubscriptionConfirmation":
            if self.confirm:
                u = urllib.parse.urlsplit(json.loads(body)["SubscribeURL"])
                a = self.box.sns(u.path + "?" + u.query, u.hostname)
                assert a.status == 200, a.body
        elif self.answers:
            status, headers = self.answers.pop(0)
        time.sleep(self.delay)
        h.send_response(status)
        for k, v in headers.items():
            h.send_header(k, v)
        h.send_header("Content-Length", "0")
        h.end_headers()

    def notifications(self):
        return [r for r in self.requests
                if r[1]["x-amz-sns-message-type"] == "Notification"]
