"""Teams' rule files in the running agent: deciding, failing, coming back."""
import json
import os
import re
import signal
import time

import peers
import pytest

PLATFORM = """\
version: 1
team: platform
owners: [platform@example.com]
platform: true
env:
  - {when: {alarm: "dev-*"}, set: dev}
  - {else: prod}
guards:
  - {id: nonprod-cap, match: {not: {env: prod}}, max_priority: P3}
catch_all: {priority: P4, assignment_group: "Nobody's", short_description: "Unclaimed ${alarm}"}
"""

PAYMENTS = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: ["pay-*", "dev-pay-*"]}]
defaults: {assignment_group: "Payments SRE"}
ci:
  - {id: "${tag.stackflow_ci_id}"}
  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}
severity:
  - {when: {alarm: "*-SEV1*"}, set: critical}
  - {else: medium}
policies:
  - id: db
    match: {alarm: "*pay-db-*"}
    severity: high
    short_description: "[${env}] ${alarm} on ${ci.name:-unknown CI}"
  - {id: rest, match: {}}
"""

RULES = {"00-platform.yaml": PLATFORM, "20-payments.yaml": PAYMENTS}
CI = {"id": "CI0001002", "name": "pay-db-1", "resource_id": "pay-db-1",
      "state": "active"}
STALE = 'tocsin_rules_stale{file="20-payments.yaml"}'


def hup(agent):
    before = agent.process.text().count('msg="reloaded')
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the reload", lambda: agent.process.text()
                   .count('msg="reloaded') > before, 10)


def by_name(sandbox, name):
    return [i for i in sandbox.incidents()
            if name in i["short_description"] + i["description"]]


def event(agent, name):
    return agent.get(f"/api/v1/events?alarm={name}&limit=1")["events"][0]


def test_the_file_that_claims_it_decides(make_agent, sandbox):
    sandbox.control("POST", "/cis", [CI])
    agent = make_agent(rules=RULES)
    for name in ("pay-db-cpu", "dev-pay-db-cpu", "pay-api-SEV1", "web-1"):
        assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    (db,) = by_name(sandbox, "[prod] pay-db-cpu on pay-db-1")
    assert (db["priority"], db["ci_id"], db["assignment_group"]) == \
        ("P2", "CI0001002", "Payments SRE")
    (dev,) = by_name(sandbox, "[dev] dev-pay-db-cpu")
    assert dev["priority"] == "P3"
    (api,) = by_name(sandbox, "pay-api-SEV1")
    assert api["priority"] == "P1"
    (web,) = by_name(sandbox, "Unclaimed web-1")
    assert (web["priority"], web["assignment_group"]) == ("P4", "Nobody's")
    e = event(agent, "pay-db-cpu")
    assert (e["team"], e["policy"]) == ("payments", "db")
    assert e["where"] == "20-payments.yaml:13"
    assert event(agent, "web-1")["action"] == "catch-all"
    hits = {(p["team"], p["policy"]): p["hits"]
            for p in agent.get("/api/v1/rules")["policies"]}
    assert hits["payments", "db"] >= 2


def test_look_ups_are_kept(make_agent, sandbox):
    sandbox.control("POST", "/cis", [CI])
    agent = make_agent(rules=RULES)
    for k in range(20):
        assert agent.send(peers.alarm(f"pay-db-{k}")) == 200
    agent.settle()
    incidents = sandbox.incidents()
    assert len(incidents) == 20
    assert {i["ci_id"] for i in incidents} == {"CI0001002"}
    assert agent.metrics()["tocsin_ci_lookups_total"] == 1


def test_retired_other_and_twin_cis_are_not_taken(make_agent, sandbox):
    sandbox.control("POST", "/cis", [
        {"id": "CI1", "name": "a", "resource_id": "gone", "state": "retired"},
        {"id": "CI2", "name": "b", "resource_id": "twin", "state": "active"},
        {"id": "CI3", "name": "c", "resource_id": "twin", "state": "active"},
        {"id": "CI4", "name": "d", "resource_id": "half", "state": "retired"},
        {"id": "CI5", "name": "e", "resource_id": "half", "state": "active"}])
    agent = make_agent(rules=RULES)
    for name in ("gone", "twin", "half", "none"):
        message = json.loads(peers.alarm(f"pay-db-{name}"))
        message["Trigger"]["Dimensions"][0]["value"] = name
        assert agent.send(json.dumps(message)) == 200
    agent.settle()
    found = {i["short_description"].split()[1]: i.get("ci_id")
             for i in sandbox.incidents()}
    assert found == {"pay-db-gone": None, "pay-db-twin": None,
                     "pay-db-half": "CI5", "pay-db-none": None}


@pytest.mark.parametrize("fault", [
    {"kind": "slow", "delay": 20000}, {"kind": "error", "status": 500},
    {"kind": "error", "status": 404}, {"kind": "hangup"}, {"kind": "401"},
    {"kind": "answer", "body": "not json"},
    {"kind": "answer", "body": '{"data": 7}'},
    {"kind": "answer", "body": '{"data": [{"id": "../x", "n": "pay-db-1"}]}'},
    {"kind": "drip", "delay": 500}],
    ids=lambda f: f["kind"] + str(f.get("status", f.get("body", "")))[:12])
def test_a_bad_cmdb_neither_delays_nor_loses(make_agent, sandbox, fault):
    sandbox.control("POST", "/cis", [CI])
    agent = make_agent(rules=RULES)
    assert agent.send(peers.alarm("web-warm")) == 200
    agent.settle()
    sandbox.fault(method="GET", path="/cmdb/cis", **fault)

    def quick(k):
        """A look-up is given up after two seconds; the answer waits for
        none. A busy machine may take as long for something else."""
        message = json.loads(peers.alarm(f"pay-db-cpu-{k}"))
        message["Trigger"]["Dimensions"][0]["value"] = f"pay-db-{k}"
        started = time.monotonic()
        assert agent.send(json.dumps(message)) == 200
        answered = time.monotonic() - started
        (incident,) = peers.wait_for("the incident", lambda: by_name(
            sandbox, f"pay-db-cpu-{k}"))
        opened = time.monotonic() - started
        assert incident.get("ci_id") is None
        assert "unknown CI" in incident["short_description"]
        return answered < 1.9 * peers.SLOW and opened < 4 * peers.SLOW

    assert any(quick(k) for k in range(1, 5))
    agent.settle(40)
    sandbox.clear()


def test_others_go_on_while_one_waits_for_its_ci(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    agent.hook({"AlarmName": "web-warm"})
    agent.settle()
    sandbox.fault("slow", method="GET", path="/cmdb/cis", delay=20000)
    now = time.time()
    for k in range(3):
        # Their order is kept while the first waits.
        state = "OK" if k == 2 else "ALARM"
        assert agent.send(peers.alarm("pay-db-cpu", state, now + k)) == 200
    assert agent.send(peers.alarm("web-9")) == 200
    peers.wait_for("the other", lambda: by_name(sandbox, "web-9"), 1.5)
    agent.settle(40)
    (incident,) = by_name(sandbox, "pay-db-cpu")
    assert incident["state"] == "resolved"
    sandbox.clear()
    peers.check_invariants(agent, sandbox)


# ---- a file that can't be used ----

BROKEN = [
    "version: 1\nteam: payments\npolicies: [",
    "", "\0", "- a list", "version: 1\nteam: payments\nunknown: 1\n",
    PAYMENTS.replace("match: {}", "match: {alram: x}"),
    PAYMENTS + "team: twice\n",
    PAYMENTS.replace('alarm: "*pay-db-*"', 'alarm: {re: "(("}'),
    PAYMENTS.replace("${env}", "${env:"),
]


def test_a_broken_file_keeps_its_last_good_version(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    for k, text in enumerate(BROKEN):
        agent.write_rules("20-payments.yaml", text)
        hup(agent)
        assert agent.metrics()[STALE] == 1, text
        assert agent.send(peers.alarm(f"pay-db-{k}")) == 200
        assert agent.send(peers.alarm(f"web-{k}")) == 200
        agent.settle()
        assert event(agent, f"pay-db-{k}")["team"] == "payments", text
        assert event(agent, f"web-{k}")["action"] == "catch-all"
    assert "20-payments.yaml" in agent.cli("status").stdout
    assert "20-payments.yaml" in agent.process.text()
    agent.write_rules("20-payments.yaml", PAYMENTS)
    hup(agent)
    assert agent.metrics()[STALE] == 0


def test_a_broken_file_does_not_hold_up_the_others(make_agent):
    other = PAYMENTS.replace("payments", "web").replace("dev-pay", "dev-web") \
        .replace("pay-", "web-")
    agent = make_agent(rules=dict(RULES, **{"30-web.yaml": other}))
    agent.write_rules("20-payments.yaml", "team: [")
    agent.write_rules("30-web.yaml", other.replace("id: db", "id: fresh"))
    hup(agent)
    for name in ("pay-db-1", "web-db-1"):
        agent.send(peers.alarm(name))
    agent.settle()
    assert event(agent, "web-db-1")["policy"] == "fresh"
    assert event(agent, "pay-db-1")["policy"] == "db"
    assert agent.metrics()[STALE] == 1
    assert agent.metrics()['tocsin_rules_stale{file="30-web.yaml"}'] == 0


def test_a_file_broken_while_stopped_starts_from_its_last_good(make_agent,
                                                               sandbox):
    agent = make_agent(rules=RULES)
    agent.kill()
    agent.write_rules("20-payments.yaml", "version: 1\nteam: [")
    agent.start()
    assert agent.metrics()[STALE] == 1
    agent.send(peers.alarm("pay-db-cpu"))
    agent.settle()
    assert event(agent, "pay-db-cpu")["policy"] == "db"
    # And again: what was restored isn't lost by being restored.
    agent.restart()
    agent.send(peers.alarm("pay-db-two"))
    agent.settle()
    assert event(agent, "pay-db-two")["policy"] == "db"


def test_a_file_that_never_was_good_goes_to_catch_all(make_agent, sandbox):
    agent = make_agent(rules=dict(RULES, **{"20-payments.yaml": "team: ["}))
    assert agent.metrics()[STALE] == 1
    agent.send(peers.alarm("pay-db-cpu"))
    agent.settle()
    assert event(agent, "pay-db-cpu")["action"] == "catch-all"


def test_a_broken_platform_file_at_the_first_start(make_agent, sandbox):
    agent = make_agent(rules=dict(RULES, **{"00-platform.yaml": "env: ["}))
    for name in ("pay-db-cpu", "web-1"):
        agent.send(peers.alarm(name))
    agent.settle()
    assert len(sandbox.incidents()) == 2


def test_a_rules_folder_that_vanishes(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    os.rename(agent.rules, agent.rules + ".away")
    hup(agent)
    assert agent.send(peers.alarm("pay-db-cpu")) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1
    os.rename(agent.rules + ".away", agent.rules)
    hup(agent)
    agent.send(peers.alarm("pay-db-two"))
    agent.settle()
    assert event(agent, "pay-db-two")["policy"] == "db"


def test_an_open_incident_keeps_its_key_over_a_reload(make_agent, sandbox):
    agent = make_agent(rules=RULES)
    now = time.time()
    agent.send(peers.alarm("pay-db-cpu", when=now))
    agent.settle()
    agent.write_rules("20-payments.yaml", PAYMENTS.replace(
        "    severity: high\n",
        "    severity: high\n    dedup_key: \"${account}/other/${alarm}\"\n"))
    hup(agent)
    assert agent.metrics()[STALE] == 0
    agent.send(peers.alarm("pay-db-cpu", when=now + 5))
    agent.send(peers.alarm("pay-db-cpu", "OK", when=now + 9))
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


# ---- what comes from outside stays text (S16, S17, S19) ----

TRICKS = ["{{7*7}}", "${alarm}", "${env:HOME}", "${file:/etc/passwd}",
          "$(id)", "`id`", "%s%s%n%x", "<script>alert(1)</script>",
          "[code]<b>x</b>[/code]", "'; DROP TABLE incidents; --",
          '" OR 1=1 --', "\\u0041", "${alarm|json}", "#{1+1}", "<%= 1 %>",
          "&lt;b&gt;", "%0d%0aX-Evil: 1", "../../etc/passwd", "${${alarm}}"]


def test_templates_never_expand_what_they_insert(make_agent, sandbox):
    rules = PAYMENTS.replace(
        "[${env}] ${alarm} on ${ci.name:-unknown CI}",
        "${alarm}|${reason}|${description}").replace('"*pay-db-*"', '"*"') \
        .replace("claims: [{alarm: [\"pay-*\", \"dev-pay-*\"]}]\n", "")
    agent = make_agent(rules={"20-payments.yaml": rules})
    for k, trick in enumerate(TRICKS):
        text = peers.alarm(f"t{k}-{trick}", NewStateReason=trick,
                           AlarmDescription=trick)
        assert agent.send(text, subject="subject") == 200
    agent.settle()
    short = [i["short_description"] for i in sandbox.incidents()]
    for k, trick in enumerate(TRICKS):
        assert f"t{k}-{trick}|{trick}|{trick}" in short, trick
    for i in sandbox.incidents():
        assert os.environ["HOME"] not in i["short_description"]
        assert "root:" not in i["description"]


ODD = {
    "crlf": "a\r\nb", "nl-fake": 'x\nlevel=error msg="fake"', "esc":
    "\x1b[31mred\x1b[0m", "bell": "a\x07b\x08c", "c1": "a\x85b\x9bc",
    "del": "a\x7fb", "ls": "a\u2028b\u2029c", "bidi": "a\u202egnp\u2066x",
    "zero": "a\u200bb\ufeffc", "emoji": "\U0001f525\U0001f468\u200d\U0001f4bb",
    "quote": 'a"b\\c\'d', "equals": "a=b c=d", "long": "\u20ac" * 255,
    "tab": "a\tb", "nonchar": "a\uffffb\ufffe", "combining": "e\u0301" * 50,
}


@pytest.mark.parametrize("shape", ["logfmt", "json"])
def test_odd_names_are_one_record_each(make_agent, sandbox, shape):
    """S16: nobody writes our log, nor StackFlow's headers."""
    agent = make_agent(conf={"log": {"format": shape}})
    for key, value in ODD.items():
        body = {"AlarmName": f"{key}-{value}", "AlarmDescription": value,
                "reason": value, "severity": value}
        status, _, data = agent.hook(body)
        assert status == 200, (key, data)
        assert agent.send(peers.alarm(
            f"s-{key}-{value}", NewStateReason=value,
            AlarmDescription=value)) == 200
    agent.settle()
    assert len(sandbox.incidents()) == 2 * len(ODD)
    # The sandbox parses strictly; what it has is what was sent.
    shorts = " ".join(i["short_description"] for i in sandbox.incidents())
    for key in ODD:
        assert f"s-{key}-" in shorts, key
    assert ODD["emoji"] in shorts and ODD["quote"] in shorts
    for i in sandbox.incidents():
        assert "\n" not in i["short_description"]
    text = open(agent.log, "rb").read().decode()
    lines = text.split("\n")
    assert lines.pop() == ""
    decided = 0
    for line in lines:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e"
                             r"\u2066-\u2069]", line), ascii(line)
        if shape == "json":
            record = json.loads(line)
            decided += record["msg"] == "decided"
        else:
            assert line.startswith("time="), ascii(line)
            decided += ' msg="decided" ' in line
            assert ' level=error msg="fake"' not in line.replace(
                '\\"', "'")[60:]
    assert decided == 2 * len(ODD)
    for path in ("/api/v1/events", "/api/v1/incidents"):
        agent.get(path)
    peers.check_invariants(agent, sandbox)


