"""The commands: statuses, formats, faults, tables, and what they never say."""
import fcntl
import glob
import json
import os
import pty
import re
import resource
import sqlite3
import struct
import subprocess
import termios
import time

import peers
import pytest

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data",
                    "alarms")
# Each has its page in the manual; test_man_pages.py says which is missing.
COMMANDS = sorted(re.search(r"tocsin-(\w+)\.1$", p)[1] for p in glob.glob(
    os.path.join(DATA, "..", "..", "..", "packaging", "man", "tocsin-*.1")))


@pytest.fixture
def clean(tmp_path):
    """An environment without anybody's configuration."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("TOCSIN_C", "STACKFLOW_", "AWS_"))}
    env["TOCSIN_CONFIG"] = ""
    env["HOME"] = str(tmp_path)
    return env


def tocsin(*args, stdin=None, env=None, cwd=None):
    return subprocess.run([peers.TOCSIN, *args], capture_output=True,
                          text=True, timeout=60, env=env, cwd=cwd,
                          input=stdin if stdin is not None else "")


# ---- version, help, usage ----

def test_version_and_help():
    r = tocsin("version")
    assert r.returncode == 0 and re.fullmatch(r"tocsin \S+\n", r.stdout)
    assert tocsin("--version").stdout == r.stdout
    assert json.loads(tocsin("version", "--json").stdout)["version"] in \
        r.stdout
    for how in (["help"], ["--help"], ["-h"]):
        r = tocsin(*how)
        assert r.returncode == 0 and r.stderr == ""
        for name in COMMANDS:
            assert re.search(rf"^(  |Also.*\b){name}\b", r.stdout, re.M), name
    assert {"run", "check", "test", "explain", "replay", "status", "incidents",
            "events", "dead", "silence", "doctor", "sandbox", "send",
            "version"} <= set(COMMANDS)
    for name in COMMANDS:
        r = tocsin(name, "--help")
        assert r.returncode == 0 and r.stderr == "", name
        assert r.stdout.startswith("usage: tocsin " + name)
        assert tocsin("help", name).stdout == r.stdout
        assert tocsin(name, "-h").stdout == r.stdout
        for part in ("\nExamples:\n  tocsin " + name, "\nExit status: 0 "):
            assert part in r.stdout, name
        assert r.stdout.split("\nExit")[0].count("\n  tocsin ") >= 2, name


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_help_speaks_of_is_there(name):
    """Each option in the usage and the examples is one of the command's."""
    text = tocsin(name, "--help").stdout
    options = set(re.findall(r"(?:^  |, )(--[a-z-]+)",
                             text.split("\nExamples:")[0], re.M)) | {"--help"}
    own = re.findall(rf"^(?:usage:)? +tocsin {name}\b(.*)", text, re.M)
    assert len(own) >= 3
    for line in own:
        line = line.split("|")[0] if " | " in line else line
        assert set(re.findall(r"(?<=[ \[|])--[a-z-]+", line)) <= options, line


def test_every_help_fits_a_screen():
    many = [["sandbox", "--set", "help"], ["sandbox", "--fault", "help"]]
    for args in [["help"]] + [[c, "--help"] for c in COMMANDS] + many:
        r = tocsin(*args)
        assert r.returncode == 0 and r.stderr == "", args
        lines = r.stdout.expandtabs().splitlines()
        assert max(map(len, lines)) <= 80, args
        assert len(lines) <= (48 if args in many else 24), args


@pytest.mark.parametrize("args", [
    [], ["nothing"], ["Run"], ["--nothing"], ["run", "--nothing"],
    ["run", "-c"], ["check", "--format"], ["check", "--format", "xml"],
    ["explain"], ["explain", "a", "b"], ["explain", "--event"],
    ["explain", "--event", "e", "-"], ["replay"], ["replay", "--rules"],
    ["replay", "--rules", "x", "--format", "y"], ["events", "--since", "1d"],
    ["events", "--export", "--limit", "3"], ["status", "--limit", "3"],
    ["incidents", "--limit", "0"], ["incidents", "--limit", "x"],
    ["events", "--limit", "1001"], ["dead", "retry"], ["dead", "bury", "1"],
    ["dead", "retry", "x"], ["version", "-c", "x"], ["sandbox", "--listen"],
    ["sandbox", "--nothing"]], ids=lambda a: "-".join(a) or "none")
