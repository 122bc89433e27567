"""`tocsin test`: rules proved by alarms with a clock of their own."""
import json
import os
import re
import resource
import signal
import subprocess
import time
import xml.etree.ElementTree as ET

import peers
import pytest

PAYMENTS = """\
version: 1
team: payments
owners: [pay@example.com]
claims: [{alarm: ["pay-*", "dev-pay-*"]}]
defaults: {assignment_group: "Payments SRE"}
ci:
  - {where: {resource_id: "${dim.DBInstanceIdentifier}"}}
severity:
  - {when: {alarm: "*-SEV1*"}, set: critical}
  - {when: {tag.severity: [critical, high, medium, low]}, set: "${tag.severity}"}
  - {else: medium}
windows:
  patching: {every: "Sun 02:00-05:00", tz: Europe/London, owner: dba-oncall}
policies:
  - id: pay-db-failover
    match: {alarm: "pay-db-failover*"}
    severity: critical
    short_description: "[${env:-prod}] ${alarm} on ${ci.name:-unknown CI}"
    fields: {u_tier: gold}
  - {id: pay-latency, match: {alarm: "*pay-*-p99"}, open_after: 3m}
  - {id: pay-batch, match: {alarm: "pay-batch-*"}, dedup_key: "${account}/pay-batch", open_when: {count: 3, within: 10m}}
  - {id: pay-default, match: {}}
suppress:
  - {id: in-patching, match: {namespace: AWS/RDS}, during: patching, never_above: P2}
  - {id: on-change, match: {severity: [medium, low]}, when_change: {state: [implement]}}
  - {id: behind-db, match: {alarm: "pay-canary-*"}, while_open: pay-db-failover, same: [account, region]}
"""

PLATFORM = """\
version: 1
team: platform
platform: true
owners: [platform@example.com]
env: [{when: {alarm: "dev-*"}, set: dev}, {else: prod}]
guards:
  - {id: nonprod-cap, match: {not: {env: prod}}, max_priority: P3}
"""

HEAD = "rules: 20-payments.yaml\ntests:\n"


@pytest.fixture
def rules(tmp_path):
    """A folder with rules and samples, and how to test in it."""
    folder = tmp_path / "rules.d"
    (folder / "samples").mkdir(parents=True)
    (folder / "20-payments.yaml").write_text(PAYMENTS)
    (folder / "00-platform.yaml").write_text(PLATFORM)
    when = 1795255200
    for name in ("failover", "cpu", "api-p99", "canary-1", "batch-7"):
        full = "pay-" + ("db-" if name in ("failover", "cpu") else "") + name
        changes = {} if "db" in full else {"Trigger": {
            "MetricName": "Latency", "Namespace": "AWS/ApplicationELB",
            "Dimensions": [], "Threshold": 1.0}}
        (folder / "samples" / f"{name}.json").write_text(
            peers.alarm(full, "ALARM", when, **changes))
    return folder


def tocsin(*args, cwd=None, env=None):
    full = {k: v for k, v in os.environ.items()
            if not k.startswith(("TOCSIN_C", "STACKFLOW_", "AWS_"))}
    full.update({"TOCSIN_CONFIG": "/nonexistent/tocsin.yaml"}, **(env or {}))
    if env is None or "TOCSIN_CONFIG" not in env:
        full.pop("TOCSIN_CONFIG")
    return subprocess.run([peers.TOCSIN, "test", *args], cwd=cwd, env=full,
                          capture_output=True, text=True, timeout=60)


def run(rules, tests, *args, head=HEAD):
    path = rules / "20-payments_test.yaml"
    path.write_text(head + tests)
    return tocsin(*args, "20-payments_test.yaml", cwd=rules)


def passes(rules, tests, **kw):
    r = run(rules, tests, **kw)
    assert r.returncode == 0, r.stdout + r.stderr
    return r


def fails(rules, tests, *args, **kw):
    r = run(rules, tests, *args, **kw)
    assert r.returncode == 1, r.stdout + r.stderr
    return r.stdout


# ---- the manual's example ----

