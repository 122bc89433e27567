"""libstackflow as programs of others meet it: what it exports, its headers,
and an example of ours that is built against the packages alone."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from packages import BUILD, TOP, call, files, need

MAP = os.path.join(TOP, "lib/stackflow/libstackflow.map")


@pytest.fixture(scope="module")
def sysroot(unpacked, tmp_path_factory):
    """Both packages of the library in one folder: (usr/include, libraries)."""
    top = str(tmp_path_factory.mktemp("sysroot"))
    for name in "libstackflow0", "libstackflow-dev":
        shutil.copytree(unpacked[name] + "/usr", top + "/usr",
                        symlinks=True, dirs_exist_ok=True)
    lib = os.path.dirname(next(p for p in files(top)
                               if p.endswith("/libstackflow.so.0")))
    return top + "/usr/include", top + lib


def exported(lib):
    text = call("nm", "-D", "--defined-only", lib + "/libstackflow.so.0").stdout
    return {line.split()[-1] for line in text.splitlines()}


def mapped():
    with open(MAP, encoding="utf-8") as f:
        return set(re.findall(r"^\t(sf_\w+);", f.read(), re.M))


def test_it_exports_what_the_map_says_under_one_version(sysroot):
    names = exported(sysroot[1])
    assert names - {"LIBSTACKFLOW_0"} == {
        f"{n}@@LIBSTACKFLOW_0" for n in mapped()}


def test_the_map_is_what_the_headers_declare(sysroot, tmp_path):
    include = sysroot[0]
    headers = [p for p in files(include) if p.endswith(".h")]
    source = tmp_path / "all.c"
    source.write_text("".join(f"#include <{p[1:]}>\n" for p in headers))
    info = tmp_path / "declared"
    call("gcc", "-std=c11", "-D_GNU_SOURCE", "-I", include, "-fsyntax-only",
         "-aux-info", str(info), str(source))
    declared = set()
    for line in info.read_text().splitlines():
        where, _, text = line.partition("*/ ")
        if include in where and not text.startswith("static"):
            declared.add(re.search(r"(\w+) \(", text)[1])
    assert declared == mapped()


@pytest.mark.parametrize("standard", ["c11", "gnu17"])
def test_each_header_stands_alone(sysroot, standard, tmp_path):
    for path in files(sysroot[0]):
        source = tmp_path / "one.c"
        source.write_text(f"#include <{path[1:]}>\nint x;\n")
        for cc in "gcc", "clang":
            if shutil.which(cc):
                call(cc, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                     "-I", sysroot[0], "-fsyntax-only", str(source))


def test_nothing_it_exports_is_named_as_json_c_s_own(sysroot):
    needed = call("ldd", sysroot[1] + "/libstackflow.so.0").stdout
    for path in re.findall(r"=> (/\S+)", needed):
        text = call("nm", "-D", "--defined-only", path).stdout
        theirs = {line.split()[-1].split("@")[0]
                  for line in text.splitlines()}
        assert not theirs & mapped(), path


def test_the_symbols_file_has_each_symbol():
    path = os.path.join(TOP, "packaging/debian/libstackflow0.symbols")
    with open(path, encoding="utf-8") as f:
        listed = set(re.findall(r"^ (sf_\w+)@LIBSTACKFLOW_0 \d", f.read(),
                                re.M))
    assert listed == mapped()


@contextlib.contextmanager
def sandbox(folder):
    with subprocess.Popen(
            [os.path.join(BUILD, "tocsin"), "sandbox", "--listen",
             "127.0.0.1:0", "--sns-listen", "127.0.0.1:0", "--data", folder],
            stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline().startswith("sandbox ready")
            with open(folder + "/sandbox.json", encoding="utf-8") as f:
                yield json.load(f)
        finally:
            p.terminate()
            p.wait(10)


def test_a_program_elsewhere_opens_an_incident_by_it(sysroot, tmp_path):
    need("pkg-config", "curl")
    include, lib = sysroot
    root = include.removesuffix("/usr/include")
    flags = call("pkg-config", "--cflags", "--libs", "stackflow", env=dict(
        os.environ, PKG_CONFIG_SYSROOT_DIR=root,
        PKG_CONFIG_LIBDIR=lib + "/pkgconfig")).stdout.split()
    example = next(p for p in files(root) if p.endswith("/incident.c"))
    call("gcc", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
         root + example, *flags, "-o", str(tmp_path / "incident"))
    with sandbox(str(tmp_path / "sandbox")) as s:
        begun = time.time()
        r = call(str(tmp_path / "incident"), "Disk full", env={
            "LD_LIBRARY_PATH": lib, "STACKFLOW_BASE_URL": s["stackflow"],
            "STACKFLOW_API_KEY": s["api_key"]}, timeout=60)
        assert re.fullmatch(r"INC\d{7}\n", r.stdout)
        answer = call("curl", "-sS", "--noproxy", "*", "-H",
                      "Authorization: Bearer " + s["api_key"],
                      f"{s['stackflow']}/incidents/{r.stdout.strip()}").stdout
        assert "Disk full" in answer and "Opened by an example" in answer
        wrong = call(str(tmp_path / "incident"), "Disk full", check=False,
                     env={"LD_LIBRARY_PATH": lib,
                          "STACKFLOW_BASE_URL": s["stackflow"],
                          "STACKFLOW_API_KEY": "nobody's"}, timeout=60)
        assert wrong.returncode == 1 and "not carried out" in wrong.stderr
        assert time.time() - begun < 60