def test_wrong_usage_is_2(args):
    r = tocsin(*args)
    assert r.returncode == 2, r.stdout + r.stderr
    assert r.stdout == "" and r.stderr.strip()


@pytest.mark.parametrize("args,wrong,near", [
    (["chekc"], "no command 'chekc'", "check"),
    (["incident"], "no command 'incident'", "incidents"),
    (["help", "statsu"], "no command 'statsu'", "status"),
    (["check", "--fromat", "json"], "no option '--fromat'", "--format"),
    (["check", "--sctrict=1"], "no option '--sctrict'", None),
    (["events", "--jsn"], "no option '--jsn'", "--json"),
    (["check", "--format", "jsno"], "not 'jsno'", "json"),
    (["incidents", "--state", "opne"], "open, resolved, closed or failed",
     "open"),
    (["send", "--state", "alarm", "x"], "not 'alarm'", None),
    (["silence", "exprie", "x"], "no 'exprie'", "expire"),
    (["dead", "retyr", "1"], "no 'retyr'", "retry"),
    (["silence", "list", "--for", "2h"], "--for isn't one of its", None),
    (["status", "-x"], "no option '-x'", None),
    (["status", "--json=yes"], "'--json' takes no value", None),
    (["status", "here"], "takes no argument", None),
    (["replay", "--rules"], "--rules lacks its PATH", None),
    (["events", "-c"], "--config lacks its FILE", None),
    (["events", "--color", "red"], "auto, always or never", None),
], ids=lambda a: "-".join(a) if isinstance(a, list) else None)
def test_what_was_meant(args, wrong, near):
    r = tocsin(*args)
    assert r.returncode == 2 and r.stdout == ""
    first, second = r.stderr.splitlines()
    assert wrong in first
    assert first.startswith("tocsin: " if "command" in first else
                            "tocsin " + args[0])
    if near:
        assert f", did you mean '{near}'?" in first
    else:
        assert "did you mean" not in first or "sctrict" in first
    assert re.fullmatch(r"`tocsin .*help.*` .+", second)


# ---- check ----

GOOD = {
    "listen": [{"address": "127.0.0.1:0"}],
    "sns": {"topics": ["arn:aws:sns:us-east-1:111122223333:alarms-*"]},
    "stackflow": {"base_url": "https://x.example.com/prod/api",
                  "auth": {"method": "api_key", "api_key": "k"}},
    "rules": [],
}

BAD = """\
listen:
  - {adress: 127.0.0.1:0}
  - {address: "0.0.0.0:80"}
sns:
  topics: ["arn:aws:sns:us-east-1:1111:alarms"]
  max_age: 75
  topics: []
stackflow:
  base_url: http://x.example.com/prod/api
  auth: {method: api_kei}
store: {max_size: 2GB}
nonsense: 1
"""


def write(path, what):
    with open(path, "w") as f:
        f.write(what if isinstance(what, str) else json.dumps(what))
    os.chmod(path, 0o600)
    return str(path)


def test_check_of_a_good_configuration(tmp_path, clean):
    path = write(tmp_path / "t.yaml", GOOD)
    for args in (["-c", path], [path]):
        r = tocsin("check", *args, env=clean)
        assert r.returncode == 0, r.stdout + r.stderr
        assert r.stdout == ""


def test_check_tells_every_fault_at_once(tmp_path, clean):
    path = write(tmp_path / "t.yaml", BAD)
    r = tocsin("check", "-c", path, env=clean)
    assert r.returncode == 1
    lines = r.stdout.splitlines()
    errors = [x for x in lines if ": error[" in x]
    for line in lines:
        assert re.match(re.escape(path) +
                        r":\d+:\d+: (error|warning)\[[a-z-]+\]: \S", line), \
            line
    at = [int(x[len(path) + 1:].split(":")[0]) for x in errors]
    for wanted in (2, 3, 5, 6, 7, 9, 10, 11, 12):
        assert wanted in at, (wanted, r.stdout)
    text = r.stdout
    assert "did you mean" in text
    for word in ("`address`", "`api_key`"):
        assert word.strip("`") in text
    # Positions are exact: the column of the key or value itself.
    assert f"{path}:12:1: error" in text
    assert f"{path}:2:6: error" in text


