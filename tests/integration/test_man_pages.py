"""The manual's section 1: a page for each command, with each of its options,
and every example of it and of --help is run."""
import contextlib
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import peers
import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOCSIN = os.path.abspath(peers.TOCSIN)
MAN = os.path.join(TOP, "packaging", "man")


def page(name):
    with open(os.path.join(MAN, name), encoding="utf-8") as f:
        return f.read().replace("\\\n", "")


PAGES = sorted(map(os.path.basename, glob.glob(f"{MAN}/tocsin-*.1")))
COMMANDS = [p[len("tocsin-"):-len(".1")] for p in PAGES]


def tocsin(*args):
    return subprocess.run([TOCSIN, *args], capture_output=True,
                          text=True).stdout


def known():
    return [line.split("\t") for line in
            tocsin("completion", "--list", "commands").splitlines()]


def test_each_command_has_its_page():
    assert sorted(name for name, _ in known()) == COMMANDS
    overview = page("tocsin.1")
    for name in COMMANDS:
        assert re.search(rf"^\.It Xr tocsin-{name} 1$", overview, re.M), name
        assert re.search(rf"^\.Xr tocsin-{name} 1( ,)?$", overview, re.M), name


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_what_the_table_has(name):
    """Options, both ways, and the parts of a page."""
    text = page(f"tocsin-{name}.1")
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS",
                    "EXAMPLES", "SEE ALSO"):
        assert re.search(rf'^\.Sh "?{section}"?$', text, re.M), section
    assert f".Dt TOCSIN-{name.upper()} 1" in text
    helped = tocsin(name, "--help")
    shown = re.findall(r"(?:^  |, )(--?[a-z-]+)",
                       helped.split("\nExamples:")[0], re.M)
    options = text.split(".Sh DESCRIPTION")[1].split(".Sh EXIT STATUS")[0]
    told = ["-" + o for it in re.findall(r"^\.It (.*Fl .*)$", options, re.M)
            for o in re.findall(r"\bFl (-?[a-z-]+)", it)]
    assert len(set(told)) == len(told)
    assert sorted(told) == sorted(set(shown))
    # What a help's exit statuses say, the page has.
    line = re.search(r"^Exit status: (.*?)\Z", helped, re.M | re.S)[1]
    exits = text.split(".Sh EXIT STATUS")[1].split(".Sh EXAMPLES")[0]
    for status in re.findall(r"(?:^|; )\s*(\d+) ", " ".join(line.split())):
        assert re.search(rf"^(\.It )?{status}\b|, {status} ", exits,
                         re.M), status


def test_what_the_pages_refer_to_is_there():
    for path in glob.glob(f"{MAN}/tocsin*"):
        for name, section in re.findall(
                r"^\.Xr (tocsin[\w.-]*|libstackflow) (\d)",
                page(os.path.basename(path)), re.M):
            assert os.path.exists(f"{MAN}/{name}.{section}"), (path, name)


@pytest.mark.parametrize("name", ["tocsin.1", *PAGES])
def test_mandoc_has_nothing_to_say(name):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc isn't here")
    r = subprocess.run(["mandoc", "-Tlint", "-Wwarning", f"{MAN}/{name}"],
                       capture_output=True, text=True)
    assert r.returncode == 0, r.stdout


# ---- examples ----

def examples():
    """{command line: where it stands}"""
    found = {}
    for name in ["tocsin.1", *PAGES]:
        text = page(name)
        for block in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", text,
                                re.M | re.S):
            block = block.replace("\\e\n", "\n").replace("\\&", "")
            for line in re.sub(r"\n +", " ", block).splitlines():
                if re.match(r"(\$ )?tocsin ", line):
                    found.setdefault(line.removeprefix("$ "), name)
        for line in re.findall(r"^\.Dl \$ (tocsin .*)$", text, re.M):
            found.setdefault(line, name)
    for name in COMMANDS:
        text = tocsin(name, "--help").split("\nExamples:\n")
        if len(text) < 2:
            continue
        text = text[1].split("\n\n")[0]
        for line in re.sub(r"\n {6,}", " ", text).splitlines():
            found.setdefault(line.strip(), f"{name} --help")
    return found


# These run until they are ended, or on a terminal of their own.
STAYS = ("tocsin run", "tocsin sandbox")
SCREEN = ("tocsin top",)
EXAMPLES = examples() if os.path.exists(TOCSIN) else {}


@pytest.fixture
def world(make_agent, sandbox):
    """An agent with all that the examples speak of."""
    agent = make_agent()
    agent.write_rules("50-all.yaml", "version: 1\nteam: all\nowners: [a@b.c]\n"
                      "claims: [{alarm: '*'}]\npolicies: [{id: p, match: {}}]\n")
    assert agent.hook({"AlarmName": "pay-db-cpu"})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    for k in range(2):
        assert agent.hook({"AlarmName": f"refused-{k}"})[0] == 200
        agent.settle()
    sandbox.clear()
    r = agent.cli("silence", "add", "--match", "alarm=quiet-*", "--for", "1h",
                  "--owner", "ann", "--reason", "moving", "--json")
    folder = agent.folder
    os.makedirs(f"{folder}/bin")
    os.makedirs(f"{folder}/backups")
    os.symlink(TOCSIN, f"{folder}/bin/tocsin")
    with open(f"{folder}/message.json", "w") as f:
        json.dump(peers.alarm("pay-db-cpu"), f)
    with open(f"{folder}/june.ndjson", "w") as f:
        f.write(agent.cli("events", "--export").stdout)
    with open(f"{folder}/rules.d/50-all_test.yaml", "w") as f:
        f.write("rules: 50-all.yaml\ntests:\n  - name: a\n    events:\n"
                "      - {at: 0s, alarm: %s}\n"
                "    expect: {decided_by: {policy: p}}\n" %
                json.dumps(peers.alarm("x")))
    agent.silence = json.loads(r.stdout)["id"]
    return agent


