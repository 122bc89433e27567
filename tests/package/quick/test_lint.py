"""lintian and rpmlint find nothing, and what they were told to leave has its
reason beside it."""
import glob
import os
import re

from packages import PACKAGES, TOP, call, need


def test_lintian_finds_nothing(debs):
    need("lintian")
    changes, = glob.glob(os.path.join(PACKAGES, "*.changes"))
    r = call("lintian", "--pedantic", "--display-info", "--allow-root",
             "--no-tag-display-limit", "--fail-on",
             "error,warning,info,pedantic", changes, check=False)
    assert (r.stdout, r.returncode) == ("", 0), r.stdout + r.stderr


def test_rpmlint_finds_nothing(rpms):
    need("rpmlint")
    r = call("rpmlint", "-c", os.path.join(TOP, "packaging/rpm/rpmlint.toml"),
             *(p for p in glob.glob(os.path.join(PACKAGES, "*.rpm"))
               if "-debug" not in p),    # made by rpm alone
             os.path.join(PACKAGES, "tocsin.spec"), check=False)
    assert re.search(r" 0 errors, 0 warnings", r.stdout), r.stdout + r.stderr
    assert r.returncode == 0


def reasons(lines, starts):
    """Lines that starts() takes and that no comment stands before, directly or
    above lines of the same kind."""
    bare, explained = [], False
    for line in lines:
        text = line.strip()
        if text.startswith("#"):
            explained = True
        elif starts(text):
            if not explained:
                bare.append(text)
        else:
            explained = False
    return bare


def test_each_override_has_its_reason():
    for path in glob.glob(os.path.join(TOP, "packaging/debian/**/"
                                       "*lintian-overrides"), recursive=True):
        with open(path, encoding="utf-8") as f:
            assert not reasons(f, bool), path
    with open(os.path.join(TOP, "packaging/rpm/rpmlint.toml"),
              encoding="utf-8") as f:
        assert not reasons(f, lambda t: t[:1] in "'\"" and t)
    assert reasons(["tag-without-reason"], bool)


def test_maintainer_scripts_are_plain_shell(unpacked):
    for root in unpacked.values():
        for name in ("preinst", "postinst", "prerm", "postrm"):
            path = os.path.join(root, "DEBIAN", name)
            if os.path.exists(path):
                call("dash", "-n", path)
                with open(path, encoding="utf-8") as f:
                    assert not re.search(r"#[A-Z]+#", f.read()), path
