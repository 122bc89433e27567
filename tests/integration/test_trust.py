"""Who may speak: every check of the SNS path, with its exact status."""
import base64
import copy
import glob
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import uuid

import peers
import pytest
import timed
import tls

FETCHES = "tocsin_certificate_fetches_total"
CORPUS = os.environ.get("TOCSIN_CORPUS", "")


class Desk:
    """One agent for the checks that leave nothing behind."""

    def __init__(self, folder):
        self.sandbox = peers.Sandbox(folder)
        self.agent = peers.Agent(folder, self.sandbox)
        self.signer = peers.Signer(self.sandbox)
        # From here on the sandbox's certificate is known.
        assert self.agent.post(self.envelope()) == 200

    def envelope(self, **changes):
        return self.signer.envelope(
            peers.alarm(f"warm-{uuid.uuid4()}"), **changes)

    def fields(self, **changes):
        return json.loads(self.envelope(**changes))

    def rejected(self):
        return {k: v for k, v in self.agent.metrics().items()
                if k.startswith("tocsin_events_rejected_total")}

    def sent(self, body, status, headers=None):
        """Post it; it got this status, and nothing came of it."""
        if isinstance(body, dict):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        before = self.agent.metrics()
        got, headers, data = self.agent.http.call(
            "POST", "/sns", body, headers or {})
        after = self.agent.metrics()
        wanted = status if isinstance(status, tuple) else (status,)
        assert got in wanted, (got, wanted, data, body[:400])
        if 200 not in wanted:
            for name in ("tocsin_events_accepted_total", FETCHES,
                         "tocsin_subscriptions_confirmed_total"):
                assert after[name] == before[name], name
        if got == 503:
            assert int(headers["retry-after"]) >= 1
        return data.decode()

    def close(self):
        assert self.agent.stop() == 0
        self.sandbox.stop()
        text = self.agent.process.text()
        assert "Sanitizer" not in text and "runtime error" not in text


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    d = Desk(str(tmp_path_factory.mktemp("trust")))
    yield d
    d.close()


# ---- malformed: 400 ----

BAD_JSON = [
    b"", b" ", b"null", b"[]", b'"text"', b"7", b"{", b"{]", b"nul",
    b"{'Type':'Notification'}", b'{"a":NaN}', b'{"a":Infinity}',
    b'{"a":01}', b'{"a":1,}', b'{"a":"\xc0\xaf"}', b'{"a":"\xff"}',
    b'{"a":"\\ud800"}', b'{"a":"\t"}', b'{"a":"\\x41"}', b'{"a":1}x',
    b'{"a":1}\0{"b":1}', b"\xef\xbb\xbf{}", b"[" * 100000,
    b'{"a":' * 100000, b"{}{}", b"/* */{}", b"{\"a\":1e}",
    b"hello", b"<xml/>",
]


@pytest.mark.parametrize("body", BAD_JSON,
                         ids=[str(i) for i in range(len(BAD_JSON))])
def test_what_is_no_json_object_is_400(desk, body):
    started = time.monotonic()
    desk.sent(body, 400)
    assert time.monotonic() - started < 2 * peers.patience()


SIGNED = ["Type", "MessageId", "TopicArn", "Message", "Timestamp",
          "SignatureVersion", "Signature", "SigningCertURL"]
ILL_TYPED = [[], {}, 0, 1, 2, -1, 1.5, True, False, None, ["x"],
             {"Type": "Notification"}, [["Notification"]]]


def test_missing_and_ill_typed_fields_are_400(desk):
    """S8: each field left out, and as each type that it isn't."""
    for field in SIGNED:
        m = desk.fields()
        del m[field]
        assert field in desk.sent(m, 400)
        for value in ILL_TYPED:
            m = desk.fields()
            m[field] = value
            desk.sent(m, 400)
    for value in ILL_TYPED:
        # A null Subject is what "not sent" looks like to some.
        m = desk.fields()
        m["Subject"] = value
        desk.sent(m, 200 if value is None else 400)


def test_fields_of_confirmations_are_checked_too(desk):
    whole = json.loads(desk.sandbox.sign(
        message="x", topic=peers.TOPIC, type="SubscriptionConfirmation",
        token="ab12"))
    for field in SIGNED + ["Token", "SubscribeURL"]:
        for value in ILL_TYPED + [...]:
            m = copy.deepcopy(whole)
            m[field] = value
            if value is ...:
                del m[field]
            desk.sent(m, 400)


@pytest.mark.parametrize("field", SIGNED)
def test_duplicate_keys_are_400(desk, field):
    text = desk.envelope().decode()
    value = json.dumps(json.loads(text)[field])
    # The same value twice too: whose reader takes the first, whose the last?
    desk.sent(text.replace("{", f'{{"{field}": {value},', 1), 400)
    desk.sent(text.replace("{", f'{{"{field}": "other",', 1), 400)
    escaped = "".join(f"\\u{ord(c):04x}" for c in field)
    desk.sent(text.replace("{", f'{{"{escaped}": {value},', 1), 400)


