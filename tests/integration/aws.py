"""AWS on loopback: SQS by fauxqs, and what stands in front of it to check
signatures and to fail on demand. Credential endpoints are in metadata.py.

Nothing in here is shared with tocsin's own code: a signature is recomputed
from what came over the wire, with keys that were handed out before.
"""
import base64
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

import peers
import served
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_PEERS = os.path.join(os.path.dirname(HERE), "peers")
QUEUE_HOST = f"https://sqs.{peers.REGION}.amazonaws.com/{peers.ACCOUNT}"
JSON_TYPE = "application/x-amz-json-1.0"
SKEW_ALLOWED = 300

# Nobody's real keys are found from here, and no machine's real role.
for _name in [n for n in os.environ if n.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update(AWS_EC2_METADATA_DISABLED="true",
                  AWS_CONFIG_FILE="/nonexistent/config",
                  AWS_SHARED_CREDENTIALS_FILE="/nonexistent/credentials")


def queue_url(name):
    """As AWS names it; fauxqs goes by what stands after the last slash."""
    return f"{QUEUE_HOST}/{name}"


def queue_arn(name):
    return f"arn:aws:sqs:{peers.REGION}:000000000000:{name}"


def need_node(*modules):
    """Skip with words where a peer from npm isn't installed."""
    if not shutil.which("node"):
        pytest.skip("node isn't installed: `make peers` says what is missing")
    for m in modules:
        if not os.path.isdir(os.path.join(NODE_PEERS, "node_modules", m)):
            pytest.skip(f"{m} isn't installed: run `make peers`")


class NodePeer:
    """A peer of tests/peers on a port of its own; it ends with its stdin."""

    def __init__(self, script, folder, cwd=None):
        self.log = open(os.path.join(folder, script + ".log"), "ab")
        self.popen = subprocess.Popen(
            ["node", "--no-deprecation", os.path.join(NODE_PEERS, script),
             "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, text=True, cwd=cwd)
        line = self.popen.stdout.readline()
        assert line.startswith("ready "), f"{script} did not start: {line}"
        self.port = int(line.split()[1])

    def stop(self):
        self.popen.stdin.close()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()
        self.log.close()


class AwsError(Exception):
    def __init__(self, status, body):
        super().__init__(status, body)
        self.status, self.body = status, body


class Fauxqs(NodePeer):
    """SQS without a check of any signature: what tests fill and look at."""

    def __init__(self, folder):
        super().__init__("fauxqs.mjs", folder)
        self.http = peers.Http(self.port)
        self.lock = threading.Lock()

    def call(self, operation, **body):
        with self.lock:
            status, _, data = self.http.call(
                "POST", "/", body, {"Content-Type": JSON_TYPE,
                                    "X-Amz-Target": f"AmazonSQS.{operation}"})
        if status != 200:
            raise AwsError(status, data)
        return json.loads(data or b"{}")

    def create(self, name, **attributes):
        self.call("CreateQueue", QueueName=name, Attributes=attributes)
        return Queue(self, name)

    def stop(self):
        self.http.close()
        super().stop()


class Queue:
    def __init__(self, fauxqs, name):
        self.fauxqs, self.name, self.url = fauxqs, name, queue_url(name)

    def call(self, operation, **body):
        return self.fauxqs.call(operation, QueueUrl=self.url, **body)

    def send(self, body, **fields):
        if isinstance(body, bytes):
            body = body.decode()
        return self.call("SendMessage", MessageBody=body,
                         **fields)["MessageId"]

    def fill(self, bodies):
        """In batches of ten, each below SQS's megabyte."""
        for k in range(0, len(bodies), 10):
            entries = [{"Id": str(i), "MessageBody":
                        b.decode() if isinstance(b, bytes) else b}
                       for i, b in enumerate(bodies[k:k + 10])]
            got = self.call("SendMessageBatch", Entries=entries)
            assert not got.get("Failed"), got["Failed"][:1]

    def counts(self):
        """(visible, in flight)."""
        a = self.call("GetQueueAttributes", AttributeNames=["All"])
        a = a["Attributes"]
        return (int(a["ApproximateNumberOfMessages"]),
                int(a["ApproximateNumberOfMessagesNotVisible"]))

    def empty(self):
        return self.counts() == (0, 0)

    def wait_empty(self, seconds=30):
        peers.wait_for(f"an empty queue {self.name}", self.empty, seconds,
                       0.05)


# ---- signatures ----

class Keys:
    """Every access key that was handed out, and until when it is good."""

    def __init__(self):
        self.known = {}
        self.lock = threading.Lock()

    def new(self, prefix="AKIA", life=None, token=False):
        """A new key; life in seconds. token: temporary credentials."""
        text = uuid.uuid4().hex.upper()
        key = {"id": prefix + text[:16],
               "secret": base64.b64encode(os.urandom(30)).decode(),
               "token": "session/" + base64.b64encode(
                   os.urandom(90)).decode() if token else None,
               "expires": time.time() + life if life is not None else None,
               "expired": False}
        with self.lock:
            self.known[key["id"]] = key
        return key

    def secrets(self):
        """What may stand in no log."""
        with self.lock:
            return [v for k in self.known.values()
                    for v in (k["secret"], k["token"]) if v]


def signing_key(secret, day, region, service):
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def canonical_request(method, path, query, headers, names, body):
    """headers: list of (name, value) as they came over the wire."""
    lines = []
    for name in names:
        values = [re.sub(r" +", " ", v.strip()) for n, v in headers
                  if n.lower() == name]
        lines.append(f"{name}:{','.join(values)}\n")
    pairs = [p.partition("=")[::2] for p in query.split("&") if p]
    text = "&".join(f"{n}={v}" for n, v in sorted(
        (urllib.parse.quote(urllib.parse.unquote(n), safe="-_.~"),
         urllib.parse.quote(urllib.parse.unquote(v), safe="-_.~"))
        for n, v in pairs))
    path = urllib.parse.quote(path or "/", safe="/-_.~")
    return "\n".join([method, path, text, "".join(lines), ";".join(names),
                      hashlib.sha256(body).hexdigest()])


def signature(secret, scope, date, canonical):
    day, region, service, _ = scope.split("/")
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(signing_key(secret, day, region, service), text.encode(),
                    hashlib.sha256).hexdigest()


AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[A-Z0-9]{16,128})/"
    r"(?P<scope>\d{8}/[a-z0-9-]+/[a-z0-9-]+/aws4_request), ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})")


class Refusal(Exception):
    """What AWS answers instead of doing it."""

    def __init__(self, code, message, status=400):
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


def verify(keys, method, path, query, headers, body, now, region, service):
    """The key that signed this request, or a Refusal as AWS would say it."""
    def header(name):
        found = [v for n, v in headers if n.lower() == name]
        if len(found) > 1:
            raise Refusal("InvalidSignatureException",
                          f"{name} came {len(found)} times")
        return found[0] if found else None

    given = header("authorization")
    if not given:
        raise Refusal("MissingAuthenticationTokenException",
                      "Missing Authentication Token", 403)
    m = AUTHORIZATION.fullmatch(given)
    date = header("x-amz-date")
    if not m or not re.fullmatch(r"\d{8}T\d{6}Z", date or ""):
        raise Refusal("IncompleteSignatureException",
                      f"not a signature: {given[:40]}")
    with keys.lock:
        key = keys.known.get(m["id"])
    if not key:
        raise Refusal("UnrecognizedClientException",
                      "The security token included in the request is invalid.",
                      403)
    names = m["names"].split(";")
    if names != sorted(names) or len(set(names)) != len(names):
        raise Refusal("InvalidSignatureException", "SignedHeaders unsorted")
    must = {"host", "x-amz-date"} | {
        n.lower() for n, _ in headers
        if n.lower() == "content-type" or
        n.lower().startswith(("x-amz-", "x-amzn-"))}
    if must - set(names):
        raise Refusal("InvalidSignatureException",
                      f"not signed: {sorted(must - set(names))}")
    if m["scope"] != f"{date[:8]}/{region}/{service}/aws4_request":
        raise Refusal("InvalidSignatureException",
                      f"Credential should be scoped to {region} and "
                      f"{service}: {m['scope']}")
    sent = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()
    if abs(sent - now) > SKEW_ALLOWED:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        edge = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(
            now - SKEW_ALLOWED if sent < now else now + SKEW_ALLOWED))
        raise Refusal("InvalidSignatureException",
                      f"Signature expired: {date} is now earlier than {edge} "
                      f"({stamp} - 5 min.)" if sent < now else
                      f"Signature not yet current: {date} is still later "
                      f"than {edge} ({stamp} + 5 min.)", 403)
    canonical = canonical_request(method, path, query, headers, names, body)
    want = signature(key["secret"], m["scope"], date, canonical)
    if not hmac.compare_digest(want, m["signature"]):
        raise Refusal("InvalidSignatureException",
                      "The request signature we calculated does not match "
                      "the signature you provided. Check your AWS Secret "
                      "Access Key and signing method.", 403)
    if header("x-amz-security-token") != key["token"]:
        raise Refusal("UnrecognizedClientException",
                      "The security token included in the request is invalid.",
                      403)
    if key["expired"] or (key["expires"] and now > key["expires"]):
        raise Refusal("ExpiredTokenException",
                      "The security token included in the request is expired",
                      403)
    return key


