"""`tocsin doctor`: what a set-up gets wrong, seen from outside."""
import datetime
import hashlib
import json
import os
import stat
import time

import aws
import peers
import pytest
import tls
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

QUEUE = aws.queue_url("alarms")
QUEUE_ARN = f"arn:aws:sqs:{peers.REGION}:{peers.ACCOUNT}:alarms"
SUBSCRIPTION = peers.TOPIC + ":2bcfbf39-05c3-41de-beaa-fcfcc21c8f55"


class Aws:
    """Everything the doctor asks AWS, with answers to be changed."""

    FORMS = {"ListSubscriptionsByTopic": "sns",
             "GetSubscriptionAttributes": "sns", "GetTopicAttributes": "sns"}

    def __init__(self):
        self.front = aws.Injector()
        self.front.FORMS = {**aws.Injector.FORMS, **self.FORMS}
        self.front.services = {"sqs": self.sqs, "sns": self.sns,
                               "sts": self.sts, "monitoring": self.alarms}
        self.key = self.front.keys.new()
        self.queue = {
            "ApproximateNumberOfMessages": "3",
            "ApproximateNumberOfMessagesNotVisible": "1",
            "MessageRetentionPeriod": "345600",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn":
                                         QUEUE_ARN + "-dead",
                                         "maxReceiveCount": "10"}),
            "Policy": json.dumps({"Statement": [{"Principal": {
                "Service": "sns.amazonaws.com"}}]})}
        self.messages = []
        self.subscriptions = [(SUBSCRIPTION, "sqs", QUEUE_ARN)]
        self.attributes = {"RedrivePolicy": "{}"}
        self.metric_alarms = [self.alarm("pay-db-cpu", [peers.TOPIC])]

    @staticmethod
    def alarm(name, ok):
        return {"AlarmName": name, "ActionsEnabled": True,
                "AlarmArn": f"arn:aws:cloudwatch:{peers.REGION}:"
                f"{peers.ACCOUNT}:alarm:{name}", "StateValue": "OK",
                "AlarmActions": [peers.TOPIC], "OKActions": ok,
                "InsufficientDataActions": []}

    def conf(self, **more):
        return {"aws": {"region": peers.REGION, "endpoint_url": self.front.url,
                        "access_key_id": self.key["id"],
                        "secret_access_key": self.key["secret"]},
                "sns": {"topics": [peers.TOPIC]},
                "sqs": [{"queue_url": QUEUE, "wait": "1s"}], **more}

    def sqs(self, request):
        if request.operation == "GetQueueAttributes":
            return aws.Answer(200, {"Attributes": self.queue})
        if request.operation == "ReceiveMessage":
            messages, self.messages = self.messages, []
            return aws.Answer(200, {"Messages": messages})
        return aws.Answer(200, {"Successful": [], "Failed": [
            {"Id": e["Id"], "SenderFault": True,
             "Code": "ReceiptHandleIsInvalid", "Message": "no"}
            for e in request.json()["Entries"]]})

    def sns(self, request):
        if request.operation == "ListSubscriptionsByTopic":
            body = "".join(
                f"<member><TopicArn>{peers.TOPIC}</TopicArn><Protocol>{p}"
                f"</Protocol><SubscriptionArn>{arn}</SubscriptionArn><Owner>"
                f"{peers.ACCOUNT}</Owner><Endpoint>{e}</Endpoint></member>"
                for arn, p, e in self.subscriptions)
            body = f"<Subscriptions>{body}</Subscriptions>"
        else:
            body = "".join(f"<entry><key>{k}</key><value>{v}</value></entry>"
                           for k, v in self.attributes.items())
            body = f"<Attributes>{body}</Attributes>"
        return aws.Answer(200, f"<R><Result>{body}</Result></R>".encode(),
                          [("Content-Type", "text/xml")])

    def sts(self, request):
        return aws.Answer(200, (
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>"
            f"arn:aws:iam::{peers.ACCOUNT}:user/tocsin</Arn><Account>"
            f"{peers.ACCOUNT}</Account></GetCallerIdentityResult>"
            "</GetCallerIdentityResponse>").encode())

    def alarms(self, request):
        if request.operation != "DescribeAlarms":
            return aws.json_error("AccessDenied", "no", 403)
        return aws.Answer(200, {"MetricAlarms": self.metric_alarms,
                                "CompositeAlarms": []})