def test_nul_anywhere_is_400(desk):
    text = desk.envelope().decode()
    desk.sent(text.replace("{", '{"Type\\u0000x": "y",', 1), 400)
    desk.sent(text + "\0", 400)
    for field in SIGNED + ["Subject"]:
        m = desk.fields(subject="s")
        m[field] = m[field] + "\0"
        desk.sent(m, 400)


@pytest.mark.parametrize("kind", [
    "", "notification", "NOTIFICATION", "Notification ", " Notification",
    "Notification\n", "Notificatio", "Notifications", "Alarm",
    "SubscriptionConfirmation2"])
def test_another_type_is_400(desk, kind):
    m = desk.fields()
    m["Type"] = kind
    desk.sent(m, 400)


BAD_FORM = {
    "MessageId": ["", "x", "0" * 36, "../../etc/passwd",
                  "4bb079fa-a854-5488-ae1f-82766470", "{" + "a" * 36 + "}"],
    "Timestamp": ["", "now", "2026-11-21", "2026-11-21T10:00:00Z",
                  "2026-11-21T10:00:00.000+00:00", "2026-13-21T10:00:00.000Z",
                  "2026-11-21T25:00:00.000Z", "2026-02-30T10:00:00.000Z",
                  "99999-11-21T10:00:00.000Z", "-026-11-21T10:00:00.000Z"],
    "SignatureVersion": ["", "0", "3", "1.0", " 1", "01", "v1"],
    "Signature": ["", "!", "AAA", "A A=", "=" * 8, "A" * 4000],
    "TopicArn": ["", "alarms", "arn:aws:sqs:us-east-1:111122223333:alarms",
                 "arn:aws:sns:us-east-1:111122223333:",
                 "arn:aws:sns:us-east-1:111122223333:a:b",
                 "arn:aws:sns:us-east-1:1111:alarms",
                 "arn:aws:sns:us-east-1/../x:111122223333:alarms",
                 "arn:aws:sns:us-east-1.evil.example:111122223333:alarms",
                 "arn:aws:sns::111122223333:alarms",
                 "arn:aws-evil:sns:us-east-1:111122223333:alarms",
                 # a region of another partition
                 "arn:aws:sns:cn-north-1:111122223333:alarms",
                 "arn:aws-cn:sns:us-east-1:111122223333:alarms",
                 "arn:aws:sns:us-gov-west-1:111122223333:alarms"],
}


@pytest.mark.parametrize("field", BAD_FORM)
def test_fields_of_another_form_are_400(desk, field):
    for value in BAD_FORM[field]:
        m = desk.fields()
        m[field] = value
        desk.sent(m, 400)


def test_signature_version_as_a_number_is_400(desk):
    for value in (1, 2):
        m = desk.fields()
        m["SignatureVersion"] = value
        desk.sent(m, 400)


def test_headers_that_contradict_the_body_are_400(desk):
    for name, value in [
            ("x-amz-sns-message-type", "SubscriptionConfirmation"),
            ("x-amz-sns-message-id", str(uuid.uuid4())),
            ("x-amz-sns-topic-arn", peers.TOPIC + "2")]:
        body = desk.envelope()
        headers = peers.sns_headers(body)
        desk.sent(body, 200, headers)
        headers[name] = value
        desk.sent(desk.envelope(), 400, headers)
    # Without them, as some proxies pass it on, nothing is contradicted.
    desk.sent(desk.envelope(), 200, {})


# ---- foreign topics: 403 ----

@pytest.mark.parametrize("topic", [
    "arn:aws:sns:us-east-1:999988887777:alarms",
    "arn:aws:sns:us-west-2:111122223333:alarms",
    "arn:aws-us-gov:sns:us-gov-west-1:111122223333:alarms",
    "arn:aws-cn:sns:cn-north-1:111122223333:alarms"])
def test_a_foreign_topic_is_403(desk, topic):
    """Rightly signed, and still nobody who may speak here."""
    desk.sent(desk.envelope(topic=topic), 403)
    assert desk.rejected()[
        'tocsin_events_rejected_total{reason="topic"}'] > 0


def test_a_pattern_never_crosses_a_colon(make_agent, sandbox):
    agent = make_agent(conf={"sns": {"topics": [
        "arn:aws:sns:us-*:111122223333:alarms-*"]}})
    signer = peers.Signer(sandbox)
    for name, status in [("alarms-x", 200), ("alarms", 403),
                         ("alarm", 403), ("xalarms-y", 403)]:
        topic = f"arn:aws:sns:us-east-1:111122223333:{name}"
        assert agent.post(signer.envelope("x", topic=topic)) == status, name
    topic = "arn:aws:sns:eu-west-1:111122223333:alarms-x"
    assert agent.post(signer.envelope("x", topic=topic)) == 403


