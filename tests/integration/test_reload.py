"""Ten thousand rules are loaded anew in a blink, and intake doesn't notice."""
import itertools
import os
import statistics
import threading
import time

import peers
import timed

FILES, EACH = 10, 1000
LIMIT_MS = 300


def many(name, note=""):
    """A team's file of a thousand policies, each with a list."""
    lines = [f"version: 1\nteam: t{name}\nowners: [a@example.com]\n"
             f"claims: [{{alarm: \"svc-{name:02d}*\"}}]\n"
             f"severity: [{{else: medium}}]\npolicies:{note}\n"]
    for i in range(name * EACH, (name + 1) * EACH):
        lines.append(
            f"  - {{id: p{i}, match: {{alarm: [svc-{i:05d}-cpu-high, "
            f"svc-{i:05d}-mem-high, \"svc-{i:05d}-disk-*\"]}}}}\n")
    lines.append("  - {id: last, match: {}}\n")
    return "".join(lines)


def name_of(i):
    return f"{10 + i}-t.yaml"


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


class Sender(threading.Thread):
    """One connection that sends one alarm after the other: each answer's
    status, when it was asked for and how long it took."""

    def __init__(self, agent, envelopes):
        super().__init__(daemon=True)
        self.port, self.envelopes = agent.port, envelopes
        self.answers, self.over = [], threading.Event()

    def run(self):
        http = peers.Http(self.port)
        for e in itertools.cycle(self.envelopes):
            if self.over.is_set():
                break
            begin = time.monotonic()
            try:
                status = http.call("POST", "/sns", e, peers.sns_headers(e))[0]
            except OSError:
                status = 0
            self.answers.append((status, begin, time.monotonic() - begin))
            time.sleep(0.002)
        http.close()


def test_many_rules_load_in_a_blink(make_agent):
    agent = make_agent(rules={name_of(i): many(i) for i in range(FILES)})
    took = []
    for i in range(4):
        agent.write_rules(name_of(i), many(i, f"  # {i}"))
        before = cpu_ms(agent.process.popen.pid)
        timed.reload(agent)
        took.append(cpu_ms(agent.process.popen.pid) - before)
    assert agent.get("/api/v1/status")["rules_stale"] == []
    # Of CPU, as neighbours may have the rest; the best, as they share caches.
    assert min(took) < LIMIT_MS * peers.SLOW, took


def test_intake_goes_on_meanwhile(make_agent, sandbox):
    agent = make_agent(rules={name_of(i): many(i) for i in range(FILES)})
    signer = peers.Signer(sandbox)
    sender = Sender(agent, [
        signer.envelope(peers.alarm(f"svc-{i % 10000:05d}-cpu-high", "OK"))
        for i in range(0, 10000, 25)])
    spans = []
    sender.start()
    time.sleep(0.5)
    for i in range(5):
        agent.write_rules(name_of(i), many(i, f"  # {i}"))
        begin = time.monotonic()
        timed.reload(agent)
        spans.append((begin, time.monotonic()))
        time.sleep(0.3)
    sender.over.set()
    sender.join()
    assert {status for status, _, _ in sender.answers} == {200}
    during = [took for _, at, took in sender.answers
              if any(a <= at + took and at <= b for a, b in spans)]
    quiet = [took for _, at, took in sender.answers
             if not any(a <= at + took and at <= b for a, b in spans)]
    load = min(b - a for a, b in spans)
    assert len(during) > 10 and len(quiet) > 10
    # One that waited for a load to end would take as long as that.
    assert statistics.median(during) < \
        max(3 * statistics.median(quiet), load / 10), (during, quiet, spans)
    late = sorted(during)[len(during) * 9 // 10]
    assert late < max(3 * sorted(quiet)[len(quiet) * 9 // 10], load / 2), \
        (during, quiet, spans)