EXAMPLE = """\
  - name: failover opens one P1, ignores redelivery, resolves on OK
    clock: 2026-11-02T03:00:00Z
    given: {cis: [{id: CI0001002, name: pay-db-1, resource_id: pay-db-1}], changes: []}
    events:
      - {at: 0s, sample: samples/failover.json}
      - {at: 20s, repeat_of: 1}
      - {at: 9m, sample: samples/failover.json, state: OK}
    expect:
      decided_by: {policy: pay-db-failover, severity: critical}
      actions: [create, note, resolve]
      incident: {priority: P1, ci_id: CI0001002}
  - name: a medium RDS alarm is held in the Sunday window and opens at its end
    clock: 2026-11-01T02:10:00Z
    events: [{at: 0s, sample: samples/cpu.json, severity: medium}]
    expect_at:
      1m: {actions: [], suppressed_by: in-patching}
      2h51m: {actions: [create], suppressed_by: null}
"""


def test_the_example_passes(rules):
    r = passes(rules, EXAMPLE)
    assert "2 tests in 1 file: 2 passed, 0 failed" in r.stdout
    assert r.stderr == ""


@pytest.mark.parametrize("old,new,shown", [
    ("severity: critical}", "severity: high}",
     ["decided_by.severity", "expected: high", "got:      critical",
      "policy pay-db-failover (20-payments.yaml:15)"]),
    ("[create, note, resolve]", "[create, resolve]",
     ["actions", "expected: [create, resolve]",
      "got:      [create, note, resolve]"]),
    ("priority: P1,", "priority: P2,",
     ["incident.priority", "expected: P2", "got:      P1"]),
    ("ci_id: CI0001002}\n", "ci_id: CI7}\n",
     ["incident.ci_id", "ci[1] (20-payments.yaml:7)"]),
    ("suppressed_by: in-patching", "suppressed_by: other",
     ["suppressed_by at 1m", "expected: other", "got:      in-patching",
      "suppress in-patching (20-payments.yaml:"]),
    ("2h51m: {actions: [create]", "2h49m: {actions: [create]",
     ["actions at 2h49m", "got:      []"]),
    ("1m: {actions: []", "1m: {actions: [create]", ["actions at 1m"]),
])
def test_a_missed_expectation_says_all(rules, old, new, shown):
    assert old in EXAMPLE
    text = EXAMPLE.replace(old, new)
    out = fails(rules, text)
    for word in shown:
        assert word in out, out
    assert "1 failed" in out or "2 failed" in out
    # The place is that of the expectation.
    line = (HEAD + text)[:(HEAD + text).index(new)].count("\n") + 1
    assert f"20-payments_test.yaml:{line}:" in out, out


def test_the_manuals_example_runs(rules):
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                        "packaging", "man", "tocsin-rules-test.5")
    with open(page) as f:
        example = re.search(r"^\.Bd -literal\n(.*?)^\.Ed", f.read(),
                            re.M | re.S).group(1)
    for name in ("failover", "cpu"):
        os.rename(rules / "samples" / f"{name}.json",
                  rules / "samples" / f"rds-{name}.json")
    r = run(rules, example, head="")
    assert r.returncode == 0 and "2 passed" in r.stdout, r.stdout


# ---- events ----

def alarm(name, **more):
    return json.dumps(json.loads(peers.alarm(name, "ALARM", 1795255200,
                                             **more)))


def test_payloads_in_place_bare_and_in_envelopes(rules):
    sns = json.dumps({"Type": "Notification", "MessageId": "m1",
                      "TopicArn": peers.TOPIC, "Subject": "S",
                      "Timestamp": "2026-01-05T10:00:00.000Z",
                      "Message": peers.alarm("pay-x", "ALARM", 1795255200)})
    (rules / "samples" / "sns.json").write_text(sns)
    passes(rules, f"""\
  - name: a map
    events:
      - alarm:
          AlarmName: pay-a
          AWSAccountId: 111122223333
          NewStateValue: ALARM
          StateChangeTime: "2026-11-21T10:00:00.000+0000"
          Region: US East (N. Virginia)
          Trigger: {{Namespace: AWS/EC2, MetricName: CPUUtilization, Threshold: 95.5}}
    expect:
      decided_by: {{policy: pay-default, dedup_key: 111122223333/us-east-1/pay-a}}
      incident: {{description: {{contains: "Threshold: 95.5"}}}}
  - name: JSON in YAML
    events: [{{alarm: {alarm("pay-b")}}}]
    expect: {{decided_by: {{dedup_key: {{glob: "*/pay-b"}}}}, actions: [create]}}
  - name: an SNS envelope from a file
    events: [{{sample: samples/sns.json}}]
    expect: {{decided_by: {{policy: pay-default}}, actions: [create]}}
  - name: an SNS envelope as text
    events:
      - alarm: |
          {sns}
    expect: {{decided_by: {{policy: pay-default}}, actions: [create]}}
  - name: plain text is claimed by nobody
    events: [{{alarm: the disk is full}}]
    expect: {{decided_by: {{catch_all: true, policy: catch-all}}, actions: [create]}}
""")


