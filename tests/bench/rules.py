"""G5: what rules cost, ten of them against ten thousand, by how they match."""
import json
import os
import re
import time

import figures
import scene

KINDS = ["prefix", "glob", "list", "regex", "wildcard", "claims"]
FEW, MANY = 10, 10000
ALERTS = 400			# a round of Alertmanager's


def measure(tools, kind, rules, messages):
    argv = scene.pinned(tools.server, [tools.path("decide"), kind, rules,
                                       messages])
    whole, load = (float(x) for x in figures.run(argv).split())
    return {"whole": whole, "load": load}


def of_kind(report, tools, kind, rounds, messages):
    r = figures.Rounds(tools.v, 3 * rounds)
    r.play(rounds, lambda _: {n: measure(tools, kind, n, messages)
                              for n in (FEW, MANY)})
    ratio = r.median(lambda s: s[MANY]["whole"] / s[FEW]["whole"])
    load = r.median(lambda s: s[MANY]["load"])
    report.figure(
        "G5", f"{kind}: CPU a message, decoded and decided, {ratio:.2f}x at "
        f"{MANY} rules ({r.median(lambda s: s[MANY]['whole']) / 1e3:.1f} us; "
        f"at {FEW} {r.median(lambda s: s[FEW]['whole']) / 1e3:.1f} us); "
        f"they load in {load:.0f} ms; {r.words()}",
        "at most 1.2x; 300 ms", ratio <= 1.2 and load <= 300,
        figures.command([tools.path("decide"), kind, MANY, messages]))


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


def part(report, tools, peers, folder, rounds, messages):
    for kind in KINDS:
        of_kind(report, tools, kind, rounds, messages)
    if os.path.exists(scene.ALERTMANAGER):
        beside(report, tools, peers, folder)
