"""The shipped binary and its sandbox as black boxes, for every test here.

Nothing in here knows tocsin's insides: processes are started, signals and
HTTP requests sent, answers, metrics and the sandbox's truth looked at.
"""
import atexit
import base64
import collections
import glob
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import uuid

BUILD = os.path.abspath(os.environ.get("TOCSIN_BUILD", "build"))
TOCSIN = os.path.join(BUILD, "tocsin")
ACCOUNT = "111122223333"
REGION = "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
# Sanitized and emulated builds are slower; deadlines of tests are not the
# promise that they test.
SLOW = float(os.environ.get("TOCSIN_TEST_SLOW", "1"))


def one_root():
    """A file with one of the system's trusted roots. To parse all of them
    costs a process more than all the rest of what most tests ask of it."""
    end = b"-----END CERTIFICATE-----\n"
    try:
        with open("/etc/ssl/certs/ca-certificates.crt", "rb") as f:
            root = f.read(65536).partition(end)
    except OSError:
        return ""
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as out:
        out.write(root[0] + root[1])
    atexit.register(os.unlink, out.name)
    return out.name


# Whatever roots this machine's own environment names.
os.environ["SSL_CERT_FILE"] = one_root()
os.environ.pop("SSL_CERT_DIR", None)


TAKEN = collections.deque(maxlen=400)    # each is a descriptor


def free_port():
    """A port of this process alone, for hundreds of others to come. Below
    those that the kernel gives to outgoing connections, or a busy machine's
    next one could take it while an agent is started anew."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        end = int(f.read().split()[0])
    while True:
        port = random.randrange(max(1024, end - 20000), end)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0tocsin-test-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        TAKEN.append(mark)
        return port


def patience():
    """How many times longer than on a machine of its own something may take:
    where many more want to run than can, nobody's time is told by a clock."""
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
    return SLOW * max(1, crowd / 4)


def wait_for(what, check, seconds=20, every=0.02):
    """Poll until check() is true; its value. Fails with words after seconds."""
    began = time.monotonic()
    while True:
        value = check()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > seconds * SLOW and waited > seconds * patience():
            raise AssertionError(f"waited {waited:.0f} s for {what}")
        time.sleep(every)


