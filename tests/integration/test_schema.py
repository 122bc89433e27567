"""The JSON Schemas of rules/schema: what the loader's tables give, and of one
mind with the loader by a validator of somebody else's."""
import glob
import json
import os
import re
import shutil
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOCSIN = os.path.join(os.environ.get("TOCSIN_BUILD", "build"), "tocsin")
PEERS = os.path.join(TOP, "tests", "peers")
KINDS = ["rules", "platform", "tests"]


def path_of(kind):
    return os.path.join(TOP, "rules", "schema", f"{kind}.schema.json")


def tocsin(*args):
    return subprocess.run([TOCSIN, *args], capture_output=True, text=True)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_committed_is_what_the_tables_give(kind):
    r = tocsin("check", "--schema", kind)
    assert r.returncode == 0, r.stderr
    with open(path_of(kind)) as f:
        assert f.read() == r.stdout, "run `make schema`"
    schema = json.loads(r.stdout)
    assert schema["$schema"].endswith("/draft/2020-12/schema")
    # Everything that is referred to is there.
    names = set(re.findall(r'"#/\$defs/(\w+)"', r.stdout))
    assert names <= set(schema["$defs"])


def test_an_unknown_kind():
    r = tocsin("check", "--schema", "rule")
    assert r.returncode == 2 and "rules, platform or tests" in r.stderr


def needs_ajv():
    if not shutil.which("node") or not os.path.isdir(
            os.path.join(PEERS, "node_modules", "ajv")):
        pytest.skip("node and ajv aren't here (tests/peers/install)")


def validate(kind, paths):
    """{path: None or why it isn't valid}"""
    needs_ajv()
    r = subprocess.run(["node", os.path.join(PEERS, "schema.mjs"),
                        path_of(kind), *paths], capture_output=True,
                       text=True, cwd=PEERS)
    assert r.returncode == 0, r.stderr
    found = {}
    for line in r.stdout.splitlines():
        word, _, rest = line.partition(" ")
        path, _, why = rest.partition(": ")
        found[path] = None if word == "ok" else why
    assert set(found) == set(paths)
    return found


def shipped(kind):
    files = sorted(glob.glob(os.path.join(TOP, "rules", "*.yaml")) +
                   glob.glob(os.path.join(TOP, "examples", "**", "*.yaml"),
                             recursive=True))
    for path in files:
        with open(path) as f:
            text = f.read()
        if path.endswith("_test.yaml"):
            found = "tests"
        elif not re.search(r"^team:", text, re.M):
            continue
        elif re.search(r"^platform: true", text, re.M):
            found = "platform"
        else:
            found = "rules"
        if found == kind:
            yield path


@pytest.mark.parametrize("kind", KINDS)
def test_what_ships_is_valid(kind):
    paths = list(shipped(kind))
    assert paths
    bad = {p: why for p, why in validate(kind, paths).items() if why}
    assert not bad


def test_the_manual_is_valid(tmp_path):
    """Every whole rule file that the manual shows."""
    with open(os.path.join(TOP, "packaging", "man", "tocsin-rules.5")) as f:
        manual = f.read()
    paths = {"rules": [], "platform": []}
    for i, block in enumerate(re.findall(r"\.Bd .*?\n(.*?)\n\.Ed", manual, re.S)):
        text = block.replace("\\-", "-").replace("\\e", "\\")
        text = text.replace("\\(aq", "'").replace("\\&", "")
        if not re.search(r"^version: 1$", text, re.M):
            continue
        kind = "platform" if "platform: true" in text else "rules"
        path = tmp_path / f"{i}.yaml"
        path.write_text(text + "\n")
        paths[kind].append(str(path))
    assert paths["rules"] or paths["platform"]
    for kind, list_of in paths.items():
        for path, why in (validate(kind, list_of) if list_of else {}).items():
            assert not why, (path, why)