def test_each_alarm_of_a_message_comes_in(rules):
    records = json.dumps({"Records": [
        {"messageId": str(k), "receiptHandle": "r",
         "body": peers.alarm(f"pay-r{k}", "ALARM", 1795255200)}
        for k in range(3)]})
    (rules / "samples" / "records.json").write_text(records)
    passes(rules, """\
  - name: three
    events: [{sample: samples/records.json}]
    expect:
      incidents:
        - {dedup_key: {glob: "*/pay-r0"}}
        - {dedup_key: {glob: "*/pay-r1"}, assignment_group: Payments SRE}
        - {dedup_key: {glob: "*/pay-r2"}, state: open}
      actions: [create, create, create]
""")


def test_fields_are_set_in_place_of_the_samples(rules):
    passes(rules, """\
  - name: another alarm, known by another ARN
    events:
      - {sample: samples/cpu.json}
      - {at: 1m, sample: samples/cpu.json, set: {alarm: pay-other-SEV1, region: eu-west-1, account: "444455556666"}}
      - {at: 2m, sample: samples/cpu.json, state: OK}
    expect:
      incidents:
        - {state: resolved, priority: P3}
        - {state: open, priority: P1, dedup_key: 444455556666/eu-west-1/pay-other-SEV1}
  - name: a tag counts as looked up
    events: [{sample: samples/cpu.json, set: {tag.severity: high, reason: "because of ${alarm}"}}]
    expect: {decided_by: {severity: high}, incident: {priority: P2, description: {contains: "because of ${alarm}"}}}
  - name: a dimension taken away
    given: {cis: [{id: CI1, name: a, resource_id: pay-db-1}]}
    events: [{sample: samples/failover.json, set: {dim.DBInstanceIdentifier: null}}]
    expect: {incident: {ci_id: null, short_description: "[prod] pay-db-failover on unknown CI", u_tier: gold}}
""")


def test_a_repeat_is_known_by_intakes_identity(rules):
    (rules / "samples" / "am.json").write_text(json.dumps({
        "version": "4", "status": "firing", "receiver": "x", "alerts": [{
            "status": "firing", "labels": {"alertname": "pay-am"},
            "annotations": {}, "startsAt": "2026-01-05T10:00:00Z",
            "fingerprint": "abc"}]}))
    passes(rules, """\
  - name: the same change again is dropped however late
    events:
      - {sample: samples/cpu.json}
      - {at: 5h, repeat_of: 1}
    expect: {actions: [create], notes: 0}
  - name: the same alarm at another time is a repetition
    events: [{sample: samples/cpu.json}, {at: 5h, sample: samples/cpu.json}]
    expect: {actions: [create, note], notes: 1}
  - name: Alertmanager tells again since when it fires
    events:
      - {sample: samples/am.json}
      - {at: 10s, repeat_of: 1}
      - {at: 4h, repeat_of: 1}
    expect: {actions: [create]}
""")


def test_order_and_lateness(rules):
    passes(rules, """\
  - name: in any order of the file
    events:
      - {at: 9m, sample: samples/cpu.json, state: OK}
      - {at: 0s, sample: samples/cpu.json}
    expect: {actions: [create, note, resolve]}
  - name: of one moment in the file's order
    events:
      - {at: 1m, sample: samples/cpu.json}
      - {at: 1m, sample: samples/cpu.json, state: OK}
    expect: {incident: {state: resolved}}
  - name: an ALARM older than a known OK opens nothing
    events:
      - {at: 5m, sample: samples/cpu.json, state: OK}
      - {at: 1m, late: 10m, sample: samples/cpu.json}
    expect: {actions: [], incident: null, incidents: 0}
""")


