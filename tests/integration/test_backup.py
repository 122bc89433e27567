"""`tocsin backup` and `tocsin restore`: a copy of a store at work, and what is
known and done again once it is the store."""
import json
import os
import sqlite3
import threading
import time

import peers
import pytest


def backup(agent, name="copy.db", *words):
    path = os.path.join(agent.folder, name)
    agent.cli("backup", *words, path)
    return path


def restore(agent, path, check=True):
    r = agent.cli("restore", "--json", path, check=check)
    return json.loads(r.stdout) if check else r


def rows(path, sql):
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def fire(agent, name, when, state="ALARM"):
    assert agent.send(peers.alarm(name, state=state, when=when)) == 200


def triaged(agent):
    def done():
        s = agent.get("/api/v1/status")
        return s["events_waiting"] == 0 and s["operations_waiting"] > 0
    peers.wait_for("triage", done)


def one_each(sandbox, names):
    """An incident an alarm, and none twice."""
    got = sorted(i["short_description"].split(": ")[1]
                 for i in sandbox.incidents())
    assert got == sorted(names)


def test_alarms_after_a_backup_are_one_incident_each(make_agent, sandbox):
    agent = make_agent()
    now = time.time()
    before = [f"before-{k}" for k in range(3)]
    after = [f"after-{k}" for k in range(4)]
    for name in before:
        fire(agent, name, now)
    agent.settle()
    copy = backup(agent)
    for name in before + after:
        fire(agent, name, now + 1)
    agent.settle()
    fire(agent, "after-0", now + 2, "OK")       # resolved since
    agent.settle()
    notes = {i["id"]: len(i["notes"]) for i in sandbox.incidents()}
    agent.kill()
    kept = restore(agent, copy)["kept"]
    assert rows(kept, "SELECT count(*) FROM event") == [(11,)]
    assert rows(copy, "SELECT count(*) FROM event") == [(3,)]
    agent.start()
    for name in before + after[1:]:
        fire(agent, name, now + 3)
    agent.settle(60)
    one_each(sandbox, before + after)
    for i in sandbox.incidents():
        if "after-0" not in i["short_description"]:
            assert len(i["notes"]) == notes[i["id"]] + 1, i
    m = agent.metrics()
    assert m["tocsin_incidents_created_total"] == 0
    assert m["tocsin_duplicate_incidents_total"] == 0
    log = agent.process.text()
    for i in sandbox.incidents():
        unknown = "after-" in i["short_description"] and \
            i["state"] != "resolved"
        assert (f"incident={i['id']}" in "".join(
            ln for ln in log.splitlines()
            if "not in this journal" in ln)) == unknown


def test_what_was_owed_is_looked_up(make_agent, sandbox):
    """Creates, notes and resolves that the copy holds as owed, and that were
    carried out after it was made."""
    agent = make_agent()
    now = time.time()
    for name in ("a", "b", "c"):
        fire(agent, name, now)
    agent.settle()
    sandbox.fault("429", retry_after="1")
    fire(agent, "a", now + 1)                   # a note
    fire(agent, "b", now + 1, "OK")             # a note and a resolve
    fire(agent, "d", now + 1)                   # a create
    fire(agent, "e", now + 1)                   # a create, resolved behind it
    fire(agent, "e", now + 2, "OK")
    triaged(agent)
    copy = backup(agent)
    sandbox.clear()
    agent.settle(60)
    truth = {i["id"]: (i["state"], len(i["notes"]))
             for i in sandbox.incidents()}
    assert len(truth) == 5
    agent.kill()
    restore(agent, copy)
    states = dict(rows(agent.folder + "/tocsin.db",
                       "SELECT state, count(*) FROM op GROUP BY state"))
    assert 1 not in states and 2 not in states and states[3] >= 4
    agent.start()
    agent.settle(60)
    assert {i["id"]: (i["state"], len(i["notes"]))
            for i in sandbox.incidents()} == truth
    peers.check_invariants(agent, sandbox)


def test_what_was_owed_and_never_sent_is_sent(make_agent, sandbox):
    agent = make_agent()
    now = time.time()
    fire(agent, "a", now)
    agent.settle()
    sandbox.fault("429", retry_after="1")
    fire(agent, "a", now + 1)
    fire(agent, "b", now + 1)
    fire(agent, "b", now + 2, "OK")
    triaged(agent)
    copy = backup(agent)
    agent.kill()
    restore(agent, copy)
    sandbox.clear()
    agent.start()
    agent.settle(60)
    one_each(sandbox, ["a", "b"])
    got = {i["short_description"].split(": ")[1]: i
           for i in sandbox.incidents()}
    assert len(got["a"]["notes"]) == 1
    assert got["b"]["state"] == "resolved"
    peers.check_invariants(agent, sandbox)


