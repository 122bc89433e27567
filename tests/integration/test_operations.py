"""What operators read and import: the manual's tables and runbook against the
code, alert rules, the dashboard and the Terraform example. No agent is needed."""
import ast
import glob
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MAN = os.path.join(TOP, "packaging", "man")
PROMETHEUS = os.path.join(TOP, "examples", "prometheus")
TEXT = r'"(?:[^"\\]|\\.)*"'
TEXTS = rf"{TEXT}(?:\s*{TEXT})*"


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def page(name):
    return read("packaging", "man", name).replace("\\\n", "")


@pytest.fixture(scope="module")
def manual():
    """packaging/manual as a module."""
    loader = importlib.machinery.SourceFileLoader(
        "manual", os.path.join(TOP, "packaging", "manual"))
    spec = importlib.util.spec_from_loader("manual", loader)
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


def run(*argv, **kw):
    return subprocess.run(argv, capture_output=True, text=True, **kw)


def needs(program, where):
    if not shutil.which(program):
        pytest.skip(f"{program} isn't here ({where})")


def joined(literals):
    return "".join(ast.literal_eval(t) for t in re.findall(TEXT, literals))


# ---- the tables of the manual ----

def test_pages_say_what_the_tables_say():
    r = run(os.path.join(TOP, "packaging", "manual"), "--check")
    assert r.returncode == 0, "run `make man`\n" + r.stdout + r.stderr


def test_drift_is_seen(tmp_path):
    """A metric, a default and a line of advice that are changed are told."""
    for path in ["packaging/manual", "agent/metrics.tbl", "agent/metrics.c",
                 "agent/conf_keys.c", "agent/admin/health.c",
                 "agent/warnings.c", "agent/drill.c",
                 "agent/intake/queues.c", "packaging/man/metrics.advice",
                 "packaging/man/tocsin-metrics.7",
                 "packaging/man/tocsin.yaml.5"]:
        os.makedirs(tmp_path / os.path.dirname(path), exist_ok=True)
        shutil.copy(os.path.join(TOP, path), tmp_path / path)

    def check(path, old, new):
        kept = (tmp_path / path).read_text()
        assert old in kept
        (tmp_path / path).write_text(kept.replace(old, new, 1))
        r = run(str(tmp_path / "packaging/manual"), "--check")
        (tmp_path / path).write_text(kept)
        return r.returncode, r.stdout + r.stderr

    assert check("agent/metrics.tbl", "METRIC(", "METRIC(")[0] == 0
    code, said = check("agent/metrics.tbl", '"Writes that', '"Those that')
    assert code and "Those that" in said and "tocsin-metrics.7" in said
    code, said = check("agent/metrics.tbl", "tocsin_escalations_total",
                       "tocsin_escalated_total")
    assert code and "tocsin_escalations_total" in said
    code, said = check("agent/conf_keys.c", "RANGE(1, 100000, 80)",
                       "RANGE(1, 100000, 90)")
    assert code and "+.Pq Li 90" in said and "requests_per_second" in said
    code, said = check("packaging/man/metrics.advice", "tocsin_silences\n",
                       "tocsin_silence\n")
    assert code and "tocsin_silence" in said


def test_each_key_is_explained(manual):
    """Not only in the table: in the words of the page."""
    words = page("tocsin.yaml.5")
    start = words.index(".Sh KEYS")
    told = words[start:words.index(".Sh ALL KEYS")] + \
        words[words.index(".Sh NOT AVAILABLE"):]
    lacking = [key for key, _, _ in manual.keys()
               if not re.search(r"\b" + re.escape(key.split(".")[-1]) +
                                r"\b", told)]
    assert not lacking


def test_defaults_in_the_words_are_those_of_the_table(manual):
    """`.It Va KEY Pq DEFAULT` of the page; several in one line too."""
    known = {re.sub(r"\[\]", "", k): d for k, _, d in manual.keys()}
    seen = 0
    for line in re.findall(r"^\.It Va (.*)$", page("tocsin.yaml.5"), re.M):
        for key, default in re.findall(
                r"([\w.]+) (?:Pq|Po) (?:Li )?(\S+)", line):
            full = [k for k in known if k == key or (
                "." not in key and k in ("sqs." + key, "listen." + key))]
            if len(full) == 1 and known[full[0]]:
                assert default == known[full[0]], line
                seen += 1
    assert seen > 20