def test_without_topics_nobody_may_speak(make_agent, sandbox):
    agent = make_agent(conf={"sns": {"topics": []}})
    assert agent.send(peers.alarm()) == 403
    assert agent.metrics()[FETCHES] == 0


# ---- the certificate's URL: 403, and nothing is fetched ----

HOST = "sns.us-east-1.amazonaws.com"
PEM = "/SimpleNotificationService-" + "0" * 31 + "1.pem"
URLS = [
    "http://" + HOST + PEM,
    "https://evil.example" + PEM,
    "https://sns.us-west-2.amazonaws.com" + PEM,
    "https://sns.us-east-1.amazonaws.com.cn" + PEM,
    "https://sns.cn-north-1.amazonaws.com.cn" + PEM,
    "https://sns.us-east-1.amazonaws.com.evil.example" + PEM,
    "https://evil.example/sns.us-east-1.amazonaws.com" + PEM,
    "https://sns.s3-us-west-2.amazonaws.com" + PEM,
    "https://sns.s3.amazonaws.com" + PEM,
    "https://s3.amazonaws.com/sns" + PEM,
    "https://s3.us-east-1.amazonaws.com" + PEM,
    "https://sns-us-east-1.amazonaws.com" + PEM,
    "https://snsXus-east-1.amazonaws.com" + PEM,
    "https://xsns.us-east-1.amazonaws.com" + PEM,
    "https://x.sns.us-east-1.amazonaws.com" + PEM,
    "https://amazonaws.com" + PEM,
    "https://sns.amazonaws.com" + PEM,
    "https://" + HOST + "." + PEM,
    "https://SNS.us-east-1.amazonaws.com" + PEM,
    "https://" + HOST.upper() + PEM,
    "HTTPS://" + HOST + PEM,
    "https://" + HOST + ":80" + PEM,
    "https://" + HOST + ":8443" + PEM,
    "https://" + HOST + ":0443" + PEM,
    "https://" + HOST + ":" + PEM,
    "https://" + HOST + ":443:443" + PEM,
    "https://user@" + HOST + PEM,
    "https://user:pw@" + HOST + PEM,
    "https://" + HOST + "@evil.example" + PEM,
    "https://" + HOST + ":443@evil.example" + PEM,
    "https://evil.example\\@" + HOST + PEM,
    "https://evil.example#@" + HOST + PEM,
    "https://" + HOST + PEM + "?x=1",
    "https://" + HOST + PEM + "?",
    "https://" + HOST + PEM + "#x",
    "https://" + HOST + "/?x=" + PEM,
    "https://" + HOST + "?" + PEM,
    "https://" + HOST + "/." + PEM,
    "https://" + HOST + "/.." + PEM,
    "https://" + HOST + "/x/.." + PEM,
    "https://" + HOST + "//" + PEM,
    "https://" + HOST + "/%2e%2e" + PEM,
    "https://" + HOST + PEM.replace("Simple", "%53imple"),
    "https://" + HOST + PEM.replace(".pem", ".pem/"),
    "https://" + HOST + PEM.replace(".pem", ".pem.exe"),
    "https://" + HOST + PEM.replace(".pem", ".PEM"),
    "https://" + HOST + PEM.replace(".pem", ""),
    "https://" + HOST + PEM.replace("-0", "-g"),
    "https://" + HOST + PEM.replace("-0", "-A"),
    "https://" + HOST + PEM.replace("-0", "-"),
    "https://" + HOST + PEM.replace("-0", "-00"),
    "https://" + HOST + PEM.replace("-0", "-/"),
    "https://" + HOST + PEM.replace("SimpleN", "simplen"),
    "https://" + HOST + "/ecr.pem",
    "https://" + HOST + "/",
    "https://" + HOST,
    "https://" + HOST + "/?Action=ConfirmSubscription&x=.pem",
    "https://" + HOST + "/latest/api.pem",
    "https:" + HOST + PEM,
    "https:/" + HOST + PEM,
    "https:///" + HOST + PEM,
    "https:\\\\" + HOST + PEM,
    "//" + HOST + PEM,
    HOST + PEM,
    PEM,
    " https://" + HOST + PEM,
    "https://" + HOST + PEM + " ",
    "https:// " + HOST + PEM,
    "https://" + HOST + " " + PEM,
    "https://127.0.0.1" + PEM,
    "https://localhost" + PEM,
    "https://[::1]" + PEM,
    "https://[::ffff:127.0.0.1]" + PEM,
    "https://2130706433" + PEM,
    "https://0x7f000001" + PEM,
    "https://0177.0.0.1" + PEM,
    "https://169.254.169.254" + PEM,
    "https://sns.us-east-1.amaz\u00f6naws.com" + PEM,
    "https://sns.us\u2010east-1.amazonaws.com" + PEM,
    "https://sns\u3002us-east-1\u3002amazonaws\u3002com" + PEM,
    "https://xn--sns-us-east-1.amazonaws.com" + PEM,
    "file:///etc/passwd",
    "file://" + HOST + PEM,
    "ftp://" + HOST + PEM,
    "gopher://" + HOST + PEM,
    "data:application/x-pem-file,x.pem",
    "javascript:alert(1)",
]


