"""stackflow(1): its commands against the sandbox, its words, its terminal."""
import json
import os
import re
import shutil
import subprocess

import peers
import pytest
from stackflow_cli import STACKFLOW, Cli, Fake, Terminal, clean_env, env_of

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FILES = {"bash": "bash/stackflow", "zsh": "zsh/_stackflow",
         "fish": "fish/stackflow.fish"}
VERBS = ("list", "show", "create", "note", "update", "bulk-close",
         "bulk-update")
COMMANDS = ("incidents", "changes", "cis", "articles", "ask", "query",
            "analyze", "exemplars", "suggest", "login", "logout", "health",
            "create", "note", "update", "bulk-close", "completion", "version")


@pytest.fixture
def cli(sandbox, folder):
    return Cli(env_of(sandbox, folder))


@pytest.fixture
def nobody(folder):
    return Cli(clean_env(folder))


# ---- words ----

def test_version_and_help(nobody):
    assert re.fullmatch(r"stackflow \S+\n", nobody("version"))
    assert nobody("--version") == nobody("version")
    assert json.loads(nobody("version", "--json"))["version"]
    for name in COMMANDS:
        assert re.search(rf"^(  |Also[^`]*\b){name}\b", nobody("help"),
                         re.M), name
        text = nobody(name, "--help")
        assert text.startswith("usage: stackflow " + name)
        assert nobody("help", name) == text == nobody(name, "-h")
        assert "\nExamples:\n  stackflow " + name in text
        assert re.search(r"\nExit status: 0 ", text)


def pages():
    return [["help"]] + [[c, "--help"] for c in COMMANDS] + \
        [["incidents", v, "--help"] for v in VERBS]


@pytest.mark.parametrize("args", pages(), ids="-".join)
def test_every_help_fits_a_screen(nobody, args):
    lines = nobody(*args).expandtabs().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_a_verb_s_help_is_its_own(nobody):
    create = nobody("incidents", "create", "--help")
    assert "--short-description" in create and "--dry-run" not in create
    close = nobody("incidents", "bulk-close", "--help")
    assert "--resolved-before" in close and "--short-desc" not in close
    assert nobody("bulk-close", "--help").split("\n\n")[1:3] == \
        close.split("\n\n")[1:3]
    assert "--short-description" not in nobody("incidents", "--help")


@pytest.mark.parametrize("args,wrong", [
    ([], "usage: stackflow COMMAND"),
    (["incident"], "did you mean 'incidents'?"),
    (["incidents", "lits"], "did you mean 'list'?"),
    (["incidents", "--priorty", "P1"], "did you mean '--priority'?"),
    (["incidents", "--priority", "P5"], "P1, P2, P3 or P4, not 'P5'"),
    (["incidents", "--state", "open"], "not 'open'"),
    (["incidents", "--limit", "0"], "1 to 1000000, not '0'"),
    (["incidents", "--limit", "5", "--all"], "not both"),
    (["incidents", "list", "x"], "list takes no argument"),
    (["incidents", "list", "--yes"], "--yes isn't one of its options"),
    (["incidents", "--created-before", "soon"], "not 'soon'"),
    (["incidents", "show"], "show ID"),
    (["incidents", "show", "../x"], "can't be an id"),
    (["create", "--description", "x"], "--short-description is needed"),
    (["create", "--short-description", "x", "--field", "oops"],
     "NAME=VALUE, not 'oops'"),
    (["create", "--short-description", "x", "--field", "=y"], "NAME=VALUE"),
    (["create", "--short-description", "x", "--field",
      "short_description=y"], "short_description is given twice"),
    (["create", "--short-description", "x", "--state", "new"],
     "--state isn't one of its options"),
    (["create", "--short-descr"], "lacks its TEXT"),
    (["note", "INC0000001"], "note ID TEXT"),
    (["note", "INC0000001", " "], "the text is empty"),
    (["update", "INC0000001"], "no field is given"),
    (["update"], "update ID"),
    (["bulk-close"], "--resolved-before is needed"),
    (["incidents", "bulk-update", "--state", "closed"], "ID..., or -"),
    (["incidents", "bulk-update", "-", "--state", "closed"],
     "--yes goes ahead"),
    (["ask"], "what is the question"),
    (["ask", "--results", "21", "x"], "1 to 20, not '21'"),
    (["ask", "--model", "gpt", "x"], "not 'gpt'"),
    (["ask", "--record", "incident:", "x"], "--record is TYPE:ID"),
    (["analyze"], "analyze ID"), (["analyze", "a/b"], "can't be an id"),
    (["suggest", "--for", "colour", "x"], "not 'colour'"),
    (["cis", "import"], "import FILE"), (["articles", "search"],
                                         "search TEXT"),
    (["health", "x"], "takes no argument"),
    (["health", "--timeout", "5"], "30s or 30d, not '5'"),
    (["health", "--timeout", "1h"], "at most 10m"),
    (["completion", "tcsh"], "bash, zsh or fish"),
], ids=lambda a: "-".join(a)[:40] if isinstance(a, list) else None)
def test_wrong_usage_is_2(nobody, args, wrong):
    nobody.env["STACKFLOW_BASE_URL"] = "http://127.0.0.1:9/prod/api"
    nobody.env["STACKFLOW_API_KEY"] = "sfk_test_0123456789"
    r = nobody.run(*args)
    assert r.returncode == 2, r
    assert r.stdout == "" and wrong in r.stderr
    assert r.stderr.startswith(("stackflow", "usage"))