def test_check_formats(tmp_path, clean):
    path = write(tmp_path / "t.yaml", BAD)
    text = tocsin("check", "-c", path, env=clean).stdout.splitlines()
    r = tocsin("check", "-c", path, "--format", "json", env=clean)
    assert r.returncode == 1
    faults = json.loads(r.stdout)
    assert len(faults) == len(text)
    for f, line in zip(faults, text):
        assert list(f) == ["file", "line", "column", "level", "code", "text"]
        assert line == "{file}:{line}:{column}: {level}[{code}]: {text}" \
            .format(**f)
    r = tocsin("check", "-c", path, "--format", "github", env=clean)
    assert r.returncode == 1
    for line in r.stdout.splitlines():
        assert re.match(r"::(error|warning) file=.*,line=\d+,col=\d+,"
                        r"title=[a-z-]+::", line), line
    good = write(tmp_path / "good.yaml", GOOD)
    r = tocsin("check", good, "--format", "json", env=clean)
    assert r.returncode == 0 and json.loads(r.stdout) == []


def test_check_of_rules(tmp_path, clean):
    folder = tmp_path / "rules.d"
    folder.mkdir()
    head = "version: 1\nteam: %s\nowners: [a@b.c]\nclaims: [{alarm: '%s'}]\n"
    write(folder / "10-a.yaml", head % ("a", "a-*") +
          "policies: [{id: x, match: {}}]\n")
    r = tocsin("check", str(folder), env=clean)
    assert r.returncode == 0, r.stdout
    write(folder / "20-b.yaml", head % ("b", "a-*") +
          "policies: [{id: x, match: {alram: y}}, {id: x, match: {}}]\n")
    write(folder / "30-c.yaml", "version: 2\nteam: c\n  x: [\n")
    write(folder / "40-d_test.yaml", "not: looked at\n")
    write(folder / "50-d.txt", "not: looked at\n")
    r = tocsin("check", str(folder), env=clean)
    assert r.returncode == 1
    for name in ("20-b.yaml", "30-c.yaml"):
        assert re.search(rf"{name}:\d+:\d+: error\[", r.stdout), r.stdout
    assert "40-d" not in r.stdout and "50-d" not in r.stdout
    assert "alarm" in r.stdout and "did you mean" in r.stdout
    # The shipped ones are right.
    shipped = os.path.join(os.path.dirname(peers.BUILD), "rules") \
        if os.path.isdir(os.path.join(os.path.dirname(peers.BUILD),
                                      "rules")) else \
        os.path.join(DATA, "..", "..", "..", "rules")
    r = tocsin("check", shipped, env=clean)
    assert r.returncode == 0, r.stdout


def test_check_of_what_is_not_there(tmp_path, clean):
    r = tocsin("check", str(tmp_path / "none"), env=clean)
    assert r.returncode == 1 and "no such file" in r.stdout
    assert tocsin("check", "-c", str(tmp_path / "none"),
                  env=clean).returncode == 1


@pytest.mark.parametrize("what", [
    "a: &a [x]\nb: [*a" + ", *a" * 2000 + "]\n" * 2,
    "a: " + "[" * 100000, "a: " + "{a: " * 50000,
    "".join(f"k{k}: &a{k} x\n" for k in range(40000)),
    "a: 1\n" * 3, "a: !!python/object x\n", "a: {<<: {b: 1}}\n",
    "x" * (3 << 20), "a: \0\n", "\xff\xfe", "%YAML 9.9\n---\n", "- " * 50000],
    ids=range(12))
def test_hostile_yaml_is_refused_at_once(tmp_path, clean, what):
    """S18."""
    path = write(tmp_path / "10-x.yaml", what)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    r = tocsin("check", path, env=clean)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 1.5 * peers.SLOW
    assert r.returncode == 1
    assert "10-x.yaml" in r.stdout and "error[" in r.stdout
    assert len(r.stdout) < 200000


# ---- run ----

def test_run_with_a_wrong_configuration_is_78(tmp_path, clean):
    path = write(tmp_path / "t.yaml", BAD)
    faults = tocsin("check", "-c", path, env=clean).stdout.splitlines()
    r = tocsin("run", "-c", path, env=clean)
    assert r.returncode == 78
    for line in faults:
        assert line in r.stderr
    r = tocsin("run", "-c", str(tmp_path / "none.yaml"), env=clean)
    assert r.returncode == 78 and "none.yaml" in r.stderr