def test_only_the_canonical_certificate_url_is_fetched(desk):
    """S11; sent() looks that no certificate was asked for."""
    for url in URLS:
        m = desk.fields()
        m["SigningCertURL"] = url
        desk.sent(m, 403)
    for url in ["https://" + HOST + "\n" + PEM, "", "https://" + "a" * 600]:
        m = desk.fields()
        m["SigningCertURL"] = url
        desk.sent(m, (400, 403))
    # Its own port is the same URL, already known.
    m = desk.fields()
    m["SigningCertURL"] = m["SigningCertURL"].replace(".com/", ".com:443/")
    before = desk.agent.metrics()[FETCHES]
    desk.sent(m, 200)
    assert desk.agent.metrics()[FETCHES] == before


# ---- the signature: 403 ----

def flip(text, at):
    """Another character of the same sort: a hex digit stays one."""
    c = text[at]
    other = "1" if c == "0" else "0" if c.isdigit() else \
        chr((ord(c) - 1 ^ 1) + 1) if c.isalpha() else "a"
    return text[:at] + other + text[at + 1:]


@pytest.mark.parametrize("version", [1, 2])
def test_one_byte_of_any_signed_field_is_403(desk, version):
    whole = json.loads(desk.sandbox.sign(
        message=peers.alarm("sealed"), topic=peers.TOPIC, subject="Sealed",
        signature_version=version))
    for field in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn",
                  "Signature"]:
        at = {"Timestamp": 22, "TopicArn": -1, "MessageId": 3}.get(field, 5)
        m = dict(whole)
        at = at % len(m[field])
        m[field] = flip(m[field], at)
        assert m[field] != whole[field]
        desk.sent(m, 403)
    for name in ("Message", "Subject"):
        for change in (lambda s: s + "x", lambda s: s[:-1],
                       lambda s: s + " ", lambda s: ""):
            m = dict(whole)
            m[name] = change(m[name])
            desk.sent(m, 403)
    m = dict(whole)
    del m["Subject"]
    desk.sent(m, 403)
    desk.sent(dict(whole, Type="SubscriptionConfirmation", Token="ab",
                   SubscribeURL="https://x"), 403)
    desk.sent(whole, 200)


def test_a_subject_that_was_not_signed_is_403(desk):
    m = desk.fields()
    m["Subject"] = ""
    desk.sent(m, 403)
    m["Subject"] = "added"
    desk.sent(m, 403)


@pytest.mark.parametrize("version", [1, 2])
def test_versions_can_not_be_swapped(desk, version):
    m = json.loads(desk.sandbox.sign(message=peers.alarm(),
                                     topic=peers.TOPIC,
                                     signature_version=version))
    m["SignatureVersion"] = str(3 - version)
    desk.sent(m, 403)


def test_somebody_elses_key_and_odd_signatures_are_403(desk):
    desk.sent(desk.sandbox.sign(message="x", topic=peers.TOPIC,
                                key="stranger"), 403)
    desk.sent(desk.sandbox.sign(message="x", topic=peers.TOPIC,
                                signature="broken"), 403)
    m = desk.fields()
    good = base64.b64decode(m["Signature"])
    for bad in (good[:-1], good + b"\0", b"\0" + good, good[::-1], b"\0",
                b"\0" * 256, b"\xff" * 256, b"\x01" + b"\0" * 255,
                b"\0" * 255 + b"\x01", good * 2):
        desk.sent(dict(m, Signature=base64.b64encode(bad).decode()), 403)


def test_min_signature_version(make_agent, sandbox):
    agent = make_agent(conf={"sns": {"min_signature_version": 2}})
    assert agent.send(peers.alarm(), signature_version=1) == 403
    assert agent.metrics()[FETCHES] == 0
    assert agent.send(peers.alarm(), signature_version=2) == 200


def signed_text(m, keys):
    return "".join(f"{k}\n{m[k]}\n" for k in keys)


def recuts(text, keys):
    """Every way to read text as the fields of keys."""
    def cut(rest, left):
        if not left:
            return [{}] if rest == "" else []
        head = left[0] + "\n"
        if not rest.startswith(head):
            return []
        rest = rest[len(head):]
        out = []
        for m in re.finditer("\n", rest):
            for more in cut(rest[m.end():], left[1:]):
                out.append({left[0]: rest[:m.start()], **more})
        return out
    return cut(text, keys)


