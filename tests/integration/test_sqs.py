"""Alarms from SQS queues, as a user of the shipped binary sees them: what
becomes of each kind of message, and what of it through SQS's bad days."""
import json
import os
import signal
import time
import uuid

import peers
import pytest
from test_crash import all_told
from test_promises import disk, disk_library  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessageBatch"
DATA = os.path.join(os.path.dirname(HERE), "data", "alarms")


@pytest.fixture
def scene(cloud, make_agent, sandbox):
    """A queue and an agent that polls it."""
    return Scene(cloud, make_agent, sandbox)


class Scene:
    def __init__(self, cloud, make_agent, sandbox):
        self.cloud, self.make_agent, self.sandbox = cloud, make_agent, sandbox
        self.front, self.agent = cloud.front, None
        self.queue = cloud.queue()

    def start(self, names=("alarms",), env=None, conf=None, rules=None,
              start=True, aws=None, **queue):
        self.signer = peers.Signer(self.sandbox)
        self.agent = self.make_agent(
            conf={**self.cloud.conf(*names, aws=aws, **queue),
                  **(conf or {})}, env=env, rules=rules, start=start)
        return self.agent

    def envelope(self, name="pay-db-cpu", state="ALARM", when=None, **more):
        return self.signer.envelope(peers.alarm(name, state, when, **more))

    def alarms(self, count, keys=10, start=None):
        """Signed alarms of few names, each a change of its own."""
        start = time.time() if start is None else start
        return [self.envelope(f"load-{k % keys:03d}", when=start + k / 500)
                for k in range(count)]

    def settle(self, seconds=30):
        """Everything left the queue and has its outcome."""
        self.queue.wait_empty(seconds)
        self.agent.settle(seconds)

    def all_told(self, sent, keys):
        """Each is one event and told once. Repeats wait for their budget:
        the OK of each name brings them out."""
        later = time.time() + 3600
        for k in range(keys):
            e = self.envelope(f"load-{k:03d}", "OK", when=later)
            assert self.agent.post(e) == 200
        self.agent.settle(60)
        events = all_told(self.agent, self.sandbox, ids(sent))
        assert len(events) == len(sent) + keys
        incidents = self.sandbox.incidents()
        assert len(incidents) == keys
        assert {i["state"] for i in incidents} == {"resolved"}
        return events

    def events(self):
        return self.agent.get("/api/v1/events?limit=1000")["events"]

    def metric(self, name, **labels):
        """A metric's sum over the labels that aren't named."""
        total = 0
        for key, value in self.agent.metrics().items():
            if key.partition("{")[0] == name and all(
                    f'{k}="{v}"' in key for k, v in labels.items()):
                total += value
        return total

    def rejected(self):
        return {k: v for k, v in self.agent.metrics().items()
                if k.startswith("tocsin_events_rejected_total") and v}


def ids(envelopes):
    return [json.loads(e)["MessageId"] for e in envelopes]


# ---- what becomes of each kind of message ----

def test_a_signed_envelope_becomes_an_incident(scene):
    agent = scene.start(visibility="7s")
    scene.queue.send(scene.envelope(), MessageAttributes={
        "team": {"DataType": "String", "StringValue": "payments"}})
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("pay-db-cpu")
    assert scene.metric("tocsin_events_received_total", source="sqs") == 1
    assert scene.metric("tocsin_events_accepted_total") == 1
    polls = scene.front.seen(RECEIVE)
    assert all(r.key == scene.cloud.key["id"] and r.status == 200
               for r in polls + scene.front.seen(DELETE) if r.ended)
    asked = polls[0].json()
    assert asked["QueueUrl"] == scene.queue.url
    assert asked["MaxNumberOfMessages"] == 10
    assert (asked["WaitTimeSeconds"], asked["VisibilityTimeout"]) == (1, 7)
    (event,) = scene.events()
    assert event["topic"] == peers.TOPIC
    # And its OK resolves it.
    scene.queue.send(scene.envelope(state="OK", when=time.time() + 1))
    scene.settle()
    assert [i["state"] for i in scene.sandbox.incidents()] == ["resolved"]
    peers.check_invariants(agent, scene.sandbox)


def test_a_raw_alarm_is_taken_on_the_queues_word(scene):
    scene.start()
    scene.queue.send(peers.alarm("raw-delivery"))
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("raw-delivery")
    assert scene.rejected() == {}


