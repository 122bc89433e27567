"""Who takes part: the sandbox, the agent, Alertmanager, load generators."""
import json
import os
import signal
import subprocess
import sys
import urllib.request

import figures

HERE = os.path.dirname(os.path.abspath(__file__))
VERIFICATIONS = 20000
ALERTMANAGER = "/usr/bin/prometheus-alertmanager"

POLICIES = """\
version: 1
team: bench
claims:
  - {source: [cloudwatch, direct]}
defaults:
  assignment_group: "Bench"
severity:
  - {when: {severity: {re: "^(?i:critical|high|medium|low)$"}}, set: "${severity}"}
  - {when: {alarm: "*-SEV1*"}, set: critical}
  - {else: medium}
policies:
  - {id: web, match: {alarm: "web-*"}}
  - {id: batch, match: {alarm: {re: "^batch-[0-9]+$"}}}
  - {id: queue, match: {namespace: AWS/SQS, alarm: "*dlq*"}}
  - {id: lambda, match: {namespace: AWS/Lambda}}
  - {id: balancer, match: {namespace: [AWS/ELB, AWS/ApplicationELB]}}
  - {id: table, match: {namespace: AWS/DynamoDB}}
  - {id: dev, match: {account: ["444455556666"]}}
  - {id: latency, match: {alarm: "*-p99"}}
  - {id: database, match: {namespace: AWS/RDS, alarm: "svc-*"}}
  - {id: default, match: {}}
"""


def cores():
    """The server's core and the others'; both the same where there is one."""
    have = sorted(os.sched_getaffinity(0))
    return have[0], have[-1]


def pinned(core, argv):
    return ["taskset", "-c", str(core)] + [str(a) for a in argv]


class Tools:
    def __init__(self, build):
        self.folder = os.path.join(build, "bench")
        self.server, self.client = cores()

    def path(self, name):
        return os.path.join(self.folder, name)

    def v(self):
        """A mean over half a second, as long as what it is compared with."""
        return float(figures.run(pinned(
            self.server, [self.path("verify"), VERIFICATIONS])))

    def sync(self, folder, count):
        """Median and p99 of 2 KB and fdatasync beside the store, in us."""
        path = os.path.join(folder, "sync.tmp")
        out = figures.run(pinned(self.server,
                                 [self.path("sync"), path, count]))
        os.unlink(path)
        return tuple(float(x) for x in out.split())

    def load_command(self, mode, port, path, first, count, clients,
                     options=()):
        return [self.path("load"), *options, mode, port, path, first, count,
                clients]

    def load(self, *args):
        """Once all are connected: handshakes are no part of a keep-alive."""
        return self.load_when(lambda: None, *args)

    def load_when(self, connected, *args):
        p = subprocess.Popen(
            [str(a) for a in
             pinned(self.client, self.load_command(*args, ["-w"]))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n", "the load generator failed"
        connected()
        out, _ = p.communicate("\n")
        good, bad, seconds, p50, p99 = (float(x) for x in out.split())
        assert not bad, f"{bad:.0f} of {good + bad:.0f} requests failed"
        return {"n": good, "seconds": seconds, "p50": p50, "p99": p99}

    def hold(self, *args):
        """One request a connection; all stay until let_go()."""
        p = subprocess.Popen(
            [str(a) for a in pinned(self.client, self.load_command(
                *args, ["-k", "-e", 1]))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = p.stdout.readline().split()
        assert said, "the load generator failed"
        assert said[1] == "0", f"{said[1]} requests failed"
        return p


def let_go(p):
    p.stdin.close()
    p.stdout.close()
    p.wait()


def make_certificate(folder):
    cert, key = (os.path.join(folder, n) for n in ("tls.pem", "tls.key"))
    figures.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes",
                 "-days", 2, "-subj", "/CN=localhost", "-keyout", key,
                 "-out", cert], stderr=subprocess.DEVNULL)
    return cert, key


class Signed:
    """Requests signed ahead of time; each is used once."""

    def __init__(self, peers, tools, sandbox, path, count, names):
        sample = json.loads(sandbox.sign(message="x", topic=peers.TOPIC))
        key = None
        for root, _, files in os.walk(sandbox.folder):
            if "signing.key" in files:
                key = os.path.join(root, "signing.key")
        with open(path, "wb") as f:
            subprocess.run([tools.path("sign"), key,
                            sample["SigningCertURL"], peers.TOPIC,
                            str(count), str(names), "0"],
                           stdout=f, check=True)
        self.path, self.count, self.used = path, count, 0

    def take(self, n):
        first = self.used
        self.used += n
        assert self.used <= self.count, "too few requests were signed"
        return first


def put_requests(path, requests):
    with open(path, "wb") as f:
        for r in requests:
            f.write(len(r).to_bytes(4, sys.byteorder) + r)


def post(path, body, *headers):
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost",
                        "Content-Type: application/json",
                        f"Content-Length: {len(body)}", *headers])
    return f"{head}\r\n\r\n".encode() + body


