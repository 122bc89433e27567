"""The sandbox's AI and knowledge base, from outside."""
import json
import time
import urllib.parse

import pytest

from sandbox import Sandbox

MODELS = {
    "claude-3-haiku": "anthropic.claude-3-haiku-20240307-v1:0",
    "claude-3-sonnet": "anthropic.claude-3-sonnet-20240229-v1:0",
    "claude-3-opus": "anthropic.claude-3-opus-20240229-v1:0",
}
MINUTE = 60000


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "box", "--set", "rate=0") as b:
        yield b


def turn(box, **settings):
    box.control("POST", "/settings", settings)


def said(box, path, **body):
    a = box.api("POST", "/ai/" + path, body)
    assert a.status == 200, a.body
    return a.json()


def past(box, text, note=None, minutes=10, **fields):
    """An incident of the box's that was resolved so many minutes later."""
    turn(box, clock=0)
    number = box.create(text, **fields).json()["id"]
    turn(box, clock=minutes * MINUTE)
    if note:
        box.api("POST", f"/incidents/{number}/notes", {"body": note})
    box.api("PATCH", f"/incidents/{number}", {"state": "resolved"})
    turn(box, clock=0)
    return number


def cost(answer, model="claude-3-sonnet"):
    assert answer["model_used"] == MODELS[model]
    assert answer["cache_hit"] is False
    assert isinstance(answer["tokens_used"], int)
    assert answer["tokens_used"] > 100
    assert isinstance(answer["latency_ms"], int)
    assert 0 <= answer["latency_ms"] < 5000


# /ai/ask and /ai/query

@pytest.mark.parametrize("path,name", [
    ("ask", "question"), ("query", "query"), ("query", "question")])
def test_an_answer_is_made_of_the_articles_it_cites(box, path, name):
    a = said(box, path, **{
        name: "What is the procedure for a P1 major incident?"})
    cost(a)
    first = a["citations"][0]
    assert set(first) == {"article_id", "title", "relevance"}
    assert first["title"] == "Major Incident Procedure"
    assert 0.5 < first["relevance"] <= 1
    article = box.api("GET", "/knowledge/articles/" +
                      first["article_id"]).json()
    assert article["title"] == first["title"]
    step = article["text"].splitlines()[1]
    assert step.startswith("1. ") and step in a["answer"]


@pytest.mark.parametrize("alias", MODELS)
def test_model_aliases(box, alias):
    cost(said(box, "ask", question="disk full", model=alias), alias)


def test_how_many_results(box):
    question = "database queue disk certificate lambda redis backup ec2"
    relevances = {}
    for most in (1, 3, 20):
        found = said(box, "ask", question=question,
                     max_kb_results=most)["citations"]
        assert len(found) <= most
        relevances[most] = [c["relevance"] for c in found]
        assert relevances[most] == sorted(relevances[most], reverse=True)
    assert len(relevances[1]) == 1 and len(relevances[3]) == 3
    assert len(said(box, "ask", question=question)["citations"]) <= 5


def test_a_question_about_nothing_known(box):
    a = said(box, "ask", question="Wie wird das Wetter morgen?")
    assert a["citations"] == [] and "no article" in a["answer"]


def test_a_question_about_a_record(box):
    number = box.create("Redis hit rate dropped").json()["id"]
    a = said(box, "ask", question="what now",
             context_record={"type": "incident", "id": number})
    assert number in a["answer"]
    assert a["citations"][0]["title"] == "ElastiCache: hit rate dropped"
    bad = box.api("POST", "/ai/ask", {
        "question": "x y", "context_record": {"type": "incident",
                                              "id": "INC0009999"}})
    assert bad.status == 404 and "INC0009999" in bad.json()["message"]


