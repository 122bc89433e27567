"""What is where in the packages, whose it is, and that both kinds of packages
and `make install` bring the same."""
import os
import re
import stat

from packages import BUILD, TOP, call, files, version


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def control(path, field):
    return call("dpkg-deb", "-f", path, field).stdout.strip()


def test_their_names_and_versions(debs, rpms):
    assert set(debs) == {"tocsin", "libstackflow0", "libstackflow-dev"}
    assert set(rpms) == {"tocsin", "libstackflow", "libstackflow-devel"}
    for p in debs.values():
        assert control(p, "Version") == version()
    assert f"libstackflow0 (= {version()})" in control(
        debs["libstackflow-dev"], "Depends")
    # Linked with the archives: it needs no library of its own.
    assert "libstackflow" not in control(debs["tocsin"], "Depends")


def test_configuration_is_the_administrator_s(unpacked, unpacked_rpm, rpms):
    root = unpacked["tocsin"]
    with open(root + "/DEBIAN/conffiles", encoding="utf-8") as f:
        conffiles = set(f.read().split())
    there = {p for p in files(root) if p.startswith("/etc/")}
    assert conffiles == there
    assert {"/etc/tocsin/tocsin.yaml", "/etc/tocsin/rules.d/00-platform.yaml",
            "/etc/tocsin/rules.d/aws-rds.yaml"} <= there
    assert mode(root + "/etc/tocsin") == 0o750
    assert mode(root + "/etc/tocsin/tocsin.yaml") == 0o640
    listed = call("rpm", "-qp", "--qf",
                  "[%{FILENAMES} %{FILEFLAGS:fflags} %{FILEMODES:perms} "
                  "%{FILEGROUPNAME}\n]", rpms["tocsin"]).stdout.splitlines()
    noreplace = {x.split()[0] for x in listed if x.split()[1] == "cn"}
    assert noreplace == there
    assert any(re.match(r"/etc/tocsin +drwxr-x--- tocsin", x)
               for x in listed)
    assert any(re.match(r"/etc/tocsin/tocsin.yaml cn -rw-r----- tocsin", x)
               for x in listed)


def test_nothing_but_configuration_is_outside_usr(unpacked):
    for name, root in unpacked.items():
        for p in files(root):
            assert p.startswith(("/usr/", "/etc/tocsin/",
                                 "/lib/systemd/system/")), (name, p)
            assert os.path.islink(root + p) or \
                not mode(root + p) & 0o7022, p


def test_what_the_tree_has_for_users_is_there(unpacked):
    there = "\n".join(files(unpacked["tocsin"]))
    for folder, which, pattern in (
            ("packaging/man", r".+\.[15678]", r"/man\d/{}(\.gz)?$"),
            ("packaging/systemd", r".+\.(service|socket|timer|path|target)",
             r"/systemd/system/{}$"),
            ("rules/samples", r".+\.jsonl?", r"/tocsin/rules/samples/{}$")):
        names = [n for n in os.listdir(os.path.join(TOP, folder))
                 if re.fullmatch(which, n)]
        assert names, folder
        for name in names:
            assert re.search(pattern.format(re.escape(name)), there,
                             re.M), name
    for p in ("sysusers.d", "tmpfiles.d"):
        assert f"/usr/lib/{p}/tocsin.conf" in there


def plain(paths):
    """The same whatever a distribution compresses and where it has things."""
    out = set()
    for p in paths:
        p = re.sub(r"(/(man|doc)/.*)\.gz$", r"\1", p)
        p = re.sub(r"^/usr/lib(64|/[a-z0-9_]+-linux-gnu)/", "/usr/LIB/", p)
        p = re.sub(r"^/usr/lib/(libstackflow|pkgconfig)", r"/usr/LIB/\1", p)
        p = re.sub(r"^/lib/systemd", "/usr/lib/systemd", p)
        p = p.replace("zsh/vendor-completions", "zsh/site-functions")
        p = p.replace("/doc/libstackflow-dev/", "/doc/libstackflow-devel/")
        if not re.search(r"/usr/share/doc/.*(CHANGES|changelog|copyright|spdx)"
                         r"|\.build-id|/lintian/", p):
            out.add(p)
    return out


def test_debian_rpm_and_make_install_bring_the_same(unpacked, unpacked_rpm,
                                                    tmp_path):
    call("make", "-s", f"B={BUILD}", f"DESTDIR={tmp_path}", "install", cwd=TOP)
    deb = plain(p for r in unpacked.values() for p in files(r))
    rpm = plain(p for r in unpacked_rpm.values() for p in files(r))
    assert deb == plain(files(str(tmp_path)))
    assert deb == rpm


def test_make_install_leaves_what_was_edited(tmp_path):
    args = ("make", "-s", f"B={BUILD}", "PREFIX=" + str(tmp_path / "usr"),
            "SYSCONFDIR=" + str(tmp_path / "etc"),
            "UNITDIR=" + str(tmp_path / "units"), "install")
    call(*args, cwd=TOP)
    mine = tmp_path / "etc/tocsin/rules.d/00-platform.yaml"
    mine.write_text("# mine\n")
    call(*args, cwd=TOP)
    assert mine.read_text() == "# mine\n"
    assert (tmp_path / "etc/tocsin/tocsin.yaml").exists()


def test_the_shipped_configuration_says_what_is_missing(unpacked):
    """It can't be used as it is, which ends with 78, and says each thing."""
    root = unpacked["tocsin"]
    config = root + "/etc/tocsin/tocsin.yaml"
    tocsin = root + "/usr/bin/tocsin"
    r = call(tocsin, "check", "-c", config, check=False)
    assert r.returncode == 1
    text = r.stdout + r.stderr
    for word in ("base_url", '"auth"', '"listen" or "sqs"'):
        assert word in text, text
    assert text.count("error[") == 3
    assert call(tocsin, "run", "-c", config, check=False).returncode == 78
    call(tocsin, "check", root + "/etc/tocsin/rules.d")


def test_the_shipped_configuration_shows_keys_that_are_known(unpacked,
                                                             tmp_path):
    """Its comments, taken as they stand, are a configuration too."""
    with open(unpacked["tocsin"] + "/etc/tocsin/tocsin.yaml",
              encoding="utf-8") as f:
        text = f.read()
    out, top = [], r"(listen|sns|sqs|aws|webhooks|web|network):"
    taking = False
    for line in text.splitlines():
        bare = re.match(r"# (" + top + r".*)", line)
        if bare:
            taking = True
            out.append(bare[1])
        elif taking and re.match(r"#   ", line) and "FILL IN" not in line:
            out.append(line[2:])
        else:
            taking = False
            if re.match(r"  # (base_url|fallback)", line) or \
                    "method: api_key" in line:
                line = line.replace("# ", "", 1)
            out.append(line)
    config = tmp_path / "tocsin.yaml"
    config.write_text("\n".join(out) + "\n")
    config.chmod(0o600)
    r = call(unpacked["tocsin"] + "/usr/bin/tocsin", "check", "-c",
             str(config), check=False)
    unknown = [x for x in (r.stdout + r.stderr).splitlines()
               if "error[" in x and "credential" not in x and
               "/etc/tocsin" not in x and "can't be read" not in x]
    assert not unknown, "\n".join(unknown)
