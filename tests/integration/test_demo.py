"""examples/demo: from an alarm to an incident, without a terminal."""
import os
import re
import signal
import subprocess
import time

import pytest

from sandbox import ROOT, TOCSIN

DEMO = os.path.join(ROOT, "examples", "demo")
BUILD = os.path.dirname(os.path.abspath(TOCSIN))

pytestmark = pytest.mark.skipif(
    os.path.basename(TOCSIN) != "tocsin" or not os.access(TOCSIN, os.X_OK),
    reason="needs the whole program")


def environment(tmp_path):
    return dict(os.environ, TMPDIR=str(tmp_path), SSL_CERT_FILE="")


def test_demo_ends_with_incidents(tmp_path):
    r = subprocess.run([DEMO, BUILD], cwd=tmp_path, text=True,
                       env=environment(tmp_path), capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=120)
    assert r.returncode == 0, r.stderr
    rows = [line.split(None, 5) for line in r.stdout.splitlines()
            if re.match(r"INC\d{7} ", line)]
    by_priority = {}
    for row in rows:
        by_priority.setdefault(row[1], []).append(row)
    (p1,) = by_priority["P1"]
    p2, old = sorted(by_priority["P2"], key=lambda row: row[3])
    assert p1[2:4] == ["resolved", "CI0001001"]
    assert p2[2:4] == ["new", "CI0001002"] and int(p2[4]) >= 1
    assert old[2:4] == ["new", "CI0001003"]
    assert len(rows) == 4
    assert re.search(r"^the rules' own tests +\d+ passed$", r.stdout,
                     re.M)
    assert os.listdir(tmp_path) == []       # it cleans up


def heed_interrupts():
    """A shell can't trap what it began with ignored, as in background jobs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_demo_stays_until_interrupted(tmp_path):
    p = subprocess.Popen([DEMO, BUILD, "--stay"], text=True,
                         env=environment(tmp_path), stdout=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, start_new_session=True,
                         preexec_fn=heed_interrupts)
    try:
        for line in p.stdout:
            if "Ctrl-C" in line:
                break
        assert re.search(r"http://127\.0\.0\.1:\d+/", line)
        time.sleep(0.2)
        assert p.poll() is None
    finally:
        os.killpg(p.pid, signal.SIGINT)
        p.wait(30)
        p.stdout.close()
    assert p.returncode == 130
    assert os.listdir(tmp_path) == []


def test_demo_says_what_is_missing(tmp_path):
    r = subprocess.run([DEMO, str(tmp_path)], capture_output=True, text=True,
                       env=environment(tmp_path), timeout=60)
    assert r.returncode == 1 and "run make first" in r.stderr
    r = subprocess.run([DEMO, BUILD, "--bogus"], capture_output=True,
                       text=True, timeout=60)
    assert r.returncode == 2