def test_a_missing_secret_is_named_and_is_78(tmp_path, clean):
    conf = json.loads(json.dumps(GOOD))
    conf["stackflow"]["auth"]["api_key"] = "${env:NO_SUCH_NAME}"
    conf["webhooks"] = [{"path": "/x", "token": "${file:/nowhere/at-all}"}]
    r = tocsin("run", "-c", write(tmp_path / "t.yaml", conf), env=clean)
    assert r.returncode == 78
    assert "NO_SUCH_NAME" in r.stderr and "/nowhere/at-all" in r.stderr


class Stopped:
    """A stopped agent whose store can be spoiled."""

    def __init__(self, make_agent):
        self.agent = make_agent()
        assert self.agent.hook({"AlarmName": "kept"})[0] == 200
        self.agent.settle()
        assert self.agent.stop() == 0
        self.db = os.path.join(self.agent.folder, "tocsin.db")
        self.wal = self.db + "-wal"

    def run(self):
        return tocsin("run", "-c", self.agent.path)


@pytest.mark.parametrize("spoil", ["newer", "foreign", "damaged", "text",
                                   "truncated", "other-key"])
def test_a_store_that_can_not_be_used_is_78(make_agent, spoil):
    """R29: refused in words, and left as it is."""
    s = Stopped(make_agent)
    if spoil == "newer":
        db = sqlite3.connect(s.db)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        assert version > 0
        db.execute(f"PRAGMA user_version = {version + 1000}")
        db.close()
    elif spoil == "foreign":
        os.unlink(s.db)
        for f in glob.glob(s.db + "-*"):
            os.unlink(f)
        db = sqlite3.connect(s.db)
        db.execute("CREATE TABLE mine (x)")
        db.commit()
        db.close()
    elif spoil == "damaged":
        with open(s.db, "r+b") as f:
            f.write(os.urandom(4096))
    elif spoil == "text":
        write(s.db, "no database at all\n" * 1000)
    elif spoil == "truncated":
        size = os.path.getsize(s.db)
        assert size > 8192, "what was written is in the file by now"
        os.truncate(s.db, size // 2 // 4096 * 4096 + 100)
    elif spoil == "other-key":
        write(os.path.join(s.agent.folder, "install.key"), "ab" * 32 + "\n")
    with open(s.db, "rb") as f:
        before = f.read()
    r = s.run()
    assert r.returncode == 78, r.stderr
    assert "tocsin.db" in r.stderr or "install key" in r.stderr
    with open(s.db, "rb") as f:
        assert f.read() == before, "a store that is refused is left alone"


def test_a_damaged_install_key_is_78(make_agent):
    s = Stopped(make_agent)
    key = os.path.join(s.agent.folder, "install.key")
    for text in ("", "short\n", "zz" * 32 + "\n", "ab" * 33 + "\n"):
        write(key, text)
        r = s.run()
        assert r.returncode == 78 and "install key" in r.stderr, text


def test_a_missing_install_key_folder_is_78(tmp_path, sandbox, folder):
    agent = peers.Agent(folder, sandbox, start=False)
    agent.configure({"install_key": str(tmp_path / "no" / "where" / "k")})
    r = tocsin("run", "-c", agent.path)
    assert r.returncode == 78
    assert "install key" in r.stderr and "/no/where/k" in r.stderr


def test_a_missing_store_folder_says_so(tmp_path, sandbox, folder):
    agent = peers.Agent(folder, sandbox, start=False)
    agent.configure({"store": {"url": f"sqlite:{tmp_path}/no/where/t.db"}})
    r = tocsin("run", "-c", agent.path)
    assert r.returncode in (1, 78)
    assert "no/where/t.db" in r.stderr


def test_two_agents_never_share_a_store(agent):
    agent2 = dict(agent.conf)
    agent2["listen"] = [{"address": "127.0.0.1:0"}]
    agent2["admin"] = {"address": "127.0.0.1:0"}
    path = write(os.path.join(agent.folder, "second.yaml"), agent2)
    r = tocsin("run", "-c", path)
    assert r.returncode == 1, r.stderr
    assert "tocsin.db" in r.stderr
    assert agent.hook({"AlarmName": "undisturbed"})[0] == 200


def test_a_taken_port_says_so(agent, folder, sandbox):
    other = peers.Agent(os.path.join(folder, "other"), sandbox, start=False)
    other.port = agent.port
    other.configure({})
    r = tocsin("run", "-c", other.path)
    assert r.returncode == 1 and str(agent.port) in r.stderr


def test_files_are_the_daemon_s_alone(make_agent):
    """S20: what holds payloads and keys isn't for others."""
    agent = make_agent()
    agent.hook({"AlarmName": "x"})
    agent.settle()
    for f in glob.glob(agent.folder + "/tocsin.db*") + \
            [agent.folder + "/install.key"]:
        assert os.stat(f).st_mode & 0o077 == 0, f


# ---- explain ----

ALARM = ["source", "kind", "state", "previous_state", "account", "region",
         "alarm", "arn", "time", "namespace", "metric", "dim", "tag",
         "severity", "ci_id", "contributor", "description", "reason"]
DECISION = ["action", "team", "policy", "where", "severity", "priority",
            "dedup_key", "suppressed_by"]
INCIDENT = ["short_description", "description", "priority", "category",
            "subcategory", "assignment_group", "ci_id"]
TRACE = ["where", "rule", "matched", "because"]
FIXTURES = sorted(glob.glob(os.path.join(DATA, "*.*")))
ACTIONS = {"create", "note", "resolve", "reopen", "hold", "ignore",
           "catch-all"}


def in_order(keys, wanted):
    return [k for k in keys if k in wanted] == wanted


@pytest.mark.parametrize("path", FIXTURES,
                         ids=[os.path.basename(p) for p in FIXTURES])
def test_explain(path, clean):
    r = tocsin("explain", "--json", path, env=clean)
    text = tocsin("explain", path, env=clean)
    if "subscription" in os.path.basename(path):
        assert r.returncode == text.returncode == 1
        assert r.stdout == text.stdout == ""
        assert "subscription" in r.stderr
        return
    assert r.returncode == text.returncode == 0, r.stderr
    lines = r.stdout.splitlines()
    assert lines and r.stdout.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", text.stdout)
    for line in lines:
        one = json.loads(line)
        assert list(one) == ["alarm", "decision", "incident", "trace"]
        assert in_order(one["alarm"], ALARM)
        assert in_order(one["decision"], DECISION)
        assert in_order(one["incident"], INCIDENT)
        for step in one["trace"]:
            assert list(step) == TRACE
        assert one["decision"]["action"] in ACTIONS
        assert one["decision"]["severity"] in ("critical", "high", "medium",
                                               "low")
        assert re.fullmatch("P[1-4]", one["decision"]["priority"])
        assert one["incident"]["priority"] == one["decision"]["priority"]
        if one["alarm"]["time"] is not None:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                                one["alarm"]["time"])
        if one["alarm"]["kind"] in ("text", "json"):
            assert one["alarm"]["state"] == "ALARM"
    with open(path) as f:
        piped = tocsin("explain", "--json", "-", stdin=f.read(), env=clean)
    assert len(piped.stdout.splitlines()) == len(lines)
    expected = os.path.join(DATA, "expected", os.path.basename(path))
    with open(expected) as f:
        kept = [json.loads(x) for x in f if x.strip()]
    assert len(kept) == len(lines)