def test_global_options_stand_anywhere(cli):
    cli("create", "--short-description", "one")
    behind = cli("incidents", "list", "--json")
    assert cli("--json", "incidents", "list") == behind
    assert cli("incidents", "--json") == behind
    url = cli.env["STACKFLOW_BASE_URL"]
    env = dict(cli.env, STACKFLOW_BASE_URL="http://127.0.0.1:9/prod/api")
    assert cli("--base-url", url, "--json", "--timeout", "20s", "incidents",
               env=env) == behind
    assert cli(f"--base-url={url}", "incidents", "list", "--json",
               env=env) == behind


def test_what_is_missing_is_told(nobody):
    r = nobody.run("incidents", "list")
    assert r.returncode == 1 and "STACKFLOW_BASE_URL" in r.stderr
    assert "STACKFLOW_API_KEY" in r.stderr and "stackflow login" in r.stderr
    r = nobody.run("health")
    assert r.returncode == 1 and "STACKFLOW_BASE_URL" in r.stderr
    assert "API_KEY" not in r.stderr


def test_a_wrong_key_is_told_and_not_shown(cli):
    cli.env["STACKFLOW_API_KEY"] = "sfk_wrong_0123456789abcdef"
    r = cli.run("incidents", "list")
    assert r.returncode == 1 and "401" in r.stderr
    assert "sfk_wrong_0123456789abcdef" not in r.stdout + r.stderr
    # Health needs none.
    assert "healthy" in cli("health")


# ---- incidents ----

def test_create_note_update_show(cli, sandbox):
    text = cli("create", "--short-description", "Disk full", "--priority",
               "P2", "--category", "storage", "--subcategory", "disk",
               "--group", "Storage", "--ci", "CI0001234", "--field",
               "impact=high", "--description", "-", stdin="one\ntwo\n\n")
    ident = re.match(r"(INC\d{7}) is created, P2, its SLA ends \S+\n",
                     text)[1]
    made = cli.json("incidents", "show", ident)
    assert {k: made[k] for k in (
        "short_description", "priority", "category", "subcategory",
        "assignment_group", "ci_id", "impact", "description")} == {
        "short_description": "Disk full", "priority": "P2",
        "category": "storage", "subcategory": "disk",
        "assignment_group": "Storage", "ci_id": "CI0001234",
        "impact": "high", "description": "one\ntwo"}
    assert cli("note", ident, "The", "vendor", "is on it.") == \
        f"{ident}: the note is added\n"
    assert cli("incidents", "note", ident, "-", "--visibility", "public",
               stdin="second\nline\n").startswith(ident)
    assert cli("update", ident, "--state", "in_progress", "--assigned-to",
               "jane.doe@example.com") == f"{ident}: updated\n"
    shown = cli("incidents", "show", ident)
    assert shown.startswith(f"{ident}  P2  in_progress  Disk full\n")
    for part in ("\nassigned_to       jane.doe@example.com\n",
                 "\nimpact            high\n", "\n\none\ntwo\n",
                 "team\n  The vendor is on it.\n",
                 "public\n  second\n  line\n"):
        assert part in shown, shown
    notes = cli.json("incidents", "show", ident)["notes"]
    assert [n["body"] for n in notes] == ["The vendor is on it.",
                                          "second\nline"]