def test_timers_fall_due_at_their_moment(rules):
    passes(rules, """\
  - name: open_after waits
    events: [{sample: samples/api-p99.json}]
    expect: {actions: []}
    expect_at:
      2m59s: {actions: []}
      3m: {actions: [create]}
  - name: an OK inside opens nothing
    events: [{sample: samples/api-p99.json}, {at: 2m, sample: samples/api-p99.json, state: OK}]
    expect_at: {1h: {actions: [], incident: null}}
  - name: the third of ten minutes opens
    events:
      - {at: 0s, sample: samples/batch-7.json}
      - {at: 1m, sample: samples/batch-7.json, set: {alarm: pay-batch-8}}
      - {at: 2m, sample: samples/batch-7.json, set: {alarm: pay-batch-9}}
    expect: {actions: [create], decided_by: {policy: pay-batch}}
    expect_at: {1m30s: {actions: []}}
""")


# ---- what is given ----

def test_given_changes_hold(rules):
    passes(rules, """\
  - name: a change on the CI holds
    clock: 2026-11-03T10:00:00Z
    given:
      cis: [{id: CI1, name: a, resource_id: pay-db-1}]
      changes: [{id: CHG0000007, title: Patch, state: implement, ci_id: CI1}]
    events: [{sample: samples/cpu.json}]
    expect: {actions: [], suppressed_by: on-change, incident: null}
  - name: one in another state doesn't
    given:
      cis: [{id: CI1, name: a, resource_id: pay-db-1}]
      changes: [{id: CHG0000007, state: closed, ci_id: CI1}]
    events: [{sample: samples/cpu.json}]
    expect: {actions: [create], suppressed_by: null}
  - name: a look-up that fails holds nothing
    given: {cis: [{id: CI1, name: a, resource_id: pay-db-1}], changes: unavailable}
    events: [{sample: samples/cpu.json}]
    expect: {actions: [create], incident: {ci_id: CI1}}
  - name: neither does a CMDB that is down lose the alarm
    given: {cis: unavailable}
    events: [{sample: samples/cpu.json}]
    expect: {actions: [create], incident: {ci_id: null}}
  - name: twins and retired items are not taken
    given: {cis: [{id: CI1, name: a, resource_id: pay-db-1, state: retired}, {id: CI2, name: b, resource_id: pay-db-1}]}
    events: [{sample: samples/cpu.json}]
    expect: {incident: {ci_id: CI2}}
""")


def test_given_incidents_and_silences(rules):
    passes(rules, """\
  - name: a canary is held behind its database
    given: {incidents: [{policy: pay-db-failover, account: "111122223333", region: us-east-1, alarm: pay-db-failover, priority: P1}]}
    events: [{sample: samples/canary-1.json}]
    expect: {actions: [], suppressed_by: behind-db, incident: null, incidents: 0}
  - name: not behind that of another region
    given: {incidents: [{policy: pay-db-failover, account: "111122223333", region: eu-west-1, alarm: pay-db-failover}]}
    events: [{sample: samples/canary-1.json}]
    expect: {actions: [create], suppressed_by: null, incidents: 1}
  - name: an OK resolves what is given
    given: {incidents: [{policy: pay-default, account: "111122223333", region: us-east-1, alarm: pay-db-cpu}]}
    events: [{sample: samples/cpu.json, state: OK}]
    expect: {actions: [note, resolve], incident: {state: resolved}, last_note: {contains: Resolved}}
  - name: a silence holds until its end
    given: {silences: [{id: s1, match: {alarm: "pay-*", region: us-east-1}, for: 30m, owner: ann, reason: night}]}
    events: [{sample: samples/cpu.json}]
    expect: {actions: [], suppressed_by: s1}
    expect_at:
      29m: {actions: []}
      31m: {actions: [create]}
  - name: it holds nothing else
    given: {silences: [{match: {alarm: "web-*"}, for: 30m}]}
    events: [{sample: samples/cpu.json}]
    expect: {actions: [create]}
""")