def test_a_field_s_end_moved_to_another_newline_is_refused(desk):
    """S9: the signed string has no lengths."""
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn",
             "Type"]
    short = [n for n in names if n != "Subject"]
    inner = {"MessageId": str(uuid.uuid4()),
             "Subject": "inner subject",
             "Timestamp": "2026-01-01T00:00:00.000Z",
             "TopicArn": peers.TOPIC, "Type": "Notification"}
    # An attacker's own message whose text holds fields of its own.
    message = "first\nMessageId\n" + inner["MessageId"] + \
        "\nSubject\ninner\nTimestamp\n" + inner["Timestamp"] + \
        "\nTopicArn\n" + peers.TOPIC + "\nType\nNotification"
    tried = 0
    for subject in (None, "outer"):
        m = json.loads(desk.signer.envelope(message, subject=subject))
        text = signed_text(m, names if subject else short)
        for keys in (names, short):
            for other in recuts(text, keys):
                if all(m.get(k) == v for k, v in other.items()) and \
                        ("Subject" in other) == ("Subject" in m):
                    continue
                forged = {k: v for k, v in m.items() if k != "Subject"}
                forged.update(other)
                desk.sent(forged, (400, 403))
                tried += 1
        desk.sent(m, 200)
    assert tried >= 4, tried


def test_newlines_in_any_field_but_the_message_are_400(desk):
    for field in ["MessageId", "Subject", "Timestamp", "TopicArn", "Type"]:
        for c in "\n", "\r", "\t", "\x7f":
            m = desk.fields(subject="s")
            m[field] += c
            desk.sent(m, 400)


def test_unsigned_fields_are_ignored(desk):
    m = desk.fields()
    m["UnsubscribeURL"] = "http://127.0.0.1:1/"
    m["MessageAttributes"] = {"severity": {"Type": "String",
                                           "Value": "CRITICAL"},
                              "team": {"Type": "Number", "Value": "7"}}
    m["Extra"] = [{"AlarmName": "other"}]
    m["severity"] = "CRITICAL"
    m["AlarmName"] = "other"
    desk.sent(m, 200)
    desk.agent.settle()
    name = json.loads(m["Message"])["AlarmName"]
    incident = [i for i in desk.sandbox.incidents()
                if name in i["short_description"]]
    assert [i["priority"] for i in incident] == ["P2"]
    for wrong in ({"MessageAttributes": 7}, {"UnsubscribeURL": []},
                  {"Token": 3}, {"SubscribeURL": None}):
        desk.sent(dict(desk.fields(), **wrong), (200, 400))


def test_replay_has_no_second_effect(desk):
    body = desk.envelope()
    before = desk.agent.metrics()["tocsin_events_accepted_total"]
    for _ in range(50):
        desk.sent(body, 200)
    assert desk.agent.metrics()["tocsin_events_accepted_total"] == before + 1


# ---- the clock ----

def test_the_future_is_accepted_and_flagged(desk):
    name = "tocsin_events_from_the_future_total"
    before = desk.agent.metrics()[name]
    desk.sent(desk.envelope(when=time.time() + 3600), 200)
    desk.sent(desk.envelope(when=time.time() + 86400 * 400), 200)
    assert desk.agent.metrics()[name] == before + 2


def test_too_old_is_403_once_our_clock_is_known_right(desk):
    desk.sent(desk.envelope(when=time.time() - 74 * 60), 200)
    desk.sent(desk.envelope(when=time.time() - 76 * 60), 403)
    desk.sent(desk.envelope(when=time.time() - 86400 * 3650), 403)


@pytest.mark.parametrize("offset,status", [(3 * 3600, 503), (-3 * 3600, 200),
                                           (10 * 365 * 86400, 503)])
def test_a_wrong_clock_of_ours_loses_nothing(make_agent, sandbox, folder,
                                             offset, status):
    agent = make_agent(env=timed.Clock(folder, offset).env())
    body = peers.Signer(sandbox).envelope(peers.alarm())
    got, headers, _ = agent.http.call("POST", "/sns", body,
                                      peers.sns_headers(body))
    assert got == status
    if status == 503:
        assert int(headers["retry-after"]) >= 1


@pytest.mark.parametrize("offset", [2 * 3600, 365 * 86400, -365 * 86400])
def test_a_clock_that_jumps_while_we_run_loses_nothing(make_agent, sandbox,
                                                       folder, offset):
    """What said that it is right was said before the jump."""
    clock = timed.Clock(folder)
    agent = make_agent(env=clock.env())
    signer = peers.Signer(sandbox)
    assert agent.deliver(signer.envelope(peers.alarm("before"))) == 200
    agent.settle()
    clock.jump(offset)
    assert agent.post(signer.envelope(peers.alarm("after"))) == 503
    clock.jump(0)
    assert agent.deliver(signer.envelope(peers.alarm("after"))) == 200


def strip_date(data):
    return re.sub(rb"(?i)\r\nDate: [^\r]*", b"", data)