@pytest.fixture
def amazon(servers):
    a = Aws()
    servers(a.front.stop)
    return a


class Seen:
    """The doctor's findings."""

    def __init__(self, agent):
        began = time.monotonic()
        r = agent.cli("doctor", "--json", check=False)
        self.seconds = time.monotonic() - began
        self.status, self.stderr = r.returncode, r.stderr
        self.list = json.loads(r.stdout)
        self.text = r.stdout
        for f in self.list:
            assert f["level"] in ("ok", "warn", "fail"), f
            assert f["level"] == "ok" or f["advice"] or \
                f["group"] == "configuration", f
        failed = any(f["level"] == "fail" for f in self.list)
        assert self.status == (1 if failed else 0)

    def of(self, check, level=None):
        return [f["finding"] for f in self.list
                if f["check"].startswith(check) and
                level in (None, f["level"])]

    def says(self, check, level, part):
        assert any(part in f for f in self.of(check, level)), \
            (check, level, part, self.list)

    def fails(self):
        return [f for f in self.list if f["level"] == "fail"]


def test_a_good_set_up(make_agent, amazon):
    agent = make_agent(conf=amazon.conf())
    seen = Seen(agent)
    assert seen.fails() == []
    assert seen.of("configuration", "ok")
    seen.says("store", "ok", "is in use by process")
    seen.says("disk", "ok", "writable; fsync takes")
    seen.says("space", "ok", "free")
    seen.says("install key", "ok", "install.key")
    seen.says("agent", "ok", "runs and is ready")
    seen.says("StackFlow", "ok", "answers in")
    seen.says("StackFlow token", "ok", "accepted")
    seen.says("clock", "ok", "StackFlow")
    seen.says("clock", "ok", "AWS")
    seen.says("AWS credentials", "ok", "configuration")
    seen.says("AWS caller", "ok", "user/tocsin")
    seen.says("queue alarms", "ok", "about 3 messages wait")
    seen.says("queue alarms", "ok", "has a dead-letter queue")
    seen.says("queue alarms", "ok", "deleting and giving back are allowed")
    seen.says("topic alarms", "ok", "confirmed, with a dead-letter queue")
    seen.says("alarms", "ok", "1 of 1")
    for secret in amazon.front.keys.secrets() + ["admin-token"]:
        assert secret not in seen.text
    assert agent.sandbox.info["api_key"] not in seen.text


def test_what_the_agent_warns_of_stands_in_its_line(make_agent, amazon):
    body = json.dumps({
        "Type": "Notification", "TopicArn": peers.TOPIC, "Message": "x",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "Timestamp": "2026-11-23T08:00:00.000Z", "SignatureVersion": "1",
        "Signature": "RVhBTVBMRQ==",
        "SigningCertURL": "https://sns.example.com/key.pem"})
    amazon.messages = [{"MessageId": "m", "ReceiptHandle": "r", "Body": body,
                        "MD5OfBody": hashlib.md5(body.encode()).hexdigest()}]
    agent = make_agent(conf=amazon.conf())
    peers.wait_for("the warning", lambda: b"dead-letters" in
                   agent.admin.call("GET", "/readyz")[2])
    Seen(agent).says("agent", "warn",
                     "runs: ready; warning dead-letters: 1 dead letter")


def test_lines_for_people(make_agent):
    agent = make_agent()
    r = agent.cli("doctor", check=False)
    for line in r.stdout.splitlines():
        assert line.startswith(("ok    ", "warn  ", "FAIL  ")), line
        if line.startswith("FAIL"):
            assert " \u2014 " in line
    assert "AWS: not asked for anything" in r.stdout
    assert not r.stderr


def test_without_an_agent(make_agent):
    agent = make_agent(start=False)
    seen = Seen(agent)
    seen.says("agent", "warn", "none answers")
    seen.says("store", "ok", "isn't there yet")
    seen.says("install key", "ok", "isn't there yet")
    assert not os.path.exists(agent.folder + "/tocsin.db")
    assert not os.path.exists(agent.folder + "/install.key")
    assert not [f for f in os.listdir(agent.folder) if "doctor" in f]


