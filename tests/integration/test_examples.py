"""examples/libstackflow: each program is built as its first comment says, on
the library as it is installed, and run against the sandbox, which then says
what came of it."""
import glob
import json
import os
import re
import shutil
import subprocess

import pytest

import peers

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = os.path.join(TOP, "examples", "libstackflow")
NAMES = sorted(os.path.basename(p)[:-2]
               for p in glob.glob(os.path.join(FOLDER, "*.c")))
MAN = os.path.join(TOP, "packaging", "man")


def run(*argv, **kw):
    r = subprocess.run(argv, capture_output=True, text=True, **kw)
    assert r.returncode == 0, (argv, r.stdout[-2000:], r.stderr[-4000:])
    return r.stdout


class Built:
    """The library installed beneath a folder, the programs beside it."""

    def __init__(self, folder):
        self.folder = folder
        root = os.path.join(folder, "root")
        run("make", "-s", f"B={peers.BUILD}", f"DESTDIR={root}",
            "PREFIX=/usr", "install-dev", cwd=TOP)
        self.lib = os.path.join(root, "usr", "lib")
        self.flags = run(
            "pkg-config", "--cflags", "--libs", "stackflow", env=dict(
                os.environ, PKG_CONFIG_SYSROOT_DIR=root,
                PKG_CONFIG_LIBDIR=self.lib + "/pkgconfig")).split()

    def program(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            self.build(os.path.join(FOLDER, name + ".c"), path)
        return path

    def build(self, source, path):
        run("gcc", "-Wall", "-Wextra", "-Werror", source, *self.flags, "-o",
            path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if not glob.glob(os.path.join(peers.BUILD, "libstackflow.so.*")):
        pytest.skip("this build has no shared library")
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config isn't here")
    return Built(str(tmp_path_factory.mktemp("examples")))


@pytest.fixture
def box(tmp_path):
    s = peers.Sandbox(str(tmp_path))
    s.set(rate=0)
    yield s
    s.stop()


def key(box):
    return {"STACKFLOW_API_KEY": box.info["api_key"]}


def service(box):
    return {"STACKFLOW_CLIENT_ID": box.info["client_id"],
            "STACKFLOW_CLIENT_SECRET": box.info["client_secret"],
            "STACKFLOW_COGNITO_URL": box.info["stackflow"]}


class Program:
    def __init__(self, built, box, login=key):
        self.built = built
        self.env = {"LD_LIBRARY_PATH": built.lib, "PATH": os.environ["PATH"],
                    "STACKFLOW_BASE_URL": box.info["stackflow"], **login(box)}

    def __call__(self, name, *args, status=0, text=None, **env):
        r = subprocess.run([self.built.program(name), *args], input=text,
                           env={**self.env, **env}, text=True,
                           capture_output=True, timeout=120)
        assert r.returncode == status, (r.stdout, r.stderr)
        return r


def make(box, count, **fields):
    """Incidents as StackFlow's API makes them; their ids."""
    head = {"Authorization": "Bearer " + box.info["api_key"],
            "Content-Type": "application/json"}
    ids = []
    for i in range(count):
        status, _, data = box.http.call(
            "POST", "/prod/api/incidents",
            dict({"short_description": f"made {i}", "priority": "P3"},
                 **fields), head)
        assert status == 201, data
        ids.append(json.loads(data)["id"])
    return ids


@pytest.mark.parametrize("name", NAMES)
def test_its_first_comment_says_how_to_build_it(name):
    with open(os.path.join(FOLDER, name + ".c"), encoding="utf-8") as f:
        assert (f"\n *\tcc {name}.c $(pkg-config --cflags --libs stackflow) "
                f"-o {name}\n") in f.read()


@pytest.mark.parametrize("name", NAMES)
def test_without_an_environment_it_says_what_is_missing(built, name):
    r = subprocess.run([built.program(name), *["x"] * (name in (
        "incident", "ask"))], env={"LD_LIBRARY_PATH": built.lib},
        input='{"AlarmName": "a"}', text=True, capture_output=True,
        timeout=60)
    assert r.returncode == 2 and r.stderr.count("\n") == 1
    if name != "client":
        assert "STACKFLOW_" in r.stderr


@pytest.mark.parametrize("login", [key, service])
def test_quick_start(built, box, login):
    make(box, 2, priority="P1")
    make(box, 1, priority="P2")
    r = Program(built, box, login)("quick_start")
    m = re.fullmatch(r"StackFlow is healthy\nOpen P1 incidents: 2\n"
                     r"Created: (INC\d{7})\n", r.stdout)
    assert m, r.stdout
    new = next(i for i in box.incidents() if i["id"] == m[1])
    assert (new["short_description"], new["priority"], new["category"],
            new["assignment_group"], new["state"]) == (
        "Memory leak on app-server-03", "P2", "server",
        "Platform Engineering", "new")


def test_incident(built, box):
    stackflow = Program(built, box)
    r = stackflow("incident", "Disk full")
    only, = box.incidents()
    assert r.stdout == only["id"] + "\n"
    assert only["short_description"] == "Disk full"
    assert [(n["body"], n["visibility"]) for n in only["notes"]] == [
        ("Opened by an example", "internal")]
    r = stackflow("incident", "Disk full", status=1,
                  STACKFLOW_API_KEY="nobody")
    assert "not carried out" in r.stderr and "nobody" not in r.stderr
    box.fault("create-then-500", method="POST", path="/incidents",
              count=1)
    r = stackflow("incident", "Disk full", status=1)
    assert "may have been carried out" in r.stderr
    assert len(box.incidents()) == 2


@pytest.mark.parametrize("severity, priority", [
    ("CRITICAL", "P1"), ("HIGH", "P2"), ("MEDIUM", "P3"), ("LOW", "P4"),
    (None, "P3"), ("URGENT", "P3")])
def test_alarm(built, box, severity, priority):
    alarm = {"AlarmName": 'pay "db" cpu', "AlarmDescription": "CPU > 90 %"}
    if severity:
        alarm.update(severity=severity, stackflow_ci_id="CI0001234")
    r = Program(built, box)("alarm", text=json.dumps(alarm))
    only, = box.incidents()
    assert r.stdout == only["id"] + "\n"
    assert (only["short_description"], only["description"], only["priority"],
            only["category"], only["subcategory"],
            only["assignment_group"], only.get("ci_id")) == (
        'CloudWatch Alarm: pay "db" cpu', "CPU > 90 %", priority,
        "monitoring", "cloudwatch", "Platform Engineering",
        "CI0001234" if severity else None)


@pytest.mark.parametrize("text", ["", "[]", '{"AlarmName": 1}', "{", "{}"])
def test_alarm_refuses_what_is_none(built, box, text):
    r = Program(built, box)("alarm", text=text, status=2)
    assert r.stderr.startswith("this is no alarm: ")
    assert not box.incidents()


@pytest.mark.parametrize("paging", ["page", "cursor"])
def test_paginate(built, box, paging):
    box.set(paging=paging)
    ids = make(box, 230, priority="P4")
    make(box, 3, priority="P1", short_description="a\tb & c=d")
    stackflow = Program(built, box)
    r = stackflow("paginate", "priority", "P4", "state", "new")
    rows = [line.split("\t") for line in r.stdout.splitlines()]
    assert sorted(row[0] for row in rows) == sorted(ids)
    assert {tuple(row[1:3]) for row in rows} == {("P4", "new")}
    assert stackflow("paginate", "priority", "P2").stdout == ""
    assert len(stackflow("paginate").stdout.splitlines()) == 233


def test_bulk_close(built, box):
    box.set(clock=-86400000)	# made a day ago
    old = make(box, 130)
    open_still = make(box, 2)
    box.set(clock=86400000)
    young = make(box, 2)
    box.set(clock=0)
    for i in old + young:
        box.person(i, state="resolved")
    stackflow = Program(built, box)
    assert stackflow("bulk_close").stdout == "0 to close\n"
    assert stackflow("bulk_close", "--preview").stdout == "0 to close\n"
    assert stackflow("bulk_close", "--preview", "0").stdout == \
        "130 to close\n"
    for wrong in "-1", "all", "":
        assert "usage" in stackflow("bulk_close", wrong, status=2).stderr
    assert stackflow("bulk_close", "0").stdout == "closed 130 of 130\n"
    states = {i["id"]: i["state"] for i in box.incidents()}
    assert {states[i] for i in old} == {"closed"}
    assert {states[i] for i in young} == {"resolved"}
    assert {states[i] for i in open_still} == {"new"}
    assert stackflow("bulk_close", "0").stdout == "0 to close\n"


def test_ask(built, box):
    incident, = make(box, 1)
    question = "What is the procedure for a P1 major incident?"
    head = {"Authorization": "Bearer " + box.info["api_key"]}
    status, _, data = box.http.call("POST", "/prod/api/ai/ask", {
        "question": question, "model": "claude-3-sonnet",
        "context_record": {"type": "incident", "id": incident}}, head)
    assert status == 200
    want = json.loads(data)
    r = Program(built, box)("ask", question, incident)
    assert r.stdout.startswith(want["answer"] + "\n")
    assert [(c["article_id"], c["title"]) for c in want["citations"]] == \
        re.findall(r"^\[(\w+)\] (.*?)(?: \(\d+ %\))?$",
                   r.stdout[len(want["answer"]):], re.M)
    assert want["model_used"] in r.stderr and "tokens" in r.stderr
    assert Program(built, box)("ask", question).stdout


def test_many(built, box):
    titles = [f"title {i}" for i in range(300)]
    r = Program(built, box)("many", text="\n".join(titles) + "\n\n")
    assert r.stdout == "300 created, 0 not, 0 perhaps\n"
    assert sorted(i["short_description"] for i in box.incidents()) == \
        sorted(titles)


def test_many_says_what_may_have_been_created(built, box):
    box.fault("create-then-500", method="POST", path="/incidents",
              count=2)
    box.fault("error", status=400, method="POST", path="/incidents", count=1)
    r = Program(built, box)("many", status=1,
                            text="".join(f"{i}\n" for i in range(10)))
    assert r.stdout == "7 created, 1 not, 2 perhaps\n"
    assert len(box.incidents()) == 9


def test_context(built, box):
    r = Program(built, box)("context", ORG_ID="org-1",
                            NEXT_TOKEN=box.info["api_key"])
    entries = [json.loads(line) for line in r.stdout.splitlines()]
    ids = sorted(i["id"] for i in box.incidents())
    assert [(e["action"], e["resource_type"], e.get("done"))
            for e in entries] == [
        ("incident.create", "incident", True),
        ("incident.create", "incident", True),
        ("example.end", "example", None)]
    assert sorted(e["resource_id"] for e in entries[:2]) == ids
    assert entries[2]["details"] == {"incidents": 2}
    assert all(e["at"] for e in entries)
    sent = [{n.lower(): v for n, v in e["request_headers"].items()}
            for e in box.control("GET", "/exchanges")["exchanges"]
            if e["method"] == "POST"]
    assert [{n: h.get(n) for n in ("x-org-id", "x-execution-id",
                                   "x-request-id", "x-example")}
            for h in sent] == [
        {"x-org-id": "org-1", "x-execution-id": "exec-7",
         "x-request-id": f"req-{i}", "x-example": "context"} for i in (1, 2)]
    # The new token is used, and nothing in its place.
    r = Program(built, box)("context", NEXT_TOKEN="wrong", status=1)
    assert "wrong" not in r.stdout + r.stderr
    assert len(box.incidents()) == 3


def test_client(built, box):
    program = Program(built, box)
    r = program("client", SF_URL=box.info["stackflow"],
                SF_CLIENT_ID=box.info["client_id"],
                SF_EMAIL=box.info["email"], SF_PASSWORD=box.info["password"],
                AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=box.info[
                    "cognito_url"])
    assert [line.partition(": ") for line in r.stdout.splitlines()] == [
        ("get", ": ", "new"), ("update", ": ", "in_progress"),
        ("note", ": ", ""), ("change", ": ", "new"),
        ("update", ": ", "resolved"), ("create", ": ", "new")]
    assert re.fullmatch(r"6 requests, \d+ left this second\n", r.stderr)
    only, = box.incidents()
    assert only["state"] == "resolved" and [
        n["body"] for n in only["notes"]] == ["The pool is being raised."]


def programs_of(page):
    """The whole programs that a page of the manual shows."""
    with open(os.path.join(MAN, page), encoding="utf-8") as f:
        blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", f.read(),
                            re.M | re.S)
    return [b.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
            for b in blocks if "int main(" in b]


@pytest.mark.parametrize("page", sorted(
    p for p in os.listdir(MAN) if p.endswith(".3")))
def test_programs_of_the_manual_are_programs(built, page, tmp_path):
    for i, text in enumerate(programs_of(page)):
        (tmp_path / f"{i}.c").write_text(text)
        built.build(str(tmp_path / f"{i}.c"), str(tmp_path / str(i)))


def test_the_first_program_of_the_manual(built, box, tmp_path):
    text, = programs_of("libstackflow.3")
    (tmp_path / "first.c").write_text(text)
    built.build(str(tmp_path / "first.c"), built.folder + "/first")
    ids = make(box, 30)
    stackflow = Program(built, box)
    lines = stackflow("first").stdout.splitlines()
    assert sorted(line.split(" ", 1)[0] for line in lines) == sorted(ids)
    assert {line.split()[1] for line in lines} == {"made"}
    assert stackflow("first", ids[3]).stdout == ""
    states = {i["id"]: i["state"] for i in box.incidents()}
    assert [i for i in ids if states[i] == "closed"] == [ids[3]]
    assert "INC9999999" in stackflow("first", "INC9999999", status=1).stderr