class Http:
    """One keep-alive connection."""

    def __init__(self, port, tls=None, timeout=30):
        self.port, self.tls, self.timeout = port, tls, timeout
        self.conn = None

    def call(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        for attempt in (0, 1):
            if self.conn is None:
                if self.tls:
                    self.conn = http.client.HTTPSConnection(
                        "127.0.0.1", self.port, timeout=self.timeout,
                        context=self.tls)
                else:
                    self.conn = http.client.HTTPConnection(
                        "127.0.0.1", self.port, timeout=self.timeout)
                attempt = 1
            try:
                self.conn.request(method, path, body, headers or {})
                r = self.conn.getresponse()
                data = r.read()
                return r.status, dict((k.lower(), v) for k, v in
                                      r.getheaders()), data
            except (http.client.HTTPException, OSError):
                self.close()
                if attempt:
                    raise
        raise AssertionError("unreachable")

    def close(self):
        if self.conn:
            self.conn.close()
            self.conn = None


class Process:
    """A child that is ended by its own pid, whatever happens."""

    def __init__(self, argv, log, env=None, cwd=None,
                 stdin=subprocess.DEVNULL):
        self.log_path = log
        self.log = open(log, "ab")
        self.popen = subprocess.Popen(argv, stdout=self.log, stderr=self.log,
                                      stdin=stdin, env=env, cwd=cwd)

    def text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def alive(self):
        return self.popen.poll() is None

    def kill(self):
        if self.alive():
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()
        self.log.close()

    def stop(self, seconds=12):
        """SIGTERM; the exit status."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(seconds * patience())
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"SIGTERM: still there after {seconds} s")
        self.log.close()
        return self.popen.returncode


class Keys:
    """A sandbox makes its keys once and keeps them in its folder. The first
    one's are lent to the others of this process: to find RSA's primes costs
    more than all the rest of starting."""
    NAMES = [stem + end for stem in ("ca", "sns", "signing")
             for end in (".pem", ".key")]

    def __init__(self):
        self.made = {}

    def lend(self, folder):
        if self.made and not os.path.exists(folder):
            os.makedirs(folder, 0o700)
            for name, data in self.made.items():
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(data)
                os.chmod(f.name, 0o600)

    def take(self, folder):
        for name in self.NAMES if not self.made else ():
            with open(os.path.join(folder, name), "rb") as f:
                self.made[name] = f.read()


keys = Keys()


class Sandbox:
    """`tocsin sandbox`: StackFlow and SNS, with faults and the truth."""

    def __init__(self, folder, args=(), env=None):
        self.folder = os.path.join(folder, "sandbox")
        self.env = dict(os.environ, **(env or {}))
        keys.lend(self.folder)
        self.log = os.path.join(folder, "sandbox.log")
        self.args = list(args)
        self.process = None
        self.ports = (0, 0)
        self.start()

    def start(self):
        info = os.path.join(self.folder, "sandbox.json")
        if os.path.exists(info):
            os.unlink(info)
        self.process = Process(
            [TOCSIN, "sandbox", "--listen", f"127.0.0.1:{self.ports[0]}",
             "--sns-listen", f"127.0.0.1:{self.ports[1]}",
             "--data", self.folder] + self.args, self.log, env=self.env)
        wait_for("the sandbox", lambda: self.ready(info), 30)
        keys.take(self.folder)
        with open(info) as f:
            self.info = json.load(f)
        self.ports = (self.info["port"], self.info["sns_port"])
        self.http = Http(self.ports[0])

    def renew(self):
        """Without what it holds; its keys and ports stay."""
        self.stop()
        for path in glob.glob(os.path.join(self.folder, "sandbox.db*")):
            os.unlink(path)
        self.start()

    def ready(self, info):
        assert self.process.alive(), self.process.text()
        return os.path.exists(info) and "sandbox ready" in self.process.text()

    def control(self, method, path, body=None):
        status, _, data = self.http.call(method, "/sandbox" + path, body)
        assert status < 300, (path, status, data)
        return json.loads(data) if data.strip() else None

    def truth(self):
        return self.control("GET", "/truth")

    def incidents(self):
        return self.truth()["incidents"]

    def fault(self, kind, **keys):
        return self.control("POST", "/faults", dict(kind=kind, **keys))

    def clear(self):
        self.control("DELETE", "/faults")

    def set(self, **settings):
        self.control("POST", "/settings", settings)

    def person(self, incident, **fields):
        self.control("POST", f"/incidents/{incident}", fields)

    def sign(self, **fields):
        """A signed SNS envelope as bytes, not delivered to anybody."""
        status, _, data = self.http.call("POST", "/sandbox/sns/sign", fields)
        assert status == 200, (status, data)
        return data

    def stop(self):
        self.http.close()
        self.process.stop()


def alarm(name="pay-db-cpu", state="ALARM", when=None, **changes):
    """A CloudWatch alarm as SNS carries it: the Message's JSON text."""
    when = time.time() if when is None else when
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
    message = {
        "AlarmName": name,
        "AlarmDescription": "severity: HIGH",
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints "
                          "[97.0] was greater than the threshold (90.0).",
        "StateChangeTime": f"{stamp}.{int(when * 1000) % 1000:03d}+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "OldStateValue": "OK" if state == "ALARM" else "ALARM",
        "OKActions": [TOPIC], "AlarmActions": [TOPIC],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "CPUUtilization", "Namespace": "AWS/RDS",
            "StatisticType": "Statistic", "Statistic": "AVERAGE",
            "Unit": None,
            "Dimensions": [{"value": "pay-db-1",
                            "name": "DBInstanceIdentifier"}],
            "Period": 60, "EvaluationPeriods": 1, "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 90.0, "TreatMissingData": "missing",
            "EvaluateLowSampleCountPercentile": ""},
    }
    message.update(changes)
    return json.dumps(message)