def test_the_platforms_file_beside_the_teams(rules):
    tests = """\
  - name: capped
    events: [{sample: samples/cpu.json, set: {alarm: dev-pay-SEV1}}]
    expect: {decided_by: {env: dev, priority: %s, team: payments, file: 20-payments.yaml}}
"""
    both = "rules: [00-platform.yaml, 20-payments.yaml]\ntests:\n"
    passes(rules, tests % "P3", head=both)
    out = fails(rules, tests % "P1", head=both)
    assert "decided:  guard nonprod-cap (00-platform.yaml:7)" in out


# ---- faults of a test file ----

def test_all_faults_at_once_with_their_places(rules):
    out = fails(rules, """\
  - nam: x
    clock: yesterday
    evnts: []
  - name: b
    events:
      - {at: 5, sample: samples/cpu.json}
      - {sample: samples/none.json}
      - {sample: ../20-payments.yaml}
      - {repeat_of: 9}
      - {sample: samples/cpu.json, alarm: x}
      - {sample: samples/cpu.json, state: ALRAM, severity: hihg, set: {alram: x}}
    given: {cis: [{name: x}], chnges: [], silences: [{match: {alram: x}, for: 1h}]}
    expect: {action: [create], incident: {priorty: P1}, actions: [crate], suppressed_by: [a]}
    expect_at: {5x: {notes: -1}, 1m: {}}
  - {name: b, events: [{alarm: x}]}
""")
    for line, words in [
            (3, "did you mean `name`"), (4, "`clock` takes a time"),
            (5, "did you mean `events`"), (3, "`events` is missing"),
            (3, "proves nothing"), (8, "not \"5\""), (9, "can't be opened"),
            (10, "leads out of"), (11, "counted from 1"),
            (12, "one of `sample`"), (13, "did you mean `ALARM`"),
            (13, "did you mean `high`"), (13, "did you mean `alarm`"),
            (14, "`id` is missing"), (14, "did you mean `changes`"),
            (14, "`match` of a silence"), (15, "did you mean `actions`"),
            (15, "did you mean `priority`"), (15, "did you mean `create`"),
            (15, "`suppressed_by` takes"), (16, "`expect_at` takes"),
            (16, "takes a count"), (16, "nothing is expected"),
            (17, "the test of line 6 has this name")]:
        assert re.search(rf"20-payments_test\.yaml:{line}:\d+: error\[[a-z-]+\]"
                         rf": .*{re.escape(words)}", out), (line, words, out)
    assert "1 file can't be run" in out


@pytest.mark.parametrize("text,words", [
    ("", "takes a map"), ("- a", "takes a map"), ("\0", "NUL"),
    ("tests: [", "syntax"), ("rules: 20-payments.yaml\n", "`tests` is missing"),
    ("rules: none.yaml\ntests: [{name: a, events: [{alarm: x}], expect: "
     "{notes: 0}}]", "none.yaml: no such file"),
    ("rules: 00-platform.yaml\ntests: {a: b}", "takes a list"),
    ("tests: []", "no test"),
])
def test_files_that_are_no_tests(rules, text, words):
    (rules / "x_test.yaml").write_text(text)
    r = tocsin("x_test.yaml", cwd=rules)
    assert r.returncode == 1 and "x_test.yaml" in r.stdout, r.stdout
    if words not in ("takes a map", "NUL"):
        assert words in r.stdout


def test_no_link_leads_to_a_sample_outside(rules, tmp_path):
    (tmp_path / "secret").write_text("secret words")
    os.symlink(tmp_path / "secret", rules / "samples" / "link.json")
    os.symlink("cpu.json", rules / "samples" / "inside.json")
    out = fails(rules, """\
  - {name: a, events: [{sample: samples/link.json}], expect: {notes: 0}}
  - {name: b, events: [{sample: /etc/hostname}], expect: {notes: 0}}
  - {name: c, events: [{sample: samples}], expect: {notes: 0}}
""")
    assert out.count("leads out of the folder") == 2
    assert "no regular file" in out and "secret words" not in out
    passes(rules, "  - {name: a, events: [{sample: samples/inside.json}], "
                  "expect: {actions: [create]}}\n")