def test_a_record_from_a_file(cli, folder):
    path = os.path.join(folder, "incident.json")
    with open(path, "w") as f:
        json.dump({"short_description": "from a file", "priority": "P1",
                   "tags": ["a", {"b": None}], "category": "file"}, f)
    made = cli.json("create", "--from", path, "--category", "option")
    assert made["short_description"] == "from a file"
    assert made["tags"] == ["a", {"b": None}]
    assert made["category"] == "option" and made["priority"] == "P1"
    with open(path) as f:
        assert cli.json("create", "--from", "-", stdin=f.read())["priority"] \
            == "P1"
    for text, why in (("[1]", "expected one JSON object"), ("{", "-: "),
                      ('{"a":1,"a":2}', "-: ")):
        r = cli.run("create", "--from", "-", stdin=text)
        assert r.returncode == 1 and why in r.stderr and r.stdout == "", r
    r = cli.run("create", "--from", folder + "/none.json")
    assert r.returncode == 1 and "No such file" in r.stderr
    assert len(cli.rows("incidents", "list")) == 2


def test_list_filters_pages_and_json(cli, sandbox):
    for i in range(60):
        status, _, _ = sandbox.http.call(
            "POST", "/prod/api/incidents",
            {"short_description": f"number {i}", "priority": f"P{i % 4 + 1}",
             "category": "odd" if i % 2 else "even",
             "assignment_group": "A" if i < 30 else "B"},
            {"Authorization": "Bearer " + sandbox.info["api_key"]})
        assert status == 201
    assert len(cli.rows("incidents", "list")) == 25
    assert len(cli.rows("incidents", "list", "--limit", "7")) == 7
    for paging in "page", "cursor":
        sandbox.set(paging=paging)
        every = cli.rows("incidents", "list", "--all")
        assert len({r["id"] for r in every}) == 60, paging
    p1 = cli.rows("incidents", "--priority", "P1", "--state", "new", "--all")
    assert len(p1) == 15 and {r["priority"] for r in p1} == {"P1"}
    # Which the API's pages don't name: looked at here as well.
    odd = cli.rows("incidents", "--category", "odd", "--group", "B", "--all")
    assert len(odd) == 15
    assert {(r["category"], r["assignment_group"]) for r in odd} == \
        {("odd", "B")}
    assert cli("incidents", "--state", "closed") == "no incidents\n"
    assert cli("incidents", "--state", "closed", "--json") == ""
    assert len(cli.rows("incidents", "--created-before", "2099-01-01",
                        "--all")) == 60
    assert cli.rows("incidents", "--created-before", "30d") == []
    table = cli("incidents", "list", "--limit", "3").splitlines()
    assert table[0].startswith("INCIDENT") and len(table) == 4
    if shutil.which("jq"):
        r = subprocess.run(
            f"{STACKFLOW} incidents list --all --json | jq -r .id | sort -u",
            shell=True, capture_output=True, text=True, env=cli.env)
        assert len(r.stdout.split()) == 60


def test_who_reads_no_more_is_no_crash(cli):
    for i in range(3):
        cli("create", "--short-description", f"{i}")
    r = subprocess.run(["sh", "-c", f"{STACKFLOW} incidents --json --all | "
                        "true"], capture_output=True, text=True, env=cli.env)
    assert r.returncode == 0 and r.stderr == ""
    with open("/dev/full", "w") as full:
        r = subprocess.run([STACKFLOW, "incidents", "--json"], stdout=full,
                           stderr=subprocess.PIPE, text=True, env=cli.env)
    assert r.returncode == 1 and "can't write" in r.stderr


