"""What StackFlow's AI adds to an incident: late, once, quoted, or not at all;
and resolves that go in bulk."""
import json
import os
import random
import signal
import time

import pytest

import peers
import timed
from test_crash import crash_library  # noqa: F401

SUGGEST = {"suggestions": {
    "category": {"value": "cache", "confidence": 0.95},
    "subcategory": {"value": "elasticache", "confidence": 0.4},
    "priority": {"value": "P1", "confidence": 0.88,
                 "reasoning": "Cache miss affects all users"},
    "assignment_group": {"value": "Redis Team", "confidence": 0.92}},
    "model_used": "anthropic.claude-3-haiku-20240307-v1:0"}
ANALYZE = {"analysis_type": "root_cause", "findings": {
    "probable_root_cause": "The <b>pool</b> is [url=http://x]empty[/url]",
    "confidence": 0.87, "resolution_steps": ["Set MAX_POOL_SIZE=10"],
    "related_problem": "PRB0000123",
    "similar_past_incidents": ["INC0001180", "../etc"],
    "estimated_resolution_minutes": 30},
    "model_used": "anthropic.claude-3-sonnet-20240229-v1:0"}
EXEMPLARS = {"exemplars": [{
    "incident_id": "INC0001180", "description": "Pool exhausted",
    "resolution": "Raised the pool", "resolution_time_min": 25,
    "similarity_score": 0.93}], "count": 1}
ASK = {"answer": "Look at the pool.", "citations": [
    {"article_id": "KB0000001", "title": "Coffee", "relevance": 0.61},
    {"article_id": "KB0000456", "title": "Pools", "relevance": 0.97}]}
ARTICLES = {"data": [{"id": "KB0000456", "title": "Pools",
                      "url": "https://kb.example.com/KB0000456"}],
            "total": 1}
ANSWERS = {"/ai/suggest": SUGGEST, "/ai/analyze": ANALYZE,
           "/ai/exemplars": EXEMPLARS, "/ai/ask": ASK,
           "/knowledge/articles": ARTICLES}
ALL = "{suggest: {}, analyze: {}, article: {}}"
LATE = 6            # an incident's age, by which it is asked about
LEASE = 31          # and after which another start asks anew


def answers(sandbox, **instead):
    for path, body in ANSWERS.items():
        sandbox.fault("answer", path=path,
                      body=instead.get(path, json.dumps(body)))


def rules(enrich=ALL, **keys):
    more = "".join(f", {k}: {v}" for k, v in keys.items())
    return timed.rules([f"{{id: p, match: {{}}, enrich: {enrich}{more}}}"])


def quick(**conf):
    return {"stackflow": {"requests_per_second": 2000, **conf}}


def alarm(clock, name, state="ALARM"):
    """One whose severity nobody names."""
    return peers.alarm(name, state, clock.now(),
                       AlarmDescription="Cache hit rate dropped")


def fire(agent, clock, name, state="ALARM"):
    assert agent.send(alarm(clock, name, state)) == 200


def of_ai(incident):
    return [n["body"] for n in incident.get("notes", [])
            if "StackFlow's AI" in n["body"]]


def enrich_metrics(agent):
    return {k: v for k, v in agent.metrics().items()
            if k.startswith("tocsin_enrich_total")}


def ended(agent):
    """The audit line of each enrichment that is over."""
    entries = agent.get("/api/v1/audit?limit=1000")["audit"]
    return [e for e in entries if e["action"] == "incident.enrich"]


def until_over(agent, clock, n=1, seconds=20):
    clock.forward(LATE)
    peers.wait_for("an enrichment's end", lambda: len(ended(agent)) >= n,
                   seconds)
    agent.settle()


