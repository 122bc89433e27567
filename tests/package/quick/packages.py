"""The packages of this tree, built where they aren't there or are older than the
tree, into BUILD/packages (TOCSIN_BUILD, or build)."""
import glob
import os
import shutil
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.path.abspath(os.environ.get("TOCSIN_BUILD",
                                       os.path.join(TOP, "build")))
PACKAGES = os.path.join(BUILD, "packages")


def call(*command, check=True, **kw):
    r = subprocess.run(command, capture_output=True, text=True,
                       errors="replace", **kw)
    assert not check or r.returncode == 0, \
        f"{command}: {r.returncode}\n{r.stdout[-3000:]}{r.stderr[-3000:]}"
    return r


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            pytest.skip(f"{p} isn't here: packaging/deps --packaging")


def version():
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
        return next(line.split(":=")[1].strip() for line in f
                    if line.startswith("VERSION :="))


def newest(folder):
    """When anything under folder was last changed."""
    return max(os.stat(os.path.join(d, f)).st_mtime
               for d, _, files in os.walk(os.path.join(TOP, folder))
               for f in files if not d.endswith("__pycache__") and
               "node_modules" not in d)


def built(kind, pattern):
    """Paths by name of the packages of that kind; built where they are missing
    or older than the tree."""
    source = max([newest(f) for f in ("agent", "lib", "rules", "packaging",
                                      "tests", "examples")] +
                 [os.stat(os.path.join(TOP, f)).st_mtime
                  for f in ("Makefile", "CHANGES", "README.md")])
    found = glob.glob(os.path.join(PACKAGES, pattern))
    if not found or min(os.stat(f).st_mtime for f in found) < source:
        call(os.path.join(TOP, "packaging/build"), kind, PACKAGES, version())
        found = glob.glob(os.path.join(PACKAGES, pattern))
    assert found
    return found


def files(root):
    """Every file and link under root, from its slash on."""
    return sorted("/" + os.path.relpath(os.path.join(d, f), root)
                  for d, _, names in os.walk(root) for f in names
                  if not os.path.relpath(d, root).startswith("DEBIAN"))
