"""stackflow(1): many incidents at once, and who is asked before."""
import json
import re

import pytest
from stackflow_cli import Cli, Fake, Terminal, clean_env, env_of

WHEN = "2099-01-01"     # all that the sandbox has is older


@pytest.fixture
def cli(sandbox, folder):
    return Cli(env_of(sandbox, folder))


def fill(sandbox, n, **fields):
    for i in range(n):
        status, _, _ = sandbox.http.call(
            "POST", "/prod/api/incidents", dict(
                dict(short_description=f"old {i}", state="resolved"),
                **fields),
            {"Authorization": "Bearer " + sandbox.info["api_key"]})
        assert status == 201


def states(sandbox):
    found = {}
    for i in sandbox.incidents():
        found[i["state"]] = found.get(i["state"], 0) + 1
    return found


@pytest.fixture
def many(sandbox):
    sandbox.set(rate=0)
    fill(sandbox, 250)
    fill(sandbox, 2, state="new")
    return sandbox


def test_250_are_closed_in_three_jobs(cli, many):
    text = cli("bulk-close", "--resolved-before", WHEN, "--yes")
    jobs = {k: n for k, n in many.truth()["requests_by"].items()
            if "POST" in k and "bulk" in k}
    assert list(jobs.values()) == [3]
    lines = text.splitlines()
    assert lines[0].startswith("INCIDENT") and len(lines) == 24
    assert lines[21:] == ["and 230 more", "250 incidents to close",
                          "250 of 250 closed"]
    assert states(many) == {"closed": 250, "new": 2}
    assert cli("bulk-close", "--resolved-before", WHEN, "--yes") == \
        "0 incidents to close\n"


def test_it_is_shown_before_and_not_done_without_a_word(cli, many):
    r = cli.run("bulk-close", "--resolved-before", WHEN)
    assert r.returncode == 2 and r.stdout == ""
    assert "--yes goes ahead, --dry-run only shows" in r.stderr
    text = cli("incidents", "bulk-close", "--resolved-before", WHEN,
               "--dry-run")
    assert text.splitlines()[-2:] == ["and 230 more",
                                      "250 incidents to close"]
    rows = cli.rows("bulk-close", "--resolved-before", WHEN, "--dry-run")
    assert len(rows) == 250 and {r["state"] for r in rows} == {"resolved"}
    # None is thirty days old.
    assert cli("bulk-close", "--resolved-before", "30d", "--yes") == \
        "0 incidents to close\n"
    assert states(many) == {"resolved": 250, "new": 2}


@pytest.mark.parametrize("answer,status", [(b"y\n", 0), (b"n\n", 1),
                                           (b"\n", 1), (b"\x04", 1)])
def test_a_terminal_is_asked(cli, sandbox, answer, status):
    fill(sandbox, 3)
    t = Terminal(cli.env, "bulk-close", "--resolved-before", WHEN)
    t.until(b"Close 3 incidents? [y/N] ")
    assert b"3 incidents to close\r\n" in t.text
    assert states(sandbox) == {"resolved": 3}
    ended, text = t.type(answer).end()
    assert ended == status, text
    if status:
        assert "nothing was changed" in text
    else:
        assert re.search(r"\[[#.]{32}\] \d of 3", text), text
        assert "3 of 3 closed" in text
    assert states(sandbox) == {"resolved" if status else "closed": 3}


def test_as_json(cli, sandbox):
    fill(sandbox, 2)
    assert cli.json("bulk-close", "--resolved-before", WHEN, "--yes") == {
        "outcome": "ok", "records": 2, "done": 2, "failed": 0, "unknown": 0,
        "unsent": 0, "problem": None, "failures": []}
    empty = cli.json("bulk-close", "--resolved-before", WHEN, "--yes")
    assert empty["outcome"] == "ok" and empty["records"] == 0


def test_those_that_failed_are_listed(cli, sandbox):
    fill(sandbox, 3)
    r = cli.run("incidents", "bulk-update", "INC0000001", "INC0009999",
                "INC0000003", "--state", "in_progress", "--group", "B",
                "--yes")
    assert r.returncode == 1
    assert r.stdout == "2 of 3 updated, 1 failed\n"
    assert r.stderr.startswith("stackflow: INC0009999 failed: ")
    assert states(sandbox) == {"in_progress": 2, "resolved": 1}
    r = cli.run("incidents", "bulk-update", "-", "--state", "new", "--yes",
                "--json", stdin="INC0000001\n\nINC0009999\n")
    found = json.loads(r.stdout)
    assert r.returncode == 1 and found["done"] == 1
    assert [f["id"] for f in found["failures"]] == ["INC0009999"]


def test_bulk_update_without_a_word(cli, sandbox):
    fill(sandbox, 1)
    r = cli.run("incidents", "bulk-update", "INC0000001", "--state", "new")
    assert r.returncode == 2 and "--yes" in r.stderr
    assert cli("incidents", "bulk-update", "INC0000001", "--state", "new",
               "--dry-run") == '1 incident: {"state":"new"}\n'
    for words in (["x/y"], ["-"]):
        r = cli.run("incidents", "bulk-update", *words, "--state", "new",
                    "--yes", stdin="INC0000001\n../x\n")
        assert r.returncode == 2 and "can't be an id" in r.stderr
    assert states(sandbox) == {"resolved": 1}


@pytest.mark.parametrize("kind", ["create-then-500", "create-then-hangup"])
def test_a_job_that_may_have_begun_is_3_and_not_repeated(cli, sandbox, kind):
    fill(sandbox, 3)
    sandbox.fault(kind, method="POST", path="/incidents/bulk", count=1)
    r = cli.run("bulk-close", "--resolved-before", WHEN, "--yes")
    assert r.returncode == 3, r
    assert "3 not known" in r.stdout
    assert "nothing was repeated" in r.stderr


def row(n, **fields):
    return dict(dict(id=f"INC{n:07}", state="resolved", priority="P3",
                     short_description="x",
                     created_at="2020-01-01T00:00:00Z"), **fields)


def test_a_stackflow_that_ignores_filters_closes_nothing_else(folder):
    """Each row is looked at: a filter that isn't known returns everything."""
    rows = [row(1), row(2, state="new"), row(3, created_at="2098-01-01"),
            row(4, resolved_at="2098-01-01T00:00:00Z"), row(5, state=None),
            row(6, priority="P1"), row(7, created_at=None),
            row(8, resolved_at="2020-02-01T00:00:00Z"), row(9, id="../x")]
    posts = []

    def answer(method, path, headers, body):
        if method == "POST":
            posts.append(json.loads(body))
            return 202, {"job_id": "JOB1", "status": "queued"}
        if "JOB1" in path:
            return 200, {"job_id": "JOB1", "status": "completed", "total": 2,
                         "succeeded": 2, "failed": []}
        return 200, {"data": rows, "total": len(rows)}

    with Fake(answer) as fake:
        cli = Cli(clean_env(folder,
                            STACKFLOW_BASE_URL=fake.url + "/prod/api",
                            STACKFLOW_API_KEY="sfk_test_0123456789"))
        text = cli("bulk-close", "--resolved-before", "2026-01-01",
                   "--priority", "P3", "--yes")
        asked = fake.requests[0][1]
    assert "2 of 2 closed" in text
    assert posts == [{"operation": "update", "ids": ["INC0000001",
                                                     "INC0000008"],
                      "fields": {"state": "closed"}}]
    for part in ("state=resolved", "created_before=2026-01-01T00%3A00%3A00Z",
                 "priority=P3", "limit=200"):
        assert part in asked