def test_what_isn_t_there(cli):
    r = cli.run("incidents", "show", "INC0009999")
    assert r.returncode == 1 and r.stdout == ""
    assert r.stderr.startswith("stackflow: can't read INC0009999: 404")
    r = cli.run("update", "INC0009999", "--state", "closed")
    assert r.returncode == 1 and "404" in r.stderr
    cli("create", "--short-description", "there")
    # One that isn't there doesn't hide the other.
    r = cli.run("incidents", "show", "INC0009999", "INC0000001")
    assert r.returncode == 1 and "INC0000001  " in r.stdout


@pytest.mark.parametrize("kind", ["create-then-500", "create-then-hangup",
                                  "no-id"])
def test_an_ambiguous_create_is_3_and_not_repeated(cli, sandbox, kind):
    sandbox.fault(kind, count=1)
    r = cli.run("create", "--short-description", "once")
    assert r.returncode == 3, r
    assert r.stdout == ""
    assert "it isn't known whether StackFlow did create the incident" in \
        r.stderr
    assert "stackflow incidents list" in r.stderr
    assert len(sandbox.incidents()) == 1
    r = cli.run("create", "--short-description", "two", "--priority", "P2")
    assert r.returncode == 0 and len(sandbox.incidents()) == 2


def test_an_ambiguous_note_is_3_and_says_where_to_look(cli, sandbox):
    cli("create", "--short-description", "there")
    sandbox.fault("create-then-500", method="POST",
                  path="/incidents/INC0000001/notes")
    r = cli.run("note", "INC0000001", "once")
    assert r.returncode == 3
    assert "stackflow incidents show INC0000001" in r.stderr
    assert len(cli.json("incidents", "show", "INC0000001")["notes"]) == 1


def test_a_refused_write_is_1(cli, sandbox):
    sandbox.fault("400", method="POST", path="/incidents")
    r = cli.run("create", "--short-description", "no")
    assert r.returncode == 1 and "can't create the incident: 400" in r.stderr
    assert sandbox.incidents() == []


def test_reading_is_tried_again(cli, sandbox):
    sandbox.fault("error", status=503, count=1)
    assert cli("incidents", "list") == "no incidents\n"


def test_verbose_tells_and_keeps_secrets(cli, sandbox):
    sandbox.fault("error", status=503, count=1)
    r = cli.run("-v", "incidents", "list")
    assert r.returncode == 0 and r.stdout == "no incidents\n"
    assert re.search(r"^stackflow: (debug|info|warning): ", r.stderr, re.M)
    assert sandbox.info["api_key"] not in r.stderr


# ---- changes, CIs, articles ----

def test_changes(cli, folder):
    assert cli("changes") == "no changes\n"
    text = cli("changes", "create", "--short-description", "Move it", "--ci",
               "CI0001234", "--field", "risk=low")
    ident = re.fullmatch(r"(CHG\d{7}) is created\n", text)[1]
    assert [c["id"] for c in cli.rows("changes", "list")] == [ident]
    assert cli.rows("changes", "--ci", "CI0001234")[0]["risk"] == "low"
    assert cli.rows("changes", "--ci", "CI0009999") == []
    assert "Move it" in cli("changes", "list", "--limit", "5")
    assert cli.json("changes", "create", "--from", "-",
                    stdin='{"short_description":"t","title":"t"}')[
                        "title"] == "t"


def test_cis(folder, sandbox):
    cli = Cli(env_of(sandbox, folder))
    sandbox.control("POST", "/cis", [
        {"id": f"CI{i:07}", "name": f"db-{i}",
         "arn": f"arn:aws:rds:us-east-1:111122223333:db:db-{i}"}
        for i in range(1, 4)])
    assert [c["name"] for c in cli.rows("cis", "--name", "db-2")] == ["db-2"]
    arn = "arn:aws:rds:us-east-1:111122223333:db:db-3"
    assert [c["name"] for c in cli.rows("cis", "list", "--arn", arn)] == \
        ["db-3"]
    assert len(cli.rows("cis", "list", "--all")) == 3
    assert "NAME" in cli("cis").splitlines()[0]