@pytest.mark.parametrize("path,body", [
    ("ask", {}), ("ask", {"question": ""}), ("ask", {"question": "  "}),
    ("ask", {"question": 7}), ("ask", {"question": "x" * 20000}),
    ("ask", {"question": "x y", "model": "claude-9"}),
    ("ask", {"question": "x y", "model": 3}),
    ("ask", {"question": "x y", "max_kb_results": 0}),
    ("ask", {"question": "x y", "max_kb_results": 21}),
    ("ask", {"question": "x y", "max_kb_results": "5"}),
    ("ask", {"question": "x y", "max_kb_results": 1.5}),
    ("ask", {"question": "x y", "context_record": "INC0000001"}),
    ("ask", {"question": "x y", "context_record": {"type": "incident"}}),
    ("ask", {"question": "x y", "context_record": {"type": "war",
                                                   "id": "1"}}),
    ("query", {}),
    ("analyze", {"record_id": "INC0000001"}),
    ("analyze", {"record_type": "incident"}),
    ("analyze", {"record_type": "problem", "record_id": "PRB0000001"}),
    ("analyze", {"record_type": "incident", "record_id": "INC0000001",
                 "analysis_type": 5}),
    ("analyze", {"record_type": "incident", "record_id": "INC0000001",
                 "model": "gpt"}),
    ("exemplars", {"record_type": "incident"}),
    ("exemplars", {"description": "x"}),
    ("exemplars", {"record_type": "incident", "description": "x",
                   "top_k": 0}),
    ("exemplars", {"record_type": "incident", "description": "x",
                   "top_k": 21}),
    ("exemplars", {"record_type": "incident", "description": "x",
                   "category": 4}),
    ("suggest", {}), ("suggest", {"text": "x", "suggest_for": []}),
    ("suggest", {"text": "x", "suggest_for": "category"}),
    ("suggest", {"text": "x", "suggest_for": ["colour"]}),
    ("suggest", {"text": []}),
])
def test_what_is_wrong_is_refused_with_words(box, path, body):
    a = box.api("POST", "/ai/" + path, body)
    assert a.status == 400, a.body
    assert a.json()["error"] == "validation" and a.json()["message"]
    assert a.headers["X-RateLimit-Limit"]


def test_bodies_that_are_no_object(box):
    for body in "", "[]", "{", "7":
        assert box.api("POST", "/ai/ask", body).status == 400
    assert box.api("GET", "/ai/ask").status == 405
    assert box.call("POST", "/prod/api/ai/ask", {
        "question": "x y"}).status == 401


# The cache

def test_the_same_question_in_other_words_is_served_again(box):
    turn(box, ai_latency=300)
    began = time.monotonic()
    first = said(box, "ask", question="Why are Aurora connections exhausted?")
    assert first["latency_ms"] >= 300 and time.monotonic() - began >= 0.3
    again = said(box, "ask", question="aurora exhausted connection")
    assert again["cache_hit"] is True and again["answer"] == first["answer"]
    assert again["citations"] == first["citations"]
    assert again["latency_ms"] < 50 and again["tokens_used"] == 0
    turn(box, ai_latency=0)
    for other in ({"model": "claude-3-opus"}, {"max_kb_results": 1}):
        assert not said(box, "ask", question="aurora exhausted connection",
                        **other)["cache_hit"]
    assert not said(box, "ask", question="aurora connections")["cache_hit"]


@pytest.mark.parametrize("path,seconds,body", [
    ("ask", 3600, {"question": "disk full"}),
    ("query", 3600, {"query": "disk full"}),
    ("analyze", 1800, {"record_type": "incident",
                       "record_id": "INC0000001"}),
    ("exemplars", 900, {"record_type": "incident",
                        "description": "disk full"}),
    ("suggest", 300, {"text": "disk full"}),
])
def test_how_long_an_answer_is_served_again(box, path, seconds, body):
    box.create("disk full")
    assert not said(box, path, **body)["cache_hit"]
    turn(box, clock=(seconds - 30) * 1000)
    assert said(box, path, **body)["cache_hit"]
    turn(box, clock=(seconds + 1) * 1000)
    assert not said(box, path, **body)["cache_hit"]
    name = {"query": "ask"}.get(path, path) + "_cache"
    turn(box, clock=3 * seconds * 1000, **{name: 0})
    for _ in range(2):
        assert not said(box, path, **body)["cache_hit"]


# /ai/analyze