class Alertmanager:
    CONF = """\
route:
  receiver: none
  group_by: [alertname]
  routes:
""" + "".join(f"    - {{receiver: none, matchers: ['service=\"s{i}\"']}}\n"
              for i in range(9)) + "receivers: [{name: none}]\n"

    def __init__(self, peers, tools, folder):
        os.makedirs(folder)
        conf = os.path.join(folder, "alertmanager.yml")
        with open(conf, "w") as f:
            f.write(self.CONF)
        self.port = peers.free_port()
        self.process = peers.Process(pinned(tools.server, [
            ALERTMANAGER, f"--config.file={conf}", f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address="]), os.path.join(folder, "log"))
        self.pid = self.process.popen.pid
        peers.wait_for("Alertmanager", self.ready)

    def ready(self):
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/-/ready") as r:
                return r.status == 200
        except OSError:
            return False

    def stop(self):
        self.process.popen.send_signal(signal.SIGTERM)
        self.process.popen.wait()

    @staticmethod
    def alert(k, names, second):
        name = f"bench-service-cpu-{k % names:05d}"
        return {
            "labels": {"alertname": name, "severity": "high",
                       "account": "111122223333", "region": "us-east-1",
                       "namespace": "AWS/RDS", "metric": "CPUUtilization",
                       "DBInstanceIdentifier": f"pay-db-{k % names}"},
            "annotations": {
                "description": "CPU of the payment service. severity: HIGH",
                "reason": "Threshold Crossed: 3 out of the last 3 datapoints "
                          "were greater than the threshold (90.0)."},
            "startsAt": f"2026-01-01T00:{second // 60 % 60:02d}:"
                        f"{second % 60:02d}Z",
            "generatorURL": "https://console.aws.amazon.com/cloudwatch"}

    @classmethod
    def requests(cls, path, count, names, a_request=1):
        put_requests(path, (post("/api/v2/alerts", json.dumps(
            [cls.alert(k + i, names, k // names)
             for i in range(a_request)]).encode())
            for k in range(0, count * a_request, a_request)))


def hook_requests(path, count):
    """Direct alarms, each of a name of its own, without signatures."""
    put_requests(path, (post("/hooks/test", json.dumps({
        "AlarmName": f"bench-service-cpu-{k:06d}", "severity": "HIGH",
        "AWSAccountId": "111122223333", "Region": "us-east-1",
        "AlarmDescription": "CPU of the payment service",
        "NewStateReason": "Threshold Crossed: 3 out of the last 3 datapoints "
                          "were greater than the threshold (90.0).",
        "StateChangeTime": "2026-01-01T00:00:00.000+0000",
        "Trigger": {"MetricName": "CPUUtilization", "Namespace": "AWS/RDS",
                    "Dimensions": [{"name": "DBInstanceIdentifier",
                                    "value": f"pay-db-{k}"}]},
    }).encode(), "Authorization: Bearer hook-token") for k in range(count)))