def test_too_old_is_503_while_no_date_was_seen(make_agent, sandbox, folder):
    """Nothing has said yet that our clock is right."""
    ca = tls.Authority(os.path.join(folder, "ca"))
    inner = ssl.create_default_context(cafile=sandbox.info["ca_file"])
    proxy = tls.Proxy(sandbox.ports[1], *ca.issue([HOST]),
                      to_tls=(inner, HOST), change=strip_date)
    sandbox.fault("refuse")
    try:
        agent = make_agent(conf={"network": {
            "ca_file": ca.ca_file,
            "connect_to": [f"{HOST}:443:127.0.0.1:{proxy.port}"]}})
        sandbox.clear()
        signer = peers.Signer(sandbox)
        sandbox.fault("refuse")
        old = signer.envelope(peers.alarm(), when=time.time() - 86400)
        assert agent.post(old) == 503
        assert agent.deliver(signer.envelope(peers.alarm())) == 200
        sandbox.clear()
        # StackFlow's answers tell the time.
        agent.settle()
        peers.wait_for("403", lambda: agent.post(signer.envelope(
            peers.alarm(), when=time.time() - 86400)) == 403, 5)
    finally:
        sandbox.clear()
        proxy.close()


# ---- certificates that can't be had: 503, later 200 ----

@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 500}, {"kind": "error", "status": 404},
    {"kind": "answer", "body": "not a certificate"},
    {"kind": "answer", "body": ""}])
def test_no_certificate_is_503_and_recovers(make_agent, sandbox, fault):
    agent = make_agent()
    sandbox.fault(path="/sns/certificate", **fault)
    body = sandbox.sign(message=peers.alarm(), topic=peers.TOPIC)
    for _ in range(3):
        got, headers, _ = agent.http.call("POST", "/sns", body,
                                          peers.sns_headers(body))
        assert got == 503
        assert int(headers["retry-after"]) >= 1
    # A failure is remembered: one fetch, not one a message.
    assert agent.metrics()[FETCHES] == 1
    sandbox.clear()
    # Seconds later it is tried again; a new process has no memory of it.
    agent.restart()
    assert agent.deliver(body) == 200


def test_a_certificate_host_that_can_not_be_reached_is_503(make_agent,
                                                           sandbox):
    agent = make_agent(conf={"network": {
        "connect_to": [f"{HOST}:443:127.0.0.1:{peers.free_port()}"]}})
    assert agent.send(peers.alarm()) == 503
    agent.kill()
    agent.configure({})
    agent.start()
    assert agent.send(peers.alarm()) == 200


def test_a_certificate_from_an_untrusted_host_is_503(make_agent, sandbox,
                                                     folder):
    """TLS to SNS's host is checked: its certificate files hold no chain."""
    ca = tls.Authority(os.path.join(folder, "other"))
    agent = make_agent(conf={"network": {"ca_file": ca.ca_file}})
    assert agent.send(peers.alarm()) == 503
    assert agent.get("/api/v1/events")["events"] == []


def storm(agent, signer, threads=8, each=25):
    """Messages with as many certificate URLs; meanwhile known ones."""
    statuses, good = [], []

    def strange(n):
        http = peers.Http(agent.port)
        for k in range(each):
            m = json.loads(signer.envelope("x"))
            m["SigningCertURL"] = \
                f"https://{HOST}/SimpleNotificationService-" \
                f"{n * 1000 + k:032x}.pem"
            statuses.append(http.call("POST", "/sns", json.dumps(m), {})[0])
        http.close()

    def known():
        http = peers.Http(agent.port)
        for k in range(50):
            started = time.monotonic()
            got = http.call("POST", "/sns",
                            signer.envelope(peers.alarm(f"go-{k}")), {})[0]
            good.append((got, time.monotonic() - started))
        http.close()

    all_threads = [threading.Thread(target=strange, args=(n,))
                   for n in range(threads)]
    all_threads.append(threading.Thread(target=known))
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()
    assert statuses == [503] * threads * each
    assert [g for g, _ in good] == [200] * 50
    assert max(s for _, s in good) < 3 * peers.patience()


def test_a_storm_of_certificate_urls_at_a_host_that_hangs(
        make_agent, sandbox, folder):
    """S13: at most 8 fetches at a host, and the known certificate goes on."""
    ca = tls.Authority(os.path.join(folder, "ca"))
    inner = ssl.create_default_context(cafile=sandbox.info["ca_file"])
    proxy = tls.Proxy(sandbox.ports[1], *ca.issue([HOST]),
                      to_tls=(inner, HOST))
    try:
        agent = make_agent(conf={"network": {
            "ca_file": ca.ca_file,
            "connect_to": [f"{HOST}:443:127.0.0.1:{proxy.port}"]}})
        signer = peers.Signer(sandbox)
        assert agent.deliver(signer.envelope(peers.alarm("first"))) == 200
        before = agent.metrics()[FETCHES]
        proxy.stalled = True
        storm(agent, signer, threads=200, each=1)
        assert agent.metrics()[FETCHES] - before <= 8
        proxy.stalled = False
        assert agent.deliver(signer.envelope(peers.alarm("last"))) == 200
    finally:
        proxy.close()


