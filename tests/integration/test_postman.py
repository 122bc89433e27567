"""examples/postman: a collection that Postman imports, run whole by newman,
which is Postman's own, against the sandbox."""
import json
import os
import re
import shutil
import subprocess

import pytest

import peers

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = os.path.join(TOP, "examples", "postman")
COLLECTION = os.path.join(FOLDER, "stackflow.postman_collection.json")
ENVIRONMENT = os.path.join(FOLDER, "sandbox.postman_environment.json")
NEWMAN = os.path.join(TOP, "tests", "peers", "postman", "node_modules",
                      "newman", "bin", "newman.js")
V210 = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

# All that StackFlow's pages name.
ENDPOINTS = {
    "POST {{cognito_url}}/oauth2/token", "POST {{cognito_idp_url}}",
    *("{} {{{{base_url}}}}{}".format(*e.split()) for e in (
        "GET /health",
        "GET /incidents", "POST /incidents", "GET /incidents/{{incident_id}}",
        "PATCH /incidents/{{incident_id}}",
        "POST /incidents/{{incident_id}}/notes", "POST /incidents/bulk",
        "GET /incidents/bulk/{{job_id}}",
        "GET /changes", "POST /changes",
        "GET /cmdb/cis", "POST /cmdb/cis/bulk",
        "GET /knowledge/articles",
        "POST /ai/query", "POST /ai/ask", "POST /ai/analyze",
        "POST /ai/exemplars", "POST /ai/suggest")),
}


def load(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def requests(items):
    for i in items:
        if "item" in i:
            yield from requests(i["item"])
        else:
            yield i


def address(url):
    """As its parts say; raw says the same, for those who read that."""
    text = "/".join(url["host"] + url.get("path", []))
    query = "&".join(f"{q['key']}={q['value']}" for q in url.get("query", []))
    assert url["raw"] == text + (query and "?" + query)
    return text


def test_it_is_of_version_2_1_and_has_every_endpoint():
    collection = json.loads(load(COLLECTION))
    assert collection["info"]["schema"] == V210
    assert set(collection) == {"info", "auth", "event", "variable", "item"}
    found = set()
    for item in requests(collection["item"]):
        assert set(item) <= {"name", "event", "request"}
        r = item["request"]
        found.add(f"{r['method']} {address(r['url'])}")
        assert isinstance(r["header"], list)
        body = r.get("body", {"mode": None})
        if body["mode"] == "raw":
            assert isinstance(json.loads(body["raw"]), dict)
        for event in item.get("event", []):
            assert event["listen"] == "test"
            assert isinstance(event["script"]["exec"], list)
    assert found == ENDPOINTS


def test_its_variables_are_there_and_hold_no_secret():
    text = load(COLLECTION)
    variables = {v["key"]: v["value"]
                 for v in json.loads(text)["variable"]}
    assert set(re.findall(r"{{(\w+)}}", text)) | set(
        re.findall(r'variables\.(?:get|set)\(\\"(\w+)', text,
                   re.I)) == set(variables)
    given = {v["key"]: v for v in json.loads(load(ENVIRONMENT))["values"]}
    assert set(given) <= set(variables)
    for name in "client_secret", "password", "token", "refresh_token":
        assert not variables[name]
        assert not given.get(name, {}).get("value")
    # What tokens are kept in belongs to the collection alone, whose value
    # an environment's would hide.
    assert not {"token", "refresh_token", "incident_id"} & set(given)


@pytest.mark.parametrize("path", [COLLECTION, ENVIRONMENT])
def test_nobody_s_ids_are_in_it(path):
    text = load(path)
    assert set(re.findall(r"\b\d{12}\b", text)) <= {peers.ACCOUNT}
    assert not re.findall(r"\b[a-z]{2}-[a-z]+-\d_\w+", text)      # a pool
    assert not re.findall(r"\b(?=[a-z]*\d)[a-z0-9]{24,}\b", text)  # a client
    assert set(re.findall(r"(?<=//)([\w-]+)\.(?=stackflow-tech|auth)",
                          text)) <= {"your-instance", "your-domain"}


def test_it_runs_whole_against_the_sandbox(tmp_path):
    if not shutil.which("node") or not os.path.exists(NEWMAN):
        pytest.skip("node and newman aren't here (tests/peers/install)")
    sandbox = peers.Sandbox(str(tmp_path))
    try:
        run(sandbox, str(tmp_path / "report.json"))
    finally:
        sandbox.stop()


def run(sandbox, report):
    base = sandbox.info["stackflow"]
    values = {"base_url": base, "cognito_url": base,
              "cognito_idp_url": sandbox.info["cognito_url"],
              "client_secret": sandbox.info["client_secret"],
              "password": sandbox.info["password"]}
    args = [a for name, value in values.items()
            for a in ("--env-var", f"{name}={value}")]
    r = subprocess.run(
        ["node", NEWMAN, "run", COLLECTION, "-e", ENVIRONMENT, *args,
         "--color", "off", "--disable-unicode", "-r", "cli,json",
         "--reporter-json-export", report],
        capture_output=True, text=True, timeout=300)
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr
    with open(report, encoding="utf-8") as f:
        stats = json.load(f)["run"]["stats"]
    count = len(list(requests(json.loads(load(COLLECTION))["item"])))
    assert stats["requests"]["total"] == count
    assert stats["assertions"]["total"] >= count
    assert stats["assertions"]["failed"] == 0
    made = sandbox.incidents()
    assert [(i["short_description"], i["state"], i["priority"])
            for i in made] == [
        ("API gateway 502 errors spike", "resolved", "P1")]
    assert [n["body"] for n in made[0]["notes"]] == [
        "Rolled back the last deployment."]
