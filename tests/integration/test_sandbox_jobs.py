"""The sandbox's bulk jobs, changes and limits, from outside."""
import concurrent.futures
import json
import sqlite3
import time
import urllib.parse

import pytest

from sandbox import Sandbox

BOTH = pytest.mark.parametrize("path", ["/incidents/bulk", "/cmdb/cis/bulk"])


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "box") as b:
        yield b


def turn(box, **settings):
    box.control("POST", "/settings", settings)


def client_token(box):
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials",
        "client_id": box.info["client_id"],
        "client_secret": box.info["client_secret"]})
    return box.call("POST", "/prod/api/oauth2/token",
                    form).json()["access_token"]


def start(box, path, **body):
    a = box.api("POST", path, body)
    assert a.status == 202, a.body
    return a


def look(box, url, **kw):
    return box.api("GET", url.replace("/prod/api", ""), **kw)


def records(path, n):
    name = "short_description" if "inc" in path else "name"
    return [{name: f"number {i}"} for i in range(n)]


# Bulk jobs

@BOTH
def test_a_job_takes_its_time(box, path):
    turn(box, job_time=4000000)
    rows = path.removesuffix("/bulk")
    a = start(box, path, operation="create", records=records(path, 4))
    job = a.json()
    assert job["status"] == "queued" and job["job_id"].startswith("JOB")
    url = job["status_url"]
    assert url == f"/prod/api{path}/{job['job_id']}"
    seen = []
    for seconds in (0, 900, 1100, 1800, 3300, 3900, 4000, 9900):
        turn(box, clock=seconds * 1000)
        s = look(box, url).json()
        assert s["job_id"] == job["job_id"] and s["total"] == 4
        assert s["processed"] == s["succeeded"] == \
            box.api("GET", rows).json()["total"]
        seen.append((s["status"], s["processed"]))
    assert seen == [
        ("queued", 0), ("queued", 0), ("running", 0), ("running", 1),
        ("running", 3), ("running", 3), ("completed", 4), ("completed", 4)]
    assert s["failed"] == [] and s["failed_count"] == 0
    assert s["created"] == sorted(
        r["id"] for r in box.api("GET", rows).json()["data"])


def test_a_job_goes_on_without_being_asked(box):
    turn(box, job_time=3600000)
    start(box, "/incidents/bulk", operation="create",
          records=records("inc", 2))
    assert box.truth()["incidents_created"] == 0
    turn(box, clock=3600000)
    assert box.truth()["incidents_created"] == 2


def test_each_record_fails_for_itself(box):
    box.create("a")
    a = start(box, "/incidents/bulk", operation="create", records=[
        {"short_description": "b"}, {"short_description": "c",
                                     "priority": "P7"}, {}, 7])
    s = look(box, a.json()["status_url"]).json()
    assert (s["status"], s["succeeded"], s["failed_count"]) == \
        ("completed", 1, 3)
    assert [f["index"] for f in s["failed"]] == [1, 2, 3]
    assert "P7" in s["failed"][0]["message"]
    assert "short_description" in s["failed"][1]["message"]
    a = start(box, "/incidents/bulk", operation="update",
              ids=["INC0000001", "INC0000099"], fields={"state": "closed"})
    s = look(box, a.json()["status_url"]).json()
    assert s["failed"] == [{"index": 1, "id": "INC0000099",
                            "message": "No such incident"}]


def test_records_that_fail_on_demand(box):
    turn(box, job_fail=3)
    a = start(box, "/cmdb/cis/bulk", operation="create",
              records=records("ci", 7))
    s = look(box, a.json()["status_url"]).json()
    assert [f["index"] for f in s["failed"]] == [2, 5]
    assert s["succeeded"] == 5
    assert box.api("GET", "/cmdb/cis").json()["total"] == 5


def test_cis_are_made_replaced_and_updated(box):
    box.control("POST", "/cis", [{"id": "CI0000007", "name": "old",
                                  "arn": "arn:x"}])
    a = start(box, "/cmdb/cis/bulk", records=[
        {"id": "CI0000007", "name": "new"}, {"name": "b", "arn": "arn:b"},
        {"name": 7}, {"colour": "red"}])
    s = look(box, a.json()["status_url"]).json()
    assert s["created"] == ["CI0000007", "CI0000008"]
    assert [f["index"] for f in s["failed"]] == [2, 3]
    rows = box.api("GET", "/cmdb/cis?arn=arn:b").json()["data"]
    assert [r["id"] for r in rows] == ["CI0000008"]
    a = start(box, "/cmdb/cis/bulk", operation="update",
              ids=["CI0000007", "CI0000099"], fields={"colour": "blue"})
    s = look(box, a.json()["status_url"]).json()
    assert s["succeeded"] == 1 and s["failed"][0]["id"] == "CI0000099"
    row, = box.api("GET", "/cmdb/cis?id=CI0000007").json()["data"]
    assert row["name"] == "new" and row["colour"] == "blue"


