"""Flags of the compiler and the linker, read back from what was built."""
import glob
import os
import platform
import re

import pytest

from packages import BUILD, PACKAGES, call, files, need

ELF = {"/usr/bin/tocsin": "tocsin", "/usr/bin/stackflow": "tocsin",
       "libstackflow.so.0.*": "libstackflow0"}


@pytest.fixture(params=sorted(ELF))
def program(request, unpacked):
    root = unpacked[ELF[request.param]]
    found = [p for p in files(root) if
             re.search(request.param.replace("*", ".+") + "$", p) and
             not os.path.islink(root + p)]
    assert len(found) == 1
    return root + found[0]


def test_segments_and_binding(program):
    text = call("readelf", "-W", "-l", "-h", "-d", program).stdout
    assert re.search(r"Type:\s+DYN", text)
    assert re.search(r"GNU_STACK(\s+\S+){5}\s+RW\s", text)
    assert "GNU_RELRO" in text
    assert re.search(r"FLAGS_1\).*NOW", text)
    assert "TEXTREL" not in text and "RPATH" not in text \
        and "RUNPATH" not in text
    assert not re.search(r"LOAD(\s+\S+){5}\s+RWE", text)
    if program.endswith(("/tocsin", "/stackflow")):
        assert re.search(r"FLAGS_1\).*PIE", text)
    else:
        # Bindings of other languages load it so.
        assert "NOOPEN" not in text


def test_stack_protector_and_fortify(program):
    symbols = call("nm", "-D", "--undefined-only", program).stdout
    assert "__stack_chk_fail" in symbols
    checked = set(re.findall(r"__(\w+)_chk@", symbols))
    assert {"memcpy", "snprintf"} & checked or len(checked) >= 2, checked
    plain = set(re.findall(r" U (\w+)@", symbols))
    # What could have been checked and never was.
    assert not plain & {"sprintf", "strcpy", "strcat", "gets"}


def test_debian_s_own_check(program):
    need("hardening-check")
    # The start-up code of the C library of Debian 12 has no note of CET, so that
    # a program has none: each object is looked at below.
    r = call("hardening-check", "--nocfprotection", program,
             check=False)
    assert r.returncode == 0, r.stdout
    for line in ("Position Independent Executable", "Stack protected",
                 "Fortify Source functions", "Read-only relocations",
                 "Immediate binding"):
        assert re.search(line + r":.*(yes|no, regular shared library)",
                         r.stdout), r.stdout


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 alone")
def test_each_object_is_marked_for_cet():
    objects = [p for f in ("agent", "lib", "pic")
               for p in glob.glob(os.path.join(BUILD, f, "**/*.o"),
                                  recursive=True)]
    assert len(objects) > 200
    text = call("readelf", "-n", *objects).stdout
    marked = len(re.findall(r"x86 feature: IBT, SHSTK", text))
    assert marked == len(objects)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 alone")
def test_functions_begin_with_endbr(program):
    text = call("objdump", "-d", "--section=.text", program).stdout
    assert text.count("endbr64") > 100


def test_the_log_of_the_build(debs):
    need("blhc")
    r = call("blhc", "--all", "--arch=amd64",
             os.path.join(PACKAGES, "deb.log"), check=False)
    assert r.returncode == 0, r.stdout[-3000:]


FLAGS = ["-fstack-protector-strong", "-fstack-clash-protection",
         "-fno-delete-null-pointer-checks", "-fno-strict-overflow",
         "-fno-strict-aliasing", "-Wformat=2", "-Werror",
         "-Werror=format-security"]
GCC = ["-D_FORTIFY_SOURCE=3", "-ftrivial-auto-var-init=zero",
       "-Wbidi-chars=any"]


def test_each_file_is_compiled_with_all_of_them(debs):
    with open(os.path.join(PACKAGES, "deb.log"), encoding="utf-8") as f:
        lines = [x for x in f if " -c -o " in x and "gcc" in x[:40]]
    assert len(lines) > 200
    flags = FLAGS + (GCC if "gcc-12" in call("gcc", "-v").stderr or int(
        call("gcc", "-dumpversion").stdout.split(".")[0]) >= 12 else [])
    for line in lines:
        words = line.split()
        assert not set(flags) - set(words), line
        last = [w for w in words if "_FORTIFY_SOURCE" in w][-1]
        assert last.startswith("-D_FORTIFY_SOURCE="), line
        assert ("-fPIE" in words) != ("-fPIC" in words), line