def test_an_analysis_names_what_is_really_alike(box):
    old = [past(box, "Aurora connection pool exhausted",
                "Raised MAX_POOL_SIZE\nand deployed", minutes=20,
                category="database"),
           past(box, "Aurora connection pool exhausted in eu",
                "Restarted the pool", minutes=40, category="database"),
           past(box, "Disk full on web-3", "Removed logs")]
    box.create("Aurora connection pool exhausted, open")
    number = box.create("Aurora connection pool exhausted again",
                        priority="P1").json()["id"]
    a = said(box, "analyze", record_type="incident", record_id=number,
             analysis_type="root_cause")
    cost(a)
    assert a["record_id"] == number and a["analysis_type"] == "root_cause"
    f = a["findings"]
    assert set(f["similar_past_incidents"]) == set(old[:2]), \
        "resolved ones that have words in common, not itself"
    best = f["similar_past_incidents"][0]
    assert best in f["probable_root_cause"]
    assert 0.5 < f["confidence"] <= 1
    assert f["resolution_steps"][0] in ("Raised MAX_POOL_SIZE and deployed",
                                        "Restarted the pool")
    assert len(f["resolution_steps"]) > 2, "those of an article follow"
    assert f["related_problem"].startswith("PRB")
    assert f["estimated_resolution_minutes"] in (20, 40)
    assert "P1" in f["risk_assessment"]


def test_an_analysis_of_what_never_was(box):
    number = box.create("Zeppelin lost", priority="P1").json()["id"]
    f = said(box, "analyze", record_type="incident",
             record_id=number)["findings"]
    assert f["similar_past_incidents"] == []
    assert f["related_problem"] is None and f["confidence"] < 0.3
    assert f["estimated_resolution_minutes"] == 60
    a = box.api("POST", "/ai/analyze", {
        "record_type": "incident", "record_id": "INC0000099"})
    assert a.status == 404


def test_an_analysis_is_kept_by_record(box):
    one, two = (box.create("disk full").json()["id"] for _ in range(2))
    said(box, "analyze", record_type="incident", record_id=one)
    box.api("PATCH", f"/incidents/{one}", {"short_description": "other"})
    assert said(box, "analyze", record_type="incident",
                record_id=one)["cache_hit"]
    assert not said(box, "analyze", record_type="incident",
                    record_id=two)["cache_hit"]
    assert not said(box, "analyze", record_type="incident", record_id=one,
                    analysis_type="risk")["cache_hit"]


# /ai/exemplars

def test_exemplars_are_past_incidents_with_what_helped(box):
    old = past(box, "Aurora database connections exhausted",
               "Raised MAX_POOL_SIZE", minutes=25, category="database")
    past(box, "Aurora connection timeouts", None, minutes=5,
         category="network")
    box.create("Aurora database connections exhausted", category="database")
    body = {"record_type": "incident", "description":
            "Aurora database connection timeouts under load"}
    a = said(box, "exemplars", category="database", top_k=5, **body)
    cost(a)
    assert a["count"] == len(a["exemplars"]) == 1
    e = a["exemplars"][0]
    assert 0.3 <= e.pop("similarity_score") <= 1
    assert e == {"incident_id": old, "resolution": "Raised MAX_POOL_SIZE",
                 "description": "Aurora database connections exhausted",
                 "resolution_time_min": 25}
    both = said(box, "exemplars", **body)
    assert both["count"] == 2
    scores = [x["similarity_score"] for x in both["exemplars"]]
    assert scores == sorted(scores, reverse=True)
    assert said(box, "exemplars", top_k=1, **body)["count"] == 1
    none = said(box, "exemplars", record_type="incident",
                description="zeppelin")
    assert none["exemplars"] == [] and none["count"] == 0


def test_a_resolution_is_one_bounded_line(box):
    past(box, "disk full on web", "a\x1b[31m\n\n b\n" + "x" * 2000)
    e = said(box, "exemplars", record_type="incident",
             description="disk full on web")["exemplars"][0]
    assert len(e["resolution"]) <= 400
    assert "\x1b" not in e["resolution"] and "\n" not in e["resolution"]


# /ai/suggest

