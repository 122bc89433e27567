"""Completions in the shells themselves, with what the running agent knows."""
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
FILES = {"bash": "bash/tocsin", "zsh": "zsh/_tocsin", "fish": "fish/tocsin.fish"}
HOSTILE = "$(touch pwned); 'x' \"y\" `touch pwned`"


def shipped(shell):
    return os.path.join(TOP, "packaging", "completion", FILES[shell])


@pytest.mark.parametrize("shell", FILES)
def test_the_shipped_one_is_what_the_tables_say(shell):
    r = subprocess.run([TOCSIN, "completion", shell], capture_output=True,
                       text=True)
    assert r.returncode == 0 and r.stderr == ""
    with open(shipped(shell), encoding="utf-8") as f:
        assert f.read() == r.stdout, "`make completions` writes it anew"


@pytest.mark.parametrize("shell", FILES)
def test_the_shell_can_read_it(shell):
    need(shell)
    r = subprocess.run([shell, "-n", shipped(shell)], capture_output=True,
                       text=True)
    assert r.returncode == 0 and r.stderr == "", r.stderr


def need(shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't here")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An agent with an incident, a dead letter and a silence."""
    folder = str(tmp_path_factory.mktemp("completion"))
    sandbox = peers.Sandbox(folder)
    agent = peers.Agent(folder, sandbox)
    for name in ("pay-db-cpu", HOSTILE):
        assert agent.hook({"AlarmName": name})[0] == 200
    agent.settle()
    sandbox.fault("400", method="POST", path="/incidents")
    assert agent.hook({"AlarmName": "refused\x1b[31m"})[0] == 200
    agent.settle()
    sandbox.clear()
    agent.cli("silence", "add", "--match", "alarm=quiet-*", "--for", "1h",
              "--owner", "ann", "--reason", "moving")
    os.makedirs(f"{agent.folder}/bin")
    os.symlink(TOCSIN, f"{agent.folder}/bin/tocsin")
    agent.ids = {
        "incidents": {i["incident"] for i in
                      agent.get("/api/v1/incidents")["incidents"]
                      if i["state"] == "open"},
        "dead": {str(d["id"]) for d in agent.get("/api/v1/dead")["dead"]},
        "events": {e["id"] for e in agent.get("/api/v1/events")["events"]},
        "silences": {s["id"] for s in
                     agent.get("/api/v1/silences")["silences"]},
        "alarms": {"pay-db-cpu", HOSTILE},
    }
    yield agent
    assert agent.stop() == 0
    sandbox.stop()


def env_of(agent):
    return dict(agent.env, TOCSIN_CONFIG=agent.path, HOME=agent.folder,
                TERM="dumb", LC_ALL="C.UTF-8", XDG_CONFIG_HOME=agent.folder,
                XDG_DATA_HOME=agent.folder, XDG_CACHE_HOME=agent.folder,
                PATH=f"{agent.folder}/bin:{os.environ['PATH']}")


# ---- each shell's words for a line ----

BASH = r"""
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_tocsin 2>/dev/null
for w in "${COMPREPLY[@]}"; do eval "printf '%s\n' $w"; done
"""


def in_bash(agent, line):
    words = re.findall(r"\S+|(?<= )$", line)
    r = subprocess.run(["bash", "--norc", "-c", BASH, "bash", shipped("bash"),
                        *words], capture_output=True, text=True,
                       env=env_of(agent), cwd=agent.folder, timeout=30)
    assert r.returncode == 0, r.stderr
    return set(r.stdout.splitlines())


def in_fish(agent, line):
    r = subprocess.run(["fish", "--no-config", "-c", f"source {shipped('fish')}"
                        f"; complete -C {json.dumps(line)}"],
                       capture_output=True, text=True, env=env_of(agent),
                       cwd=agent.folder, timeout=30)
    assert r.stderr == "", r.stderr
    return {w.split("\t")[0] for w in r.stdout.splitlines()}


# What is offered is written down behind zsh's back.
ZSH = r"""
bindkey -e; bindkey '^I' complete-word; unset zle_bracketed_paste
PS1='READY> '; unsetopt beep auto_list
fpath=(%s $fpath); autoload -U compinit; compinit -u -D
zstyle ':completion:*' verbose yes
compadd () {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "$@"; return $?
	fi
	typeset -a __hits
	builtin compadd -A __hits "$@"
	local status_=$?
	print -rl -- $__hits >>%s
	return $status_
}
print DONE
"""


class Typist:
    """At the terminal of a zsh of its own."""

    def __init__(self, agent):
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(agent.folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], env_of(agent))

    def type(self, text, until, seconds=15):
        os.write(self.fd, text)
        end = time.monotonic() + seconds * peers.SLOW
        while until not in self.text:
            left = end - time.monotonic()
            assert left > 0, self.text
            if select.select([self.fd], [], [], left)[0]:
                self.text += os.read(self.fd, 65536)
        self.text = self.text.split(until, 1)[1]

    def leave(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def in_zsh(agent, line):
    out = f"{agent.folder}/zsh-{time.monotonic_ns()}"
    with open(out + ".rc", "w") as f:
        f.write(ZSH % (os.path.dirname(shipped("zsh")), out))
    open(out, "w").close()
    zsh = Typist(agent)
    try:
        zsh.type(f". {out}.rc\n".encode(), b"DONE")
        zsh.type(b"", b"READY> ")
        # The next line is read when the completion has ended.
        zsh.type(line.encode() + b"\t\x15print END'ED'\n", b"ENDED")
    finally:
        zsh.leave()
    with open(out, encoding="utf-8") as f:
        # As it would stand on the line: with a shell's backslashes.
        return {re.sub(r"\\(.)", r"\1", w)
                for w in f.read().splitlines() if w}


WORDS = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}
ALL = {"status", "incidents", "check", "completion", "help", "run"}