def test_explain_prints_several_of_several(clean):
    several = [p for p in FIXTURES if "records" in p or "receive" in p]
    assert several
    assert any(len(tocsin("explain", "--json", p, env=clean)
                   .stdout.splitlines()) > 1 for p in several)


def test_explain_with_rules(tmp_path, clean):
    rules = tmp_path / "rules.d"
    rules.mkdir()
    write(rules / "10-pay.yaml", """\
version: 1
team: payments
owners: [a@b.c]
defaults: {assignment_group: "Payments SRE"}
policies:
  - {id: other, match: {alarm: "web-*"}}
  - id: pay-db
    match: {alarm: "pay-db-*"}
    severity: critical
    short_description: "DB ${alarm} (${env:-none})"
  - {id: rest, match: {}}
""")
    conf = write(tmp_path / "t.yaml", dict(GOOD, rules=[str(rules)]))
    r = tocsin("explain", "-c", conf, "--json",
               os.path.join(DATA, "metric-rds-cpu.json"), env=clean)
    assert r.returncode == 0, r.stderr
    one = json.loads(r.stdout)
    d = one["decision"]
    assert (d["team"], d["policy"], d["where"], d["priority"]) == \
        ("payments", "pay-db", "10-pay.yaml:7", "P1")
    assert one["incident"]["assignment_group"] == "Payments SRE"
    passed = [t for t in one["trace"] if t["where"] == "10-pay.yaml:6"]
    assert passed and passed[0]["matched"] is False
    assert "web-*" in passed[0]["because"]