def test_each_reason_of_rejection_is_explained():
    told = page("tocsin-metrics.7")
    told = told[told.index(".Sh REASONS OF REJECTION"):]
    told = set(re.findall(r"\w+", " ".join(
        re.findall(r"^\.It Li (.*)$", told, re.M)).replace(" , ", " ")))
    reasons = set()
    for path in glob.glob(os.path.join(TOP, "agent", "intake", "*.c")):
        text = read(path)
        for pattern in (r'intake_refuse\(\w+, \d+,\s*"(\w+)"',
                        r'intake_postpone\(\w+,\s*"(\w+)"',
                        r'\brefuse\(\w+, \w+, \d+,\s*"(\w+)"',
                        r'metrics_rejected\([^",]*, "(\w+)"'):
            reasons |= set(re.findall(pattern, text))
    assert len(reasons) > 15
    assert told - {"Li"} == reasons


# ---- the runbook ----

def items(text, macro):
    """What stands behind a macro in lines of .It: one line may have several."""
    out = []
    for line in re.findall(r"^\.It (.*)$", text, re.M):
        out += re.findall(rf'{macro} ("[^"]*"|\S+)', line)
        if macro == "Sy":
            out += re.findall(r", (\w+)", line)
    return {w.strip('"') for w in out}


def log_lines():
    """{message: file} of the levels warning and error."""
    found = {}
    paths = glob.glob(os.path.join(TOP, "agent", "**", "*.c"), recursive=True)
    for path in paths:
        text = read(path)
        for m in re.finditer(
                r"\bLOG\((?:WARNING|ERROR),(.*?)(?:,\s*LF[CN]?\(|\);)", text,
                re.S):
            for words in re.findall(TEXTS, m[1]):
                found[joined(words)] = path
        if path.endswith("agent/agent.c"):
            for what in re.findall(r'return fail\([^;"]*("[^"]*"),', text):
                found[joined(what)] = path
        for m in re.finditer(r"\blog_write\((.*?)\n\s*(?:\(|&)", text, re.S):
            if re.search("WARNING|ERROR", m[1]):
                for words in re.findall(TEXTS, m[1]):
                    found[joined(words)] = path
    # Those whose words stand in a table.
    said = re.search(r"said\[\] = \{(.*?)\};",
                     read("agent", "deliver", "record.c"), re.S)[1]
    for result in ("LATER", "DEAD", "DOUBT"):
        words = re.search(rf"\[RESULT_{result}\] = ({TEXT})", said)[1]
        found[joined(words)] = "agent/deliver/record.c"
    return found


def test_each_log_line_is_in_the_runbook():
    lines = log_lines()
    assert len(lines) > 45
    told = items(page("tocsin-runbook.7"), "Li")
    lacking = {m: p for m, p in lines.items() if m not in told}
    assert not lacking
    book = page("tocsin-runbook.7")
    book = book[book.index(".Sh LOG LINES"):]
    gone = items(book, "Li") - set(lines)
    assert not gone, "no such line is logged any more"


def test_each_reason_of_readyz_is_in_the_runbook():
    text = read("agent", "admin", "health.c")
    told = items(page("tocsin-runbook.7"), "Li")
    ready = text[text.index("bool admin_ready"):text.index("void api_metrics")]
    reasons = [joined(w) for w in re.findall(
        rf"buf_puts\(why,\s*({TEXTS})", ready)]
    assert len(reasons) >= 3
    for reason in reasons:
        assert any(reason.strip().startswith(t) for t in told), reason
    assert any(t.startswith("degraded: StackFlow can't be reached")
               for t in told)


def test_each_exit_status_is_in_the_runbook():
    text = read("agent", "cmd", "cmd.h") + read("agent", "agent.c")
    statuses = {int(n) for n in re.findall(
        r"CMD_\w+ = (\d+)|EXIT_CONFIG (\d+)", text) for n in n if n}
    assert {0, 1, 2, 3, 78} <= statuses
    book = page("tocsin-runbook.7")
    book = book[book.index(".Sh EXIT STATUS"):book.index(".Sh LOG LINES")]
    for status in statuses:
        assert re.search(rf"\b{status}\b", book), status