def test_a_storm_of_certificate_urls_that_fail_at_once(make_agent, sandbox):
    agent = make_agent()
    signer = peers.Signer(sandbox)
    assert agent.deliver(signer.envelope(peers.alarm("first"))) == 200
    sandbox.fault("error", path="/sns/certificate", status=500)
    before, started = agent.metrics()[FETCHES], time.monotonic()
    storm(agent, signer)
    # It answers, without a certificate: eight at once and two a second.
    assert agent.metrics()[FETCHES] - before <= \
        9 + (time.monotonic() - started) * 2
    sandbox.clear()
    assert agent.deliver(signer.envelope(peers.alarm("last"))) == 200


@pytest.mark.parametrize("status", [500, 404])
def test_a_certificate_can_be_had_soon_after_its_host_heals(
        make_agent, sandbox, status):
    """Not held yet, and strangers ask for others all the while."""
    agent = make_agent()
    signer = peers.Signer(sandbox)
    sandbox.fault("error", path="/sns/certificate", status=status)
    genuine = signer.envelope(peers.alarm("genuine"))
    started = time.monotonic()
    assert agent.post(genuine) == 503
    for k in range(300):
        m = json.loads(genuine)
        m["SigningCertURL"] = \
            f"https://{HOST}/SimpleNotificationService-{k:032x}.pem"
        assert agent.post(json.dumps(m).encode()) == 503
    assert agent.post(genuine) == 503
    assert agent.metrics()[FETCHES] <= \
        10 + (time.monotonic() - started) * 2
    sandbox.clear()
    peers.wait_for("the certificate", lambda: agent.post(genuine) == 200, 20,
                   0.5)


# ---- raw delivery, Basic, subscriptions ----

RAW = {"x-amz-sns-rawdelivery": "true",
       "x-amz-sns-message-type": "Notification",
       "x-amz-sns-topic-arn": peers.TOPIC}
BASIC = {"sns": {"basic_auth": {"user": "sns", "password": "pass word:1"}}}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(
        f"{user}:{password}".encode()).decode()}


def test_raw_delivery_needs_basic_auth(desk):
    headers = dict(RAW, **{"x-amz-sns-message-id": str(uuid.uuid4())})
    desk.sent(peers.alarm("raw"), 403, headers)
    desk.sent(peers.alarm("raw"), 403, dict(headers, **basic("sns", "x")))


def test_raw_delivery_with_basic_auth(make_agent, sandbox):
    agent = make_agent(conf=BASIC)
    headers = dict(RAW, **{"x-amz-sns-message-id": str(uuid.uuid4())})
    body = peers.alarm("raw-1")

    def post(**more):
        h = dict(headers, **more)
        return agent.http.call("POST", "/sns", body,
                               {k: v for k, v in h.items() if v})
    status, answer, _ = post()
    assert status == 401
    assert answer["www-authenticate"].startswith("Basic ")
    for bad in ("Basic", "Basic ", "Basic !!!", "Bearer x", "Basic Og==",
                basic("sns", "wrong")["Authorization"],
                basic("SNS", "pass word:1")["Authorization"],
                basic("sns", "pass word:1x")["Authorization"],
                "Basic " + "A" * 8000):
        assert post(Authorization=bad)[0] == 401, bad
    good = basic("sns", "pass word:1")
    assert post(**good)[0] == 200
    other = {"x-amz-sns-topic-arn": "arn:aws:sns:us-east-1:999988887777:x"}
    assert post(**good, **other)[0] == 403
    assert post(**good, **{"x-amz-sns-topic-arn": None})[0] == 403
    agent.settle()
    assert len(sandbox.incidents()) == 1


def test_an_envelope_needs_basic_auth_too_where_it_is_set(make_agent,
                                                          sandbox):
    agent = make_agent(conf=BASIC)
    body = sandbox.sign(message=peers.alarm(), topic=peers.TOPIC)
    assert agent.post(body) == 401
    assert agent.post(body, dict(peers.sns_headers(body),
                                 **basic("sns", "pass word:1"))) == 200
    forged = json.loads(body)
    forged["Signature"] = flip(forged["Signature"], 4)
    forged = json.dumps(forged).encode()
    assert agent.post(forged, dict(peers.sns_headers(forged), **basic(
        "sns", "pass word:1"))) == 403


@pytest.mark.parametrize("raw", [False, True])
def test_sns_s_handshake_with_basic_auth(make_agent, sandbox, raw):
    """A subscription to https://user:password@host, as SNS does it."""
    agent = make_agent(conf={"sns": {"basic_auth": {
        "user": "sns", "password": "pa55"}}})
    sandbox.set(sns_delay=200)
    sandbox.control("POST", "/sns/subscribe", {
        "topic": peers.TOPIC, "raw": raw,
        "endpoint": f"http://sns:pa55@127.0.0.1:{agent.port}/sns"})
    peers.wait_for("the confirmation", lambda: agent.metrics()
                   ["tocsin_subscriptions_confirmed_total"] == 1)
    sandbox.control("POST", "/sns/publish", {
        "topic": peers.TOPIC, "message": peers.alarm("by-basic")})
    peers.wait_for("the incident", sandbox.incidents)
    agent.settle()
    assert "by-basic" in sandbox.incidents()[0]["short_description"]