def test_nul_in_an_alarm_s_text(make_agent, sandbox):
    agent = make_agent()
    assert agent.hook({"AlarmName": "nul-\0-name"})[0] in (200, 400)
    # In SNS's own Message it is only text, whose JSON may say \u0000.
    assert agent.send(peers.alarm("s-nul-\0-x")) == 200
    agent.settle()
    assert sandbox.incidents()


REDOS = ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]$",
         "(.*)(.*)(.*)(.*)(.*)x$", "a.{1,2000}?[bc]", "^(\\w+\\s?)*$",
         "(x+x+)+y", "^(.*?,){30}P", "(?:a?){30}a{30}", "(a|b|ab)*c"]


def test_patterns_that_explode_delay_nobody(make_agent, sandbox):
    """S19: bounded by counting, so that they end the same everywhere."""
    head = PAYMENTS.split("policies:")[0].replace(
        "claims: [{alarm: [\"pay-*\", \"dev-pay-*\"]}]\n", "")
    policies = "policies:\n" + "".join(
        f"  - {{id: r{k}, match: {{reason: {{re: {json.dumps(r)}}}}}}}\n"
        for k, r in enumerate(REDOS)) + "  - {id: last, match: {}}\n"
    agent = make_agent(rules={"20-r.yaml": head + policies})
    assert agent.metrics()['tocsin_rules_stale{file="20-r.yaml"}'] == 0
    started = time.monotonic()
    for k in range(10):
        assert agent.send(peers.alarm(
            f"redos-{k}", NewStateReason="a" * 4000 + "!")) == 200
    agent.settle()
    assert time.monotonic() - started < 8 * peers.patience()
    assert len(sandbox.incidents()) == 10