HEAD = "version: 1\nteam: t\n"
LAST = "  - {id: last, match: {}}\n"
POLICY = HEAD + "policies:\n  - {id: a, match: {alarm: x}, %s}\n" + LAST
FULL = HEAD + r"""owners: ["a@example.com"]
claims: [{account: [111122223333, "4444*"], alarm: "pay-*"}, {tag.team: pay}]
defaults: {notes: {every: 5m, max: 50}, insufficient_data: note,
  resolve: {when: OK, stable_for: 0s}, reopen_within: 24h,
  closed_by_person: {still_firing: new}}
ci:
  - {id: "${tag.ci}"}
  - {where: {resource_id: "${dim.X}"}}
  - {map: {a: CI1, b: CI2}, key: "${tag.service}"}
  - {fallback: CI3}
severity:
  - {when: {tag.severity: [high, low]}, set: "${tag.severity}"}
  - {when: {threshold: {gte: 95, lt: 1e3}}, set: high}
  - {else: medium}
priority: {critical: P1, low: P4}
windows:
  w: {every: "Sun 02:00-05:00", tz: Europe/London, until: 2099-03-31, owner: a}
  v: {every: ["Mon 01:00-02:00", "Tue 01:00-02:00"]}
  u: {from: 2026-01-01, to: 2026-01-02T10:00}
policies:
  - id: a
    match: {alarm: {re: "^pay-[0-9]+$"}, not: {env: [dev]}, any: [{state: OK},
      {payload:/a/b: null, metric: {exists: true}}]}
    severity: critical
    fields: {u_team: x}
    runbook: https://example.com
    escalate: [{after: 15m, unless: acknowledged, raise_to: P1, note: n}]
    flap: {transitions: 4, within: 30m, quiet_for: 20m}
    group: {by: "${account}", within: 10m, short_description: g}
    open_after: 3m
    require_change: true
  - {id: b, match: {}, open_when: {count: 3, within: 10m}, dedup_key: "${account}/x"}
suppress:
  - {id: x, match: {}, during: w, never_above: P2}
  - {id: y, match: {}, when_change: {state: [implement]}}
  - {id: z, match: {}, while_open: a, same: [account, region]}
  - {id: zz, match: {}, during: v}
  - {id: zzz, match: {}, during: u}
tests: [t_test.yaml]
"""

GOOD = {
    "rules": [FULL, HEAD, POLICY % "open_when: null",
              HEAD + "platform: false\n", HEAD + "policies:\n" + LAST],
    "platform": [
        HEAD + "platform: true\nguards: [{id: a, match: {}, max_priority: P3}, "
        "{id: b, match: {priority: P1}, forbid: suppress, max_window: 8h}]\n"
        "limits: {open_per_team: 40, within: 10m}\n"
        "env: [{when: {account: \"2\"}, set: dev}, {else: prod}]\n"
        "blocks: {db: {severity: high, runbook: https://example.com}}\n"
        "catch_all: {priority: P3, assignment_group: G}\n"],
    "tests": [
        "tests:\n- name: a\n  clock: 2026-11-02T03:00:00Z\n"
        "  given: {cis: [{id: CI1, name: n}], changes: unavailable}\n"
        "  events:\n  - {at: 0s, alarm: {AlarmName: x, AWSAccountId: "
        "\"111122223333\", NewStateValue: ALARM}, state: ALARM,\n"
        "     set: {tag.a: b, threshold: 4}}\n"
        "  - {at: 1m30s, repeat_of: 1}\n"
        "  expect: {decided_by: {policy: a, severity: high}, actions: [create],"
        " incident: {priority: P1, short_description: {contains: x}}}\n"
        "  expect_at: {2h51m: {suppressed_by: null, notes: 0}}\n"],
}