def test_a_foreign_topic_s_subscription_is_not_confirmed(desk):
    for topic in ("arn:aws:sns:us-east-1:999988887777:alarms",
                  "arn:aws:sns:eu-west-1:111122223333:alarms"):
        desk.sent(desk.sandbox.sign(
            message="x", topic=topic, type="SubscriptionConfirmation",
            token="ab12"), 403)


def test_confirm_false_confirms_nothing(make_agent, sandbox):
    agent = make_agent(conf={"sns": {"confirm": False}})
    body = sandbox.sign(message="x", topic=peers.TOPIC,
                        type="SubscriptionConfirmation", token="ab12")
    assert agent.deliver(body) == 200
    agent.settle()
    assert agent.metrics()["tocsin_subscriptions_confirmed_total"] == 0
    assert agent.get("/api/v1/dead")["dead"] == []
    assert "not confirmed" in agent.process.text()


class Trap:
    """A port that nobody may connect to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.01)
        self.port = self.listener.getsockname()[1]

    def sprung(self):
        try:
            self.listener.accept()
            return True
        except OSError:
            return False

    def close(self):
        self.listener.close()


def test_subscribe_url_is_never_fetched(make_agent, sandbox):
    """S12: the confirmation goes where SNS is, whatever was sent."""
    agent = make_agent()
    signer = peers.Signer(sandbox)
    trap = Trap()
    try:
        for host in (f"http://127.0.0.1:{trap.port}",
                     f"https://127.0.0.1:{trap.port}",
                     f"http://localhost:{trap.port}",
                     f"http://169.254.169.254:{trap.port}"):
            m = {"Type": "SubscriptionConfirmation",
                 "MessageId": str(uuid.uuid4()), "Token": "ab12",
                 "TopicArn": peers.TOPIC, "Message": "x",
                 "SubscribeURL": host + "/?Action=ConfirmSubscription",
                 "Timestamp": json.loads(signer.envelope("x"))["Timestamp"],
                 "SignatureVersion": "2", "SigningCertURL": signer.url}
            keys = ["Message", "MessageId", "SubscribeURL", "Timestamp",
                    "Token", "TopicArn", "Type"]
            m["Signature"] = base64.b64encode(signer.sign_bytes(
                signed_text(m, keys).encode())).decode()
            body = json.dumps(m).encode()
            assert agent.post(body) in (200, 400, 403)
        time.sleep(1)
        assert not trap.sprung()
        assert agent.metrics()["tocsin_subscriptions_confirmed_total"] == 0
    finally:
        trap.close()


def test_unsubscribing_is_shown(make_agent, sandbox):
    agent = make_agent()
    answer = sandbox.control("POST", "/sns/subscribe", {
        "topic": peers.TOPIC, "wait": 10000,
        "endpoint": f"http://127.0.0.1:{agent.port}/sns"})
    assert answer["confirmed"]
    sandbox.control("POST", "/sns/unsubscribe",
                    {"subscription_arn": answer["subscription_arn"]})
    peers.wait_for("the metric", lambda: agent.metrics()
                   ["tocsin_unsubscribe_confirmations_total"] == 1)
    agent.settle()
    assert "unsubscribed" in agent.process.text()
    assert agent.get("/api/v1/status")["since_start"][
        "unsubscribe_confirmations"] == 1
    peers.wait_for("the event", lambda: "unsubscribe" in [
        e["kind"] for e in agent.get("/api/v1/events")["events"]])
    # Confirming it would subscribe again what somebody ended.
    peers.wait_for("the first one's", lambda: agent.metrics()
                   ["tocsin_subscriptions_confirmed_total"] == 1)


# ---- what SNS really sent ----

REAL = sorted(glob.glob(os.path.join(CORPUS, "sns-signed", "*.json"))) \
    if CORPUS else []


@pytest.mark.skipif(not REAL, reason="TOCSIN_CORPUS isn't set")
@pytest.mark.parametrize("path", REAL,
                         ids=[os.path.basename(p)[:-5] for p in REAL])
def test_messages_that_aws_signed_decode(path):
    r = subprocess.run([peers.TOCSIN, "explain", "--json", path],
                       capture_output=True, text=True, timeout=30)
    with open(path) as f:
        kind = json.load(f)["Type"]
    if kind != "Notification":
        assert r.returncode == 1 and "no alarm" in r.stderr
        return
    assert r.returncode == 0, r.stderr
    for line in r.stdout.splitlines():
        assert json.loads(line)["alarm"]["kind"]