# ---- the injector ----

class Dropped(Exception):
    """The connection ends without a (whole) answer."""


class Request:
    """One request as it came, and what became of it."""

    def __init__(self, method, path, query, headers, body):
        self.method, self.path, self.query = method, path, query
        self.headers, self.body = headers, body
        self.time = time.monotonic()
        self.ended = None
        self.status = None
        self.code = None            # the error code it was answered with
        self.key = None             # id of the access key that signed it
        self.messages = 0           # so many came with the answer
        self.fault = None
        target = self.header("x-amz-target") or ""
        self.service, _, self.operation = target.rpartition(".")
        self.form = {}
        if not target and "form-urlencoded" in \
                (self.header("content-type") or ""):
            self.form = {k: v[0] for k, v in urllib.parse.parse_qs(
                body.decode(errors="replace"),
                keep_blank_values=True).items()}
            self.operation = self.form.get("Action", "")

    def header(self, name):
        for n, v in self.headers:
            if n.lower() == name:
                return v
        return None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return (f"<{self.operation} {self.status} {self.code or ''} "
                f"key={self.key} fault={self.fault}>")


class Answer:
    def __init__(self, status, body, headers=()):
        self.status, self.headers = status, list(headers)
        self.body = body if isinstance(body, bytes) else \
            json.dumps(body).encode()