def adapted(agent, line):
    """The example, with the names that this world has."""
    dead = sorted(str(d["id"]) for d in agent.get("/api/v1/dead")["dead"])
    for a, b in [
            (r"\bINC\d+", agent.get("/api/v1/incidents?state=open")
             ["incidents"][-1]["incident"]),
            (r"\bey6d2oyjbaskoa\b",
             agent.get("/api/v1/events?alarm=pay-db-cpu")["events"][0]["id"]),
            (r"\bsi5fq2k7hw\b", agent.silence),
            (r"\b17 18\b", " ".join(dead)),
            (r"/var/backups", f"{agent.folder}/backups"),
            (r"~/\.local\S*", "completions"),
            (r"http://127\.0\.0\.1:8080/sns",
             f"http://127.0.0.1:{agent.port}/sns"),
            (r"--data sandbox\b", f"--data {agent.sandbox.folder}"
             if "send" in line else "--data sandbox"),
            (r"-c tocsin\.yaml", f"-c {agent.path}"),
            (r"--events june\.ndjson", f"--events {agent.folder}/june.ndjson")]:
        line = re.sub(a, lambda m, to=b: to, line)
    return line


def env_of(agent):
    return dict(agent.env, TOCSIN_CONFIG=agent.path, USER="ann",
                HOME=agent.folder, XDG_STATE_HOME=agent.folder,
                PATH=f"{agent.folder}/bin:{os.environ['PATH']}")


def sh(agent, line):
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True,
                          timeout=90, cwd=agent.folder, env=env_of(agent))


# What else than 0 an example may end with, in this small world.
OTHER = {
    "doctor": {1},      # which has something to say of loopback
    "drill": {1},       # which nothing is configured for
    "check --strict": {1}, "replay": {3},
}


@pytest.mark.parametrize("line", sorted(
    x for x in EXAMPLES if not x.startswith(STAYS + SCREEN)))
def test_examples(world, line):
    words = line.split()
    ours = adapted(world, line)
    if words[1] == "restore":
        made = f"{world.folder}/backups/tocsin.db"
        if "/var/backups" not in line:
            made = f"{world.folder}/tocsin.db"
        if "/var/backups" in line:
            world.cli("backup", made)
            assert world.stop() == 0
        else:
            # In a folder of its own, where the store isn't.
            world.cli("backup", f"{world.folder}/copy.db")
            ours = re.sub(r" tocsin\.db$", " copy.db", ours)
            assert world.stop() == 0
    if words[1] == "send" and "--to" not in words:
        assert sh(world, f"tocsin send --data {world.sandbox.folder} --to "
                  f"http://127.0.0.1:{world.port}/sns before").returncode == 0
    if words[1] == "send" and "--data" not in words:
        ours = ours.replace("send", f"send --data {world.sandbox.folder}", 1)
    r = sh(world, ours)
    allowed = {0}
    for begins, more in OTHER.items():
        if line.startswith("tocsin " + begins):
            allowed |= more
    assert r.returncode in allowed, (ours, r.stdout, r.stderr)
    assert "usage" not in r.stderr and "--help` shows" not in r.stderr


def is_ready(agent):
    try:
        return agent.api("/readyz")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("line", sorted(
    x for x in EXAMPLES if x.startswith(STAYS)))
def test_examples_that_stay(world, line):
    if "sandbox" in line and "--listen" not in line:
        line += " --listen 127.0.0.1:0 --sns-listen 127.0.0.1:0"
    ours = adapted(world, line)
    assert world.stop() == 0
    p = subprocess.Popen(["sh", "-c", "exec " + ours],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         cwd=world.folder, env=env_of(world))
    try:
        if " run" in line:
            peers.wait_for("it to be ready", lambda: is_ready(world))
        else:
            said = p.stdout.readline().decode()
            assert said.startswith("sandbox ready "), said
        assert p.poll() is None
        p.send_signal(signal.SIGTERM)
        assert p.wait(20) == 0
    finally:
        if p.poll() is None:
            p.kill()
        p.stdout.close()


@pytest.mark.parametrize("line", sorted(
    x for x in EXAMPLES if x.startswith(SCREEN)))
def test_examples_that_fill_a_screen(world, line):
    line = adapted(world, line)
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(world.folder)
        os.execvpe("sh", ["sh", "-c", f"stty cols 80 rows 24; exec {line}"],
                   dict(env_of(world), TERM="xterm"))
    shown, asked, end = b"", False, time.monotonic() + 30 * peers.SLOW
    with contextlib.suppress(OSError):      # it has ended
        while time.monotonic() < end:
            if not select.select([fd], [], [], 1)[0]:
                continue
            shown += os.read(fd, 65536)
            if not asked and b"pay-db-cpu" in shown:
                asked = os.write(fd, b"q") == 1
    os.close(fd)                # a terminal that goes ends what is on it
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    assert asked


def test_the_examples_were_found():
    assert len(EXAMPLES) >= 2 * len(COMMANDS) - 4
    for name in COMMANDS:
        assert any(x.startswith(f"tocsin {name}") for x in EXAMPLES), name