def test_what_it_says_is_filled_in_and_noted_once(make_agent, sandbox, clock):
    answers(sandbox)
    agent = make_agent(rules=rules(), conf=quick())
    fire(agent, clock, "cache-low")
    before = timed.incident(sandbox)
    assert before["category"] == "monitoring" and before["priority"] == "P3"
    assert not of_ai(before)
    until_over(agent, clock)
    (i,) = sandbox.incidents()
    assert (i["category"], i["subcategory"]) == ("cache", "cloudwatch")
    assert i["assignment_group"] == "Redis Team"
    assert i["priority"] == "P1"
    (note,) = of_ai(i)
    assert "(anthropic.claude-3-haiku-20240307-v1:0)" in note
    assert "category: cache (confidence 0.95), was monitoring" in note
    assert 'priority: P1 (confidence 0.88), was P3: "Cache miss' in note
    # A P1 by now, it is analyzed as one.
    assert "Analysis by StackFlow's AI (confidence 0.87" in note
    assert "similar past incidents: INC0001180\n" in note
    assert 'INC0001180 (similarity 0.93): "Pool exhausted"' in note
    assert 'KB0000456 "Pools" (relevance 0.97) ' \
        "https://kb.example.com/KB0000456" in note
    assert not set("<>[]") & set(note) and len(note) <= 4200
    assert "Coffee" not in note and "etc" not in note
    m = enrich_metrics(agent)
    for what in ("suggest", "analyze", "exemplars", "article"):
        assert m[f'tocsin_enrich_total{{what="{what}",outcome="used"}}'] == 1
    # The alarm goes on as ever.
    fire(agent, clock, "cache-low", "OK")
    timed.state_is(sandbox, "resolved")
    assert len(of_ai(sandbox.incidents()[0])) == 1


def test_without_a_rule_nothing_is_asked(make_agent, sandbox, clock):
    answers(sandbox)
    agent = make_agent(rules=timed.rules(["{id: p, match: {}}"]),
                       conf=quick())
    fire(agent, clock, "plain")
    timed.incident(sandbox)
    clock.pass_by(agent, 60)
    assert not enrich_metrics(agent) and not ended(agent)
    (i,) = sandbox.incidents()
    assert i["category"] == "monitoring" and not of_ai(i)


def test_what_a_person_changed_stands(make_agent, sandbox, clock):
    answers(sandbox)
    agent = make_agent(rules=rules("{suggest: {}}"), conf=quick())
    fire(agent, clock, "edited")
    i = timed.incident(sandbox)
    sandbox.person(i["id"], assignment_group="Network", priority="P2")
    until_over(agent, clock)
    (i,) = sandbox.incidents()
    assert i["assignment_group"] == "Network" and i["priority"] == "P2"
    assert i["category"] == "cache"


def test_what_a_policy_names_stands(make_agent, sandbox, clock):
    answers(sandbox)
    agent = make_agent(rules=rules("{suggest: {}}", category="db",
                                   severity="low"), conf=quick())
    fire(agent, clock, "named")
    timed.incident(sandbox)
    until_over(agent, clock)
    (i,) = sandbox.incidents()
    assert i["category"] == "db" and i["priority"] == "P4"
    assert i["assignment_group"] == "Redis Team"


def test_what_cleared_meanwhile_is_not_asked_about(make_agent, sandbox,
                                                   clock):
    answers(sandbox)
    agent = make_agent(rules=rules(), conf=quick())
    fire(agent, clock, "short")
    fire(agent, clock, "short", "OK")
    timed.state_is(sandbox, "resolved")
    until_over(agent, clock)
    (e,) = ended(agent)
    assert "no more open" in json.dumps(e)
    assert not enrich_metrics(agent)
    assert not of_ai(sandbox.incidents()[0])


HOSTILE = "\x1b]0;x\x07\u202e<script>a()</script>\n\ntocsin-ref: tocsin-" \
    "aaaaaaaaaaaaaaaa-1\n[code]x[/code]![i](http://evil.example/i.png)"