def test_a_copy_made_under_load_is_whole(make_agent, sandbox):
    agent = make_agent()
    signer = peers.Signer(sandbox)
    now, stop, slowest = time.time(), threading.Event(), [0.0]
    sent = [0]

    def load():
        k = 0
        while not stop.is_set():
            envelope = signer.envelope(peers.alarm(f"l-{k % 50}",
                                                   when=now + k / 1000))
            at = time.monotonic()
            assert agent.post(envelope) == 200
            slowest[0] = max(slowest[0], time.monotonic() - at)
            k += 1
            sent[0] = k

    thread = threading.Thread(target=load)
    thread.start()
    try:
        peers.wait_for("some alarms", lambda: sent[0] > 5)
        copies = [backup(agent, f"copy-{k}.db") for k in range(4)]
    finally:
        stop.set()
        thread.join()
    assert slowest[0] < 3
    counts = []
    for copy in copies:
        assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
        assert os.stat(copy).st_mode & 0o777 == 0o600
        assert rows(copy, "SELECT count(*) FROM event e LEFT JOIN payload p "
                    "ON p.first = e.first WHERE p.first IS NULL") == [(0,)]
        counts.append(rows(copy, "SELECT count(*) FROM event")[0][0])
    assert counts == sorted(counts) and counts[0] > 0
    assert not [n for n in os.listdir(agent.folder) if "partial" in n]


def test_of_a_stopped_agent(make_agent, sandbox):
    agent = make_agent()
    fire(agent, "a", time.time())
    agent.settle()
    agent.kill()                    # its WAL isn't in the file yet
    copy = backup(agent)
    assert rows(copy, "SELECT name FROM event") == [("a",)]
    for name in os.listdir(agent.folder):
        if name.startswith("tocsin.db"):
            os.unlink(os.path.join(agent.folder, name))
    assert restore(agent, copy)["kept"] is None
    agent.start()
    agent.settle()
    assert [e["alarm"] for e in agent.get("/api/v1/events")["events"]] == \
        ["a"]


def test_nothing_is_overwritten(agent):
    copy = backup(agent)
    r = agent.cli("backup", copy, check=False)
    assert r.returncode == 1 and "--force" in r.stderr
    size = os.stat(copy).st_ino
    backup(agent, "copy.db", "--force")
    assert os.stat(copy).st_ino != size
    r = agent.cli("backup", "/nonexistent/x", check=False)
    assert r.returncode == 1 and "/nonexistent/x" in r.stderr
    assert agent.cli("backup", check=False).returncode == 2
    r = restore(agent, copy, check=False)
    assert r.returncode == 1 and "stop it first" in r.stderr


def damage(path):
    with open(path, "r+b") as f:
        f.seek(8192 * 3)
        f.write(b"\xff" * 8192 * 3)


def newer(path):
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def cut(path):
    with open(path, "r+b") as f:
        f.truncate(os.stat(path).st_size // 2)


def another(path):
    os.unlink(path)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (a)")
    db.commit()
    db.close()


def text(path):
    with open(path, "w") as f:
        f.write("not a database\n" * 1000)


@pytest.mark.parametrize("spoil, status, says", [
    (damage, 78, "damaged"), (newer, 78, "newer tocsin"),
    (cut, 78, "damaged"), (another, 78, "no backup"), (text, 78, "damaged"),
    (os.unlink, 1, "No such file"),
])
def test_what_is_no_copy_is_refused(make_agent, spoil, status, says):
    agent = make_agent()
    fire(agent, "a", time.time())
    agent.settle()
    copy = backup(agent)
    agent.kill()
    spoil(copy)
    r = restore(agent, copy, check=False)
    assert r.returncode == status and says in r.stderr, r.stderr
    agent.start()
    assert len(agent.get("/api/v1/events")["events"]) == 1
    assert not [n for n in os.listdir(agent.folder) if "before" in n]


def test_another_install_key(make_agent):
    agent = make_agent()
    copy = backup(agent)
    agent.kill()
    key = os.path.join(agent.folder, "install.key")
    with open(key) as f:
        mine = f.read()
    os.unlink(key)
    r = restore(agent, copy, check=False)
    assert r.returncode == 78 and "install key" in r.stderr
    assert not os.path.exists(key)
    with open(key, "w") as f:
        f.write("ab" * 32)
    os.chmod(key, 0o600)
    r = restore(agent, copy, check=False)
    assert r.returncode == 78 and "another install key" in r.stderr
    with open(key, "w") as f:
        f.write(mine)
    restore(agent, copy)
    agent.start()


def test_an_older_copy(make_agent, sandbox):
    """Of a schema before this one: it is brought up to date by the start."""
    agent = make_agent(start=False)
    key = os.path.join(agent.folder, "install.key")
    with open(key, "w") as f:
        f.write("5a" * 32)
    os.chmod(key, 0o600)
    here = os.path.dirname(os.path.abspath(__file__))
    copy = os.path.join(agent.folder, "old.db")
    db = sqlite3.connect(copy)
    with open(os.path.join(here, "..", "data", "store",
                           "schema1.sql")) as f:
        db.executescript(f.read())
    db.close()
    restore(agent, copy)
    agent.start()
    agent.settle(60)
    assert len(agent.get("/api/v1/events")["events"]) == 5
    one_each(sandbox, ["pay-queue-age"])