def test_a_store_that_cannot_be(make_agent):
    agent = make_agent(start=False, conf={
        "store": {"url": "sqlite:/nonexistent/folder/x.db"}})
    seen = Seen(agent)
    seen.says("store", "fail", "/nonexistent/folder: No such file")
    with open(agent.folder + "/other.db", "w") as f:
        f.write("this is not a database at all")
    agent.configure({"store": {"url": f"sqlite:{agent.folder}/other.db"}})
    seen = Seen(agent)
    seen.says("store", "fail", "is no SQLite database")
    seen.says("install key", "fail", "is missing, but the store is there")
    agent.configure({"store": {
        "url": f"sqlite:{agent.folder}/tocsin.db", "max_size": "900TiB"}})
    Seen(agent).says("space", "warn", "of 900 TiB")


def test_stackflow_away_and_its_token_refused(make_agent, sandbox):
    agent = make_agent(start=False, conf={"stackflow": {
        "base_url": f"http://127.0.0.1:{peers.free_port()}/prod/api"}})
    seen = Seen(agent)
    seen.says("StackFlow", "fail", "can't be reached")
    assert seen.seconds < 15
    agent.configure({"stackflow": {
        "auth": {"method": "api_key", "api_key": "sfk_wrong_secret_key"}}})
    seen = Seen(agent)
    seen.says("StackFlow", "ok", "answers in")
    seen.says("StackFlow token", "fail", "not accepted (401)")
    assert "sfk_wrong_secret_key" not in seen.text


def test_a_secret_that_only_the_service_sees(make_agent):
    agent = make_agent(start=False, conf={"stackflow": {
        "auth": {"method": "api_key", "api_key": "${credential:key}"}}})
    seen = Seen(agent)
    seen.says("configuration", "warn", "${credential:key}")
    assert seen.of("StackFlow token", "fail")
    seen.says("disk", "ok", "writable")


def test_a_configuration_that_cannot_be_used(make_agent):
    agent = make_agent(start=False, conf={"store": {"url": "mysql://x"}})
    r = agent.cli("doctor", check=False)
    assert r.returncode == 78
    assert "tocsin.yaml:" in r.stderr and "sqlite:/PATH" in r.stderr


# ---- certificates ----