def import_answer(seen):
    def answer(method, path, headers, body):
        if method == "POST":
            seen.append(json.loads(body))
            n = len(seen)
            return 202, {"job_id": f"JOB{n}", "status": "queued"}
        n = int(re.search(r"JOB(\d+)", path)[1])
        total = max(len(v) for v in seen[n - 1].values()
                    if isinstance(v, list))
        return 200, {"job_id": f"JOB{n}", "status": "completed",
                     "total": total, "succeeded": total, "failed": []}
    return answer


@pytest.mark.parametrize("form", ["array", "lines"])
def test_import_of_cis(nobody, folder, form):
    cis = [{"name": f"host-{i}", "class": "server"} for i in range(130)]
    path = os.path.join(folder, "cis.json")
    with open(path, "w") as f:
        f.write(json.dumps(cis, indent=1) if form == "array" else
                "\n".join(map(json.dumps, cis)) + "\n\n")
    seen = []
    with Fake(import_answer(seen)) as fake:
        nobody.env.update(STACKFLOW_BASE_URL=fake.url + "/prod/api",
                          STACKFLOW_API_KEY="sfk_test_0123456789")
        assert nobody("cis", "import", path, "--dry-run") == \
            "130 CIs to import\n"
        assert seen == []
        assert nobody("cis", "import", path) == "130 of 130 imported\n"
        posts = [r for r in fake.requests if r[0] == "POST"]
        assert {p[1] for p in posts} == {"/prod/api/cmdb/cis/bulk"}
    sent = [c for body in seen for v in body.values() if isinstance(v, list)
            for c in v]
    assert sent == cis and len(seen) == 2


def test_a_file_with_a_fault_imports_nothing(cli, folder):
    for text, why in (('{"name":"a"}\n{"name":\n', "-:2: "),
                      ('[{"name":"a"},7]', "record 2 is no JSON object"),
                      ("[]", "there is no record"), ("\n", "no record")):
        r = cli.run("cis", "import", "-", stdin=text)
        assert r.returncode == 1 and why in r.stderr, r


def test_articles_and_their_search(nobody):
    found = [{"id": "KB0000456", "title": "Major Incident Procedure",
              "updated_at": "2026-05-19T14:30:00Z"}]
    with Fake(lambda *_: (200, {"data": found, "total": 1})) as fake:
        nobody.env.update(STACKFLOW_BASE_URL=fake.url + "/prod/api",
                          STACKFLOW_API_KEY="sfk_test_0123456789")
        assert nobody.rows("articles", "search", "major", "incident") == found
        assert fake.requests[0][1].startswith("/prod/api/knowledge/articles?")
        assert "search=major%20incident" in fake.requests[0][1]
        assert "Major Incident Procedure" in nobody("articles")
        assert "search=" not in fake.requests[-1][1]


# ---- AI, by the examples of the API's pages ----

ANSWERS = {
    "ask": {
        "answer": "For a P1 major incident, follow these steps:\n1. Declare "
                  "a major incident in StackFlow.\n2. Assemble.",
        "citations": [{"article_id": "KB0000456",
                       "title": "Major Incident Procedure",
                       "relevance": 0.97}],
        "model_used": "anthropic.claude-3-sonnet-20240229-v1:0",
        "cache_hit": True, "tokens_used": 1240, "latency_ms": 1850},
    "analyze": {
        "record_id": "INC0001234", "analysis_type": "root_cause",
        "findings": {
            "probable_root_cause": "Connection pool exhaustion",
            "confidence": 0.87,
            "resolution_steps": ["Set MAX_POOL_SIZE=10", "Deploy"],
            "related_problem": "PRB0000123",
            "similar_past_incidents": ["INC0001180", "INC0001195"],
            "estimated_resolution_minutes": 30},
        "model_used": "anthropic.claude-3-sonnet-20240229-v1:0",
        "tokens_used": 2140, "latency_ms": 2300},
    "exemplars": {"exemplars": [{
        "incident_id": "INC0001180", "description": "Pool exhausted",
        "resolution": "Increased MAX_POOL_SIZE", "resolution_time_min": 25,
        "similarity_score": 0.93}], "count": 3},
    "suggest": {"suggestions": {
        "category": {"value": "cache", "confidence": 0.95},
        "subcategory": {"value": "elasticache", "confidence": 0.91},
        "priority": {"value": "P1", "confidence": 0.88,
                     "reasoning": "Cache miss affects all users"},
        "assignment_group": {"value": "Platform Engineering",
                             "confidence": 0.92}}},
}
ANSWERS["query"] = ANSWERS["ask"]