def test_suggestions_from_the_words(box):
    a = said(box, "suggest",
             text="Redis cache hit rate dropped to 5% - all app requests slow",
             suggest_for=["category", "priority", "assignment_group"])
    cost(a)
    s = a["suggestions"]
    assert set(s) == {"category", "subcategory", "priority",
                      "assignment_group"}
    assert s["category"]["value"] == "cache"
    assert s["subcategory"]["value"] == "elasticache"
    assert s["priority"]["value"] == "P1" and s["priority"]["reasoning"]
    assert s["assignment_group"]["value"] == "Platform Engineering"
    assert all(0.7 < v["confidence"] <= 1 for v in s.values())
    assert set(said(box, "suggest", text="redis",
                    suggest_for=["priority"])["suggestions"]) == {"priority"}
    vague = said(box, "suggest", text="Zeppelin")["suggestions"]
    assert set(vague) == set(s)
    assert all(v["confidence"] < 0.5 for v in vague.values())


def test_suggestions_learn_from_the_box(box):
    for i in range(3):
        box.create(f"Zeppelin lost over station {i}", category="air",
                   subcategory="ship", assignment_group="Aviation",
                   priority="P1")
    s = said(box, "suggest", text="Zeppelin lost over sea")["suggestions"]
    assert {k: v["value"] for k, v in s.items()} == {
        "category": "air", "subcategory": "ship", "priority": "P1",
        "assignment_group": "Aviation"}
    assert s["category"]["confidence"] > 0.7
    assert "INC" in s["priority"]["reasoning"]


# Limits a minute

@pytest.mark.parametrize("path,limit,body", [
    ("ask", 60, {"question": "disk full"}),
    ("query", 60, {"query": "disk full"}),
    ("analyze", 30, {"record_type": "incident",
                     "record_id": "INC0000001"}),
    ("exemplars", 120, {"record_type": "incident",
                        "description": "disk full"}),
    ("suggest", 120, {"text": "disk full"}),
])
def test_limits_a_minute(box, path, limit, body):
    box.create("disk full")
    path = "/ai/" + path
    for left in range(limit - 1, -1, -1):
        a = box.api("POST", path, body)
        assert a.status == 200
        assert a.headers["X-RateLimit-Limit"] == str(limit)
        assert a.headers["X-RateLimit-Remaining"] == str(left)
    a = box.api("POST", path, body)
    assert a.status == 429 and "minute" in a.json()["message"]
    assert a.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(a.headers["Retry-After"]) <= 60
    assert 0 < int(a.headers["X-RateLimit-Reset"]) - time.time() <= 61
    assert box.api("GET", "/incidents").status == 200, "others go on"
    token = box.call("POST", "/prod/api/auth/exchange", {
        "api_key": box.info["api_key"]}).json()["access_token"]
    assert box.api("POST", path, body, token=token).status == 429, \
        "the same user by another token"
    form = urllib.parse.urlencode({
        "grant_type": "client_credentials",
        "client_id": box.info["client_id"],
        "client_secret": box.info["client_secret"]})
    other = box.call("POST", "/prod/api/oauth2/token", form).json()
    assert box.api("POST", path, body,
                   token=other["access_token"]).status == 200
    truth = box.truth()
    assert truth["answers_by"]["429"] == 2


def test_a_minute_ends(box):
    turn(box, suggest_rate=2, ai_window=400)
    got = [box.api("POST", "/ai/suggest", {"text": "x"}).status
           for _ in range(3)]
    assert got == [200, 200, 429]
    until = time.monotonic() + 10
    while box.api("POST", "/ai/suggest", {"text": "x"}).status == 429:
        assert time.monotonic() < until
    turn(box, suggest_rate=0)
    for _ in range(5):
        assert box.api("POST", "/ai/suggest", {"text": "x"}).status == 200


def test_an_ai_request_is_one_of_the_second_too(box):
    turn(box, rate=3)
    got = [box.api("POST", "/ai/suggest", {"text": "x"}) for _ in range(4)]
    assert [a.status for a in got] == [200] * 3 + [429]
    assert got[3].headers["X-RateLimit-Limit"] == "3"
    assert "second" in got[3].json()["message"]