@BOTH
@pytest.mark.parametrize("body", [
    {}, {"operation": "update"}, {"operation": "update", "ids": []},
    {"operation": "update", "ids": ["x"]},
    {"operation": "update", "ids": [7], "fields": {}},
    {"operation": "update", "ids": ["x"] * 101, "fields": {}},
    {"operation": "create", "records": []},
    {"operation": "create", "records": {}},
    {"operation": "create", "records": [{"name": "x"}] * 101},
    {"operation": "erase", "ids": ["x"]},
])
def test_a_job_that_is_refused(box, path, body):
    a = box.api("POST", path, body)
    assert a.status == 400 and a.json()["message"]
    assert box.api("GET", path.removesuffix("/bulk")).json()["total"] == 0


def test_a_hundred_records_are_taken(box):
    a = start(box, "/incidents/bulk", operation="create",
              records=records("inc", 100))
    assert look(box, a.json()["status_url"]).json()["succeeded"] == 100


def test_how_a_job_is_named(box):
    body = {"operation": "create", "records": records("inc", 1)}
    turn(box, job_answer="location")
    a = start(box, "/incidents/bulk", **body)
    assert a.json() == {"status": "queued"}
    assert look(box, a.headers["Location"]).json()["status"] == "completed"
    turn(box, job_answer="id")
    a = start(box, "/incidents/bulk", **body)
    assert set(a.json()) == {"job_id", "status"}
    assert "Location" not in a.headers
    assert look(box, "/incidents/bulk/" + a.json()["job_id"]).status == 200


def test_anothers_job_is_none(box):
    a = start(box, "/incidents/bulk", records=records("inc", 1)).json()
    other = client_token(box)
    assert look(box, a["status_url"], token=other).status == 404
    assert look(box, a["status_url"]).status == 200
    assert look(box, "/cmdb/cis/bulk/" + a["job_id"]).status == 404
    assert look(box, "/incidents/bulk/JOB0").status == 404


def test_a_job_goes_on_after_a_restart(tmp_path):
    with Sandbox(tmp_path / "box", "--set", "job_time=3600000") as b:
        url = start(b, "/incidents/bulk",
                    records=records("inc", 3)).json()["status_url"]
    with Sandbox(tmp_path / "box", "--set", "clock=3700000") as b:
        s = look(b, url).json()
        assert s["status"] == "completed" and s["succeeded"] == 3
        assert b.truth()["incidents_created"] == 3


def test_faults_strike_bulk(box):
    box.fault("create-then-500", path="/incidents/bulk", count=1)
    body = {"records": records("inc", 1)}
    assert box.api("POST", "/incidents/bulk", body).status == 500
    assert box.truth()["incidents_created"] == 1, "it was done"
    box.fault("error", path="/incidents/bulk/*", method="GET", status=502,
              count=1)
    a = start(box, "/incidents/bulk", **body).json()
    assert look(box, a["status_url"]).status == 502
    assert look(box, a["status_url"]).status == 200


# Limits

def test_bulk_is_outside_the_limit_of_requests(box):
    turn(box, rate=2)
    body = {"records": records("inc", 1)}
    for _ in range(5):
        a = start(box, "/incidents/bulk", **body)
        assert a.headers["X-RateLimit-Limit"] == "2"
    got = [box.api("GET", "/incidents").status for _ in range(3)]
    assert got == [200, 200, 429]
    start(box, "/incidents/bulk", **body)


def test_limits_are_told_with_every_answer(box):
    box.fault("error", path="/changes", status=500)
    box.fault("400", path="/cmdb/cis")
    for method, path, body, status in (
            ("GET", "/health", None, 200), ("GET", "/incidents", None, 200),
            ("POST", "/incidents", {}, 400), ("GET", "/x", None, 404),
            ("DELETE", "/incidents", None, 405),
            ("GET", "/changes", None, 500), ("GET", "/cmdb/cis", None, 400),
            ("POST", "/incidents/bulk", {}, 400),
            ("POST", "/oauth2/token", "x", 400)):
        a = box.api(method, path, body)
        assert a.status == status
        for name in "Limit", "Remaining", "Reset":
            assert len(a.headers.get_all("X-RateLimit-" + name)) == 1
        assert abs(int(a.headers["X-RateLimit-Reset"]) - time.time()) < 20
    a = box.call("GET", "/prod/api/incidents")
    assert a.status == 401 and a.headers["X-RateLimit-Limit"] == "100"