def test_rules_with_faults_fail_their_tests(rules):
    (rules / "20-payments.yaml").write_text(PAYMENTS + "nothing: 1\n")
    out = fails(rules, EXAMPLE)
    assert re.search(r"20-payments\.yaml:\d+:1: error\[unknown-key\]", out)


# ---- what is run ----

def test_paths_lead_to_tests(rules):
    passes(rules, EXAMPLE)
    (rules / "20-payments.yaml").write_text(
        PAYMENTS + "tests: [more/named_test.yaml]\n")
    (rules / "more").mkdir()
    (rules / "more" / "named_test.yaml").write_text(
        "rules: ../20-payments.yaml\ntests: [{name: n, events: [{alarm: x}], "
        "expect: {actions: [create]}}]\n")
    (rules / "plain_test.yaml").write_text(
        "tests: [{name: n, events: [{alarm: x}], expect: {decided_by: "
        "{policy: catch-all}}}]\n")
    both = {"20-payments_test.yaml", "named_test.yaml"}
    for path, expected in [("20-payments.yaml", both), (".", both | {
            "plain_test.yaml"}), ("plain_test.yaml", {"plain_test.yaml"})]:
        r = tocsin(path, cwd=rules)
        assert r.returncode == 0, r.stdout + r.stderr
        found = {os.path.basename(f) for f in
                 re.findall(r"^ok      (\S+): ", r.stdout, re.M)}
        assert found == expected, path
    r = tocsin("20-payments.yaml", ".", "20-payments_test.yaml", cwd=rules)
    assert "in 3 files" in r.stdout


def test_no_tests_is_a_failure_where_some_were_asked_for(rules):
    r = tocsin("00-platform.yaml", cwd=rules)
    assert r.returncode == 1 and "no tests found" in r.stderr
    r = tocsin("nothing.yaml", cwd=rules)
    assert r.returncode == 1 and "no such file" in r.stderr
    if not os.path.exists("/etc/tocsin/tocsin.yaml"):
        r = tocsin(cwd=rules)
        assert r.returncode == 0 and "no tests found" in r.stderr


CONF = """\
listen: [{{address: "127.0.0.1:0"}}]
webhooks: [{{path: /hooks/x, token: secret}}]
stackflow: {{base_url: "http://127.0.0.1:9", auth: {{method: token, token: x}}}}
store: {{url: "sqlite:{folder}/t.db"}}
rules: [{folder}/rules.d]
"""


def test_without_a_path_the_configurations_rules(rules, tmp_path):
    passes(rules, EXAMPLE)
    (rules / "plain_test.yaml").write_text(
        "tests: [{name: n, events: [{sample: samples/cpu.json}], expect: "
        "{decided_by: {team: payments}}}]\n")
    conf = tmp_path / "tocsin.yaml"
    conf.write_text(CONF.format(folder=tmp_path))
    os.chmod(conf, 0o600)
    r = tocsin("-c", str(conf))
    assert r.returncode == 0 and "3 tests in 2 files" in r.stdout, \
        r.stdout + r.stderr
    r = tocsin(env={"TOCSIN_CONFIG": str(conf)})
    assert r.returncode == 0 and "3 tests in 2 files" in r.stdout
    conf.write_text("nonsense: 1\n")
    assert tocsin("-c", str(conf)).returncode == 78


def test_wrong_usage(rules):
    assert tocsin("--format", "xml", cwd=rules).returncode == 2
    assert tocsin("--what", cwd=rules).returncode == 2


# ---- formats ----

def test_tap(rules):
    out = run(rules, EXAMPLE + "  - {name: 'bad # one', events: [{sample: "
              "samples/cpu.json}], expect: {notes: 7}}\n", "--format",
              "tap").stdout
    lines = out.splitlines()
    assert lines[0] == "TAP version 13" and lines[-1] == "1..3"
    assert lines[1].startswith("ok 1 - 20-payments_test.yaml: failover")
    assert lines[3].startswith("not ok 3 - ") and r"bad \# one" in lines[3]
    assert all(x.startswith("# ") for x in lines[4:-1]) and len(lines) > 5