class Signer:
    """Signs envelopes in this process with the sandbox's key, for load."""

    def __init__(self, sandbox):
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
        self.sandbox = sandbox
        sample = json.loads(sandbox.sign(message="x", topic=TOPIC))
        self.url = sample["SigningCertURL"]
        folder = sandbox.folder
        key = None
        for root, _, files in os.walk(folder):
            for name in files:
                path = os.path.join(root, name)
                with open(path, "rb") as f:
                    data = f.read(8192)
                if b"PRIVATE KEY" in data and name == "signing.key":
                    key = data
        assert key, "the sandbox keeps its signing key in its folder"
        self.key = serialization.load_pem_private_key(key, None)
        self.sign_bytes = lambda b: self.key.sign(b, padding.PKCS1v15(),
                                                  hashes.SHA256())

    def envelope(self, message, topic=TOPIC, subject=None, message_id=None,
                 when=None):
        when = time.time() if when is None else when
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + \
            f".{int(when * 1000) % 1000:03d}Z"
        m = {"Type": "Notification",
             "MessageId": message_id or str(uuid.uuid4()),
             "TopicArn": topic}
        if subject is not None:
            m["Subject"] = subject
        m["Message"] = message
        m["Timestamp"] = stamp
        m["SignatureVersion"] = "2"
        keys = ["Message", "MessageId"] + \
            (["Subject"] if subject is not None else []) + \
            ["Timestamp", "TopicArn", "Type"]
        text = "".join(f"{k}\n{m[k]}\n" for k in keys)
        m["Signature"] = base64.b64encode(
            self.sign_bytes(text.encode())).decode()
        m["SigningCertURL"] = self.url
        m["UnsubscribeURL"] = f"https://sns.{REGION}.amazonaws.com/" \
            f"?Action=Unsubscribe&SubscriptionArn={topic}:{uuid.uuid4()}"
        return json.dumps(m, indent=2, separators=(",", " : ")).encode()


def sns_headers(envelope):
    m = json.loads(envelope)
    return {"Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": m["Type"],
            "x-amz-sns-message-id": m["MessageId"],
            "x-amz-sns-topic-arn": m["TopicArn"]}