def team(name, claim, group):
    return (f"version: 1\nteam: {name}\nclaims: [{{alarm: {claim}}}]\n"
            f"defaults: {{assignment_group: {group}}}\n")


def stale(agent, name):
    return agent.metrics()['tocsin_rules_stale{file="%s"}' % name]


def reload(agent):
    before = agent.process.text().count('msg="reloaded')
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the reload", lambda: agent.process.text()
                   .count('msg="reloaded') > before, 60)


def group_of(agent, sandbox, name):
    assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    (incident,) = [i for i in sandbox.incidents()
                   if name in i["short_description"]]
    return incident.get("assignment_group")


def test_whoever_claims_what_is_another_s_is_the_one_that_waits(make_agent,
                                                               sandbox):
    """A claim on top of another team's: that team's file isn't touched, nor a
    change that it makes at the same moment."""
    agent = make_agent(rules={"20-a.yaml": team("a", '"a-*"', "A"),
                              "30-b.yaml": team("b", '"b-*"', "B"),
                              "40-c.yaml": team("c", '"c-*"', "C")})
    agent.write_rules("20-a.yaml", team("a", '["a-*", "b-x*", "c-x*"]', "A2"))
    agent.write_rules("30-b.yaml", team("b", '"b-*"', "B2"))
    reload(agent)
    assert stale(agent, "20-a.yaml") == 1
    assert stale(agent, "30-b.yaml") == 0 and stale(agent, "40-c.yaml") == 0
    assert "claims-overlap" in agent.process.text()
    assert group_of(agent, sandbox, "b-x1") == "B2"
    assert group_of(agent, sandbox, "c-x1") == "C"
    assert group_of(agent, sandbox, "a-1") == "A"
    # The same after a restart, and the way out.
    agent.restart()
    assert stale(agent, "20-a.yaml") == 1 and stale(agent, "30-b.yaml") == 0
    agent.write_rules("20-a.yaml", team("a", '["a-*"]', "A3"))
    reload(agent)
    assert stale(agent, "20-a.yaml") == 0
    assert group_of(agent, sandbox, "a-2") == "A3"