def test_faults_strike_the_ai(box):
    box.fault("429", path="/ai/*", retry_after="7", count=1)
    box.fault("error", path="/ai/suggest", status=503, count=1)
    box.fault("answer", path="/ai/ask", body='{"answer":7}', count=1)
    a = box.api("POST", "/ai/suggest", {"text": "x"})
    assert a.status == 429 and a.headers["Retry-After"] == "7"
    assert a.headers["X-RateLimit-Remaining"] == "0"
    a = box.api("POST", "/ai/suggest", {"text": "x"})
    assert a.status == 503 and a.headers["X-RateLimit-Limit"]
    assert box.api("POST", "/ai/ask", {"question": "x y"}).json() == {
        "answer": 7}
    assert box.api("POST", "/ai/suggest", {"text": "x"}).status == 200


# The knowledge base

def pages(box, query):
    """All rows by whatever the box pages with, one a page."""
    seen, more = [], "&page=1"
    while more:
        a = box.api("GET", f"/knowledge/articles?limit=1{query}{more}").json()
        seen += [r["id"] for r in a["data"]]
        assert len(a["data"]) <= 1 and a["total"] >= len(seen)
        more = None
        if a.get("has_more"):
            more = f"&page={a['page'] + 1}"
        elif a.get("next_cursor"):
            more = "&cursor=" + a["next_cursor"]
    return seen


def test_articles(box):
    a = box.api("GET", "/knowledge/articles?limit=200").json()
    assert a["total"] >= 12 and not a["has_more"]
    for row in a["data"]:
        assert row["id"].startswith("KB") and row["title"] and row["text"]
        assert row["state"] == "published" and row["category"]
        assert row["url"].endswith("/articles/" + row["id"])
    one = box.api("GET", "/knowledge/articles/KB0000101").json()
    assert one == a["data"][0]
    url = urllib.parse.urlsplit(one["url"])
    assert url.port == box.port
    assert b"Major Incident Procedure" in box.call("GET", url.path).body
    assert box.call("GET", "/articles/KB1").status == 404
    assert box.api("GET", "/knowledge/articles/KB1").status == 404
    assert box.api("DELETE", "/knowledge/articles/KB1").status == 405


def test_articles_are_searched_and_paged(box):
    for name in "search", "q":
        found = pages(box, f"&{name}=sqs+queue+backlog")
        assert found[0] == "KB0000109" and len(found) >= 1
    by_number = pages(box, "&search=database+storage")
    turn(box, paging="cursor")
    assert pages(box, "&search=database+storage") == by_number
    assert len(set(by_number)) == len(by_number) > 2
    assert len(pages(box, "")) >= 12
    assert pages(box, "&search=zeppelin") == []
    found = pages(box, "&category=security")
    assert found == ["KB0000112", "KB0000113"]
    assert box.api("GET", "/knowledge/articles?cursor=x").status == 400


def test_articles_of_ones_own(tmp_path):
    file = tmp_path / "articles.json"
    file.write_text(json.dumps([
        {"id": "KB0000500", "title": "Zeppelin lost", "url":
         "https://kb.example.com/500", "text": "1. Look up.\n2. Wait."},
        {"id": "KB0000501", "title": "Draft", "state": "draft",
         "text": "zeppelin"}]))
    with Sandbox(tmp_path / "box", "--articles", str(file)) as b:
        a = said(b, "ask", question="Where is the zeppelin")
        assert a["answer"] == "1. Look up.\n2. Wait."
        assert [c["article_id"] for c in a["citations"]] == ["KB0000500"]
        one = b.api("GET", "/knowledge/articles/KB0000500").json()
        assert one["url"] == "https://kb.example.com/500"
        b.control("POST", "/articles", {"articles": [
            {"id": "KB0000101", "title": "Ours", "text": "Ours."}]})
        bad = b.call("POST", "/sandbox/articles", [{"id": "KB1"}])
        assert bad.status == 400
    with Sandbox(tmp_path / "box") as b:    # they stay
        assert b.api("GET", "/knowledge/articles/KB0000101"
                     ).json()["title"] == "Ours"
        assert b.api("GET", "/knowledge/articles/KB0000500").status == 200