@pytest.fixture
def ai(nobody):
    def answer(method, path, headers, body):
        return 200, ANSWERS[path.rsplit("/", 1)[1]]

    with Fake(answer) as fake:
        nobody.env.update(STACKFLOW_BASE_URL=fake.url + "/prod/api",
                          STACKFLOW_API_KEY="sfk_test_0123456789")
        nobody.fake = fake
        nobody.sent = lambda: json.loads(fake.requests[-1][3])
        yield nobody


def test_ask(ai):
    text = ai("ask", "--model", "claude-3-haiku", "--results", "3",
              "--record", "INC0001234", "What", "now?")
    assert text == (
        ANSWERS["ask"]["answer"] + "\n\n"
        "[1] KB0000456  Major Incident Procedure  97 %\n\n"
        "anthropic.claude-3-sonnet-20240229-v1:0, 1240 tokens, from the "
        "cache, 1850 ms\n")
    assert ai.sent() == {
        "question": "What now?", "max_kb_results": 3,
        "context_record": {"type": "incident", "id": "INC0001234"},
        "model": "claude-3-haiku"}
    ai("ask", "--record", "change:CHG0000001", "-", stdin="And now?\n")
    assert ai.sent()["question"] == "And now?"
    assert ai.sent()["context_record"]["type"] == "change"
    assert ai.json("ask", "x") == ANSWERS["ask"]


def test_query(ai):
    assert ai("query", "What", "is", "open?").startswith("For a P1")
    assert ai.sent()["query"] == "What is open?"
    assert ai.json("query", "x") == ANSWERS["query"]


def test_analyze(ai):
    text = ai("analyze", "INC0001234", "--type", "root_cause")
    for part in ("Probable cause    Connection pool exhaustion\n",
                 "Confidence        87 %\n",
                 "To do             1. Set MAX_POOL_SIZE=10\n"
                 "                  2. Deploy\n",
                 "Related problem   PRB0000123\n",
                 "Similar           INC0001180, INC0001195\n",
                 "Estimated         30 minutes\n", "2140 tokens, 2300 ms"):
        assert part in text, text
    assert ai.sent() == {"record_type": "incident", "record_id": "INC0001234",
                         "analysis_type": "root_cause"}
    assert ai.json("analyze", "INC0001234") == ANSWERS["analyze"]


def test_exemplars(ai):
    text = ai("exemplars", "--category", "database", "--results", "5",
              "timeouts", "under", "load")
    assert re.search(r"^INC0001180 +93 % +25  Pool exhausted +Increased",
                     text, re.M)
    assert ai.sent() == {"record_type": "incident", "top_k": 5,
                         "description": "timeouts under load",
                         "category": "database"}
    assert ai.json("exemplars", "x") == ANSWERS["exemplars"]


def test_suggest(ai):
    text = ai("suggest", "Cache", "is", "slow")
    assert re.search(r"^priority +88 %  P1 +Cache miss", text, re.M), text
    assert re.search(r"^assignment_group +92 %  Platform Eng", text, re.M)
    assert ai.sent() == {"text": "Cache is slow", "suggest_for": [
        "category", "subcategory", "priority", "assignment_group"]}
    ai("suggest", "--for", "priority", "--for", "category", "x")
    assert ai.sent()["suggest_for"] == ["priority", "category"]
    assert ai.json("suggest", "x") == ANSWERS["suggest"]


def test_an_ai_that_says_nothing_of_use(nobody):
    with Fake(lambda *_: (200, {"hello": 1})) as fake:
        nobody.env.update(STACKFLOW_BASE_URL=fake.url + "/prod/api",
                          STACKFLOW_API_KEY="sfk_test_0123456789")
        r = nobody.run("ask", "x")
        assert r.returncode == 1 and "can't ask" in r.stderr