def test_users_have_limits_of_their_own(box):
    turn(box, rate=2)
    other = client_token(box)
    got = [box.api("GET", "/incidents").status for _ in range(3)]
    assert got == [200, 200, 429]
    assert box.api("GET", "/incidents", token=other).status == 200


def test_pages_of_the_instance_may_read(box):
    def allowed(origin):
        return box.api("GET", "/incidents", headers={"Origin": origin}
                       ).headers["Access-Control-Allow-Origin"]
    ours = "https://your-instance.stackflow-tech.com"
    assert allowed(ours) == ours
    for origin in ("https://example.com", "http://a.stackflow-tech.com",
                   "https://evil/.stackflow-tech.com",
                   "https://astackflow-tech.com"):
        assert allowed(origin) is None


# Changes

def test_a_change_and_its_life(box):
    a = box.api("POST", "/changes", {
        "short_description": "Patch the database", "ci_id": "CI1",
        "planned": {"start": "2026-11-23T01:00:00Z"}, "risk": None,
        "id": "CHG9999999"})
    assert a.status == 201
    c = a.json()
    assert c["id"] == c["number"] == "CHG0000001" and c["state"] == "new"
    assert c["planned"]["start"] and "risk" not in c
    assert c["created_at"] == c["updated_at"]
    turn(box, clock=60000)
    p = box.api("PATCH", "/changes/CHG0000001", {
        "state": "implement", "number": "X", "created_at": "X"}).json()
    assert p["state"] == "implement" and p["number"] == "CHG0000001"
    assert p["created_at"] == c["created_at"] < p["updated_at"]
    assert box.api("GET", "/changes/CHG0000001").json() == p
    assert box.api("GET", "/changes?state=implement").json()["data"] == [p]
    for method in "GET", "PATCH":
        a = box.api(method, "/changes/CHG0000009", {})
        assert a.status == 404 and "CHG0000009" in a.json()["message"]


@pytest.mark.parametrize("fields", [
    {}, {"short_description": " "}, {"short_description": 7},
    {"short_description": "x", "state": 3},
    {"short_description": "x", "priority": "P9"},
    {"short_description": "x", "description": []},
    {"short_description": "x", "type": {}},
])
def test_a_change_that_is_refused(box, fields):
    a = box.api("POST", "/changes", fields)
    assert a.status == 400 and a.json()["error"] == "validation"
    assert box.api("GET", "/changes").json()["total"] == 0


def test_changes_at_once_have_ids_of_their_own(box):
    turn(box, rate=0)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda i: box.api("POST", "/changes", {
            "short_description": f"c{i}"}).json()["id"], range(64)))
    assert len(set(got)) == 64
    assert box.api("GET", "/changes").json()["total"] == 64


def test_a_folder_of_an_earlier_version_opens(tmp_path):
    """Its tables lack what came later."""
    folder = tmp_path / "box"
    with Sandbox(folder) as b:
        b.create("kept", state="resolved")
    db = sqlite3.connect(folder / "sandbox.db")
    db.execute("ALTER TABLE incident DROP COLUMN resolved_ms")
    db.execute("DROP TABLE job")
    db.execute("DELETE FROM thing")
    db.execute("DELETE FROM text WHERE name='articles-first'")
    db.commit()
    db.close()
    with Sandbox(folder) as b:
        a = b.api("POST", "/ai/exemplars", {
            "record_type": "incident", "description": "kept"}).json()
        assert a["exemplars"][0]["incident_id"] == "INC0000001"
        assert b.api("GET", "/knowledge/articles").json()["total"] > 0
        start(b, "/incidents/bulk", records=records("inc", 1))


def test_settings_tell_themselves(box):
    settings = json.loads(box.call("GET", "/sandbox/settings").body)
    assert settings["job_time"] == 0 and settings["job_answer"] == "url"
    assert settings["ask_rate"] == 60 and settings["suggest_cache"] == 300
    for name, value in (("job_fail", -1), ("challenge", "x"),
                        ("job_answer", "post"), ("ai_window", 1)):
        a = box.call("POST", "/sandbox/settings", {name: value})
        assert a.status == 400 and name in a.json()["message"]
