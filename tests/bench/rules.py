"""G5: what rules cost, ten of them against ten thousand, by how they match: a
whole message, as G1 counts it, and beside it decoding and deciding alone."""
import json
import os
import re
import time

import figures
import scene

KINDS = ["prefix", "glob", "list", "regex", "wildcard", "claims"]
FEW, MANY = 10, 10000
NAMES = 300			# alarms, of the whole
ALERTS = 400			# a round of Alertmanager's


def measure(tools, kind, rules, messages):
    argv = scene.pinned(tools.server, [tools.path("decide"), kind, rules,
                                       messages])
    whole, load = (float(x) for x in figures.run(argv).split())
    return {"whole": whole, "load": load}


def alone(report, tools, kind, rounds, messages):
    """Decoding and deciding, and how long the rules take to load."""
    r = figures.Rounds(tools.v, 3 * rounds)
    r.play(rounds, lambda _: {n: measure(tools, kind, n, messages)
                              for n in (FEW, MANY)})
    ratio = r.median(lambda s: s[MANY]["whole"] / s[FEW]["whole"])
    load = r.median(lambda s: s[MANY]["load"])
    report.figure(
        "G5", f"{kind}: {MANY} rules load in {load:.0f} ms; decoding and "
        f"deciding alone {r.median(lambda s: s[MANY]['whole']) / 1e3:.1f} us, "
        f"{ratio:.2f}x of what it is at {FEW}; {r.words()}",
        "300 ms", load <= 300,
        figures.command([tools.path("decide"), kind, MANY, messages]))


class Whole:
    """A signed, durable, decided message under few rules and under many: two
    agents with stores of their own, which get the same messages."""

    def __init__(self, bench, peers, rounds, messages, clients):
        self.bench, self.tools, self.clients = bench, bench.tools, clients
        self.rounds, self.messages = rounds, messages
        self.signed = scene.Signed(
            peers, bench.tools, bench.sandbox,
            os.path.join(bench.folder, "rules-signed"),
            NAMES + messages * (3 * rounds + 1), NAMES)

    def agent(self, kind, n):
        folder = os.path.join(self.bench.folder, f"{kind}-{n}.d")
        os.makedirs(folder)
        figures.run([self.tools.path("decide"), "-o", folder, kind, n])
        return self.bench.make_agent(f"{kind}-{n}", folder)

    def load(self, port, first, count, connected=lambda: None):
        args = ("tls", port, self.signed.path, first, count, self.clients)
        self.last = figures.command(self.tools.load_command(*args))
        return self.tools.load_when(connected, *args)

    def cost(self, agent, port, first):
        return self.bench.cost(
            self.bench.pid(agent),
            lambda ready: self.load(port, first, self.messages, ready),
            agent.settle)["cpu"]

    def of_kind(self, kind):
        agents = {n: self.agent(kind, n) for n in (FEW, MANY)}
        for agent, port in agents.values():
            self.load(port, 0, NAMES + self.messages)
            agent.settle(60)

        def once(k):
            first = NAMES + self.messages * (k + 1)
            order = list(agents)[::-1] if k % 2 else list(agents)
            return {n: self.cost(*agents[n], first) for n in order}

        r = figures.Rounds(self.tools.v, 3 * self.rounds)
        r.play(self.rounds, once)
        for agent, _ in agents.values():
            agent.stop()
            self.bench.running.remove(agent)
        ratio = r.median(lambda s: s[MANY] / s[FEW])
        self.bench.report.figure(
            "G5", f"{kind}: {ratio:.2f}x CPU a signed, durable, decided "
            f"message at {MANY} rules ({r.median(lambda s: s[MANY]):.0f} us; "
            f"at {FEW} {r.median(lambda s: s[FEW]):.0f} us); {r.words()}",
            "at most 1.2x", ratio <= 1.2, self.last)


def routes(operator, value, count):
    """Alertmanager's configuration with so many routes."""
    lines = "".join(
        f"    - {{receiver: none, matchers: ['alertname{operator}\""
        f"{value % i}\"']}}\n" for i in range(count))
    return ("route:\n  receiver: none\n  group_by: [alertname]\n  routes:\n" +
            lines + "receivers: [{name: none}]\n")


def alertmanager(tools, peers, folder, conf):
    """CPU an alert, in us."""
    class Routed(scene.Alertmanager):
        CONF = conf

    am = Routed(peers, tools, folder)
    path = os.path.join(folder, "alerts")
    texts = []
    for k in range(2 * ALERTS):
        alert = scene.Alertmanager.alert(k, 1000, k)
        alert["labels"]["alertname"] = f"svc-{k * 7919 % 10000:05d}-cpu-high"
        texts.append(scene.post("/api/v2/alerts",
                                json.dumps([alert]).encode()))
    scene.put_requests(path, texts)
    tools.load("plain", am.port, path, 0, ALERTS, 8)
    time.sleep(0.5)
    before = figures.cpu_us(am.pid)
    tools.load("plain", am.port, path, ALERTS, ALERTS, 8)
    time.sleep(0.5)
    cost = (figures.cpu_us(am.pid) - before) / ALERTS
    am.stop()
    return cost


def beside(report, tools, peers, folder):
    for kind, operator, value in [("equal names", "=", "svc-%05d-cpu-high"),
                                  ("regexes", "=~",
                                   "svc-%05d-[a-z]+-(high|low)")]:
        few, many = (alertmanager(
            tools, peers, os.path.join(folder, re.sub(r"\W", "", kind) +
                                       str(n)), routes(operator, value, n))
            for n in (FEW, MANY))
        report.note(f"beside it, Alertmanager with {kind}: {few:.0f} us an "
                    f"alert at {FEW} routes, {many:.0f} at {MANY}: "
                    f"{many / few:.1f}x\n")


def part(bench, peers, kinds, rounds, messages, clients):
    whole = Whole(bench, peers, rounds, messages, clients)
    for kind in kinds:
        whole.of_kind(kind)
    for kind in kinds:
        alone(bench.report, bench.tools, kind, rounds, 5 * messages)
    if os.path.exists(scene.ALERTMANAGER):
        beside(bench.report, bench.tools, peers, bench.folder)
