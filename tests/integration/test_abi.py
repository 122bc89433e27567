"""packaging/abi/check on a library of three lines: what it takes for a break,
and what not."""
import os
import shutil
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
HEADER = """
struct inside;
struct options { int size; const char *name; void *reserved[2]; };
enum way { HERE, THERE };
int sf_open(struct inside **out, const struct options *o, enum way way);
void sf_close(struct inside *x);
"""
SOURCE = """
#include "public.h"
#include "private.h"
int sf_open(struct inside **out, const struct options *o, enum way way)
{ static struct inside x; x.count = o->size + (int)way; *out = &x; return 0; }
void sf_close(struct inside *x) { x->count = 0; }
"""
PRIVATE = "struct inside { int count; };\n"


class Library:
    def __init__(self, folder):
        self.folder = str(folder)
        self.script = shutil.copy(
            os.path.join(TOP, "packaging", "abi", "check"), self.folder)
        self.files = {"public.h": HEADER, "private.h": PRIVATE,
                      "all.c": SOURCE}

    def check(self, *options, compiler="gcc", debug="-g", **edits):
        """edits: FILE=(OLD, NEW), a dot written as an underscore."""
        for name, text in self.files.items():
            old, new = edits.get(name.replace(".", "_"), ("", ""))
            assert old in text
            with open(os.path.join(self.folder, name), "w",
                      encoding="utf-8") as f:
                f.write(text.replace(old, new) if old else text)
        subprocess.run([compiler, "-shared", "-fPIC", debug, "-O1", "-o",
                        "lib.so", "all.c"], cwd=self.folder, check=True)
        return subprocess.run(
            [self.script, *options, "lib.so", "0", "public.h"],
            cwd=self.folder, capture_output=True, text=True)


@pytest.fixture
def library(tmp_path):
    if not shutil.which("abidw"):
        pytest.skip("abigail-tools isn't here: packaging/deps abigail-tools")
    return Library(tmp_path)


@pytest.fixture
def kept(library):
    r = library.check("--baseline")
    assert r.returncode == 0 and "libstackflow.so.0.abi" in r.stdout
    return library


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_same_is_the_same(kept, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} isn't here")
    r = kept.check(compiler=compiler)
    assert (r.returncode, r.stdout) == (0, ""), r.stdout + r.stderr


def test_what_is_inside_may_change(kept):
    r = kept.check(private_h=("int count;", "long more; int count;"),
                   public_h=("int size;", "/* in bytes */\n\tint size;"))
    assert (r.returncode, r.stdout) == (0, ""), r.stdout + r.stderr


def test_more_is_told(kept):
    r = kept.check(public_h=("void sf_close", "int sf_more(int);\nvoid sf_close"),
                   all_c=("void sf_close",
                          "int sf_more(int n) { return n; }\nvoid sf_close"))
    assert r.returncode == 0 and "sf_more" in r.stdout


@pytest.mark.parametrize("edits, word", [
    (dict(public_h=("int size;", "long size;")), "size"),
    (dict(public_h=("int size; const char *name;",
                    "const char *name; int size;")), "offset"),
    (dict(public_h=("HERE, THERE", "THERE, HERE")), "THERE"),
    (dict(public_h=("enum way way)", "long way)"),
          all_c=("enum way way)", "long way)")), "sf_open"),
    (dict(public_h=("void sf_close(struct inside *x);", ""),
          all_c=("void sf_close", "static __attribute__((unused)) void "
                 "sf_close")), "sf_close"),
])
def test_a_break_is_one(kept, edits, word):
    r = kept.check(**edits)
    assert r.returncode == 1
    assert word in r.stdout and "SOVERSION" in r.stderr


def test_nothing_to_compare(library):
    r = library.check()
    assert r.returncode == 1 and "make abi-baseline" in r.stderr
    r = library.check("--baseline", debug="-g0")
    assert r.returncode == 1 and "-g" in r.stderr
