"""Dead letters of a queue: judged again on request, or dropped."""
import json
import socket
import threading
import time

import peers
import pytest
from test_sqs import scene  # noqa: F401


def retry(agent, letter):
    return agent.cli("dead", "retry", str(letter["id"]), check=False)


def test_a_dead_letter_is_judged_again(scene):  # noqa: F811
    agent = scene.start(conf={"sns": {
        "topics": ["arn:aws:sns:us-east-1:999922223333:x"]}})
    scene.queue.send(scene.envelope("later-allowed"))
    forged = json.loads(scene.envelope("forged"))
    forged["Message"] = "x\"y"
    scene.queue.send(json.dumps(forged))
    scene.settle()
    dead = agent.get("/api/v1/dead")["dead"]
    assert len(dead) == 2
    for d in dead:
        assert d["kind"] == "rejected" and d["body"]
        assert "topic" in d["problem"]
    good = next(d for d in dead if "later-allowed" in d["body"])
    bad = next(d for d in dead if d is not good)
    r = retry(agent, good)
    assert r.returncode == 1 and "topic" in r.stderr

    with open(agent.path) as f:
        conf = json.load(f)
    conf["sns"]["topics"] = ["arn:aws:sns:us-east-1:*:*"]
    with open(agent.path, "w") as f:
        json.dump(conf, f)
    agent.admin.call("POST", "/-/reload", None,
                     {"Authorization": "Bearer admin-token"})
    r = retry(agent, good)
    assert r.returncode == 0, r
    r = retry(agent, bad)
    assert r.returncode == 1 and "signature" in r.stderr, r
    agent.settle()
    (i,) = scene.sandbox.incidents()
    assert i["short_description"].endswith("later-allowed")
    assert agent.cli("dead", "drop", str(bad["id"])).returncode == 0
    assert agent.get("/api/v1/dead")["dead"] == []
    assert scene.metric("tocsin_dead_letters") == 0


class Silence:
    """A host that takes connections and says nothing, until it is gone."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken = []
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        try:
            while True:
                self.taken.append(self.socket.accept()[0])
        except OSError:
            pass

    def stop(self):
        """Once or more often."""
        if self.socket.fileno() < 0:
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        for c in self.taken:
            c.close()
        self.taken.clear()


@pytest.fixture
def waiting(scene):  # noqa: F811
    """A dead letter whose certificate's host hangs, judged again: (agent, the
    host, the id, what came of it)."""
    host = Silence()
    agent = scene.start(start=False, conf={"sns": {
        "topics": ["arn:aws:sns:us-east-1:999922223333:x"]}})
    agent.configure(dict(agent.conf, network=dict(
        agent.conf["network"], connect_to=[
            f"sns.{peers.REGION}.amazonaws.com:443:127.0.0.1:{host.port}"])))
    agent.start()
    scene.queue.send(scene.envelope("later-allowed"))
    scene.settle()
    (letter,) = agent.get("/api/v1/dead")["dead"]
    agent.configure(dict(agent.conf, sns={
        "topics": ["arn:aws:sns:us-east-1:*:*"]}))
    assert agent.api("/-/reload", "POST")[0] == 200
    answers = []

    def ask():
        try:
            answers.append(peers.Http(agent.admin_port).call(
                "POST", f"/api/v1/dead/{letter['id']}/retry", None,
                {"Authorization": "Bearer admin-token"}))
        except OSError as e:
            answers.append(e)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    peers.wait_for("the fetch", lambda: host.taken)
    yield agent, host, letter["id"], answers
    host.stop()
    for t in threads:
        t.join()


def test_others_are_answered_while_a_certificate_is_awaited(waiting):
    agent, host, letter, answers = waiting
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/dead"):
        began = time.monotonic()
        assert peers.Http(agent.admin_port, timeout=3).call(
            "GET", path)[0] == 200, path
        assert time.monotonic() - began < 2 * peers.patience()
    assert answers == []
    # The host goes: each is told, and the letter is there still.
    host.stop()
    peers.wait_for("the answers", lambda: len(answers) == 3)
    for status, _, body in answers:
        assert status == 503 and b"certificate_fetch" in body
    assert [d["id"] for d in agent.get("/api/v1/dead")["dead"]] == [letter]
    assert agent.metrics()["tocsin_events_accepted_total"] == 0


def test_the_end_waits_for_no_certificate(waiting):
    agent, _, _, answers = waiting
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < 8 * peers.patience()
    assert "Sanitizer" not in agent.process.text()