BROKEN = {
    "500": dict(kind="error"),
    "429": dict(kind="429", retry_after=1),
    "403": dict(kind="error", status=403),
    "hangup": dict(kind="hangup"),
    "garbage": dict(kind="answer", body="<html>"),
    "empty": dict(kind="answer", body="{}"),
    "list": dict(kind="answer", body="[1,2]"),
    "types": dict(kind="answer", body=json.dumps(
        {"suggestions": [1], "findings": "x", "exemplars": {"a": 1},
         "citations": 7, "data": "no"})),
    "large": dict(kind="endless", size=8 << 20),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_ai_changes_nothing_else(make_agent, sandbox, clock, how):
    for path in ANSWERS:
        sandbox.fault(path=path, **BROKEN[how])
    agent = make_agent(rules=rules(priority="P2"), conf=quick())
    fire(agent, clock, "alone")
    timed.incident(sandbox)
    clock.forward(LATE)
    tries = time.monotonic() + 30
    # At most three, each later than the last.
    while not ended(agent) and time.monotonic() < tries:
        time.sleep(0.2)
        clock.forward(20)
    assert ended(agent), agent.process.text()[-3000:]
    fire(agent, clock, "alone", "OK")
    timed.state_is(sandbox, "resolved")
    agent.settle()
    (i,) = sandbox.incidents()
    assert i["category"] == "monitoring" and i["priority"] == "P2"
    assert not of_ai(i)
    m = agent.metrics()
    assert m["tocsin_dead_letters"] == 0 and m["tocsin_in_doubt"] == 0
    assert all(v <= 3 for v in enrich_metrics(agent).values())
    assert agent.api("/readyz")[0] == 200
    told = [line for line in agent.process.text().splitlines()
            if ("level=error" in line or "level=warning" in line) and
            "clock" not in line]        # which the test itself moves
    assert not told, told


def test_hostile_text_is_quoted_and_bounded(make_agent, sandbox, clock):
    findings = dict(ANALYZE["findings"], probable_root_cause=HOSTILE,
                    resolution_steps=[HOSTILE * 40] * 50,
                    risk="A" * (400 << 10))
    suggest = {"suggestions": {
        "category": {"value": "<b>x</b>", "confidence": 1},
        "assignment_group": {"value": "a\nb", "confidence": 1}}}
    answers(sandbox, **{
        "/ai/analyze": json.dumps(dict(ANALYZE, findings=findings)),
        "/ai/suggest": json.dumps(suggest)})
    agent = make_agent(rules=rules(priority="P1"), conf=quick())
    fire(agent, clock, "hostile")
    timed.incident(sandbox)
    until_over(agent, clock)
    (i,) = sandbox.incidents()
    assert i["category"] == "monitoring"
    assert i["assignment_group"] == "Platform Engineering"
    (note,) = of_ai(i)
    assert len(note.encode()) <= 4200
    assert all(c == "\n" or c.isprintable() for c in note), note
    for bad in ("<", ">", "[", "]", "://evil", "\ntocsin-ref"):
        assert bad not in note, bad
    assert agent.metrics()["tocsin_dead_letters"] == 0


def test_a_refused_suggestion_is_no_dead_letter(make_agent, sandbox, clock):
    answers(sandbox)
    agent = make_agent(rules=rules("{suggest: {fields: [category]}}"),
                       conf=quick())
    fire(agent, clock, "refused")
    i = timed.incident(sandbox)
    sandbox.fault("400", method="PATCH", path="/incidents/" + i["id"])
    until_over(agent, clock)
    peers.wait_for("its note", lambda: of_ai(sandbox.incidents()[0]))
    agent.settle()
    assert agent.metrics()["tocsin_dead_letters"] == 0
    assert sandbox.incidents()[0]["category"] == "monitoring"


def test_a_slow_ai_is_in_nobodys_way(make_agent, sandbox, clock):
    """With one request in flight at a time, and that of the AI beside it."""
    for path in ANSWERS:
        sandbox.fault("slow", path=path, delay=8000)
    agent = make_agent(rules=rules(priority="P1"),
                       conf=quick(concurrency=1, timeout="20s"))
    fire(agent, clock, "first")
    timed.incident(sandbox)
    clock.forward(LATE)
    peers.wait_for("the AI to be asked", lambda: any(
        "/ai/" in p for p in sandbox.truth()["requests_by"]))
    begun = time.monotonic()
    for k in range(5):
        fire(agent, clock, f"next-{k}")
    peers.wait_for("the others", lambda: len(sandbox.incidents()) == 6, 5)
    fire(agent, clock, "first", "OK")
    timed.state_is(sandbox, "resolved", 5)
    assert time.monotonic() - begun < 6
    agent.settle(5)
    assert not ended(agent)
    # Nor when a reload wants another client, or it ends.
    agent.configure(quick(concurrency=2, timeout="20s"))
    begun = time.monotonic()
    timed.reload(agent)
    fire(agent, clock, "reloaded")
    peers.wait_for("one more", lambda: len(sandbox.incidents()) == 7, 5)
    agent.process.popen.send_signal(signal.SIGTERM)
    agent.process.popen.wait(6)
    assert time.monotonic() - begun < 6


def crash_env(library, clock, call, n, when):
    return {"LD_PRELOAD": f"{library}:{clock.preload}",
            "WALLCLOCK": clock.path, "CRASH_CALL": call,
            "CRASH_AT": str(n), "CRASH_WHEN": when}


def steps():
    for call, least, most in (("send", 4, 34), ("recv", 4, 34),
                              ("sync", 3, 26)):
        for n in range(least, most):
            for when in ("before", "after"):
                yield call, n, when


def crash_once(folder, sandbox, clock, library, call, n, when):
    label = f"{call}-{n}-{when}"
    agent = peers.Agent(os.path.join(folder, label), sandbox, start=False,
                        rules=rules(), conf=quick(settle="100ms"),
                        env=crash_env(library, clock, call, n, when))
    envelope = sandbox.sign(message=alarm(clock, label),
                            topic=peers.TOPIC)
    end = time.monotonic() + 30
    taken = False
    agent.start(wait=False)
    try:
        while time.monotonic() < end:
            if not agent.process.alive():
                assert agent.process.popen.returncode == -signal.SIGKILL, \
                    agent.process.text()[-3000:]
                agent.kill()
                agent.env["LD_PRELOAD"] = clock.preload
                agent.start(wait=False)
            try:
                taken = taken or agent.post(envelope) == 200
                if taken and ended(agent) and \
                        agent.metrics()["tocsin_backlog"] == 0:
                    break
            except Exception:       # it is gone, or not there yet
                agent.http.close()
                agent.admin.close()
            clock.forward(7)
            time.sleep(0.1)
        (i,) = [i for i in sandbox.incidents()
                if i["short_description"].endswith(label)]
        told = f"{label}: {i}\n{agent.process.text()[-4000:]}"
        assert len(of_ai(i)) == 1, told
        assert (i["category"], i["priority"]) == ("cache", "P1"), told
        assert i["assignment_group"] == "Redis Team", told
        assert agent.metrics()["tocsin_dead_letters"] == 0, told
        peers.check_invariants(agent, sandbox)
    finally:
        agent.stop()


@pytest.mark.parametrize("part", range(4))
def test_a_crash_between_its_steps(folder, sandbox, clock, crash_library, part):
    """Whatever was asked and answered before: one note, one change."""
    answers(sandbox)
    every = int(os.environ.get("TOCSIN_CRASH_STEP", "20"))
    share = [s for k, s in enumerate(steps()) if k % 4 == part]
    for call, n, when in share[random.randrange(every)::every]:
        crash_once(folder, sandbox, clock, crash_library, call, n, when)


# ---- resolves in bulk ----

def many(agent, n, state, clock):
    for k in range(n):
        fire(agent, clock, f"many-{k:03d}", state)


def resolved(sandbox):
    return sum(i["state"] == "resolved" for i in sandbox.incidents())


@pytest.fixture
def crowd(make_agent, sandbox, clock):
    sandbox.set(rate=0)
    agent = make_agent(conf=quick(bulk_resolve=20),
                       rules=timed.rules(["{id: p, match: {}}"]))
    return agent


def test_many_resolves_go_in_bulk(crowd, sandbox, clock):
    many(crowd, 300, "ALARM", clock)
    peers.wait_for("300", lambda: len(sandbox.incidents()) == 300, 60)
    many(crowd, 300, "OK", clock)
    peers.wait_for("all of them resolved", lambda: resolved(sandbox) == 300,
                   60)
    crowd.settle()
    m = crowd.metrics()
    assert m["tocsin_bulk_resolves_total"] >= 200
    assert sandbox.truth()["requests_by"]["POST /incidents/bulk"] >= 3
    assert m["tocsin_incidents_resolved_total"] == 300
    assert m["tocsin_dead_letters"] == 0 and m["tocsin_in_doubt"] == 0
    # Each has been told before that it is over, once.
    peers.check_invariants(crowd, sandbox)
    for i in sandbox.incidents():
        assert "Resolved." in i["notes"][-1]["body"], i


def test_few_resolves_go_by_themselves(crowd, sandbox, clock):
    many(crowd, 3, "ALARM", clock)
    peers.wait_for("three", lambda: len(sandbox.incidents()) == 3)
    many(crowd, 3, "OK", clock)
    peers.wait_for("all of them resolved", lambda: resolved(sandbox) == 3)
    crowd.settle()
    assert crowd.metrics()["tocsin_bulk_resolves_total"] == 0


@pytest.mark.parametrize("fault", [
    dict(kind="create-then-500"), dict(kind="create-then-hangup"),
    dict(kind="error", status=404), dict(kind="error"),
    dict(kind="done-answer", status=202, body="{}"),
    dict(kind="answer", status=202, body='{"job_id":"JOB1"}')],
    ids=["done-500", "done-reset", "no-such-path", "500", "no-job", "lost"])
def test_a_bulk_that_goes_wrong(crowd, sandbox, clock, fault):
    sandbox.fault(method="POST", path="/incidents/bulk", **fault)
    many(crowd, 40, "ALARM", clock)
    peers.wait_for("40", lambda: len(sandbox.incidents()) == 40, 30)
    many(crowd, 40, "OK", clock)
    peers.wait_for("all of them resolved", lambda: resolved(sandbox) == 40,
                   40)
    crowd.settle()
    m = crowd.metrics()
    assert m["tocsin_incidents_resolved_total"] == 40
    assert m["tocsin_dead_letters"] == 0
    peers.check_invariants(crowd, sandbox)


def test_records_that_a_job_refuses_are_sent_alone(crowd, sandbox, clock):
    many(crowd, 30, "ALARM", clock)
    peers.wait_for("30", lambda: len(sandbox.incidents()) == 30, 30)
    sandbox.fault("answer", method="POST", path="/incidents/bulk", status=202,
                  body='{"job_id":"JOB1","status":"queued"}')
    failed = [{"id": i["id"], "message": "locked"}
              for i in sandbox.incidents()]
    sandbox.fault("answer", method="GET", path="/incidents/bulk/JOB1",
                  body=json.dumps({"job_id": "JOB1", "status": "completed",
                                   "succeeded": 0, "failed": failed}))
    many(crowd, 30, "OK", clock)
    peers.wait_for("all of them resolved", lambda: resolved(sandbox) == 30,
                   40)
    crowd.settle()
    m = crowd.metrics()
    assert m["tocsin_bulk_resolves_total"] == 0
    assert m["tocsin_dead_letters"] == 0
    log = crowd.process.text()
    assert "in doubt" not in log, log[-2000:]


def test_a_kill_while_a_job_goes_on(crowd, sandbox, clock):
    sandbox.fault("slow-answer", method="POST", path="/incidents/bulk",
                  delay=2000)
    many(crowd, 40, "ALARM", clock)
    peers.wait_for("40", lambda: len(sandbox.incidents()) == 40, 30)
    many(crowd, 40, "OK", clock)
    peers.wait_for("the job", lambda: resolved(sandbox) >= 20, 30)
    crowd.restart()
    peers.wait_for("all of them resolved", lambda: resolved(sandbox) == 40,
                   40)
    crowd.settle()
    peers.check_invariants(crowd, sandbox)
    assert crowd.metrics()["tocsin_dead_letters"] == 0
