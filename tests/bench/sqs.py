"""Draining a queue: tocsin, which verifies, journals and decides, beside
sqs-consumer on Node, which does nothing with what it receives, as its
documentation sets it up and in its cheapest way. All wait in their first
receive until the gate opens; the queue's server says when the last message was
deleted."""
import json
import os
import subprocess
import sys

import figures
import scene

PEERS = os.path.join(scene.HERE, "..", "peers")
NEEDED = [os.path.join(PEERS, "node_modules", "fauxqs"),
          os.path.join(PEERS, "bench", "node_modules", "sqs-consumer")]
JSON_TYPE = "application/x-amz-json-1.0"


class Queue:
    """fauxqs behind a gate, on the clients' core."""

    def __init__(self, peers, tools, name):
        self.popen = subprocess.Popen(
            scene.pinned(tools.client, [
                "node", os.path.join(PEERS, "bench", "queue.mjs"), 0]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.queue_url = f"{self.url}/000000000000/{name}"
        self.http = peers.Http(self.port, timeout=300)
        self.call("CreateQueue", QueueName=name)

    def call(self, operation, **body):
        status, _, data = self.http.call("POST", "/", body, {
            "Content-Type": JSON_TYPE,
            "X-Amz-Target": f"AmazonSQS.{operation}"})
        assert status == 200, (operation, status, data)

    def fill(self, bodies):
        for k in range(0, len(bodies), 10):
            self.call("SendMessageBatch", QueueUrl=self.queue_url, Entries=[
                {"Id": str(i), "MessageBody": b}
                for i, b in enumerate(bodies[k:k + 10])])

    def waiting(self):
        return json.loads(self.http.call("GET", "/waiting")[2])["waiting"]

    def race(self, count):
        status, _, data = self.http.call(
            "POST", "/race", {"until": count},
            {"Content-Type": "text/plain"})
        assert status == 200, data
        return json.loads(data)

    def stop(self):
        self.http.close()
        self.popen.stdin.close()
        self.popen.stdout.close()
        self.popen.wait()


def bodies(path, count):
    """The bodies of signed requests, as tests/bench/sign wrote them."""
    out = []
    with open(path, "rb") as f:
        for _ in range(count):
            size = int.from_bytes(f.read(4), sys.byteorder)
            out.append(f.read(size).partition(b"\r\n\r\n")[2].decode())
    return out


def drain_agent(bench, queue, number):
    agent = bench.agent(queue, number)
    try:
        bench.peers.wait_for("the agent's receives",
                             lambda: queue.waiting() >= bench.pollers, 30)
        pid = agent.process.popen.pid
        before = figures.cpu_us(pid)
        got = queue.race(len(bench.work))
        got["cpu"] = (figures.cpu_us(pid) - before) / 1e6
        agent.settle(60, 0.25)	# to be asked costs it too
        got["cpu_settled"] = (figures.cpu_us(pid) - before) / 1e6
    finally:
        agent.kill()
    return got


def drain_node(bench, queue, form):
    argv = ["node", "--no-warnings", os.path.join(PEERS, "bench",
                                                  "consumer.mjs"),
            queue.url, queue.queue_url, bench.pollers, form]
    bench.last_node = figures.command(argv)
    p = subprocess.Popen(scene.pinned(bench.tools.server, argv),
                         stdin=subprocess.PIPE)
    try:
        bench.peers.wait_for("sqs-consumer's receives",
                             lambda: queue.waiting() >= bench.pollers, 30)
        before = figures.cpu_us(p.pid)
        got = queue.race(len(bench.work))
        got["cpu"] = (figures.cpu_us(p.pid) - before) / 1e6
    finally:
        p.kill()
        p.wait()
        p.stdin.close()
    return got


class Drain:
    """bench: the Bench of tests/bench/run; its sandbox is StackFlow here."""

    def __init__(self, bench, peers, work, rounds, pollers):
        self.peers, self.tools, self.report = peers, bench.tools, bench.report
        self.sandbox, self.folder = bench.sandbox, bench.folder
        self.work, self.rounds, self.pollers = work, rounds, pollers

    def agent(self, queue, number):
        """With a store of its own: to it, every message is news. And with a
        StackFlow of its own, where it finds no incidents to take over."""
        self.sandbox.renew()
        folder = os.path.join(self.folder, f"sqs-{self.pollers}-{number}")
        os.makedirs(folder)
        return self.peers.Agent(
            folder, self.sandbox, conf=self.conf(queue),
            wrapper=scene.pinned(self.tools.server, []),
            rules={"10-bench.yaml": scene.POLICIES},
            env={"AWS_EC2_METADATA_DISABLED": "true"})

    def conf(self, queue):
        return {"sqs": [{"queue_url": queue.queue_url,
                         "concurrency": self.pollers}],
                "aws": {"region": "us-east-1", "reconcile": "off",
                        "endpoint_url": queue.url,
                        "access_key_id": "AKIAEXAMPLEEXAMPLE00",
                        "secret_access_key": "none"}}

    def filled(self, drain, *args):
        """A queue of its own: a poll that a dead process left behind would
        take messages of the next."""
        queue = Queue(self.peers, self.tools, "bench")
        try:
            queue.fill(self.work)
            return drain(self, queue, *args)
        finally:
            queue.stop()

    def once(self, number):
        return {"ours": self.filled(drain_agent, number),
                "each": self.filled(drain_node, "each"),
                "batch": self.filled(drain_node, "batch")}

    def run(self):
        self.once("first")
        r = figures.Rounds(self.tools.v, 3 * self.rounds)
        r.play(self.rounds, self.once)

        def median(who, what):
            return r.median(lambda s: s[who][what])

        wall = r.median(lambda s: s["ours"]["seconds"] /
                        s["batch"]["seconds"])
        self.report.figure(
            "SQS", f"{len(self.work)} signed envelopes, {self.pollers} "
            f"poller{'s'[:self.pollers > 1]}: {median('ours', 'seconds'):.2f}"
            f" s, verified, on disk and deleted; sqs-consumer "
            f"{median('batch', 'seconds'):.2f} s for nothing: {wall:.2f}x; "
            f"{r.words()}", "at most 1.0x", wall <= 1.0, self.last_node)
        ours = f"CPU {median('ours', 'cpu'):.2f} s until drained, " \
            f"{median('ours', 'cpu_settled'):.2f} s until all is decided " \
            "and told; sqs-consumer"
        for form, words in (("each", "as documented"),
                            ("batch", "with a handler of batches")):
            ratio = {which: r.median(lambda s: s["ours"][which] /
                                     s[form]["cpu"])
                     for which in ("cpu", "cpu_settled")}
            self.report.figure(
                "SQS", f"{ours} {words} {median(form, 'cpu'):.2f} s: "
                f"{ratio['cpu']:.2f}x until drained, "
                f"{ratio['cpu_settled']:.2f}x in all",
                "at most 0.2x", ratio["cpu_settled"] <= 0.2)


def part(bench, peers, messages, pollers, rounds):
    missing = [os.path.basename(p) for p in NEEDED if not os.path.isdir(p)]
    if missing:
        bench.report.note("SQS: skipped, " + " and ".join(missing) + " aren't "
                          "installed: tests/peers/install bench\n")
        return
    signed = scene.Signed(peers, bench.tools, bench.sandbox,
                          os.path.join(bench.folder, "envelopes"), messages,
                          200)
    work = bodies(signed.path, messages)
    for n in pollers:
        Drain(bench, peers, work, rounds, n).run()
