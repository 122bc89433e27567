"""Each call of libstackflow against the sandbox: a program on the installed
library says what it read, the sandbox what came of it."""
import json
import os
import subprocess

import pytest

from sandbox import Sandbox
from test_examples import built     # noqa: F401 the library as installed

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "library_calls.c")


@pytest.fixture(scope="module")
def program(built):                 # noqa: F811
    path = os.path.join(built.folder, "library_calls")
    built.build(SOURCE, path)
    return path, built.lib


class Calls:
    def __init__(self, program, box):
        self.path, lib = program
        self.box = box
        self.env = {"STACKFLOW_BASE_URL": box.info["stackflow"],
                    "STACKFLOW_API_KEY": box.info["api_key"],
                    "LD_LIBRARY_PATH": lib, "PATH": "/usr/bin"}

    def __call__(self, *args):
        r = subprocess.run([self.path, *args], env=self.env, timeout=60,
                           capture_output=True, text=True)
        assert r.returncode == 0, r.stderr
        return json.loads(r.stdout)


@pytest.fixture
def calls(tmp_path, program):
    with Sandbox(tmp_path / "box", "--set", "rate=0") as box:
        yield Calls(program, box)


def turn(box, **settings):
    box.control("POST", "/settings", settings)


def incident(calls, text="Redis cache hit rate dropped", **fields):
    said = calls("create", json.dumps({"short_description": text, **fields}))
    assert said["outcome"] == 0 and said["status"] == 201, said
    return said["id"]


def test_health(calls):
    body = calls("health")["body"]
    assert body["status"] == "healthy"
    assert body["version"] and body["region"]


def test_an_incident_from_its_creation_to_its_end(calls):
    number = incident(calls, priority="P1", category="network",
                      subcategory="api_gateway", description="d",
                      assignment_group="Platform Engineering")
    made = calls("get", number)["body"]
    assert made["priority"] == "P1" and made["state"] == "new"
    assert made["created_at"] and made["sla_breach_at"]
    assert calls("update", number, '{"state":"resolved"}')["outcome"] == 0
    assert calls("note", number, "a\nnote")["outcome"] == 0
    seen = calls("get", number)["body"]
    assert seen["state"] == "resolved"
    assert [n["body"] for n in seen["notes"]] == ["a\nnote"]
    assert calls("get", "INC9999999")["outcome"] == 2
    assert calls("get", "INC9999999")["status"] == 404


@pytest.mark.parametrize("style", ["cursor", "page"])
def test_all_pages_of_a_list(calls, style):
    turn(calls.box, paging=style)
    made = [incident(calls, f"number {i}") for i in range(7)]
    walked = calls("pages", "incidents", "state=new&limit=3")
    assert walked["rc"] == 0, walked
    assert sorted(walked["rows"]) == sorted(made)
    assert walked["total"] == 7


def test_changes_cis_and_articles(calls):
    change = calls("change", '{"short_description":"Patch","ci_id":"CI1"}')
    assert change["outcome"] == 0, change
    assert calls("pages", "changes", "")["rows"] == [change["id"]]
    done = calls("bulk-cis", '{"id":"CI7","name":"pay-db-1"}')
    assert (done["outcome"], done["done"]) == (0, 1), done
    assert "CI7" in calls("pages", "cis", "")["rows"]
    articles = calls("pages", "articles", "limit=2")
    assert articles["rc"] == 0 and len(articles["rows"]) > 2
    assert all(r.startswith("KB") for r in articles["rows"])


@pytest.mark.parametrize("path", ["ask", "query"])
def test_a_question(calls, path):
    number = incident(calls)
    said = calls(path, "What is the procedure for a P1 major incident?",
                 number)
    assert said["outcome"] == 0, said
    assert said["answer"] and said["model_used"].startswith("anthropic.")
    assert said["tokens_used"] > 0 and said["latency_ms"] >= 0
    assert said["citations"]
    for c in said["citations"]:
        assert c["article_id"].startswith("KB") and c["title"]
        assert 0 <= c["relevance"] <= 1
    again = calls(path, "What is the procedure for a P1 major incident?",
                  number)
    assert again["cache_hit"] is True


def test_an_analysis_exemplars_and_suggestions(calls):
    past = incident(calls, "Aurora connection timeouts under load",
                    category="database")
    calls("note", past, "Increased MAX_POOL_SIZE")
    calls("update", past, '{"state":"resolved"}')
    now = incident(calls, "Aurora connection timeouts again",
                   category="database")
    found = calls("analyze", now)
    assert found["outcome"] == 0, found
    assert found["record_id"] == now
    assert found["analysis_type"] == "root_cause"
    assert found["probable_root_cause"] and found["steps"]
    assert 0 <= found["confidence"] <= 1
    assert past in found["similar"]
    assert found["estimated_minutes"] >= 0 and found["tokens_used"] > 0
    like = calls("exemplars", "Aurora connection timeouts under load")
    assert past in [e["incident_id"] for e in like["exemplars"]]
    for e in like["exemplars"]:
        assert e["description"] and 0 <= e["similarity"] <= 1
    said = calls("suggest", "Redis cache hit rate dropped to 5%")
    assert said["outcome"] == 0, said
    for name in ("category", "priority", "assignment_group"):
        assert said[name]["value"] and 0 <= said[name]["confidence"] <= 1


@pytest.mark.parametrize("answer", ["url", "location", "id"])
def test_a_bulk_update_however_its_job_is_named(calls, answer):
    turn(calls.box, job_answer=answer, job_time=300)
    made = [incident(calls, f"number {i}") for i in range(3)]
    done = calls("bulk-update", '{"state":"closed"}', *made, "INC9999999")
    assert (done["outcome"], done["records"]) == (0, 4), done
    assert (done["done"], done["failed"]) == (3, 1)
    assert [(f["at"], f["id"]) for f in done["failures"]] == [
        (3, "INC9999999")]
    assert done["failures"][0]["message"] == "No such incident"
    assert calls("get", made[2])["body"]["state"] == "closed"


def test_a_bulk_of_many_is_split_and_its_failures_named(calls):
    turn(calls.box, job_fail=50)
    records = [json.dumps({"short_description": f"n {i}"})
               for i in range(230)]
    done = calls("bulk-create", *records)
    assert (done["records"], done["done"], done["failed"]) == (230, 226, 4)
    assert [f["at"] for f in done["failures"]] == [49, 99, 149, 199]
    assert all(f["message"] == "on demand" for f in done["failures"])
    assert len(calls("pages", "incidents", "limit=200")["rows"]) == 226


def test_a_start_in_doubt_is_not_repeated(calls):
    made = [incident(calls, f"number {i}") for i in range(2)]
    calls.box.fault("error", path="/incidents/bulk", status=503, count=1)
    done = calls("bulk-update", '{"state":"closed"}', *made)
    assert done["outcome"] == 3 and done["unknown"] == 2, done
    assert all(f["unknown"] for f in done["failures"])


def test_the_limit_of_an_endpoint_is_waited_for(calls):
    turn(calls.box, suggest_rate=2, ai_window=1500)
    for i in range(4):
        said = calls("suggest", f"Redis cache hit rate dropped to {i}%")
        assert said["outcome"] == 0, said
