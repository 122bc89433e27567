"""The peers themselves: a harness that sees no fault proves nothing."""
import glob
import json
import os
import re
import subprocess
import time

import aws
import peers
import pytest

CORPUS = os.environ.get("TOCSIN_CORPUS", "")
# AWS's own example of a signature, as its documentation prints it.
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLE = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def test_signature_of_the_documentation():
    headers = [("Host", "example.amazonaws.com"),
               ("X-Amz-Date", "20150830T123600Z")]
    canonical = aws.canonical_request("GET", "/", "", headers,
                                      ["host", "x-amz-date"], b"")
    assert aws.signature(EXAMPLE_SECRET,
                         "20150830/us-east-1/service/aws4_request",
                         "20150830T123600Z", canonical) == EXAMPLE


CASES = sorted(glob.glob(os.path.join(CORPUS, "sigv4", "*"))) \
    if CORPUS else []


@pytest.mark.skipif(not CASES, reason="TOCSIN_CORPUS isn't set")
def test_signatures_of_awss_suite():
    checked = 0
    for case in CASES:
        def text(name):
            with open(os.path.join(case, name), encoding="utf-8",
                      newline="") as f:
                return f.read()
        context = json.loads(text("context.json"))
        if context.get("normalize") and "normalized" in case:
            continue            # no path of ours needs it
        canonical = text("header-canonical-request.txt").replace("\r\n", "\n")
        stamp = context["timestamp"].replace("-", "").replace(":", "")
        scope = f"{stamp[:8]}/{context['region']}/{context['service']}" \
            "/aws4_request"
        secret = context["credentials"]["secret_access_key"]
        assert aws.signature(secret, scope, stamp, canonical) == \
            text("header-signature.txt").strip(), case
        checked += 1
    assert checked >= 25


@pytest.fixture
def front(folder):
    aws.need_node("fauxqs")
    f = aws.Fauxqs(folder)
    i = aws.Injector(f)
    yield i
    i.stop()
    f.stop()


def curl(front, key, operation, body, *options, region=peers.REGION,
         secret=None):
    """Signed by libcurl, which shares nothing with the check."""
    argv = ["curl", "-sS", "-o", "-", "-w", "\n%{http_code}", "--max-time",
            "20", "--aws-sigv4", f"aws:amz:{region}:sqs", "--user",
            f"{key['id']}:{secret or key['secret']}", "-H",
            f"Content-Type: {aws.JSON_TYPE}", "-H",
            f"X-Amz-Target: AmazonSQS.{operation}", "--data-binary",
            json.dumps(body), *options, front.url + "/"]
    if key["token"]:
        argv[-1:-1] = ["-H", f"X-Amz-Security-Token: {key['token']}"]
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode:
        return r.returncode, None
    data, _, status = r.stdout.rpartition("\n")
    return int(status), data


def code_of(data):
    return re.sub(".*#", "", json.loads(data)["__type"])


def test_the_injector_checks_signatures(front):
    queue = front.fauxqs.create("alarms")
    queue.send("hello")
    plain = front.keys.new()
    temporary = front.keys.new("ASIA", 60, token=True)
    body = {"QueueUrl": queue.url, "WaitTimeSeconds": 0,
            "VisibilityTimeout": 0}
    for key in (plain, temporary):
        status, data = curl(front, key, "ReceiveMessage", body)
        assert status == 200, data
        assert json.loads(data)["Messages"][0]["Body"] == "hello"
    assert [r.key for r in front.seen()] == [plain["id"], temporary["id"]]
    status, data = curl(front, plain, "ReceiveMessage", body,
                        secret="x" * 40)
    assert (status, code_of(data)) == (403, "InvalidSignatureException")
    status, data = curl(front, plain, "ReceiveMessage", body,
                        region="eu-west-1")
    assert (status, code_of(data)) == (400, "InvalidSignatureException")
    status, data = curl(front, {"id": "AKIAUNKNOWNUNKNOWN", "secret": "x",
                                "token": None}, "ReceiveMessage", body)
    assert (status, code_of(data)) == (403, "UnrecognizedClientException")
    status, data = curl(front, dict(temporary, token="other"),
                        "ReceiveMessage", body)
    assert (status, code_of(data)) == (403, "UnrecognizedClientException")
    temporary["expires"] = time.time() - 1
    status, data = curl(front, temporary, "ReceiveMessage", body)
    assert (status, code_of(data)) == (403, "ExpiredTokenException")
    front.skew = 600
    status, data = curl(front, plain, "ReceiveMessage", body)
    assert status == 403 and "Signature expired" in data
    status, _, data = peers.Http(front.port).call(
        "POST", "/", body, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    assert (status, code_of(data)) == (403,
                                       "MissingAuthenticationTokenException")


def test_the_injector_fails_as_it_is_told(front):
    queue = front.fauxqs.create("alarms")
    queue.fill([f"m{k}" for k in range(10)])
    key = front.keys.new()

    def receive(**more):
        return curl(front, key, "ReceiveMessage",
                    {"QueueUrl": queue.url, "MaxNumberOfMessages": 10,
                     "VisibilityTimeout": 0, **more})

    for kind, (code, _, status) in aws.REFUSALS.items():
        front.fault(kind, "ReceiveMessage")
        got, data = receive()
        assert (got, code_of(data)) == (status, code)
        assert receive()[0] == 200, "a fault strikes as often as it was told"
    for kind, curl_code in (("reset", 56), ("lost", 56), ("truncate", 18)):
        front.fault(kind)
        assert receive()[0] == curl_code, kind
    front.fault("garbage")
    with pytest.raises(ValueError):
        json.loads(receive()[1])
    front.fault("wrong_md5")
    first, second, *_ = json.loads(receive()[1])["Messages"]
    assert first["MD5OfBody"] != second["MD5OfBody"]
    began = time.monotonic()
    front.fault("delay", seconds=0.5)
    assert receive()[0] == 200 and time.monotonic() - began >= 0.5
    front.fault("hang")
    got = curl(front, key, "ReceiveMessage", {"QueueUrl": queue.url},
               "--max-time", "0.5")
    assert got[0] == 28
    messages = json.loads(receive(VisibilityTimeout=60)[1])["Messages"]
    front.fault("partial", "DeleteMessageBatch", entries=[0, 3])
    status, data = curl(front, key, "DeleteMessageBatch", {
        "QueueUrl": queue.url, "Entries": [
            {"Id": str(k), "ReceiptHandle": m["ReceiptHandle"]}
            for k, m in enumerate(messages)]})
    answer = json.loads(data)
    assert len(answer["Successful"]) == 8
    assert [f["Id"] for f in answer["Failed"]] == ["0", "3"]
    assert queue.counts() == (0, 2)


def test_lock_files_name_no_host():
    """Whoever installs says where from; npm keeps the hashes."""
    for folder in (aws.NODE_PEERS, os.path.join(aws.NODE_PEERS, "bench")):
        with open(os.path.join(folder, "package-lock.json")) as f:
            lock = json.load(f)
        for path, package in lock["packages"].items():
            assert "resolved" not in package, path
            assert not path or "integrity" in package, path