def test_explain_of_what_can_not_be_read(tmp_path, clean):
    r = tocsin("explain", str(tmp_path / "none"), env=clean)
    assert r.returncode == 1 and "none" in r.stderr and r.stdout == ""
    r = tocsin("explain", "--json", "-", stdin="disk full\n", env=clean)
    assert json.loads(r.stdout)["alarm"]["kind"] == "text"
    r = tocsin("explain", "-c", write(tmp_path / "t.yaml", BAD),
               os.path.join(DATA, "direct.json"), env=clean)
    assert r.returncode != 0 and "error[" in r.stderr


# ---- asking the agent ----

@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("cli"))
    sandbox = peers.Sandbox(folder)
    agent = peers.Agent(folder, sandbox)
    now = time.time()
    for k, state in enumerate(["ALARM", "ALARM", "OK"]):
        agent.send(peers.alarm("pay-db-cpu", state, now + k))
    agent.hook({"AlarmName": "a-very-long-name-" * 12, "severity": "LOW"})
    agent.hook({"AlarmName": "\u20acuro \u0001\x1b[31mred\u202e end"})
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    agent.hook({"AlarmName": "refused-one"})
    agent.settle()
    sandbox.clear()
    yield agent
    assert agent.stop() == 0
    sandbox.stop()