def alerts():
    """{name: its text}"""
    text = read("examples", "prometheus", "tocsin.rules.yaml")
    parts = re.split(r"^ +- alert: (\w+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_each_alert_is_in_the_runbook_and_tested():
    names = set(alerts())
    assert len(names) > 25
    assert names == {n for n in items(page("tocsin-runbook.7"), "Sy")
                     if n.startswith("Tocsin")}
    tests = read("examples", "prometheus", "tocsin.rules.test.yaml")
    fired = set(re.findall(r'alertname="(\w+)"', tests))
    assert fired == names


def test_each_warning_s_code_is_in_the_runbook_and_an_alert():
    """Codes of agent/warnings.tbl, and what is raised by its code."""
    book = page("tocsin-runbook.7")
    book = book[book.index(".Sh WARNINGS"):book.index(".Sh NOT READY")]
    codes = set(re.findall(r'^WARNING\(\w+, "([a-z-]+)"',
                           read("agent", "warnings.tbl"), re.M))
    assert len(codes) > 20 and items(book, "Li") == codes
    for path in glob.glob(os.path.join(TOP, "agent", "**", "*.c"),
                          recursive=True):
        for code in re.findall(r'warning_raise\(\w[\w>-]*,\s*"([a-z-]+)"',
                               read(path)):
            assert code in codes, f"{path}: {code}"
    told = re.search(r'code=~"([^"]*)"', alerts()["TocsinWarns"])[1]
    assert set(told.split("|")) <= codes


# ---- Prometheus and Grafana ----

def names_in(expr):
    return {re.sub(r"_(bucket|sum|count)$", "", n) if n.endswith("_bucket")
            else n for n in re.findall(r"\b(?:tocsin|process)_\w+", expr)}


def test_alerts_ask_for_metrics_that_there_are(manual):
    known = set(manual.metrics())
    for name, text in alerts().items():
        expr = text[:text.index("annotations:")]
        assert names_in(expr) or "up{" in expr, name
        assert names_in(expr) <= known, name
        assert "severity:" in text and "summary:" in text and \
            "description:" in text and "man:tocsin-runbook(7)" in text, name


def test_alerts_know_each_reason_that_matters():
    """A new reason of rejection is in one of the two alerts, or harmless."""
    told = page("tocsin-metrics.7")
    told = told[told.index(".Sh REASONS OF REJECTION"):]
    reasons = set(re.findall(r"\b[a-z_]+\b", " ".join(re.findall(
        r"^\.It Li (.*)$", told, re.M))))
    both = alerts()["TocsinRefuses"] + alerts()["TocsinPostpones"]
    asked = set("|".join(re.findall(r'reason=~"([^"]+)"', both)).split("|"))
    # Scanners and passwords tried out are anybody's every day.
    assert asked == reasons - {"path", "method", "credentials"}


def test_promtool_takes_the_rules():
    needs("promtool", "packaging/deps prometheus")
    r = run("promtool", "check", "rules", "tocsin.rules.yaml", cwd=PROMETHEUS)
    assert r.returncode == 0, r.stdout + r.stderr
    r = run("promtool", "test", "rules", "tocsin.rules.test.yaml",
            cwd=PROMETHEUS)
    assert r.returncode == 0, r.stdout + r.stderr
    r = run("promtool", "check", "config", "--syntax-only", "scrape.yaml",
            cwd=PROMETHEUS)
    assert r.returncode == 0, r.stdout + r.stderr


def panels():
    board = json.loads(read("examples", "grafana", "tocsin.json"))
    return board, [p for p in board["panels"] if p["type"] != "row"]


def test_the_dashboard(manual):
    board, shown = panels()
    assert board["uid"] == "tocsin" and board["id"] is None
    assert board["schemaVersion"] >= 36
    assert [v["name"] for v in board["templating"]["list"]] == \
        ["datasource", "job", "instance"]
    known = set(manual.metrics())
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids)) and len(shown) > 15
    places = set()
    for p in shown:
        assert p["datasource"]["uid"] == "${datasource}"
        assert p["title"] and p["description"]
        for t in p["targets"]:
            assert names_in(t["expr"]) <= known, p["title"]
            assert names_in(t["expr"]) or "up{" in t["expr"]
            assert 'job=~"$job",instance=~"$instance"' in t["expr"]
        g = p["gridPos"]
        for x in range(g["x"], g["x"] + g["w"]):
            for y in range(g["y"], g["y"] + g["h"]):
                assert (x, y) not in places and x < 24, p["title"]
                places.add((x, y))
    for v in board["templating"]["list"][1:]:
        assert names_in(v["definition"]) <= known


def test_promtool_takes_the_dashboard_s_queries(tmp_path):
    """Each as a recording rule: that is how promtool reads an expression."""
    needs("promtool", "packaging/deps prometheus")
    rules = []
    for p in panels()[1]:
        for t in p["targets"]:
            expr = t["expr"].replace("$__rate_interval", "5m")
            expr = expr.replace("$job", ".*").replace("$instance", ".*")
            assert "$" not in expr
            rules.append({"record": f"a{len(rules)}", "expr": expr})
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    r = run("promtool", "check", "rules", str(path))
    assert r.returncode == 0, r.stdout + r.stderr
    path.write_text(path.read_text().replace("sum by", "sum bye", 1))
    assert run("promtool", "check", "rules", str(path)).returncode != 0


# ---- Terraform ----