def json_error(code, message, status=400, query=None, header=False):
    """As SQS's JSON protocol words it."""
    headers = [("Content-Type", JSON_TYPE)]
    if header:
        headers.append(("x-amzn-ErrorType", f"{code}:http://amazon/"))
    if query:
        headers.append(("x-amzn-query-error", f"{query};Sender"))
    return Answer(status, {"__type": f"com.amazonaws.sqs#{code}",
                           "message": message}, headers)


def xml_error(code, message, status=400):
    return Answer(status, (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n'
        f"  <Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n"
        f"    <Message>{message}</Message>\n  </Error>\n"
        f"  <RequestId>{uuid.uuid4()}</RequestId>\n</ErrorResponse>\n"
    ).encode(), [("Content-Type", "text/xml")])


class Fault:
    """One kind of trouble for some operation, `count` times (None: until it
    is cleared), after `skip` requests that go well."""

    def __init__(self, kind, operation=None, count=1, skip=0, **fields):
        self.kind, self.operation = kind, operation
        self.count, self.skip, self.fields = count, skip, fields
        self.struck = 0

    def __getattr__(self, name):
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name)


class Injector(served.Served):
    """AWS's front: checks what came, then passes it to fauxqs, or doesn't.

    services: signing name -> f(Request) -> Answer, for what fauxqs isn't.
    """

    TARGETS = {"AmazonSQS": "sqs",
               "GraniteServiceVersion20100801": "monitoring"}
    FORMS = {"AssumeRole": "sts", "AssumeRoleWithWebIdentity": "sts",
             "GetCallerIdentity": "sts", "Publish": "sns",
             "ConfirmSubscription": "sns"}
    UNSIGNED = ("AssumeRoleWithWebIdentity",)

    def __init__(self, fauxqs=None, keys=None, region=peers.REGION):
        self.fauxqs = fauxqs
        self.keys = keys or Keys()
        self.region = region
        self.services = {}
        self.skew = 0               # of AWS's clock against ours, seconds
        self.hurry = None           # seconds that a message is invisible for
        self.watch = None           # f(Request, moment), see moment()
        self.keep = True            # connections, after an answer
        self.requests, self.faults = [], []
        self.lock = threading.Lock()
        self.gone = threading.Event()
        self.connections = 0
        server = Server(served.address(), Handler)
        server.injector = self
        self.listen(server)

    def stop(self):
        self.gone.set()
        super().stop()

    def now(self):
        return time.time() + self.skew

    # what tests say

    def fault(self, kind, operation=None, **fields):
        f = Fault(kind, operation, **fields)
        with self.lock:
            self.faults.append(f)
        return f

    def clear(self):
        with self.lock:
            self.faults.clear()

    def seen(self, operation=None, **fields):
        """Requests so far, of one operation and with these attributes."""
        with self.lock:
            return [r for r in self.requests
                    if operation in (None, r.operation) and
                    all(getattr(r, k) == v for k, v in fields.items())]

    def count(self, operation=None, **fields):
        return len(self.seen(operation, **fields))

    def open_polls(self):
        return [r for r in self.seen("ReceiveMessage") if r.ended is None]

    # what happens to a request

    def take_fault(self, request):
        with self.lock:
            for f in self.faults:
                if f.operation not in (None, request.operation):
                    continue
                if f.skip > 0:
                    f.skip -= 1
                    continue
                if f.count is not None and f.struck >= f.count:
                    continue
                f.struck += 1
                request.fault = f.kind
                return f
        return None

    def moment(self, request, name):
        """A request was "asked", is "done", is "half" answered, "answered".
        To drop its connection here, watch raises Dropped."""
        if self.watch:
            self.watch(request, name)

    def service_of(self, request):
        return self.TARGETS.get(request.service) or \
            self.FORMS.get(request.operation)

    def answer(self, request, upstream):
        with self.lock:
            self.requests.append(request)
        self.moment(request, "asked")
        fault = self.take_fault(request)
        before = fault and getattr(self, "before_" + fault.kind, None)
        if before:
            got = before(request, fault)
            if got is not None:
                return got
        service = self.service_of(request)
        if not service:
            return json_error("UnknownOperationException", request.operation)
        try:
            if request.operation not in self.UNSIGNED:
                key = verify(self.keys, request.method, request.path,
                             request.query, request.headers, request.body,
                             self.now(), self.region, service)
                request.key = key["id"]
            if fault and fault.kind in REFUSALS:
                raise Refusal(*REFUSALS[fault.kind])
        except Refusal as e:
            request.code = e.code
            error = xml_error if request.form else json_error
            return error(e.code, e.message, e.status)
        if service in self.services:
            got = self.services[service](request)
        else:
            got = upstream(request, fault)
        self.moment(request, "done")
        after = fault and getattr(self, "after_" + fault.kind, None)
        return after(request, fault, got) if after else got

    # Faults that strike before anything is done.

    def before_error(self, request, f):
        request.code = f.code
        error = xml_error if request.form else json_error
        return error(f.code, f.fields.get("message", "no"),
                     f.fields.get("status", 400),
                     **({} if request.form else
                        {k: f.fields[k] for k in ("query", "header")
                         if k in f.fields}))

    def before_answer(self, request, f):
        return Answer(f.fields.get("status", 200), f.body,
                      f.fields.get("headers", [("Content-Type", JSON_TYPE)]))

    def before_delay(self, request, f):
        self.gone.wait(f.seconds)

    def before_hang(self, request, f):
        """No answer, and nothing done, until the client or the test goes."""
        release = f.fields.get("release")
        while not self.gone.is_set():
            if release is not None and release.is_set():
                return None
            if request.closed():
                break
            time.sleep(0.02)
        raise Dropped()

    def before_reset(self, request, f):
        raise Dropped()

    # Faults that strike what was done.

    def after_lost(self, request, f, got):
        """Done, and the connection dies before the answer."""
        raise Dropped()

    def after_truncate(self, request, f, got):
        got.cut = f.fields.get("keep", max(1, len(got.body) // 2))
        return got

    def after_slow_body(self, request, f, got):
        got.drip = f.seconds
        return got

    def after_garbage(self, request, f, got):
        """A whole answer of HTTP whose JSON isn't whole."""
        got.body = got.body[:max(1, len(got.body) // 2)]
        return got

    def after_wrong_md5(self, request, f, got):
        body = json.loads(got.body)
        for m in body.get("Messages", [])[:f.fields.get("messages", 1)]:
            m["MD5OfBody"] = hashlib.md5(b"another").hexdigest()
        got.body = json.dumps(body).encode()
        return got

    def after_change(self, request, f, got):
        """f.how(answer's object) -> another object or None."""
        body = json.loads(got.body)
        changed = f.how(body)
        got.body = json.dumps(body if changed is None else changed).encode()
        return got


REFUSALS = {
    "throttle": ("ThrottlingException", "Rate exceeded", 400),
    "sqs_throttle": ("RequestThrottled", "Request is throttled.", 403),
    "expired_token": ("ExpiredTokenException",
                      "The security token included in the request is expired",
                      403),
    "invalid_token": ("InvalidClientTokenId",
                      "The security token included in the request is invalid",
                      403),
    "denied": ("AccessDeniedException",
               "User: arn:aws:iam::111122223333:user/x is not authorized to "
               "perform: sqs:ReceiveMessage", 403),
    "no_queue": ("QueueDoesNotExist",
                 "The specified queue does not exist.", 400),
    "internal": ("InternalFailure", "We encountered an internal error.", 500),
    "unavailable": ("ServiceUnavailable", "Try again.", 503),
}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went is what tests do; the rest is our own fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.back = None
        self.injector = self.server.injector
        with self.injector.lock:
            self.injector.connections += 1

    def finish(self):
        if self.back:
            self.back.close()
        super().finish()

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.injector.now())

    def client_gone(self):
        try:
            self.connection.setblocking(False)
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.setblocking(True)

    def upstream(self, request, fault):
        body = request.body
        failed = []
        if fault and fault.kind == "partial":
            body, failed = self.split_batch(request, fault)
        got = self.forward(body, request) if body is not None else \
            Answer(200, {"Successful": []}, [("Content-Type", JSON_TYPE)])
        if failed:
            answer = json.loads(got.body)
            answer["Failed"] = answer.get("Failed", []) + failed
            got.body = json.dumps(answer).encode()
        return got

    @staticmethod
    def split_batch(request, fault):
        """Without the entries that are to fail, and how they failed."""
        whole = request.json()
        bad = [e for i, e in enumerate(whole["Entries"])
               if i in fault.entries]
        whole["Entries"] = [e for e in whole["Entries"] if e not in bad]
        failed = [{"Id": e["Id"],
                   "SenderFault": fault.fields.get("sender", False),
                   "Code": fault.fields.get("code", "InternalError"),
                   "Message": "not this one"} for e in bad]
        return (json.dumps(whole).encode() if whole["Entries"] else None,
                failed)

    @staticmethod
    def hurried(body, most):
        """What SQS hides is seen again sooner than it was asked to be."""
        whole = json.loads(body)
        for part in [whole] + whole.get("Entries", []):
            if part.get("VisibilityTimeout", 0) > most:
                part["VisibilityTimeout"] = most
        return json.dumps(whole).encode()

    def forward(self, body, request):
        if self.injector.hurry is not None:
            body = self.hurried(body, self.injector.hurry)
        headers = {"Content-Type": JSON_TYPE,
                   "X-Amz-Target": request.header("x-amz-target")}
        for attempt in (0, 1):
            if not self.back:
                self.back = http.client.HTTPConnection(
                    "127.0.0.1", self.injector.fauxqs.port, timeout=40)
                attempt = 1
            try:
                self.back.request("POST", "/", body, headers)
                r = self.back.getresponse()
                data = r.read()
                return Answer(r.status, data, [
                    (n, v) for n, v in r.getheaders() if n.lower() in
                    ("content-type", "x-amzn-query-error")])
            except (OSError, http.client.HTTPException):
                self.back.close()
                self.back = None
                if attempt:
                    raise
        raise AssertionError("unreachable")

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, self.headers.items(),
                          self.rfile.read(length))
        request.closed = self.client_gone
        try:
            got = self.injector.answer(request, self.upstream)
        except Dropped:
            request.ended = time.monotonic()
            self.drop()
            return
        request.status = got.status
        if got.status != 200 and not request.code:
            m = re.search(rb'"__type":\s*"(?:[^"#]*#)?([^"]+)"', got.body)
            request.code = m and m[1].decode()
        request.messages = got.body.count(b'"ReceiptHandle":')
        request.ended = time.monotonic()
        try:
            self.write(got, request)
        except Dropped:
            self.drop()

    do_POST = do_GET = do_PUT = handle_one

    def drop(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        # A second descriptor would keep the socket from being reset.
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def write(self, got, request):
        self.send_response(got.status)
        for name, value in got.headers:
            self.send_header(name, value)
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.send_header("Content-Length", str(len(got.body)))
        if not self.injector.keep:
            self.send_header("Connection", "close")
        self.end_headers()
        cut = getattr(got, "cut", None)
        drip = getattr(got, "drip", None)
        if drip:
            step = max(1, len(got.body) // 20)
            for k in range(0, len(got.body), step):
                self.wfile.write(got.body[k:k + step])
                self.wfile.flush()
                self.injector.gone.wait(drip / 20)
        else:
            half = len(got.body[:cut]) // 2
            self.wfile.write(got.body[:half])
            if self.injector.watch:
                self.wfile.flush()
                self.injector.moment(request, "half")
            self.wfile.write(got.body[half:cut])
        self.wfile.flush()
        self.injector.moment(request, "answered")
        if cut is not None:
            self.close_connection = True


class Cloud:
    """fauxqs behind the injector, and a key that both ends know."""

    def __init__(self, fauxqs):
        self.fauxqs, self.queues = fauxqs, []
        self.front = Injector(self.fauxqs)
        self.keys = self.front.keys
        self.key = self.keys.new()

    def queue(self, name="alarms", **attributes):
        self.queues.append(self.fauxqs.create(name, **attributes))
        return self.queues[-1]

    def aws(self, **more):
        """The configuration's aws: with keys of its own."""
        return {"region": self.front.region, "endpoint_url": self.front.url,
                "access_key_id": self.key["id"],
                "secret_access_key": self.key["secret"],
                "reconcile": "off", **more}

    def conf(self, *names, aws=None, **queue):
        """For make_agent(): polls these queues."""
        return {"aws": self.aws() if aws is None else aws, "sqs": [
            {"queue_url": queue_url(n), "wait": "1s", "visibility": "5s",
             "concurrency": 1, **queue} for n in names or ("alarms",)]}

    def stop(self):
        self.front.stop()
        for q in self.queues:
            q.call("DeleteQueue")


# ---- STS ----

class Sts:
    """AssumeRole and AssumeRoleWithWebIdentity, for Injector.services."""

    def __init__(self, keys):
        self.keys = keys
        self.calls = []             # forms, in order
        self.signers = []           # key ids
        self.life = 3600
        self.token = None           # the only web identity that is good
        self.external_id = None
        self.issued = []

    def __call__(self, request):
        form = request.form
        self.calls.append(form)
        self.signers.append(request.key)
        action = form["Action"]
        name = form.get("RoleSessionName", "")
        if form.get("Version") != "2011-06-15" or \
                not re.fullmatch(r"[\w+=,.@-]{2,64}", name) or \
                not form.get("RoleArn", "").startswith("arn:aws:iam::"):
            request.code = "ValidationError"
            return xml_error("ValidationError", "1 validation error detected")
        if action == "AssumeRoleWithWebIdentity" and \
                form.get("WebIdentityToken") != self.token:
            request.code = "InvalidIdentityToken"
            return xml_error("InvalidIdentityToken", "Couldn&apos;t retrieve "
                             "verification key from your identity provider")
        if self.external_id and form.get("ExternalId") != self.external_id:
            request.code = "AccessDenied"
            return xml_error("AccessDenied", "not authorized to perform: "
                             "sts:AssumeRole", 403)
        key = self.keys.new("ASIA", self.life, token=True)
        self.issued.append(key["id"])
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                              time.gmtime(key["expires"]))
        return Answer(200, (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/'
            f'2011-06-15/">\n  <{action}Result>\n    <AssumedRoleUser>\n'
            f"      <AssumedRoleId>AROA:{name}</AssumedRoleId>\n"
            f"      <Arn>arn:aws:sts::{peers.ACCOUNT}:assumed-role/r/{name}"
            "</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n"
            f"      <AccessKeyId>{key['id']}</AccessKeyId>\n"
            f"      <SecretAccessKey>{key['secret']}</SecretAccessKey>\n"
            f"      <SessionToken>{key['token']}</SessionToken>\n"
            f"      <Expiration>{until}</Expiration>\n    </Credentials>\n"
            f"  </{action}Result>\n  <ResponseMetadata>\n    <RequestId>"
            f"{uuid.uuid4()}</RequestId>\n  </ResponseMetadata>\n"
            f"</{action}Response>\n").encode(),
            [("Content-Type", "text/xml")])