def test_junit(rules):
    (rules / "y_test.yaml").write_text("tests: [<&>")
    run(rules, EXAMPLE + "  - {name: \"<&\\\">'\\e\", events: [{sample: "
        "samples/cpu.json}], expect: {last_note: \"<x>\"}}\n")
    r = tocsin("--format", "junit", "--coverage", ".", cwd=rules)
    root = ET.fromstring(r.stdout)
    assert r.returncode == 1 and root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == \
        ("4", "1", "1")
    suite = root.find("testsuite[@name='./20-payments_test.yaml']")
    assert suite.get("tests") == "3" and suite.get("failures") == "1"
    bad = [c for c in suite if c.find("failure") is not None]
    assert len(bad) == 1 and bad[0].get("name").startswith("<&\">'")
    assert "expected: <x>" in bad[0].find("failure").text
    assert bad[0].get("line") == str(EXAMPLE.count("\n") + 3)
    assert "coverage:" in root.find("testsuite[@name='coverage']/system-out").text


def test_quiet_says_nothing_of_what_passes(rules):
    r = run(rules, EXAMPLE, "-q")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    out = fails(rules, EXAMPLE.replace("P1,", "P2,"), "-q")
    assert out.startswith("FAILED  failover") and "ok   " not in out


def test_coverage_lists_what_no_test_decides(rules):
    r = run(rules, EXAMPLE, "--coverage")
    assert r.returncode == 0
    missed = re.findall(r"^20-payments\.yaml:\d+:\d+: (.+): no test decides",
                        r.stdout, re.M)
    assert missed == ["severity[1]", "severity[2]", "policy pay-latency",
                      "policy pay-batch", "suppress on-change",
                      "suppress behind-db"]
    assert re.search(r"^coverage: 6 of 12 entries \(50 %\)$", r.stdout, re.M)


# ---- speed ----

def test_a_thousand_tests_a_second(rules):
    tests = "".join(f"""\
  - name: number {k}
    clock: 2026-11-02T03:00:00Z
    given: {{cis: [{{id: CI1, name: pay-db-1, resource_id: pay-db-1}}]}}
    events:
      - {{at: 0s, sample: samples/failover.json}}
      - {{at: 20s, repeat_of: 1}}
      - {{at: 9m, sample: samples/failover.json, state: OK}}
    expect:
      decided_by: {{policy: pay-db-failover, severity: critical}}
      actions: [create, note, resolve]
      incident: {{priority: P1, ci_id: CI1}}
""" for k in range(1500))
    # Of the processor's time: what else the machine does isn't ours.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    r = passes(rules, tests)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert "1500 passed" in r.stdout
    assert took < 1.5 * peers.SLOW, took


def test_far_away_moments_come_soon(rules):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    passes(rules, """\
  - name: held by a change for ninety days
    given:
      cis: [{id: CI1, name: a, resource_id: pay-db-1}]
      changes: [{id: CHG1, state: implement, ci_id: CI1}]
    events: [{sample: samples/cpu.json}]
    expect_at: {90d: {actions: [], suppressed_by: on-change}}
""")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 10 * peers.SLOW


# ---- in the daemon ----

STALE = 'tocsin_rules_stale{file="20-payments.yaml"}'
DAEMON = PAYMENTS + "tests: [20-payments_test.yaml]\n"


def sample_tests(group):
    return HEAD + f"""\
  - name: who is told
    events: [{{alarm: {alarm("pay-db-cpu")}}}]
    expect: {{incident: {{assignment_group: {group}}}}}
"""


def hup(agent):
    before = agent.process.text().count('msg="reloaded')
    agent.process.popen.send_signal(signal.SIGHUP)
    peers.wait_for("the reload", lambda: agent.process.text()
                   .count('msg="reloaded') > before, 20)


def group_of(agent, sandbox, name):
    assert agent.send(peers.alarm(name)) == 200
    agent.settle()
    (incident,) = [i for i in sandbox.incidents()
                   if name in i["short_description"]]
    return incident.get("assignment_group")