def test_an_eventbridge_event_is_taken_on_the_queues_word(scene):
    scene.start()
    with open(os.path.join(DATA, "event-state.json")) as f:
        scene.queue.send(f.read())
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("pay-db-cpu")
    assert scene.metric("tocsin_events_received_total", source="sqs",
                        kind="eventbridge-alarm") == 1


def test_a_wrong_signature_is_a_dead_letter_without_an_incident(scene):
    agent = scene.start()
    forged = json.loads(scene.envelope("forged"))
    forged["Message"] = peers.alarm("not-what-was-signed")
    forged["MessageId"] = str(uuid.uuid4())
    scene.queue.send(json.dumps(forged))
    scene.queue.send(scene.envelope("genuine"))
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("genuine")
    assert scene.metric("tocsin_events_rejected_total",
                        reason="signature") == 1
    # Told to people, and kept for them to look at.
    assert "not-what-was-signed" not in json.dumps(scene.sandbox.incidents())
    events = [e for e in scene.events() if e["status"] == "dead"]
    assert len(events) == 1
    assert scene.metric("tocsin_dead_letters") == 1
    assert agent.cli("dead").stdout.strip()
    recorded, = [line for line in agent.process.text().splitlines()
                 if 'msg="recorded"' in line]
    assert recorded.endswith(' topic=""'), recorded
    # It left the queue for good.
    assert scene.queue.empty()


def test_a_foreign_topic_is_a_dead_letter(scene):
    scene.start()
    foreign = f"arn:aws:sns:{peers.REGION}:444455556666:alarms"
    scene.queue.send(scene.signer.envelope(peers.alarm("foreign"),
                                           topic=foreign))
    scene.settle()
    assert scene.sandbox.incidents() == []
    assert scene.metric("tocsin_events_rejected_total", reason="topic") == 1
    assert scene.metric("tocsin_dead_letters") == 1


def test_unsigned_envelopes_pass_where_verify_is_off(scene):
    scene.start(verify=False)
    unsigned = json.loads(scene.envelope("trusted-queue"))
    unsigned["Signature"] = "RVhBTVBMRQ=="
    scene.queue.send(json.dumps(unsigned))
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("trusted-queue")


@pytest.mark.parametrize("body,needle", [
    ('{"something": "nobody", "knows": [1, 2, 3]}', "nobody"),
    ("The disk of host seven makes noises.", "makes noises"),
    ('{"cut": "off he', "off he"),
    ("[1, 2, 3]", "[1, 2, 3]"),
    ("Überlast \u2713 in Zürich", "\u2713"),
], ids=["json", "text", "broken", "array", "unicode"])
def test_what_is_not_understood_becomes_a_catch_all(scene, body, needle):
    scene.start()
    scene.queue.send(body)
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert needle in incident["description"]
    (event,) = scene.events()
    assert event["action"] == "catch-all" and event["status"] == "done"


def test_an_envelopes_unknown_message_becomes_a_catch_all(scene):
    scene.start()
    scene.queue.send(scene.signer.envelope("call the doctor",
                                           subject="Trouble"))
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert "call the doctor" in incident["description"]
    assert "Trouble" in incident["description"] + \
        incident["short_description"]


def test_an_old_message_is_news_in_a_queue(scene):
    """max_age holds over HTTPS; a queue keeps messages for days."""
    scene.start()
    then = time.time() - 3 * 86400
    # The sandbox's certificate was valid then or not: what counts is that
    # age alone refuses nothing.
    scene.queue.send(scene.signer.envelope(
        peers.alarm("old-news", when=then), when=time.time() - 2 * 3600))
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("old-news")


def test_the_same_alarm_by_https_and_by_queue_is_one_event(scene):
    agent = scene.start()
    envelope = scene.envelope()
    assert agent.post(envelope) == 200
    scene.queue.send(envelope)
    scene.queue.send(json.loads(envelope)["Message"])       # raw delivery
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["notes"] == []
    assert scene.metric("tocsin_events_accepted_total") == 1
    assert scene.metric("tocsin_events_duplicate_total") == 2
    # The other way round, too.
    other = scene.envelope("second")
    scene.queue.send(other)
    scene.settle()
    assert agent.post(other) == 200
    agent.settle()
    assert scene.metric("tocsin_events_accepted_total") == 2
    assert len(scene.sandbox.incidents()) == 2
    peers.check_invariants(agent, scene.sandbox)