# ---- on a terminal ----

EVIL = "bad \x1b[31mred\x07 \u009b5m \u202eright"


def test_nothing_steers_the_terminal(nobody):
    record = {"id": "INC0000001", "priority": "P1\x1b[1m", "state": "new",
              "short_description": EVIL, "description": EVIL + "\n" + EVIL,
              "note\x1bkey": EVIL, "created_at": EVIL, "sub": {"x": EVIL},
              "notes": [{"body": EVIL, "created_at": EVIL,
                         "visibility": EVIL}]}
    said = {"answer": EVIL, "model_used": EVIL, "tokens_used": 1,
            "citations": [{"article_id": EVIL, "title": EVIL}]}

    def answer(method, path, headers, body):
        if "/ai/" in path:
            return 200, said
        if path.split("?")[0].endswith("/incidents"):
            return 200, {"data": [record]}
        if path.endswith("/INC0000002"):
            return 404, {"message": EVIL}
        return 200, record

    with Fake(answer) as fake:
        nobody.env.update(STACKFLOW_BASE_URL=fake.url + "/prod/api",
                          STACKFLOW_API_KEY="sfk_test_0123456789",
                          NO_COLOR="1")
        for args in (["incidents"], ["incidents", "show", "INC0000001"],
                     ["incidents", "show", "INC0000002"], ["ask", "x"],
                     ["incidents", "--json"],
                     ["incidents", "show", "INC0000001", "--json"],
                     ["create", "--short-description", "x"]):
            _, text = Terminal(nobody.env, *args).end()
            assert re.search(r"\\x1b|\\u001b|\\u\{1b\}", text,
                             re.I) or args[0] == "create", (args, text)
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]",
                                 text.replace("\r", "")), (args, text)
            if "--json" not in args:
                assert "\u202e" not in text, (args, text)


def test_tables_fit_the_terminal(cli, sandbox):
    for i in range(3):
        cli("create", "--short-description", "a long story " * 12,
            "--priority", "P1", "--group", "Platform Engineering", "--ci",
            "CI0001234")
    for columns in (80, 60, 100):
        status, text = Terminal(cli.env, "incidents", "--limit", "2",
                                columns=columns).end()
        assert status == 0
        assert "\x1b[1;31mP1\x1b[0m" in text
        plain = re.sub(r"\x1b\[[\d;]*m", "", text)
        lines = plain.splitlines()
        assert max(map(len, lines)) <= columns, plain
        assert "ago" in plain or "now" in plain
        assert "…" in plain
        assert lines[-1] == "2 of 3; --limit and --all show more"
    for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        status, text = Terminal(dict(cli.env, **env), "incidents",
                                *args).end()
        assert status == 0 and "\x1b" not in text


def test_a_text_is_wrapped_on_a_terminal(cli):
    cli("create", "--short-description", "x", "--description",
        "word " * 60 + "\n\nend")
    status, text = Terminal(cli.env, "incidents", "show",
                            "INC0000001").end()
    assert status == 0
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 80
    assert plain.count("word") == 60
    assert "\n" + "word " * 59 + "word" in cli("incidents", "show",
                                               "INC0000001")


# ---- completions, manual ----

@pytest.mark.parametrize("shell", FILES)
def test_the_shipped_completion_is_what_the_tables_say(nobody, shell):
    path = os.path.join(TOP, "packaging", "completion", FILES[shell])
    with open(path, encoding="utf-8") as f:
        assert f.read() == nobody("completion", shell), \
            "`make completions` writes it anew"
    if shutil.which(shell):
        r = subprocess.run([shell, "-n", path], capture_output=True,
                           text=True)
        assert r.returncode == 0 and r.stderr == ""