def test_a_file_whose_tests_fail_is_not_taken(make_agent, sandbox):
    agent = make_agent(rules={
        "20-payments.yaml": DAEMON,
        "20-payments_test.yaml": sample_tests("Payments SRE")})
    assert agent.metrics()[STALE] == 0
    assert group_of(agent, sandbox, "pay-1") == "Payments SRE"
    # A change that its tests don't know of.
    changed = DAEMON.replace("Payments SRE", "Somebody else")
    agent.write_rules("20-payments.yaml", changed)
    hup(agent)
    assert agent.metrics()[STALE] == 1
    assert "test-failed" in agent.process.text()
    assert "expected Payments SRE, got Somebody else" in agent.process.text()
    assert "20-payments.yaml" in agent.cli("status").stdout
    assert group_of(agent, sandbox, "pay-2") == "Payments SRE"
    # It stays so over a restart.
    agent.restart()
    assert agent.metrics()[STALE] == 1
    assert group_of(agent, sandbox, "pay-x") == "Payments SRE"
    agent.write_rules("20-payments_test.yaml", sample_tests("Somebody else"))
    hup(agent)
    assert agent.metrics()[STALE] == 0
    assert group_of(agent, sandbox, "pay-3") == "Somebody else"


@pytest.mark.parametrize("tests", [
    None, "tests: [", "tests: [{name: a, events: [{sample: none.json}], "
    "expect: {notes: 0}}]", HEAD.replace("20-payments", "40-other") +
    "  - {name: a, events: [{alarm: x}], expect: {notes: 0}}\n"],
    ids=["missing", "broken", "sample", "rules"])
def test_tests_that_cannot_be_run_count_as_failed(make_agent, tests):
    agent = make_agent(rules={
        "20-payments.yaml": DAEMON,
        "20-payments_test.yaml": sample_tests("Payments SRE")})
    assert agent.metrics()[STALE] == 0
    if tests is None:
        os.unlink(os.path.join(agent.rules, "20-payments_test.yaml"))
    else:
        agent.write_rules("20-payments_test.yaml", tests)
    hup(agent)
    assert agent.metrics()[STALE] == 1
    assert "20-payments" in agent.process.text()


def test_one_teams_tests_are_nobody_elses(make_agent, sandbox):
    web = """\
version: 1
team: web
claims: [{alarm: "web-*"}]
defaults: {assignment_group: Web}
"""
    agent = make_agent(rules={
        "20-payments.yaml": DAEMON, "30-web.yaml": web,
        "20-payments_test.yaml": sample_tests("Payments SRE")})
    agent.write_rules("20-payments_test.yaml", sample_tests("No one"))
    agent.write_rules("30-web.yaml", web.replace("group: Web", "group: Fresh"))
    hup(agent)
    assert agent.metrics()[STALE] == 1
    assert agent.metrics()['tocsin_rules_stale{file="30-web.yaml"}'] == 0
    assert group_of(agent, sandbox, "web-1") == "Fresh"
    assert group_of(agent, sandbox, "pay-1") == "Payments SRE"


def test_tests_without_end_are_bounded(make_agent, sandbox):
    """Thousands of long tests: the reload ends, alarms come in meanwhile."""
    agent = make_agent(rules={"20-payments.yaml": PAYMENTS})
    slow = HEAD + "".join(f"""\
  - name: number {k}
    given:
      cis: [{{id: CI1, name: a, resource_id: pay-db-1}}]
      changes: [{{id: CHG1, state: implement, ci_id: CI1}}]
    events: [{{alarm: {alarm("pay-db-cpu")}, severity: medium}}]
    expect_at: {{90d: {{actions: []}}}}
""" for k in range(300))
    agent.write_rules("20-payments_test.yaml", slow)
    agent.write_rules("20-payments.yaml", DAEMON)
    signer = peers.Signer(sandbox)
    assert agent.post(signer.envelope(peers.alarm("pay-first"))) == 200
    before = agent.process.text().count('msg="reloaded')
    agent.process.popen.send_signal(signal.SIGHUP)
    answered = 0

    def ended():
        nonlocal answered
        body = signer.envelope(peers.alarm(f"pay-n{answered}"))
        assert agent.post(body) == 200
        if agent.process.text().count('msg="reloaded') > before:
            return True
        answered += 1
        return False

    peers.wait_for("the reload", ended, 40)
    # Were they held up, it would have ended before the first few were.
    assert answered > 4
    assert "time is up" in agent.process.text()
    assert agent.metrics()[STALE] == 1
    agent.settle()