def test_redeliveries_are_one_event(scene):
    scene.start()
    body = scene.envelope()
    scene.queue.fill([body] * 25)
    scene.settle()
    assert len(scene.sandbox.incidents()) == 1
    assert scene.metric("tocsin_events_accepted_total") == 1
    assert scene.metric("tocsin_events_duplicate_total") == 24


def test_several_queues_with_pollers_of_their_own(scene):
    dlq = scene.cloud.queue("alarms-dlq")
    agent = scene.start(names=("alarms", "alarms-dlq"), concurrency=3)
    peers.wait_for("six polls at a time",
                   lambda: len(scene.front.open_polls()) == 6)
    scene.queue.fill([scene.envelope(f"a-{k}") for k in range(20)])
    dlq.fill([scene.envelope(f"b-{k}") for k in range(20)])
    scene.settle()
    dlq.wait_empty()
    agent.settle()
    assert len(scene.sandbox.incidents()) == 40
    for name in ("alarms", "alarms-dlq"):
        labelled = [k for k in agent.metrics()
                    if k.startswith("tocsin_sqs_") and
                    f'queue="{name}"' in k]
        assert labelled, name


# ---- after the commit, not before ----

def test_nothing_leaves_the_queue_before_the_commit(scene, disk):  # noqa: F811
    agent = scene.start(env=disk.env)
    scene.queue.send(scene.envelope("warm-up"))
    scene.settle()
    deletes = scene.front.count(DELETE)
    disk.set(1)                     # every fsync waits
    scene.queue.send(scene.envelope("waits"))
    peers.wait_for("the receive", lambda: scene.queue.counts() == (0, 1))
    time.sleep(1)
    assert scene.front.count(DELETE) == deletes
    disk.set(0)
    scene.settle()
    # Killed between the two, it comes again and is still one.
    disk.set(1)
    scene.queue.send(scene.envelope("killed"))
    peers.wait_for("the receive", lambda: scene.queue.counts() == (0, 1))
    agent.kill()
    disk.set(0)
    agent.start()
    scene.settle()
    names = sorted(i["short_description"].split()[-1]
                   for i in scene.sandbox.incidents())
    assert names == ["killed", "waits", "warm-up"]
    peers.check_invariants(agent, scene.sandbox)


def test_killed_between_commit_and_delete(scene):
    agent = scene.start()
    scene.front.fault("hang", DELETE, count=None)
    sent = scene.alarms(10, keys=2)
    scene.queue.fill(sent)
    peers.wait_for("the delete",
                   lambda: scene.front.count(DELETE, fault="hang"))
    agent.kill()
    scene.front.clear()
    agent.start()
    scene.settle()
    assert scene.metric("tocsin_events_duplicate_total") == 10
    scene.all_told(sent, 2)


def test_a_full_journal_leaves_the_messages_in_the_queue(scene, disk):  # noqa: F811
    """A disk that fails: no delete, the process ends, all come again."""
    agent = scene.start(env=disk.env)
    scene.queue.send(scene.envelope("warm-up"))
    scene.settle()
    deleted = sum(len(r.json()["Entries"]) for r in scene.front.seen(DELETE))
    disk.set(2)
    scene.queue.fill([scene.envelope(f"kept-{k}") for k in range(5)])
    peers.wait_for("the end", lambda: not agent.process.alive(), 20)
    assert agent.process.popen.returncode == 1
    assert sum(len(r.json()["Entries"]) for r in
               scene.front.seen(DELETE)) == deleted
    assert sum(scene.queue.counts()) == 5
    disk.set(0)
    agent.start()
    scene.settle()
    assert len(scene.sandbox.incidents()) == 6
    peers.check_invariants(agent, scene.sandbox)


# ---- batches that fail in part ----

def test_a_failed_delete_is_tried_again(scene):
    scene.start()
    scene.front.fault("partial", DELETE, entries=[0, 3, 7], count=2)
    sent = scene.alarms(10, keys=2)
    scene.queue.fill(sent)
    scene.settle()
    # Tried again by themselves, before the queue gave them out anew.
    assert scene.metric("tocsin_events_duplicate_total") == 0
    scene.all_told(sent, 2)