def in_bash(cli, *words):
    script = (f". {TOP}/packaging/completion/bash/stackflow\n"
              "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n"
              "_stackflow 2>/dev/null\n"
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    r = subprocess.run(["bash", "--norc", "-c", script, "bash", STACKFLOW,
                        *words], capture_output=True, text=True, env=cli.env)
    assert r.returncode == 0, r.stderr
    return set(r.stdout.split())


def test_what_bash_offers(cli):
    cli("create", "--short-description", "open one")
    assert {"incidents", "create", "help"} <= in_bash(cli, "")
    assert in_bash(cli, "incidents", "") == set(VERBS)
    assert in_bash(cli, "incidents", "list", "--priority", "") == \
        {"P1", "P2", "P3", "P4"}
    assert "--dry-run" not in in_bash(cli, "incidents", "list", "--")
    assert "--dry-run" in in_bash(cli, "incidents", "bulk-close", "--")
    assert "--dry-run" in in_bash(cli, "bulk-close", "--")
    assert "--resolved-before" not in in_bash(cli, "create", "--")
    assert in_bash(cli, "incidents", "show", "") == {"INC0000001"}
    assert in_bash(cli, "note", "") == {"INC0000001"}
    assert cli("completion", "--list", "incidents") == \
        "INC0000001\topen one\n"
    assert {line.split("\t")[0] for line in
            cli("completion", "--list", "commands").splitlines()} == \
        set(COMMANDS)
    # Nobody is there: nothing, silently.
    cli.env["STACKFLOW_BASE_URL"] = "http://127.0.0.1:9/prod/api"
    assert cli("completion", "--list", "incidents") == ""


def manual():
    path = os.path.join(TOP, "packaging", "man", "stackflow.1")
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_the_manual_has_every_option(nobody):
    told = {"-" + o for it in re.findall(r"^\.It (.*Fl .*)$", manual(), re.M)
            for o in re.findall(r"\bFl (-?[a-z-]+)", it)}
    shown = {o for args in pages() if args != ["help"]
             for o in re.findall(r"(?:^  |, )(--?[a-z-]+)",
                                 nobody(*args).split("\nExamples:")[0],
                                 re.M)}
    assert told == shown
    for name in COMMANDS:
        assert re.search(rf"\bC[ml] .*\b{name}\b", manual()), name


def examples(nobody):
    yield from re.findall(r"^\$ (.*stackflow .*)$", manual(), re.M)
    for args in pages():
        if args == ["help"]:
            continue
        text = nobody(*args).split("\nExamples:")[1].split("\n\n")[0]
        yield from re.findall(r"^  (stackflow .*)$",
                              re.sub(r"\n {6,}", " ", text), re.M)


def test_examples_are_right(cli, folder, sandbox):
    """Each is run; what they speak of is there."""
    for i in range(2):
        cli("create", "--short-description", "one")
    os.makedirs(f"{folder}/bin")
    os.symlink(STACKFLOW, f"{folder}/bin/stackflow")
    for name, text in (("incident.json", '{"short_description":"x"}'),
                       ("log.txt", "log"), ("ids.txt", "INC0000001\n"),
                       ("question.txt", "why?"),
                       ("cis.json", '[{"name":"a"}]')):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    env = dict(cli.env, PATH=f"{folder}/bin:{os.environ['PATH']}")
    env.update(STACKFLOW_CLIENT_ID=sandbox.info["client_id"],
               STACKFLOW_PASSWORD=sandbox.info["password"],
               STACKFLOW_EMAIL=sandbox.info["email"],
               STACKFLOW_USER_POOL_ID="us-east-1_Example",
               AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=sandbox.info[
                   "cognito_url"])
    lines = set(examples(cli))
    assert len(lines) > 30
    for line in sorted(lines):
        ours = line.replace("INC0001234", "INC0000001")
        ours = ours.replace("INC0001235", "INC0000002")
        ours = ours.replace("you@example.com", sandbox.info["email"])
        ours = re.sub(r"~/\S+", "completions", ours)
        ours = re.sub(r"--base-url \S+", "", ours)
        if "jq" in ours and not shutil.which("jq"):
            continue
        if "bulk-close" in ours and "--dry-run" not in ours and \
                "--yes" not in ours:
            ours += " --yes"        # nobody is there to ask
        r = subprocess.run(["sh", "-c", ours], capture_output=True, text=True,
                           timeout=60 * peers.SLOW, cwd=folder, env=env,
                           stdin=subprocess.DEVNULL)
        assert r.returncode == 0, (ours, r)
        assert "usage" not in r.stderr