def test_the_older_good_one_stays(make_agent, sandbox):
    """A broken file's last good copy claims what another now asks for."""
    agent = make_agent(rules={"20-a.yaml": team("a", '"a-*"', "A"),
                              "30-b.yaml": team("b", '"b-*"', "B")})
    agent.write_rules("20-a.yaml", "version: 1\nteam: a\nclaims: [\n")
    agent.write_rules("30-b.yaml", team("b", '["b-*", "a-x*"]', "B2"))
    reload(agent)
    assert stale(agent, "20-a.yaml") == 1 and stale(agent, "30-b.yaml") == 1
    assert "last-good" in agent.process.text()
    assert group_of(agent, sandbox, "a-x1") == "A"
    assert group_of(agent, sandbox, "b-1") == "B"
    # A new file that does so waits without a copy; nobody else is touched.
    agent.write_rules("30-b.yaml", team("b", '"b-*"', "B3"))
    agent.write_rules("40-c.yaml", team("c", '"a-*"', "C"))
    reload(agent)
    assert stale(agent, "30-b.yaml") == 0
    assert group_of(agent, sandbox, "b-2") == "B3"
    assert group_of(agent, sandbox, "a-2") == "A"


def test_slow_tests_of_some_do_not_fail_others(make_agent, sandbox):
    """Slow tests use up all the time, and the last file has its turn."""
    files = {}
    for i in range(8):
        files[f"{20 + i}-t{i}.yaml"] = team(f"t{i}", f'"t{i}-*"', "T")
    agent = make_agent(rules=dict(files, **{
        "90-z.yaml": team("z", '"z-*"', "Z")}))
    test = """tests:
""" + "".join(f"""  - name: number {k}
    given: {{cis: [{{id: CI1, name: a, resource_id: a}}],
            changes: [{{id: CHG1, state: implement, ci_id: CI1}}]}}
    events: [{{alarm: {{AlarmName: x, AWSAccountId: "111122223333",
              NewStateValue: ALARM}}}}]
    expect_at: {{90d: {{notes: 0}}}}
""" for k in range(500))
    hold = """suppress: [{id: s, match: {}, when_change: {state: [implement]}}]
ci: [{where: {resource_id: a}}]
"""
    for i, (name, text) in enumerate(files.items()):
        agent.write_rules(f"{name[:-5]}_test.yaml", "rules: " + name + "\n" +
                          test.replace("AlarmName: x", f"AlarmName: t{i}-x"))
        agent.write_rules(name, text + hold +
                          f"tests: [{name[:-5]}_test.yaml]\n")
    agent.write_rules("90-z_test.yaml", "tests: [")
    agent.write_rules("90-z.yaml", team("z", '"z-*"', "Z2") +
                      "tests: [90-z_test.yaml]\n")
    reload(agent)
    if "tests-unrun" not in agent.process.text():
        pytest.skip("this computer ran them all in time")
    # The last one's were run all the same: they can't even be read.
    assert stale(agent, "90-z.yaml") == 1
    assert stale(agent, "20-t0.yaml") == 1
    assert group_of(agent, sandbox, "z-1") == "Z"