def test_a_delete_refused_for_good_is_not_tried_again(scene):
    """Its handle is worth no try; the message comes again and goes then."""
    scene.start()
    scene.front.fault("partial", DELETE, entries=[0, 1], sender=True,
                      code="ReceiptHandleIsInvalid")
    sent = scene.alarms(10, keys=2)
    scene.queue.fill(sent)
    scene.settle()
    # Two, but the first batch may hold a single one, and on a busy machine
    # others come again too.
    again = scene.metric("tocsin_events_duplicate_total")
    assert again >= 1
    scene.all_told(sent, 2)
    entries = [e["ReceiptHandle"] for r in scene.front.seen(DELETE)
               for e in r.json()["Entries"]]
    assert len(entries) == len(set(entries)) == 10 + again


# ---- SQS's bad days ----

FAULTS = ["throttle", "sqs_throttle", "internal", "unavailable", "reset",
          "lost", "truncate", "garbage", "wrong_md5"]


@pytest.mark.parametrize("operation", [RECEIVE, DELETE])
@pytest.mark.parametrize("kind", FAULTS)
def test_trouble_loses_nothing_and_doubles_nothing(scene, kind, operation):
    if kind == "wrong_md5" and operation == DELETE:
        pytest.skip("a delete's answer has no MD5")
    agent = scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    fault = scene.front.fault(kind, operation, count=2)
    sent = scene.alarms(30, keys=3)
    scene.queue.fill(sent)
    scene.settle(40)
    peers.wait_for("both faults", lambda: fault.struck == 2)
    scene.all_told(sent, 3)
    assert agent.process.alive()


@pytest.mark.parametrize("kind", ["throttle", "unavailable", "reset",
                                  "garbage", "truncate", "expired_token",
                                  "invalid_token"])
def test_lasting_trouble_backs_off(scene, kind):
    """No spinning, on one connection or on many; then it goes on."""
    agent = scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    scene.front.fault(kind, RECEIVE, count=None)
    struck = peers.wait_for("the fault", lambda: [
        r for r in scene.front.seen(RECEIVE) if r.fault])
    began = struck[0].time
    time.sleep(4)
    span = time.monotonic() - began
    # 1 s doubled, half of it jitter at the most, two at once after a refusal.
    tries = [r for r in scene.front.seen(RECEIVE) if r.fault]
    assert len(tries) <= 3 + span * 2, [r.time - began for r in tries]
    gaps = [b.time - a.time for a, b in zip(tries, tries[1:])]
    assert not gaps or max(gaps) >= 0.4, gaps
    scene.front.clear()
    scene.queue.send(scene.envelope())
    limit = 75 if kind.endswith("token") else 40
    scene.settle(limit)
    assert len(scene.sandbox.incidents()) == 1
    assert agent.admin.call("GET", "/readyz")[0] == 200


def test_a_poll_on_a_fresh_connection_holds_no_delete(scene):
    """Where each answer ends its connection, nothing is known of the next:
    a delete that waited for a poll there would come too late for good."""
    scene.front.keep = False
    scene.start(wait="6s")
    sent = scene.alarms(25, keys=5)
    scene.queue.fill(sent[:15])
    scene.settle(10)
    scene.queue.fill(sent[15:])
    scene.settle(10)
    assert scene.metric("tocsin_events_duplicate_total") == 0
    scene.front.keep = True
    scene.all_told(sent, 5)


def test_a_hung_poll_is_given_up(scene):
    """An answer that never comes: the next poll begins without a restart."""
    scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    scene.front.fault("hang", RECEIVE)
    peers.wait_for("the hung poll",
                   lambda: scene.front.count(RECEIVE, fault="hang"))
    scene.queue.send(scene.envelope())
    scene.settle(60)
    assert len(scene.sandbox.incidents()) == 1


def test_slow_answers_are_waited_for(scene):
    scene.start()
    scene.front.fault("slow_body", RECEIVE, seconds=2, count=3)
    scene.front.fault("delay", DELETE, seconds=1.5)
    sent = scene.alarms(10, keys=2)
    scene.queue.fill(sent)
    scene.settle()
    scene.all_told(sent, 2)


@pytest.mark.parametrize("skew", [-1800, 1800, 86400])
def test_a_wrong_clock_is_corrected_from_the_answers_date(scene, skew):
    scene.front.skew = skew
    scene.start()
    scene.queue.send(scene.envelope())
    scene.settle()
    assert len(scene.sandbox.incidents()) == 1
    refused = scene.front.count(code="InvalidSignatureException")
    assert refused == 1, "once told, it is known"


