"""Beside sns-payload-validator: what each says of the same messages."""
import base64
import copy
import glob
import json
import os
import shutil
import subprocess

import aws
import peers
import pytest

CORPUS = os.environ.get("TOCSIN_CORPUS", "")


class Oracle:
    def __init__(self, certificates):
        self.popen = subprocess.Popen(
            ["node", os.path.join(aws.NODE_PEERS, "oracle.mjs"),
             certificates], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def genuine(self, message):
        """message: the object or its text."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.popen.stdin.write(json.dumps(text) + "\n")
        self.popen.stdin.flush()
        return json.loads(self.popen.stdout.readline())["genuine"]

    def stop(self):
        self.popen.stdin.close()
        self.popen.wait()
        self.popen.stdout.close()


@pytest.fixture
def oracle():
    aws.need_node("sns-payload-validator")
    made = []

    def make(folder):
        made.append(Oracle(folder))
        return made[-1]

    yield make
    for o in made:
        o.stop()


@pytest.mark.skipif(not CORPUS, reason="TOCSIN_CORPUS isn't set")
def test_both_know_what_aws_signed(oracle, tmp_path):
    """The oracle takes all; so does our verifier, by its unit test's table."""
    o = oracle(os.path.join(CORPUS, "certs"))
    files = sorted(glob.glob(os.path.join(CORPUS, "sns-signed", "*.json")))
    assert len(files) >= 31
    for path in files:
        with open(path, encoding="utf-8") as f:
            message = json.load(f)
        assert o.genuine(message), path
        for key in ("Message", "Timestamp", "TopicArn", "MessageId"):
            assert not o.genuine(dict(message, **{
                key: message[key] + "x"})), (path, key)
    ours = os.path.join(peers.BUILD, "unit", "aws", "corpus_test")
    if not os.path.exists(ours):
        pytest.skip("the unit tests aren't built")
    r = subprocess.run([ours], env=dict(os.environ, TOCSIN_CORPUS=CORPUS,
                                        CMOCKA_MESSAGE_OUTPUT="stdout"),
                       capture_output=True, text=True, timeout=120)
    assert r.returncode == 0 and "[       OK ]" in r.stdout + r.stderr, \
        r.stdout[-2000:]
    assert "SKIPPED" not in r.stdout + r.stderr


def pem_folder(sandbox, url, folder):
    """The sandbox's signing certificate under the name that its URL has."""
    os.makedirs(folder)
    for root, _, files in os.walk(sandbox.folder):
        for name in files:
            path = os.path.join(root, name)
            if name.endswith((".pem", ".crt")) and "sign" in name:
                shutil.copy(path, os.path.join(folder,
                                               os.path.basename(url)))
    assert os.listdir(folder), "the sandbox's signing certificate"
    return folder


def variants(message):
    """(name, message): one change each, the signature left as it is."""
    yield "as it is", message
    for key in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn"):
        if key in message:
            m = copy.deepcopy(message)
            if key == "Timestamp":
                m[key] = m[key][:-2] + ("0Z" if m[key][-2] != "0" else "1Z")
            elif key == "MessageId":
                m[key] = m[key][:-1] + ("0" if m[key][-1] != "0" else "1")
            elif key == "TopicArn":
                m[key] += "-2"
            else:
                m[key] += " "
            yield key, m
    if "Subject" in message:
        m = copy.deepcopy(message)
        del m["Subject"]
        yield "without Subject", m
    else:
        yield "with Subject", dict(message, Subject="x")
        yield "null Subject", dict(message, Subject=None)
    yield "version", dict(message, SignatureVersion="1" if
                          message["SignatureVersion"] == "2" else "2")
    signature = bytearray(base64.b64decode(message["Signature"]))
    signature[0] ^= 1
    yield "Signature", dict(message, Signature=base64.b64encode(
        bytes(signature)).decode())
    yield "unsigned part", dict(message, UnsubscribeURL="https://x.invalid/")


TEXTS = ["plain", "", "two\nlines\n", "\tTab", "Ümlaut \U0001f525 \u2028",
         "Message\nMessageId\nx", "quote \" and \\ back", "\r\n", "\x7f",
         "x" * 100000]


def test_both_agree_on_what_the_sandbox_signed(agent, sandbox, oracle,
                                               folder):
    samples = []
    for k, text in enumerate(TEXTS):
        for version in ("1", "2"):
            fields = {"message": text or " ", "topic": peers.TOPIC,
                      "signature_version": int(version)}
            if k % 2:
                fields["subject"] = f"Subject {k}"
            samples.append(json.loads(sandbox.sign(**fields)))
    assert {m["SignatureVersion"] for m in samples} == {"1", "2"}
    o = oracle(pem_folder(sandbox, samples[0]["SigningCertURL"],
                          os.path.join(folder, "pem")))
    disagree, counts = [], {True: 0, False: 0}
    for message in samples:
        for name, m in variants(message):
            text = json.dumps(m)
            status = agent.http.call("POST", "/sns", text, {})[0]
            assert status in (200, 403), (status, name)
            theirs = o.genuine(text)
            counts[theirs] += 1
            if (status == 200) != theirs:
                disagree.append((name, status, theirs, text[:200]))
    assert not disagree, disagree[:3]
    assert counts[True] >= len(samples) * 2 and counts[False] > 100
