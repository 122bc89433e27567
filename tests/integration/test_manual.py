"""Every example of the manual, of README.md and of examples/ is run: what looks
like a configuration by `tocsin check`, rules by check and test, commands by sh.
tocsin-api(7)'s calls are run by test_api.py, tocsin-rules-test(5)'s tests by
test_ruletests.py; test_operations.py has Prometheus, Grafana and Terraform."""
import json
import os
import re
import shutil
import subprocess
import textwrap

import peers
import pytest
import tls

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOCSIN = os.path.abspath(peers.TOCSIN)
PAGES = ["tocsin.yaml.5", "tocsin-rules.5", "tocsin-rules-test.5",
         "tocsin-kinds.5", "tocsin-api.7", "tocsin-metrics.7",
         "tocsin-runbook.7"]


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def page(name):
    return read("packaging", "man", name).replace("\\\n", "")


def plain(text):
    """The bytes that a literal block shows."""
    return text.replace("\\e", "\\").replace("\\&", "")


def sort_of(text):
    """What an example is; a new sort needs a test."""
    for sort, begins in [
            ("policy", r'\{\s*"Version": "2012-10-17"'),
            ("call", r"(GET|POST) /"),
            ("synopsis", r"tocsin run \[-c FILE\] "),
            ("backup", r"tocsin backup "),
            ("command", r"(curl|tocsin) "),
            ("editor", r"# yaml-language-server:"),
            ("tests", r"# \S+_test\.yaml\n"),
            ("report", r"FAILED  "),
            ("rules", r"version: 1\n"),
            ("some rules", r"(claims|policies):"),
            ("configuration", r"(listen|sns|sqs|aws|stackflow|admin|drill):")]:
        if re.match(begins, text):
            return sort
    return None


def examples():
    """[(page, sort, text)] of all literal blocks."""
    out = []
    for name in PAGES:
        for block in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", page(name),
                                re.M | re.S):
            text = plain(block)
            out.append((name, sort_of(text), text))
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", read("README.md"),
                            re.M):
        text = textwrap.dedent(block).strip("\n") + "\n"
        out.append(("README.md", sort_of(text), text))
    return out


def of(*sorts):
    return [pytest.param(text, id=f"{name}-{i}") for i, (name, sort, text)
            in enumerate(examples()) if sort in sorts]


def test_each_example_has_its_test():
    unknown = [(n, t) for n, s, t in examples() if not s and n != "README.md"]
    assert not unknown
    found = [s for _, s, _ in examples()]
    for sort, least in [("policy", 2), ("call", 20), ("command", 2), ("synopsis", 1),
                        ("backup", 1), ("rules", 5), ("some rules", 1),
                        ("configuration", 3), ("tests", 1), ("report", 1),
                        ("editor", 1)]:
        assert found.count(sort) >= least, sort


# ---- configurations ----

@pytest.fixture
def etc(tmp_path):
    """A folder that has what a configuration speaks of."""
    for name in ("hook-token", "stackflow-api-key", "sns-password",
                 "admin-token"):
        (tmp_path / name).write_text("secret-enough-for-a-test")
    os.makedirs(tmp_path / "rules.d")
    authority = tls.Authority(str(tmp_path / "tls"))
    for at, name in zip(authority.issue(), ("fullchain.pem", "key.pem")):
        os.rename(at, tmp_path / "tls" / name)
    return tmp_path


def check(etc, text, name="tocsin.yaml", **env):
    text = text.replace("/etc/tocsin/", f"{etc}/")
    if not re.search(r"^rules:", text, re.M):
        text += f"rules: [{etc}/rules.d]\n"
    path = etc / name
    path.write_text(text)
    path.chmod(0o600)
    return subprocess.run([TOCSIN, "check", "-c", str(path)],
                          capture_output=True, text=True, env=dict(
                              os.environ, CREDENTIALS_DIRECTORY=str(etc),
                              **env))


@pytest.mark.parametrize("text", of("configuration"))
def test_configurations(etc, text):
    if "stackflow:" not in text:
        text += ('stackflow:\n  base_url: https://x.example.com/api\n'
                 '  auth: {method: token, token: "t0ken"}\n')
    r = check(etc, text)
    assert r.returncode == 0 and "error" not in r.stdout, r.stdout + r.stderr
    # It is looked at: a key that there isn't is told.
    r = check(etc, text + "no_such_key: 1\n")
    assert r.returncode == 1 and "no_such_key" in r.stdout + r.stderr


def test_the_example_to_begin_with(etc):
    r = check(etc, read("examples", "tocsin.yaml"))
    assert r.returncode == 0, r.stdout + r.stderr
    # With what stands there as comments, too.
    text = re.sub(r"^# ((?:sqs|aws):|  .*)$", r"\1",
                  read("examples", "tocsin.yaml"), flags=re.M)
    text = re.sub(r"^  # (fallback: .*)$", r"  \1", text, flags=re.M)
    assert "\nsqs:" in text and "\n  fallback:" in text
    r = check(etc, text)
    assert r.returncode == 0, r.stdout + r.stderr