def test_a_refused_secret_does_not_spin(scene):
    """A wrong secret looks like a wrong clock; it isn't one."""
    scene.start(aws=scene.cloud.aws(secret_access_key="x" * 40))
    peers.wait_for("the refusal", lambda: scene.front.count(
        code="InvalidSignatureException"))
    time.sleep(3)
    assert scene.front.count() <= 4
    text = scene.agent.process.text()
    assert "x" * 40 not in text
    assert "signature" in text.lower()


def test_a_receive_of_ten_megabytes(scene):
    scene.start()
    sent = []
    for k in range(10):
        # A quote is two bytes in JSON: 20 MiB on the wire.
        sent.append(f"big-{k}")
        scene.queue.send(peers.alarm(f"big-{k}",
                                     AlarmDescription='"' * 500000))
    scene.settle(60)
    names = {i["short_description"].split()[-1]
             for i in scene.sandbox.incidents()}
    assert names == set(sent)


def test_an_answer_without_end_is_cut(scene):
    agent = scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    scene.front.fault("answer", RECEIVE, count=1,
                      body=b'{"Messages": [' + b" " * (80 << 20) + b"]}")
    peers.wait_for("the answer",
                   lambda: scene.front.count(RECEIVE, fault="answer"))
    scene.queue.send(scene.envelope())
    scene.settle(60)
    assert len(scene.sandbox.incidents()) == 1
    with open(f"/proc/{agent.process.popen.pid}/status") as f:
        peak = [int(line.split()[1]) for line in f
                if line.startswith("VmHWM:")][0]
    assert peak < 200 * 1024 or "asan" in peers.BUILD or \
        "tsan" in peers.BUILD


