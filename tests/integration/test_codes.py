"""Every code that a fault can have is explained, and nothing else is."""
import glob
import json
import os
import re
import subprocess

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TOCSIN = os.path.join(os.environ.get("TOCSIN_BUILD", "build"), "tocsin")


def sources(*patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(TOP, pattern),
                                     recursive=True)):
            with open(path) as f:
                text = f.read()
            # Comments may hold brackets and quotes.
            yield path, re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def arguments(text, start):
    """The arguments of the call whose bracket is just before start."""
    depth, quoted, found, last, i = 1, False, [], start, start
    while i < len(text):
        c = text[i]
        if quoted:
            i += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if not quoted and (depth == 0 or (c == "," and depth == 1)):
            found.append(text[last:i].strip())
            last = i + 1
            if depth == 0:
                return found
        i += 1
    raise AssertionError("no end of a call")


def takers():
    """{scope: {function: which argument is its code}}; None: everywhere."""
    found = {}
    for path, text in sources("lib/**/*.[ch]", "agent/**/*.[ch]"):
        for m in re.finditer(r"\b(\w+)\(", text):
            window = text[m.end():m.end() + 400]
            if "const char *code" not in window.split(")")[0]:
                continue
            args = arguments(text, m.end())
            at = [i for i, a in enumerate(args) if a == "const char *code"]
            if at:
                scope = None if path.endswith(".h") else path
                found.setdefault(scope, {})[m[1]] = at[0]
    return found


def used():
    """{code: where it is used}, and arguments that are no literal."""
    by_scope = takers()
    codes, others = {}, []
    for path, text in sources("lib/**/*.c", "agent/**/*.c"):
        # AWS and StackFlow have codes of their own.
        if "/lib/aws/" in path or "/agent/sandbox/" in path:
            continue
        names = dict(by_scope.get(None, {}), **by_scope.get(path, {}))
        for m in re.finditer(r"\b(%s)\(" % "|".join(names), text):
            args = arguments(text, m.end())
            if len(args) <= names[m[1]]:
                continue
            arg = args[names[m[1]]]
            if arg in ("code", "const char *code", "f->code"):
                continue		# passed on
            literals = re.fullmatch(
                r'(?:\w+ \? "([a-z-]+)" : )?"([a-z-]+)"', arg)
            if not literals:
                others.append(f"{path}: {m[1]}: {arg}")
                continue
            for literal in filter(None, literals.groups()):
                codes.setdefault(literal, path)
    return codes, others


def explain(*args):
    return subprocess.run([TOCSIN, "check", *args], capture_output=True,
                          text=True)


def listed():
    r = explain("--explain")
    assert r.returncode == 0, r.stderr
    return [line.split()[0] for line in r.stdout.splitlines()]


def test_every_code_in_the_sources_is_explained_and_no_other():
    codes, others = used()
    assert not others, others
    assert len(codes) > 50
    assert sorted(codes) == listed()


def test_one_code_is_explained_with_an_example():
    r = explain("--explain", "last-policy")
    assert r.returncode == 0
    assert r.stdout.startswith("last-policy\n  The last policy")
    assert "wrong:\n" in r.stdout and "right:\n" in r.stdout
    for code in listed():
        assert explain("--explain", code).stdout.startswith(code + "\n")


def test_an_unknown_code_is_told_with_the_nearest():
    r = explain("--explain", "last-polcy")
    assert r.returncode == 1 and r.stdout == ""
    assert "did you mean `last-policy`?" in r.stderr
    r = explain("--explain", "quite-another-thing")
    assert r.returncode == 1 and "did you mean" not in r.stderr


HEAD = 'version: 1\nteam: t\nowners: ["a@example.com"]\n'


def check(tmp_path, text, *args, name="10-t.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return explain(*args, str(path))


def test_warnings_are_errors_where_asked(tmp_path):
    text = HEAD + 'windows: {w: {every: "Sun 02:00-05:00"}}\n'
    r = check(tmp_path, text)
    assert r.returncode == 0 and "warning[unused-window]" in r.stdout
    r = check(tmp_path, text, "--strict")
    assert r.returncode == 1 and "error[unused-window]" in r.stdout


def codes_of(r):
    return {(f["code"], f["level"], f["line"]) for f in json.loads(r.stdout)}


def test_each_lint_warning(tmp_path):
    tests = "tests: [10-t_test.yaml]\n"
    cases = {
        "no-owners": "version: 1\nteam: t\n" + tests,
        "untested": HEAD,
        "unused-window": HEAD + tests +
        'windows: {w: {every: "Sun 02:00-05:00"}}\n',
        "expired-window": HEAD + tests +
        'windows: {w: {every: "Sun 02:00-05:00", until: 2020-01-01}}\n'
        "suppress: [{id: s, match: {}, during: w}]\n",
        "regex-no-literal": HEAD + tests +
        'policies: [{id: a, match: {alarm: {re: ".*[0-9]"}}}, '
        "{id: b, match: {}}]\n",
        "shadowed-policy": HEAD + tests +
        'policies: [{id: a, match: {alarm: "p*"}}, '
        '{id: b, match: {alarm: "pay*"}}, {id: c, match: {}}]\n',
    }
    for code, text in cases.items():
        r = check(tmp_path, text, "--format", "json")
        assert r.returncode == 0, (code, r.stdout, r.stderr)
        got = codes_of(r)
        assert {(c, level) for c, level, _ in got} == {(code, "warning")}, \
            (code, got)
    # A window that ended once, and one that stays.
    r = check(tmp_path, HEAD + tests +
              "windows: {w: {from: 2020-01-01, to: 2020-01-02}, "
              "v: {every: \"Sun 02:00-05:00\", until: 2999-01-01}}\n"
              "suppress: [{id: s, match: {}, during: w}, "
              "{id: t, match: {}, during: v}]\n", "--format", "json")
    assert {c for c, _, _ in codes_of(r)} == {"expired-window"}
    r = check(tmp_path, "version: 1\nteam: t\n" + tests +
              "policies: [{id: a, match: {}, resolve: {when: never}}]\n",
              "--format", "json")
    assert {c for c, _, _ in codes_of(r)} == {"no-owners", "never-resolves"}


def test_formats(tmp_path):
    text = "version: 1\nteam: t\npolices: []\n"
    r = check(tmp_path, text, "--format", "json", name="a,b:c%.yaml")
    first = json.loads(r.stdout)[0]
    assert first == {
        "file": first["file"], "line": 3, "column": 1, "level": "error",
        "code": "unknown-key",
        "text": "unknown key `polices`, did you mean `policies`?"}
    assert first["file"].endswith("a,b:c%.yaml")
    r = check(tmp_path, text, "--format", "github", name="a,b:c%.yaml")
    line = r.stdout.splitlines()[0]
    assert line.startswith("::error file=")
    assert "a%2Cb%3Ac%25.yaml,line=3,col=1,title=unknown-key::" in line
    assert r.returncode == 1
    r = check(tmp_path, text, "--format", "yaml")
    assert r.returncode == 2