class Chain:
    """A root, an intermediate, and a leaf by it."""

    def __init__(self, folder):
        self.root = tls.Authority(folder + "/root", "doctor root")
        self.middle = tls.Authority(folder + "/middle", "doctor middle")
        b = x509.CertificateBuilder()
        c = self.middle.certificate
        self.middle_certificate = (
            b.subject_name(c.subject).issuer_name(self.root.name)
            .public_key(c.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(c.not_valid_before)
            .not_valid_after(c.not_valid_after)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(self.root.key, hashes.SHA256()))

    def leaf(self, whole=True, **kw):
        certificate, key = self.middle.issue(("alarms.example.org",), **kw)
        if whole:
            with open(certificate, "ab") as f:
                f.write(tls.Authority.pem(self.middle_certificate))
        return {"certificate": certificate, "key": key}


def with_tls(agent, certificate, ca_file=None, **conf):
    agent.configure({"listen": [{"address": f"127.0.0.1:{agent.port}",
                                 "tls": certificate}],
                     "network": {"ca_file": ca_file}, **conf})
    return Seen(agent)


def test_certificate_chains(make_agent, folder):
    agent = make_agent(start=False)
    chain = Chain(folder)
    ca = chain.root.ca_file
    what = "listen 127.0.0.1"

    seen = with_tls(agent, chain.leaf(end=364.5), ca)
    seen.says(what, "warn", "complete, but leads to a root of "
              "network.ca_file alone")
    seen.says(what, "ok", "alarms.example.org")
    seen.says(what, "ok", "364 days are left")

    seen = with_tls(agent, chain.leaf(whole=False), ca)
    seen.says(what, "fail", "is not complete: the certificate of "
              '"CN = doctor middle" is neither in the file')

    seen = with_tls(agent, chain.leaf(end=2.5), ca)
    seen.says(what, "warn", "certificate 1 of the chain ends in 2 days")
    seen = with_tls(agent, chain.leaf(begin=-30, end=-1), ca)
    seen.says(what, "fail", "certificate 1 of the chain has expired")
    seen = with_tls(agent, chain.leaf(begin=2), ca)
    seen.says(what, "fail", "isn't valid yet")

    # A root that nobody knows; SNS matters only where topics are named.
    seen = with_tls(agent, chain.leaf())
    seen.says(what, "fail", '"CN = doctor root"')
    seen = with_tls(agent, chain.leaf(), sns=None)
    assert not seen.of(what, "fail") and seen.of(what, "warn")


def test_keys_and_files_of_certificates(make_agent, folder):
    agent = make_agent(start=False)
    chain = Chain(folder)
    good = chain.leaf()
    other = chain.middle.issue(stem="other")
    what = "listen 127.0.0.1"

    seen = with_tls(agent, {**good, "key": other[1]}, chain.root.ca_file)
    seen.says(what, "fail", "is not the key of the first certificate")
    empty = os.path.join(folder, "empty.pem")
    with open(empty, "w") as f:
        f.write("nothing\n")
    os.chmod(empty, stat.S_IRUSR)
    seen = with_tls(agent, {**good, "certificate": empty})
    seen.says(what, "fail", "holds no certificate in PEM")
    seen = with_tls(agent, {**good, "key": empty})
    seen.says(what, "fail", "holds no key that can be read")
    with open(good["certificate"], "ab") as f:
        with open(other[0], "rb") as g:
            f.write(g.read())
    seen = with_tls(agent, good, chain.root.ca_file)
    seen.says(what, "warn", "certificate 3 of the file did not issue the one "
              "before it")


def test_a_certificate_signed_by_itself(make_agent, folder):
    agent = make_agent(start=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    now = datetime.datetime.utcnow()
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - tls.DAY).not_valid_after(now + 99 * tls.DAY)
        .sign(key, hashes.SHA256()))
    paths = {k: os.path.join(folder, k) for k in ("certificate", "key")}
    with open(paths["certificate"], "wb") as f:
        f.write(tls.Authority.pem(certificate))
    with open(paths["key"], "wb") as f:
        f.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    os.chmod(paths["key"], 0o600)
    seen = with_tls(agent, paths)
    seen.says("listen 127.0.0.1", "fail", "signed by itself")
    seen.says("listen 127.0.0.1", "fail", "names no host")


# ---- AWS ----

def doctor(make_agent, amazon, **conf):
    return Seen(make_agent(start=False, conf=amazon.conf(**conf)))


def test_queues(make_agent, amazon):
    del amazon.queue["RedrivePolicy"]
    amazon.queue["MessageRetentionPeriod"] = "3600"
    amazon.queue["Policy"] = "{}"
    amazon.queue["KmsMasterKeyId"] = "alias/x"
    seen = doctor(make_agent, amazon)
    seen.says("queue alarms", "warn", "no dead-letter queue")
    seen.says("queue alarms", "warn", "keeps a message for 60m only")
    seen.says("queue alarms", "warn", "neither SNS nor EventBridge")
    seen.says("queue alarms", "ok", "kms:Decrypt")
    amazon.queue["RedrivePolicy"] = '{"maxReceiveCount":2}'
    seen = doctor(make_agent, amazon)
    seen.says("queue alarms", "warn", "after 2 receives")
    assert not amazon.front.seen("ReceiveMessage")


@pytest.mark.parametrize("operation,level,part", [
    ("GetQueueAttributes", "warn", "not checked, for sqs:GetQueueAttributes"),
    ("DeleteMessageBatch", "fail", "sqs:DeleteMessage is not allowed"),
    ("ChangeMessageVisibilityBatch", "warn", "sqs:ChangeMessageVisibility"),
    ("ListSubscriptionsByTopic", "warn", "not checked"),
    ("GetSubscriptionAttributes", "warn", "not checked"),
    ("DescribeAlarms", "warn", "not checked"),
])
def test_rights_that_are_missing(make_agent, amazon, operation, level, part):
    amazon.front.fault("denied", operation, count=None)
    seen = doctor(make_agent, amazon)
    assert any(part in f["finding"] and f["level"] == level
               for f in seen.list), seen.list