# Each is refused by the schema and by the loader.
BROKEN = {
    "rules": [
        "team: t\n", "version: 2\nteam: t\n", "version: 1\n",
        HEAD + "polices: []\n", HEAD + "policies: []\n",
        HEAD + "policies: {}\n", HEAD + "owners: a@example.com\n",
        HEAD + "guards: [{id: a, match: {}, max_priority: P1}]\n",
        HEAD + "limits: {open_per_team: 4, within: 10m}\n",
        HEAD + "claims: [{alarm_name: x}]\n", HEAD + "claims: [{alarm: []}]\n",
        HEAD + "claims: [{alarm: {ree: x}}]\n",
        HEAD + "claims: [{alarm: {re: x, gt: 1}}]\n",
        HEAD + "claims: [{alarm: {}}]\n", HEAD + "claims: [{any: []}]\n",
        HEAD + "claims: [{threshold: {gt: 1, gte: 2}}]\n",
        HEAD + "claims: [{alarm: [[x]]}]\n",
        HEAD + "claims: [{alarm: {exists: maybe}}]\n",
        HEAD + "severity: [{else: urgent}]\n",
        HEAD + "severity: [{when: {}}]\n",
        HEAD + "severity: [{when: {}, set: high, else: low}]\n",
        HEAD + "ci: [{where: {a: b, c: d}}]\n", HEAD + "ci: [{map: {a: b}}]\n",
        HEAD + "ci: [{id: a, fallback: b}]\n", HEAD + "ci: [{key: a}]\n",
        HEAD + "priority: {critical: P0}\n", HEAD + "priority: {urgent: P1}\n",
        HEAD + "defaults: {notes: {every: 5}}\n",
        HEAD + "defaults: {reopen_within: 24}\n",
        HEAD + "defaults: {insufficient_data: drop}\n",
        HEAD + "defaults: {dedup_key: \"\"}\n",
        HEAD + "defaults: {short_description: x}\n",
        HEAD + "tests: [../x_test.yaml]\n", HEAD + "tests: [/x_test.yaml]\n",
        HEAD + "windows: {w: {from: 2026-01-01}}\n",
        HEAD + "windows: {w: {tz: UTC}}\n", HEAD + "windows: {w: {every: []}}\n",
        HEAD + "windows: {\"a b\": {every: \"Sun 02:00-05:00\"}}\n",
        HEAD + "windows: {w: {every: \"Sun 02:00-05:00\", to: 2026-01-01}}\n",
        HEAD + "suppress: [{id: a, match: {}}]\n",
        HEAD + "suppress: [{id: a, match: {}, during: w, when_change: {}}]\n",
        HEAD + "suppress: [{id: a, match: {}, while_open: last}]\npolicies:\n" +
        LAST,
        HEAD + "suppress: [{id: a, match: {}, when_change: {}, same: [arn]}]\n",
        POLICY % "priority: P5", POLICY % "open_after: 3",
        POLICY % "open_when: {count: 1, within: 10m}",
        POLICY % "open_when: {count: 3}", POLICY % "flap: {within: 10m}",
        POLICY % "group: {by: \"${account}\"}",
        POLICY % "group: {by: \"\", within: 10m}",
        POLICY % "escalate: [{after: 5m}]", POLICY % "escalate: [{note: x}]",
        POLICY % "escalate: [{after: 0s, note: x}]",
        POLICY % "escalate: [{after: 5m, unless: asleep, note: x}]",
        POLICY % "resolve: {when: sometimes}", POLICY % "fields: {state: new}",
        POLICY % "fields: {Bad-Name: x}", POLICY % "require_change: maybe",
        POLICY % "description: a, description_file: b",
        POLICY % "use: base", POLICY % "severity: urgent",
        HEAD + "policies:\n  - {match: {}}\n",
        HEAD + "policies:\n  - {id: \"a b\", match: {}}\n",
    ],
    "platform": [
        HEAD + "platform: true\nguards: [{id: a, match: {}}]\n",
        HEAD + "platform: true\nguards: [{id: a, match: {}, forbid: all}]\n",
        HEAD + "platform: true\nlimits: {open_per_team: 40}\n",
        HEAD + "platform: true\nlimits: {open_per_team: 0, within: 10m}\n",
        HEAD + "platform: true\nenv: [{when: {}}]\n",
        HEAD + "platform: true\nblocks: {a: {match: {}}}\n",
        HEAD + "platform: true\ncatch_all: {priority: high}\n",
    ],
    "tests": [
        "tests: []\n", "rules: a.yaml\n", "tests: [{name: a}]\n",
        "tests: [{name: a, events: [], expect: {notes: 0}}]\n",
        "tests: [{name: a, events: [{at: 0s}], expect: {notes: 0}}]\n",
    ] + ["tests: [{name: a, events: [{at: 0s, alarm: {AlarmName: x}%s}], "
         "expect: {%s}}]\n" % pair for pair in [
             ("", ""), ("", "action: [create]"), ("", "actions: [open]"),
             ("", "notes: -1"), ("", "incident: {priority: P9}"),
             ("", "decided_by: {policy: {like: x}}"),
             ("", "decided_by: {severity: urgent}"),
             (", repeat_of: 1", "notes: 0"), (", state: FIRING", "notes: 0"),
             (", set: {alarms: x}", "notes: 0"), (", late: 5", "notes: 0")]],
}


def write(tmp_path, texts, ending):
    paths = []
    for i, text in enumerate(texts):
        folder = tmp_path / str(i)
        folder.mkdir(exist_ok=True)
        path = folder / f"t{ending}.yaml"
        path.write_text(text)
        paths.append(str(path))
    return paths


def refused(kind, path):
    if kind != "tests":
        return tocsin("check", path).returncode == 1
    r = tocsin("test", path)
    return r.returncode == 1 and ": error[" in r.stdout + r.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_good_is_so_for_both(kind, tmp_path):
    ending = "_test" if kind == "tests" else ""
    paths = write(tmp_path, GOOD[kind], ending)
    for path in paths:
        assert not refused(kind, path), tocsin("check", path).stdout
    assert not {p: why for p, why in validate(kind, paths).items() if why}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_broken_is_refused_by_both(kind, tmp_path):
    ending = "_test" if kind == "tests" else ""
    paths = write(tmp_path, BROKEN[kind], ending)
    for path, text in zip(paths, BROKEN[kind]):
        assert refused(kind, path), text
    verdicts = validate(kind, paths)
    passed = [text for path, text in zip(paths, BROKEN[kind])
              if not verdicts[path]]
    assert not passed