def terraform():
    """All of the example, without comments."""
    text = "\n".join(open(p, encoding="utf-8").read() for p in sorted(
        glob.glob(os.path.join(TOP, "examples", "terraform", "*.tf"))))
    return re.sub(r"^\s*#.*$", "", text, flags=re.M)


def rights_of_the_manual():
    """{sid: actions} of the policy in tocsin.yaml(5)."""
    text = page("tocsin.yaml.5")
    text = text[text.index(".Sh RIGHTS IN AWS"):]
    policy = json.loads(re.search(r"^\.Bd -literal\n(.*?)^\.Ed", text,
                                  re.M | re.S)[1])
    return {s["Sid"]: set(s["Action"]) for s in policy["Statement"]}


def test_terraform_grants_the_rights_of_the_manual():
    text = read("examples", "terraform", "rights.tf")
    granted = {m[1]: set(re.findall(r'"(\w+:\w+)"', m[2])) for m in re.finditer(
        r'sid\s*=\s*"(\w+)"\s*actions\s*=\s*\[(.*?)\]', text, re.S)}
    assert granted == rights_of_the_manual()
    assert "*" not in "".join(set().union(*granted.values()))


def test_terraform_refers_to_what_is_there():
    text = terraform()
    there = set(re.findall(r'^resource "(\w+)" "(\w+)"', text, re.M))
    data = set(re.findall(r'^data "(\w+)" "(\w+)"', text, re.M))
    variables = set(re.findall(r'^variable "(\w+)"', text, re.M))
    assert len(there) > 10
    used = set(re.findall(r"(?<![\w.\"])(?<!data\.)(aws_\w+)\.(\w+)", text))
    assert used <= there, used - there
    assert set(re.findall(r"\bdata\.(\w+)\.(\w+)", text)) == data
    assert set(re.findall(r"\bvar\.(\w+)", text)) == variables
    # Each subscription and queue has somewhere to leave what it can't hand on.
    for kind, name in there:
        body = re.search(rf'^resource "{kind}" "{name}" \{{(.*?)^\}}', text,
                         re.M | re.S)[1]
        if kind == "aws_sns_topic_subscription":
            assert "redrive_policy" in body and "undelivered" in body
        if kind == "aws_cloudwatch_metric_alarm":
            assert "ok_actions" in body
    assert "aws:SourceArn" in text and re.search(r"sensitive +=", text)


def test_terraform_reads_it(tmp_path):
    """validate too, where its provider is to be had."""
    needs("terraform", "https://developer.hashicorp.com/terraform/install")
    folder = tmp_path / "tf"
    shutil.copytree(os.path.join(TOP, "examples", "terraform"), folder)
    r = run("terraform", "fmt", "-check", "-diff", "-no-color", cwd=folder)
    assert r.returncode == 0, r.stdout + r.stderr
    (folder / "broken.tf").write_text('resource "x" {')
    assert run("terraform", "fmt", "-check", cwd=folder).returncode != 0
    os.unlink(folder / "broken.tf")
    plugins = os.environ.get("TF_PLUGIN_CACHE_DIR")
    if plugins:
        r = run("terraform", "init", "-backend=false", "-no-color",
                f"-plugin-dir={plugins}", cwd=folder)
        assert r.returncode == 0, r.stdout + r.stderr
        r = run("terraform", "validate", "-no-color", cwd=folder)
        assert r.returncode == 0, r.stdout + r.stderr


# ---- libstackflow(3) ----

def test_the_library_s_pages_have_each_header():
    pages = "".join(page(n) for n in os.listdir(
        os.path.join(TOP, "packaging", "man")) if n.endswith(".3"))
    headers = re.search(r"^PUBLIC := (.*?[^\\])$", read(
        "packaging", "package.mk"), re.M | re.S)[1]
    for name in re.findall(r"\w+\.h", headers):
        assert name in pages, name


def test_the_library_s_example_compiles(tmp_path):
    needs("gcc", "make deps")
    text = re.search(r"^\.Bd -literal\n(.*?)^\.Ed", page("libstackflow.3"),
                     re.M | re.S)[1].replace("\\e", "\\")
    (tmp_path / "list.c").write_text(text)
    os.makedirs(tmp_path / "stackflow")
    for name in ("base", "doc", "rest"):
        os.symlink(os.path.join(TOP, "lib", name),
                   tmp_path / "stackflow" / name)
    for name in ("stackflow.h", "changes.h"):
        os.symlink(os.path.join(TOP, "lib", "stackflow", name),
                   tmp_path / "stackflow" / name)
    r = run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
            "-fsyntax-only", f"-I{tmp_path}", f"-I{TOP}/lib",
            str(tmp_path / "list.c"))
    assert r.returncode == 0, r.stderr
