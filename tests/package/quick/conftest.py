"""The packages and what is in them. What needs root, a tool or a distribution that
isn't here is skipped, and says so."""
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from packages import built, call, need  # noqa: E402


@pytest.fixture(scope="session")
def debs():
    """{package: path} without the debug symbols."""
    need("dpkg-buildpackage", "dh")
    return {os.path.basename(p).split("_")[0]: p
            for p in built("deb", "*.deb") if "-dbgsym" not in p}


@pytest.fixture(scope="session")
def rpms():
    need("rpmbuild")
    found = {}
    for p in built("rpm", "*.rpm"):
        name, sourcerpm = call("rpm", "-qp", "--qf", "%{NAME} %{SOURCERPM}",
                               p).stdout.split()
        if sourcerpm != "(none)" and "-debug" not in name:
            found[name] = p
    return found


@pytest.fixture(scope="session")
def unpacked(debs, tmp_path_factory):
    """{package: folder} of its files, DEBIAN/ included."""
    top = tmp_path_factory.mktemp("deb")
    for name, path in debs.items():
        call("dpkg-deb", "-R", path, str(top / name))
    return {name: str(top / name) for name in debs}


@pytest.fixture(scope="session")
def unpacked_rpm(rpms, tmp_path_factory):
    need("rpm2cpio", "cpio")
    top = tmp_path_factory.mktemp("rpm")
    for name, path in rpms.items():
        os.mkdir(top / name)
        with subprocess.Popen(["rpm2cpio", path],
                              stdout=subprocess.PIPE) as p:
            call("cpio", "-idm", "--quiet", cwd=top / name, stdin=p.stdout)
    return {name: str(top / name) for name in rpms}