def test_the_example_of_the_sandbox(etc):
    authority = tls.Authority(str(etc))
    assert authority.ca_file.endswith("ca.pem")
    text = read("examples", "sandbox", "tocsin.yaml").replace(
        "[../../rules]", f"[{TOP}/rules]")
    r = check(etc, text, SANDBOX=str(etc), STACKFLOW_API_KEY="k")
    assert r.returncode == 0, r.stdout + r.stderr


@pytest.mark.parametrize("text", of("policy"))
def test_policies(text):
    for s in json.loads(text)["Statement"]:
        assert s["Effect"] == "Allow" and s["Resource"] and s["Action"]


# ---- rules ----

HEAD = 'version: 1\nteam: a-team\nowners: ["a@example.com"]\n'


@pytest.mark.parametrize("text", of("rules", "some rules"))
def test_rules(tmp_path, text):
    if not text.startswith("version:"):
        text = HEAD + text
    rules = tmp_path / "10-example.yaml"
    rules.write_text(text)
    r = subprocess.run([TOCSIN, "check", str(rules)], capture_output=True,
                       text=True)
    assert r.returncode == 0 and "error" not in r.stdout, r.stdout + r.stderr
    # The last policy takes what no other one does.
    wanted = "{catch_all: true}" if "platform: true" in text \
        else "{policy: default}"
    alarm = "{source: guardduty, detail: x}" if "guardduty" in text else None
    name = "pay-nothing-special"
    (tmp_path / "10-example_test.yaml").write_text(
        "rules: 10-example.yaml\ntests:\n"
        "  - name: the last policy\n"
        "    given: {cis: [], changes: []}\n"
        "    events:\n"
        f"      - {{at: 0s, alarm: {json.dumps(peers.alarm(name))}}}\n"
        f"    expect: {{decided_by: {wanted}}}\n")
    if alarm:           # it claims findings alone
        return
    r = subprocess.run([TOCSIN, "test", str(tmp_path)], capture_output=True,
                       text=True)
    assert r.returncode == 0 and "1 passed" in r.stdout, r.stdout + r.stderr


@pytest.mark.parametrize("text", of("editor"))
def test_the_line_for_editors(text):
    schema = re.search(r"\$schema=(\S+)", text)[1]
    assert json.loads(read("rules", schema))["title"]


# ---- commands ----

def spoken_of():
    """{(command, option)} and {command} that pages and README name."""
    found = set()
    texts = [page(n) for n in PAGES] + [read("README.md"), read("SECURITY.md")]
    for text in texts:
        for line in re.findall(r"^\.Ql tocsin ([a-z].*)$", text, re.M) + \
                re.findall(r"`tocsin ([a-z][^`]*)`", text) + \
                re.findall(r"^    tocsin ([a-z].*?)(?:   .*)?$", text, re.M):
            words = line.split()
            found.add((words[0], ""))
            for word in words[1:]:
                if re.fullmatch(r"--[a-z-]+", word):
                    found.add((words[0], word))
    return found


def test_commands_and_options_that_are_named_are_there():
    spoken, helps = spoken_of(), {}
    assert len(spoken) > 15
    for command, option in sorted(spoken):
        if command not in helps:
            r = subprocess.run([TOCSIN, command, "--help"],
                               capture_output=True, text=True)
            assert r.returncode == 0, command
            helps[command] = r.stdout
        assert option in helps[command], (command, option)


def sh(agent, command, **env):
    folder = os.path.join(agent.folder, "bin")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "tocsin")):
        os.symlink(TOCSIN, os.path.join(folder, "tocsin"))
    command = command.replace("127.0.0.1:9464",
                              f"127.0.0.1:{agent.admin_port}")
    return subprocess.run(["sh", "-c", command], capture_output=True,
                          text=True, timeout=60, cwd=agent.folder, env=dict(
                              agent.env, TOCSIN_CONFIG=agent.path, USER="ann",
                              PATH=folder + ":" + os.environ["PATH"], **env))


@pytest.fixture
def lively(make_agent, sandbox):
    """An agent with an open incident and three dead letters, that drills."""
    agent = make_agent(conf={
        "aws": {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "s",
                "reconcile": "off"},
        "drill": {"topic": peers.TOPIC, "every": "off"}})
    sandbox.control("POST", "/sns/subscribe", {
        "topic": peers.TOPIC,
        "endpoint": f"http://127.0.0.1:{agent.port}/sns"})
    peers.wait_for("the subscription", lambda: agent.metrics()
                   ["tocsin_subscriptions_confirmed_total"] == 1)
    assert agent.hook({"AlarmName": "open"})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    for k in range(3):
        assert agent.hook({"AlarmName": f"refused-{k}"})[0] == 200
        agent.settle()
    sandbox.clear()
    return agent


