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


def test_its_names_and_headers_are_right(sysroot):
    """What `make lint` sees of the tree, of what is installed."""
    call(os.path.join(TOP, "tests/lint/api"), sysroot[0])


def test_nothing_it_exports_is_named_as_json_c_s_own(sysroot):
    needed = call("ldd", sysroot[1] + "/libstackflow.so.0").stdout
    for path in re.findall(r"=> (/\S+)", needed):
        text = call("nm", "-D", "--defined-only", path).stdout
        theirs = {line.split()[-1].split("@")[0]
                  for line in text.splitlines()}
        assert not theirs & mapped(), path


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
    examples = {p.rpartition("/")[2]: root + p for p in files(root)
                if "/examples/" in p}
    assert set(examples) == set(
        os.listdir(os.path.join(TOP, "examples/libstackflow")) +
        os.listdir(os.path.join(TOP, "examples/postman")))
    call("gcc", "-Wall", "-Wextra", "-Werror", examples["incident.c"], *flags,
         "-o", str(tmp_path / "incident"))
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
