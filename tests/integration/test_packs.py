"""rules/: what ships holds, and its tutorial is true word by word."""
import os
import re
import shutil
import subprocess

import pytest

from sandbox import ROOT, TOCSIN

RULES = os.path.join(ROOT, "rules")
README = os.path.join(RULES, "README.md")

pytestmark = pytest.mark.skipif(
    os.path.basename(TOCSIN) != "tocsin" or not os.access(TOCSIN, os.X_OK),
    reason="needs the whole program")


def environment():
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("TOCSIN_", "STACKFLOW_", "AWS_"))}
    return dict(env, PATH=os.path.dirname(os.path.abspath(TOCSIN)) + ":" +
                env["PATH"])


def tocsin(*args):
    return subprocess.run([TOCSIN, *args], cwd=ROOT, env=environment(),
                          capture_output=True, text=True, timeout=60)


def test_packs_are_clean():
    r = tocsin("check", "--strict", "rules")
    assert r.returncode == 0, r.stdout + r.stderr


def test_packs_do_as_their_tests_say():
    r = tocsin("test", "--coverage", "rules")
    assert r.returncode == 0, r.stdout + r.stderr
    assert re.search(r"^coverage: (\d+) of \1 entries", r.stdout,
                     re.M), r.stdout


def test_every_pack_has_tests_and_every_sample_is_used():
    files = [f for f in os.listdir(RULES) if f.endswith(".yaml")]
    rules = {f for f in files if not f.endswith("_test.yaml")}
    tests = ""
    for name in rules:
        beside = name.replace(".yaml", "_test.yaml")
        with open(os.path.join(RULES, name)) as f:
            text = f.read()
        assert f"tests: [{beside}]" in text
        assert name == "00-platform.yaml" or "\npack: true\n" in text
        with open(os.path.join(RULES, beside)) as f:
            tests += f.read()
    assert len(files) == 2 * len(rules)
    for sample in os.listdir(os.path.join(RULES, "samples")):
        assert sample.endswith(".jsonl") or f"samples/{sample}" in tests


def blocks(text):
    """(info, body) of each fenced block."""
    return re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.M | re.S)


def steady(text):
    """Without the time that a run took."""
    return re.sub(r"\(\d+\.\d+ s\)", "(0 s)", text)


def test_the_tutorial(tmp_path):
    """Its files are written and its commands run, as a newcomer would.
    TOCSIN_WRITE_TUTORIAL=1 writes what they print into it instead."""
    shutil.copytree(RULES, tmp_path / "rules")
    with open(README) as f:
        text = f.read()
    writes = os.environ.get("TOCSIN_WRITE_TUTORIAL")
    ran = 0
    for info, body in blocks(text):
        name = info.partition(" ")[2]
        if name:
            (tmp_path / name).write_text(body)
        if info != "console":
            continue
        for command, expected in re.findall(
                r"^(\$ [^\n]*\n(?:> [^\n]*\n)*)((?:(?!\$ )[^\n]*\n)*)",
                body, re.M):
            script = "".join(line[2:] for line in command.splitlines(True))
            r = subprocess.run(["sh", "-c", script], cwd=tmp_path, text=True,
                               env=environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=60)
            if writes:
                text = text.replace(command + expected, command + r.stdout, 1)
            else:
                assert steady(r.stdout) == steady(expected), script
            ran += 1
    assert ran >= 15
    if writes:
        with open(README, "w") as f:
            f.write(text)