def runbook_commands():
    """Those that the runbook tells people to type."""
    found = re.findall(r"^\.Ql (tocsin (?!run|replay|restore|erase)[^:,.;\n]*)",
                       page("tocsin-runbook.7"), re.M)
    return sorted({re.sub(r" [A-Z]$| $", "", f).strip() for f in found})


def test_the_runbook_s_commands(lively):
    commands = runbook_commands()
    assert len(commands) >= 8
    dead = [d["id"] for d in lively.get("/api/v1/dead")["dead"]]
    event = lively.get("/api/v1/events")["events"][0]["id"]
    # Looking first, acting then; each letter is acted on once.
    for command in sorted(commands, key=lambda c: "ID" in c):
        if command.startswith("tocsin dead ") and "ID" not in command:
            command += " ID"
        if command in ("tocsin dead retry ID", "tocsin dead drop ID"):
            command = command.replace("ID", str(dead.pop()))
        r = sh(lively, command.replace("ID", event))
        # doctor has something to say of a set-up on loopback.
        ok = (0, 1) if "doctor" in command else (0,)
        assert r.returncode in ok, (command, r.stdout, r.stderr)
        assert r.stdout or "test" in command or "check" in command, command


@pytest.mark.parametrize("text", of("command"))
def test_commands(lively, text):
    incident = lively.get("/api/v1/incidents?state=open")["incidents"][-1]
    r = sh(lively, text.replace("INC0000001", incident["incident"]).replace(
        "curl -sS", "curl -sS --fail", 1), TOKEN="admin-token")
    assert r.returncode == 0, (r.stdout, r.stderr)
    assert "tocsin_build_info" in r.stdout or \
        json.loads(r.stdout)["done"] == "note"


@pytest.mark.parametrize("text", of("backup"))
def test_the_backup_of_readme(lively, text):
    """And its restore, where systemd is played by ending the agent."""
    first, second = text.splitlines()[:2]
    folder = os.path.join(lively.folder, "backups")
    os.makedirs(folder)
    first, second = (line.replace("/var/backups", folder).replace(
        "/etc/tocsin", lively.folder) for line in (first, second))
    r = sh(lively, first)
    assert r.returncode == 0, r.stderr
    assert sorted(os.listdir(folder)) == ["install.key", "tocsin.db"]
    assert lively.stop() == 0
    r = sh(lively, re.sub(r"systemctl \w+ tocsin", "true", second))
    assert r.returncode == 0, r.stdout + r.stderr
    lively.start()
    assert lively.get("/api/v1/incidents")["incidents"]


def test_a_page_s_metrics_are_those_of_the_agent(lively):
    """Names, types and labels that it really shows."""
    lively.cli("drill", "--wait")
    _, data = lively.api("/metrics")
    shown = dict(re.findall(r"^# TYPE (\w+) (\w+)$", data.decode(), re.M))
    told = {m[1]: (m[2], m[3]) for m in re.finditer(
        r"^\.It Li (\w+)(?:\{([\w,]+)\})? Pq (\w+)$",
        page("tocsin-metrics.7"), re.M)}
    assert {n: t for n, (_, t) in told.items() if n in shown} == shown
    # No queue is polled, no TLS is spoken, no limit was told here.
    assert {n for n in set(told) - set(shown)} <= {
        n for n in told if n.startswith(("tocsin_sqs_", "tocsin_tls_",
                                         "tocsin_stackflow_rate_"))}
    for name, labels in re.findall(r"^(\w+)\{(.*)\} ", data.decode(), re.M):
        name = re.sub(r"_bucket$", "", name)
        used = set(re.findall(r"(\w+)=", labels)) - {"le"}
        assert used <= set((told[name][0] or "").split(",")), name


def test_promtool_takes_the_metrics(lively):
    if not shutil.which("promtool"):
        pytest.skip("promtool isn't here (packaging/deps prometheus)")
    _, data = lively.api("/metrics")
    r = subprocess.run(["promtool", "check", "metrics"], input=data,
                       capture_output=True)
    assert r.returncode == 0, r.stdout + r.stderr


def test_each_function_of_the_library_stands_in_section_3():
    """As programs call it: str_eq for sf_str_eq."""
    with open(os.path.join(TOP, "lib", "stackflow", "libstackflow.map"),
              encoding="utf-8") as f:
        names = re.findall(r"^\tsf_(\w+);", f.read(), re.M)
    said = set()
    for name in sorted(os.listdir(os.path.join(TOP, "packaging", "man"))):
        if name.endswith(".3"):
            said |= set(re.findall(r"\bFn (\w+)", page(name)))
    assert names
    assert not [n for n in names if n not in said and f"sf_{n}" not in said]