MALFORMED = {
    "html": b"<html>502</html>", "empty": b"", "null": b"null",
    "array": b"[]", "messages-text": b'{"Messages": "none"}',
    "no-handle": b'{"Messages": [{"MessageId": "a", "Body": "b"}]}',
    "numbers": b'{"Messages": [{"MessageId": 1, "ReceiptHandle": 2, '
               b'"Body": 3, "MD5OfBody": 4}]}',
    "eleven": json.dumps({"Messages": [
        {"MessageId": "m", "ReceiptHandle": f"h{k}", "Body": "b"}
        for k in range(11)]}).encode(),
    "deep": b'{"Messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "null-body": b'{"Messages": [{"MessageId": "m", "ReceiptHandle": "h", '
                 b'"Body": null}]}',
    "duplicate": b'{"Messages": [], "Messages": []}',
}


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_malformed_answers(scene, name):
    agent = scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    scene.front.fault("answer", RECEIVE, body=MALFORMED[name])
    peers.wait_for("the answer",
                   lambda: scene.front.count(RECEIVE, fault="answer"))
    scene.queue.send(scene.envelope("after-it"))
    scene.settle(40)
    assert any(i["short_description"].endswith("after-it")
               for i in scene.sandbox.incidents())
    assert agent.process.alive()


def test_a_body_with_nul_spoils_nothing_else(scene):
    """SQS allows no NUL, but who knows what answers: its neighbours go on."""
    scene.start()
    peers.wait_for("a poll", lambda: scene.front.open_polls())

    def poison(answer):
        if answer.get("Messages"):
            answer["Messages"].insert(0, {
                "MessageId": str(uuid.uuid4()), "ReceiptHandle": "none",
                "Body": "a\0b"})

    scene.front.fault("change", RECEIVE, count=4, how=poison)
    scene.queue.send(scene.envelope())
    scene.settle()
    assert any(i["short_description"].endswith("pay-db-cpu")
               for i in scene.sandbox.incidents())


# ---- queues that aren't there, rights that are missing ----

@pytest.mark.parametrize("kind,word", [("denied", "AccessDenied"),
                                       ("no_queue", "QueueDoesNotExist")])
def test_a_missing_queue_or_right_is_told_and_tried_slowly(scene, kind,
                                                           word):
    scene.front.fault(kind, count=None)
    agent = scene.start()
    peers.wait_for("the refusal", lambda: scene.front.count())
    peers.wait_for("the status", lambda: word in json.dumps(
        agent.get("/api/v1/status")))
    time.sleep(3)
    assert scene.front.count() <= 2
    assert "alarms" in agent.cli("status").stdout
    assert word in agent.cli("status").stdout
    assert word in agent.process.text()
    assert any(k.startswith("tocsin_sqs_") and 'queue="alarms"' in k
               for k in agent.metrics())
    # Everything else goes on.
    assert agent.post(scene.envelope()) == 200


def test_one_queue_in_trouble_leaves_the_others_alone(scene):
    agent = scene.start(names=("nowhere", "alarms"))
    scene.queue.send(scene.envelope())
    scene.settle()
    assert len(scene.sandbox.incidents()) == 1
    assert "QueueDoesNotExist" in json.dumps(agent.get("/api/v1/status"))


# ---- FIFO ----

def test_a_fifo_queues_groups_stay_in_order(scene):
    fifo = scene.cloud.queue("alarms.fifo", ContentBasedDeduplication="true")
    agent = scene.start(names=("alarms.fifo",), concurrency=2)
    start, groups = time.time(), 4
    order = {g: [] for g in range(groups)}
    for k in range(40):
        g = k % groups
        e = scene.envelope(f"fifo-{g}", "ALARM" if k // groups % 2 == 0
                           else "OK", when=start + k)
        order[g] += ids([e])
        fifo.send(e, MessageGroupId=f"g{g}")
    # A receive that is lost and one that can't be trusted: no later message
    # of a group overtakes an earlier one.
    scene.front.fault("wrong_md5", RECEIVE, count=2)
    scene.front.fault("partial", DELETE, entries=[0], count=2)
    fifo.wait_empty(60)
    agent.settle()
    newest_first = [e["message_id"] for e in scene.events()]
    for g in range(groups):
        mine = [m for m in reversed(newest_first) if m in order[g]]
        assert mine == order[g]
    incidents = scene.sandbox.incidents()
    assert len(incidents) == groups
    assert {i["state"] for i in incidents} == {"resolved"}
    peers.check_invariants(agent, scene.sandbox)


# ---- the end ----

def test_the_last_poll_ends_before_the_process(scene):
    """What a poll is handed while the agent stops isn't left invisible."""
    agent = scene.start(wait="4s", visibility="600s")
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    polls = scene.front.count(RECEIVE)
    agent.process.popen.send_signal(signal.SIGTERM)
    time.sleep(0.7)
    assert agent.process.alive(), "a poll was dropped"
    scene.queue.send(scene.envelope("late"))
    assert agent.stop() == 0
    visible, in_flight = scene.queue.counts()
    assert in_flight == 0, "received, neither kept nor given back"
    assert scene.front.count(RECEIVE) == polls
    agent.start()
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("late")


def test_https_is_open_until_the_last_poll_has_ended(scene):
    agent = scene.start(wait="3s")
    peers.wait_for("a poll", lambda: scene.front.open_polls())
    agent.process.popen.send_signal(signal.SIGTERM)
    peers.wait_for("the end's begin",
                   lambda: "last polls" in agent.process.text())
    assert agent.send(peers.alarm("by-https")) == 200
    assert agent.stop() == 0
    agent.start()
    scene.settle()
    (incident,) = scene.sandbox.incidents()
    assert incident["short_description"].endswith("by-https")


def test_stopping_under_load_leaves_nothing_invisible(scene):
    agent = scene.start(visibility="600s", concurrency=2)
    sent = scene.alarms(400, keys=5)
    scene.queue.fill(sent)
    for _ in range(3):
        seen = scene.front.count(RECEIVE)
        peers.wait_for("some polls",
                       lambda: scene.front.count(RECEIVE) > seen + 3 or
                       scene.queue.empty())
        assert agent.stop() == 0
        assert scene.queue.counts()[1] == 0
        agent.start()
    scene.settle()
    scene.all_told(sent, 5)


def test_an_unreachable_stackflow_does_not_hold_the_queue(scene):
    """The journal takes it; visibility has nothing to do with StackFlow."""
    agent = scene.start()
    scene.sandbox.fault("refuse")
    sent = scene.alarms(20, keys=20)
    scene.queue.fill(sent)
    scene.queue.wait_empty()
    assert scene.sandbox.incidents() == []
    scene.sandbox.clear()
    agent.settle(60)
    scene.all_told(sent, 20)


def test_secrets_are_in_no_log(scene):
    agent = scene.start(conf={"log": {"level": "debug", "format": "logfmt"}})
    scene.front.fault("invalid_token", RECEIVE)
    scene.front.fault("throttle", DELETE)
    scene.queue.send(scene.envelope())
    scene.settle(80)
    text = agent.process.text() + json.dumps(agent.get("/api/v1/status")) + \
        agent.cli("status").stdout
    for secret in scene.cloud.keys.secrets():
        assert secret not in text
    assert "Signature=" not in text and "AWS4-HMAC" not in text