# (line, what must be among it, what must not be)
CASES = [
    ("tocsin ", ALL, {"list"}),
    ("tocsin st", {"status"}, {"run"}),
    ("tocsin help ba", {"backup"}, {"run"}),
    ("tocsin silence ", {"list", "add", "expire"}, {"retry"}),
    ("tocsin silence --a", {"--all"}, {"--at"}),
    ("tocsin silence add --", {"--match", "--for", "--owner", "--json"},
     {"--all"}),
    ("tocsin check --format ", {"text", "json", "github"}, {"junit"}),
    ("tocsin check --s", {"--strict", "--schema"}, {"--state"}),
    ("tocsin check rul", {"rules.d/"}, set()),
    ("tocsin incidents --state ", {"open", "resolved", "closed", "failed"},
     set()),
    ("tocsin completion ", {"bash", "zsh", "fish"}, {"--list"}),
    ("tocsin version --j", {"--json"}, set()),
]


@pytest.mark.parametrize("line,there,absent", CASES,
                         ids=[c[0].replace(" ", "_") for c in CASES])
@pytest.mark.parametrize("shell", FILES)
def test_words(world, shell, line, there, absent):
    need(shell)
    os.makedirs(f"{world.folder}/rules.d", exist_ok=True)
    got = WORDS[shell](world, line)
    if shell != "fish":         # which alone says that it is a folder
        there = {w.rstrip("/") for w in there}
        got = {w.rstrip("/") for w in got}
    assert there <= got, got
    assert not absent & got, got


@pytest.mark.parametrize("line,kind", [
    ("tocsin dead retry ", "dead"), ("tocsin silence expire ", "silences"),
    ("tocsin audit ", "incidents"), ("tocsin events --evidence ", "events"),
    ("tocsin explain --event ", "events"), ("tocsin events ", "alarms")],
    ids=lambda x: x.replace(" ", "_"))
@pytest.mark.parametrize("shell", FILES)
def test_live_values(world, shell, line, kind):
    need(shell)
    got = WORDS[shell](world, line)
    got -= {"rules.d/"}
    assert len(world.ids[kind]) >= 1
    assert world.ids[kind] <= got, got
    assert not any("\x1b" in w or "x1b" in w for w in got)
    assert not os.path.exists(f"{world.folder}/pwned")


def values(*args, **env):
    begun = time.monotonic()
    r = subprocess.run([TOCSIN, "completion", "--list", *args],
                       capture_output=True, text=True,
                       env=dict(os.environ, **env))
    return r, time.monotonic() - begun


@pytest.mark.parametrize("kind", ["incidents", "dead", "events", "silences",
                                  "alarms"])
def test_the_list_behind_it(world, kind):
    r, took = values(kind, "-c", world.path)
    assert r.returncode == 0 and r.stderr == ""
    names = [line.split("\t")[0] for line in r.stdout.splitlines()]
    assert set(names) == world.ids[kind] and len(names) == len(set(names))
    assert took < 1 * peers.SLOW


def test_it_is_silent_where_nothing_answers(tmp_path):
    for conf in ("/nonexistent", str(tmp_path), os.devnull):
        r, _ = values("incidents", "-c", conf)
        assert (r.returncode, r.stdout, r.stderr) == (0, "", "")


def test_it_waits_for_nobody(world, tmp_path):
    """An agent that is stopped in the midst holds up no shell."""
    pid = world.process.popen.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        r, took = values("incidents", "-c", world.path)
        assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
        assert took < 4 * peers.SLOW
    finally:
        os.kill(pid, signal.SIGCONT)