class Agent:
    """`tocsin run` with a configuration of its own in a folder of its own."""

    def __init__(self, folder, sandbox, conf=None, rules=None, env=None,
                 wrapper=(), start=True):
        self.folder = os.path.join(folder, "agent")
        os.makedirs(self.folder, exist_ok=True)
        self.sandbox = sandbox
        self.port, self.admin_port = free_port(), free_port()
        self.env = dict(os.environ, **(env or {}))
        self.wrapper = list(wrapper)
        self.stdin = subprocess.DEVNULL
        self.path = os.path.join(self.folder, "tocsin.yaml")
        self.log = os.path.join(self.folder, "agent.log")
        self.starts = 0
        self.rules = os.path.join(self.folder, "rules.d")
        os.makedirs(self.rules, exist_ok=True)
        for name, text in (rules or {}).items():
            self.write_rules(name, text)
        self.configure(conf or {})
        self.process = None
        if start:
            self.start()

    def write_rules(self, name, text):
        with open(os.path.join(self.rules, name), "w") as f:
            f.write(text)

    def defaults(self):
        i = self.sandbox.info
        return {
            "listen": [{"address": f"127.0.0.1:{self.port}"}],
            "sns": {"topics": [f"arn:aws:sns:{REGION}:{ACCOUNT}:*"]},
            "webhooks": [{"path": "/hooks/test", "token": "hook-token"}],
            "stackflow": {
                "base_url": i["stackflow"],
                "auth": {"method": "api_key", "api_key": i["api_key"]},
                "settle": "500ms", "timeout": "3s"},
            "store": {"url": f"sqlite:{self.folder}/tocsin.db"},
            "rules": [self.rules],
            "admin": {"address": f"127.0.0.1:{self.admin_port}",
                      "token": "admin-token"},
            "network": {"ca_file": i["ca_file"],
                        "connect_to": i["connect_to"]},
        }

    def configure(self, changes):
        """Write the configuration; a value of None takes a key away."""
        conf = self.defaults()
        for key, value in changes.items():
            if value is None:
                conf.pop(key, None)
            elif isinstance(value, dict) and isinstance(conf.get(key), dict):
                conf[key] = {k: v for k, v in {**conf[key], **value}.items()
                             if v is not None}
            else:
                conf[key] = value
        self.conf = conf
        with open(self.path, "w") as f:
            json.dump(conf, f, indent=1)      # JSON is YAML
        os.chmod(self.path, 0o600)

    def start(self, wait=True):
        self.starts += 1
        self.process = Process(self.wrapper + [TOCSIN, "run", "-c",
                                               self.path],
                               self.log, env=self.env, stdin=self.stdin)
        self.http = Http(self.port)
        self.admin = Http(self.admin_port)
        if wait:
            wait_for("the agent", self.ready, 30)

    def ready(self):
        assert self.process.alive(), self.process.text()[-4000:]
        try:
            return self.admin.call("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def kill(self):
        self.http.close()
        self.admin.close()
        self.process.kill()

    def stop(self):
        self.http.close()
        self.admin.close()
        return self.process.stop() if self.process else 0

    def restart(self):
        self.kill()
        self.start()

    def post(self, envelope, headers=None):
        """One SNS delivery; the status."""
        h = sns_headers(envelope) if headers is None else headers
        return self.http.call("POST", "/sns", envelope, h)[0]

    def deliver(self, envelope):
        """As SNS does: once, unless the machine is too busy to fetch a
        certificate in time."""
        status = self.post(envelope)
        for _ in range(20):
            if status != 503 or patience() <= SLOW:
                break
            time.sleep(0.5)
            status = self.post(envelope)
        return status

    def send(self, text, **fields):
        """Sign a message through the sandbox and deliver it."""
        return self.deliver(self.sandbox.sign(message=text, topic=TOPIC,
                                              **fields))

    def hook(self, body, token="hook-token"):
        return self.http.call("POST", "/hooks/test", body,
                              {"Authorization": f"Bearer {token}"})

    def api(self, path, method="GET", token="admin-token"):
        status, _, data = self.admin.call(
            method, path, None, {"Authorization": f"Bearer {token}"})
        return status, data

    def get(self, path):
        status, data = self.api(path)
        assert status == 200, (path, status, data)
        return json.loads(data)

    def metrics(self):
        out = {}
        _, data = self.api("/metrics")
        for line in data.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = float(value)
        return out

    def settle(self, seconds=30, every=0.05):
        """Until every accepted event and operation has its outcome."""
        wait_for("an empty backlog",
                 lambda: self.metrics()["tocsin_backlog"] == 0, seconds,
                 every)

    def cli(self, *args, check=True, stdin=None):
        r = subprocess.run([TOCSIN, args[0], "-c", self.path, *args[1:]],
                           capture_output=True, text=True, input=stdin,
                           timeout=60, env=self.env)
        if check:
            assert r.returncode == 0, r.stderr + r.stdout
        return r


def by_marker(incidents):
    """Incidents by the part of their marker before the last dash."""
    out = {}
    for i in incidents:
        marker = i.get("marker") or "none"
        out.setdefault(marker.rsplit("-", 1)[0], []).append(i)
    return out


def events_in(incident):
    """Every event id that an incident's description and notes name."""
    texts = [incident.get("description") or ""]
    texts += [n["body"] for n in incident.get("notes", [])]
    out = []
    for text in texts:
        for line in text.splitlines():
            if line.startswith("tocsin-event: "):
                out += line.split()[1:]
    return out


def check_invariants(agent, sandbox, sent=None):
    """One incident a key and incarnation, each event told exactly once."""
    incidents = sandbox.incidents()
    live = [i for i in incidents]
    for marker in {i["marker"] for i in live if i.get("marker")}:
        twins = [i["id"] for i in live if i["marker"] == marker]
        assert len(twins) == 1, f"{marker} has incidents {twins}"
    seen = {}
    for i in live:
        for e in events_in(i):
            seen[e] = seen.get(e, 0) + 1
    twice = {e: n for e, n in seen.items() if n > 1}
    assert not twice, f"told more than once: {twice}"
    if sent is not None:
        missing = set(sent) - set(seen)
        assert not missing, f"{len(missing)} events in no incident or note"
    return seen