LISTS = {
    "incidents": ["INCIDENT", "PRI", "STATE", "SHORT DESCRIPTION"],
    "events": ["EVENT", "KIND", "STATE", "ACTION", "ALARM"],
    "dead": ["ID", "KIND", "STATUS", "PROBLEM"],
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_as_table_and_json(busy, name):
    table = busy.cli(name).stdout
    assert "\033" not in table and "\u202e" not in table
    for title in LISTS[name]:
        assert title in table.splitlines()[0]
    rows = json.loads(busy.cli(name, "--json").stdout)[name]
    assert len(rows) == len(table.splitlines()) - 1 > 0
    if name != "dead":
        one = json.loads(busy.cli(name, "--json", "--limit", "1").stdout)
        assert len(one[name]) == 1


def test_filters(busy):
    rows = json.loads(busy.cli("incidents", "--json", "--state",
                               "resolved").stdout)["incidents"]
    assert {r["state"] for r in rows} == {"resolved"}
    rows = json.loads(busy.cli("events", "--json",
                               "pay-db-cpu").stdout)["events"]
    assert len(rows) == 3
    assert busy.cli("events", "nothing-of-that-name").stdout == "no events\n"


def test_status(busy):
    text = busy.cli("status").stdout
    assert re.search(r"^health +ready$", text, re.M)
    assert re.search(r"^dead letters +1$", text, re.M)
    assert json.loads(busy.cli("status", "--json").stdout)["backlog"] == 0


def on_terminal(argv, columns=80, env=None):
    """What it prints on a terminal of so many columns."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        os.execve(argv[0], argv, env or dict(os.environ, TERM="xterm"))
    out = b""
    while True:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        out += got
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, out
    return out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("name", LISTS)
def test_tables_on_a_terminal(busy, name):
    # An age might be another at the second look.
    argv = [peers.TOCSIN, name, "--utc", "-c", busy.path]
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    shown = on_terminal(argv, env=dict(env, TERM="xterm"))
    assert "\033[1m" in shown
    bare = re.sub(r"\033\[[\d;]*m", "", shown)
    assert "\033" not in bare
    for line in bare.splitlines():
        assert len(line) <= 80, line
    plain = on_terminal(argv, env=dict(env, TERM="xterm", NO_COLOR="1"))
    assert "\033" not in plain and plain == bare


def terminal(busy, columns, *args, **env):
    argv = [peers.TOCSIN, *args, "-c", busy.path]
    clean = {k: v for k, v in os.environ.items()
             if k not in ("NO_COLOR", "COLUMNS")}
    return on_terminal(argv, columns, {**clean, "TERM": "xterm", **env})


def columns_of(text):
    """As wcwidth(3) says, near enough for what tests send."""
    import unicodedata
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def bare_of(shown):
    return re.sub(r"\033\[[\d;]*m", "", shown)


@pytest.mark.parametrize("columns", [20, 33, 47, 60, 80, 132])
@pytest.mark.parametrize("name", [*LISTS, "audit"])
def test_a_table_fits_every_terminal(wide, name, columns):
    lines = bare_of(terminal(wide, columns, name)).splitlines()
    assert len(lines) >= 2
    for line in lines:
        assert columns_of(line) <= columns, line
    # What is cut says so; the first column is there always.
    whole = wide.cli(name).stdout.splitlines()
    assert lines[0].split()[0] == whole[0].split()[0]
    if columns < 60:
        assert any("\u2026" in line for line in lines)


def test_a_pipe_gets_whole_cells(wide):
    text = wide.cli("events").stdout
    assert WIDE in text and "\t" not in text and "\u2026" not in text
    assert text.startswith("EVENT ") and "\033" not in text
    # Every cell begins where its title does.
    head, *rows = text.splitlines()
    at = head.index("ALARM")
    for row in rows:
        seen = 0
        for i, c in enumerate(row):
            if seen == at:
                assert row[i] != " " and row[i - 1] == " ", row
                break
            seen += columns_of(c)


WIDE = "\u8b66\u5831-" * 12 + "e\u0301" * 10 + "-end"


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("wide"))
    sandbox = peers.Sandbox(folder)
    agent = peers.Agent(folder, sandbox)
    for name in (WIDE, "plain"):
        assert agent.hook({"AlarmName": name})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    assert agent.hook({"AlarmName": WIDE + "-refused"})[0] == 200
    agent.settle()
    sandbox.clear()
    yield agent
    assert agent.stop() == 0
    sandbox.stop()


def test_colour(busy):
    def coloured(*args, **env):
        return "\033[" in terminal(busy, 80, *args, **env)

    def piped(*args):
        return "\033[" in busy.cli(*args).stdout

    assert coloured("incidents") and not piped("incidents")
    assert not coloured("incidents", NO_COLOR="1")
    assert coloured("incidents", NO_COLOR="")
    assert not coloured("incidents", "--color", "never")
    assert coloured("incidents", "--color", "always", NO_COLOR="1")
    assert piped("incidents", "--color", "always")
    assert not coloured("incidents", TERM="dumb")
    text = busy.cli("incidents", "--color", "always").stdout
    assert "\033[32mresolved\033[0m" in text
    assert "\033[32mready\033[0m" in busy.cli("status", "--color",
                                              "always").stdout
    # What colours is no text: a table is as wide with as without.
    assert bare_of(text) == busy.cli("incidents").stdout


def test_times(busy):
    """Relative on a terminal, and in UTC elsewhere or where asked for."""
    ago = r"(now|(\d+h)?\d+[smhd] ago|in \ds)"   # two come from soon
    utc = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    for when, show in (
            (ago, lambda *a: bare_of(terminal(busy, 200, *a))),
            (utc, lambda *a: bare_of(terminal(busy, 200, *a, "--utc"))),
            (utc, lambda *a: busy.cli(*a).stdout),
            (utc, lambda *a: busy.cli(*a, "--utc").stdout)):
        for name, column in (("incidents", "CHANGED"), ("events", "RECEIVED")):
            head, *rows = show(name).splitlines()
            at = head.index(column)
            for row in rows:
                assert re.match(when + "  ", row[at:]), row
        assert re.search(rf"^started +{when}$", show("status"), re.M)


def test_control_characters_reach_no_terminal(busy):
    for name in ("incidents", "events"):
        text = busy.cli(name).stdout
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029"
                             r"\u202a-\u202e\u2066-\u2069]", text)


def test_no_agent_running(sandbox, folder):
    agent = peers.Agent(folder, sandbox, start=False)
    for name in ("status", "incidents", "events", "dead"):
        for more in ([], ["--json"]):
            r = agent.cli(name, *more, check=False)
            assert r.returncode == 1 and r.stdout == ""
            assert f"127.0.0.1:{agent.admin_port}" in r.stderr
            assert "tocsin run" in r.stderr
    r = agent.cli("dead", "retry", "1", check=False)
    assert r.returncode == 1


def test_a_port_that_nobody_can_know(sandbox, folder):
    agent = peers.Agent(folder, sandbox, start=False,
                        conf={"admin": {"address": "127.0.0.1:0"}})
    for name in ("status", "incidents"):
        r = agent.cli(name, check=False)
        assert r.returncode == 78 and r.stdout == ""
        assert "admin.address is 127.0.0.1:0" in r.stderr
        assert "unix:PATH" in r.stderr


def test_dead_retry_and_drop(make_agent, sandbox):
    agent = make_agent()
    sandbox.fault("400", method="POST", path="/incidents", count=2)
    for name in ("one", "two"):
        agent.hook({"AlarmName": name})
        agent.settle()
    rows = json.loads(agent.cli("dead", "--json").stdout)["dead"]
    ids = [str(r["id"]) for r in rows]
    assert "retry" in agent.cli("dead", "retry", ids[0]).stdout
    assert "drop" in agent.cli("dead", "drop", ids[1]).stdout
    assert agent.cli("dead", "drop", ids[1], check=False).returncode == 1
    agent.settle()
    assert len(sandbox.incidents()) == 1
    assert agent.cli("dead").stdout == "no dead letters\n"


def test_lists_of_an_agent_that_has_nothing(agent):
    assert agent.cli("incidents").stdout == "no incidents\n"
    assert agent.cli("events").stdout == "no events\n"
    assert agent.cli("dead").stdout == "no dead letters\n"


# ---- secrets (S20) ----

def test_secrets_are_never_told(make_agent, sandbox):
    canary = {
        "hook": "CANARY-hook-4711", "admin": "CANARY-admin-4712",
        "basic": "CANARY-basic-4713", "env": "CANARY-env-4714"}
    key = sandbox.info["api_key"]
    agent = make_agent(start=False, env={"HOOK2": canary["env"]})
    agent.configure({
        "webhooks": [{"path": "/hooks/test", "token": canary["hook"]},
                     {"path": "/two", "token": "${env:HOOK2}"}],
        "admin": {"token": canary["admin"]},
        "sns": {"basic_auth": {"user": "sns", "password": canary["basic"]}},
        "log": {"level": "debug"}})
    agent.start()
    heard = []

    def say(*parts):
        heard.extend(p.decode(errors="replace") if isinstance(p, bytes)
                     else str(p) for p in parts)

    for token in ("wrong", canary["hook"], canary["env"]):
        for path in ("/hooks/test", "/two", "/sns", "/nothing"):
            say(*agent.http.call("POST", path, '{"AlarmName":"s"}', {
                "Authorization": f"Bearer {token}"}))
    # StackFlow's answers may repeat what was sent.
    sandbox.fault("answer", method="POST", path="/incidents", count=1,
                  status=400, body=json.dumps(
                      {"message": f"bad key {key} Bearer {key}"}))
    agent.hook({"AlarmName": "told"}, token=canary["hook"])
    sandbox.fault("401", count=2)
    agent.hook({"AlarmName": "told-2"}, token=canary["hook"])
    body = sandbox.sign(message="x", topic=peers.TOPIC,
                        type="SubscriptionConfirmation",
                        token="c0ffee" * 20)
    import base64
    basic = base64.b64encode(b"sns:" + canary["basic"].encode()).decode()
    say(agent.post(body, dict(peers.sns_headers(body),
                              Authorization="Basic " + basic)))
    time.sleep(1)
    for path in ("/metrics", "/api/v1/status", "/api/v1/dead",
                 "/api/v1/incidents", "/api/v1/events", "/api/v1/rules",
                 "/readyz", "/nothing"):
        say(*agent.admin.call("GET", path))
        say(*agent.admin.call("POST", path, None,
                              {"Authorization": "Bearer wrong"}))
    agent.configure(dict(agent.conf, lissen=1))
    say(*agent.admin.call("POST", "/-/reload", None, {
        "Authorization": "Bearer " + canary["admin"]}))
    say(tocsin("check", "-c", agent.path).stdout)
    for name in ("status", "dead", "events", "incidents"):
        r = agent.cli(name, check=False)
        say(r.stdout, r.stderr)
    with open(f"/proc/{agent.process.popen.pid}/cmdline") as f:
        say(f.read())
    say(agent.process.text())
    everything = "\n".join(heard)
    for secret in [*canary.values(), key, basic, "c0ffee" * 20]:
        at = everything.find(secret)
        assert at < 0, everything[max(0, at - 300):at + 100]
    assert "told" in everything, "the log was looked at"


def test_journal_text_is_one_line_a_record(make_agent):
    agent = make_agent(conf={"log": {"format": "json"}})
    for k in range(5):
        agent.hook({"AlarmName": f"l\n{k}\r\x1b[0m\u2028\u0085"})
    agent.settle()
    lines = agent.process.text().split("\n")
    assert lines.pop() == ""
    for line in lines:
        record = json.loads(line)
        assert {"time", "level", "msg"} <= set(record)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)
    assert sum("\"decided\"" in x for x in lines) == 5