def test_a_queue_that_is_not_there(make_agent, amazon):
    amazon.front.fault("no_queue", count=None)
    seen = doctor(make_agent, amazon)
    seen.says("queue alarms", "fail", "QueueDoesNotExist")


def test_subscriptions(make_agent, amazon):
    amazon.attributes = {}
    seen = doctor(make_agent, amazon)
    seen.says("topic alarms", "warn", "has no dead-letter queue")
    amazon.subscriptions = [("PendingConfirmation", "https",
                             "https://alarms.example.org/sns")]
    seen = doctor(make_agent, amazon)
    seen.says("topic alarms", "fail", "waits for its confirmation")
    amazon.subscriptions = [(SUBSCRIPTION, "email", "me@example.org"),
                            (SUBSCRIPTION, "sqs", QUEUE_ARN + "-other")]
    seen = doctor(make_agent, amazon)
    seen.says("topic alarms", "fail", "none of its 2 subscriptions leads here")
    amazon.subscriptions = [(SUBSCRIPTION, "https",
                             "https://u:p@alarms.example.org/sns?x=1")]
    amazon.attributes = {
        "RawMessageDelivery": "true", "EffectiveDeliveryPolicy":
        '{"healthyRetryPolicy":{"numRetries":3}}'}
    seen = doctor(make_agent, amazon)
    seen.says("topic alarms", "fail", "delivers raw over HTTPS")
    seen.says("topic alarms", "warn", "SNS tries 3 times again")
    seen = doctor(make_agent, amazon,
                  sns={"topics": [peers.TOPIC[:-1] + "*"]})
    seen.says("subscriptions", "ok", "not checked: a pattern")


def test_alarms_without_an_ok_action(make_agent, amazon):
    amazon.metric_alarms = [amazon.alarm(f"alarm-{k}", []) for k in range(9)]
    amazon.metric_alarms += [amazon.alarm("fine", [peers.TOPIC])]
    amazon.metric_alarms += [{**amazon.alarm("off", []),
                              "ActionsEnabled": False}]
    seen = doctor(make_agent, amazon)
    seen.says("alarms", "warn", "9 of 10 in us-east-1 have no OK action: "
              "alarm-0, alarm-1, alarm-2, alarm-3, alarm-4, ...")


def test_the_fallback_topic(make_agent, amazon):
    fallback = {"fallback": {"sns": peers.TOPIC + "-people"}}
    seen = doctor(make_agent, amazon, stackflow=fallback)
    seen.says("fallback topic", "ok", "publishing was not tried")
    amazon.front.fault("error", "GetTopicAttributes", count=None,
                       code="NotFound", status=404)
    seen = doctor(make_agent, amazon, stackflow=fallback)
    seen.says("fallback topic", "fail", "NotFound")


def test_credentials(make_agent, amazon):
    seen = doctor(make_agent, amazon, aws={
        "region": peers.REGION, "endpoint_url": amazon.front.url})
    seen.says("AWS credentials", "fail", "")
    assert not amazon.front.requests
    seen = doctor(make_agent, amazon, aws={
        "region": peers.REGION, "endpoint_url": amazon.front.url,
        "access_key_id": "AKIAUNKNOWNUNKNOWN", "secret_access_key": "s3cret"})
    seen.says("AWS caller", "fail", "no keys that are accepted")
    assert "s3cret" not in seen.text


def test_a_clock_that_is_wrong(make_agent, amazon):
    amazon.front.skew = 900
    seen = doctor(make_agent, amazon)
    seen.says("clock", "fail", "behind AWS's")


def test_aws_away(make_agent, amazon):
    amazon.front.fault("hang", count=None)
    seen = doctor(make_agent, amazon)
    assert seen.seconds < 40 * peers.patience()
    assert seen.of("queue alarms", "warn") or seen.of("queue alarms", "fail")
