"""dpkg's own steps in a folder, and rpm's scriptlet alone: first install,
upgrade with edited files, a downgrade under a newer store, removal, purge."""
import os
import re
import shutil
import sqlite3
import stat
import subprocess

import pytest

from packages import TOP, call, need


def schema():
    with open(os.path.join(TOP, "lib/store/sqlite_sql.h"),
              encoding="utf-8") as f:
        return int(re.search(r"SQL_SCHEMA_VERSION (\d+)", f.read())[1])


def make_store(path, user_version):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE IF NOT EXISTS t (x)")
        db.execute(f"PRAGMA user_version = {user_version}")
    db.close()


class Root:
    """A folder that dpkg takes for the system, scripts run beside it."""
    def __init__(self, top, debs):
        self.top, self.debs = str(top), debs
        for d in "var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "usr":
            os.makedirs(os.path.join(self.top, d))
        for f in "status", "available":
            open(os.path.join(self.top, "var/lib/dpkg", f), "w").close()
        for f in "passwd", "group":
            shutil.copy("/etc/" + f, os.path.join(self.top, "etc", f))

    def path(self, p):
        return self.top + p

    def dpkg(self, *args, check=True):
        return call("dpkg", f"--root={self.top}", "--force-depends",
                    "--force-script-chrootless", "--force-confold",
                    "--no-triggers", *args, check=check,
                    env=dict(os.environ, DEBIAN_FRONTEND="noninteractive",
                             LC_ALL="C"))

    def state(self):
        r = call("dpkg-query", f"--admindir={self.top}/var/lib/dpkg", "-W",
                 "-f", "${Status} ${Version}", "tocsin", check=False)
        return r.stdout


@pytest.fixture
def root(tmp_path, debs):
    if os.geteuid() != 0:
        pytest.skip("dpkg installs as root alone")
    need("systemd-sysusers", "dpkg-deb")
    return Root(tmp_path / "root", debs)


def repack(deb, folder, number, change=None):
    """The same package with another version, and files changed."""
    top = os.path.join(folder, "repack-" + number)
    call("dpkg-deb", "-R", deb, top)
    path = top + "/DEBIAN/control"
    with open(path, encoding="utf-8") as f:
        text = re.sub("^Version: .*", "Version: " + number, f.read(),
                      flags=re.M)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    if change:
        change(top)
    out = os.path.join(folder, f"tocsin_{number}.deb")
    call("dpkg-deb", "-b", "--root-owner-group", top, out)
    return out


def test_install_makes_user_and_closed_folder(root):
    root.dpkg("-i", root.debs["tocsin"])
    assert root.state().startswith("install ok installed")
    with open(root.path("/etc/group"), encoding="utf-8") as f:
        gid = int(re.search(r"^tocsin:[^:]*:(\d+):", f.read(), re.M)[1])
    for p, mode in (("/etc/tocsin", 0o750), ("/etc/tocsin/tocsin.yaml",
                                             0o640)):
        st = os.stat(root.path(p))
        assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == \
            (0, gid, mode), p
    with open(root.path("/etc/passwd"), encoding="utf-8") as f:
        assert re.search(r"^tocsin:.*:/var/lib/tocsin:/usr/sbin/nologin$",
                         f.read(), re.M)


def test_an_upgrade_keeps_edits_and_brings_the_rest(root, tmp_path):
    root.dpkg("-i", root.debs["tocsin"])
    edited = root.path("/etc/tocsin/rules.d/00-platform.yaml")
    with open(edited, "a", encoding="utf-8") as f:
        f.write("# ours\n")
    os.unlink(root.path("/etc/tocsin/rules.d/grafana.yaml"))
    team = root.path("/etc/tocsin/rules.d/20-team.yaml")
    with open(team, "w", encoding="utf-8") as f:
        f.write("# a team's\n")
    os.chmod(root.path("/etc/tocsin/tocsin.yaml"), 0o600)

    def change(top):
        for name in "00-platform", "aws-rds", "grafana":
            with open(f"{top}/etc/tocsin/rules.d/{name}.yaml", "a",
                      encoding="utf-8") as f:
                f.write("# newer\n")

    make_store(root.path("/var/lib/tocsin/tocsin.db"), schema())
    root.dpkg("-i", repack(root.debs["tocsin"], str(tmp_path), "9.0.0",
                           change))
    assert root.state().endswith("9.0.0")
    with open(edited, encoding="utf-8") as f:
        assert f.read().endswith("# ours\n")
    with open(root.path("/etc/tocsin/rules.d/aws-rds.yaml"),
              encoding="utf-8") as f:
        assert f.read().endswith("# newer\n")
    assert not os.path.exists(root.path("/etc/tocsin/rules.d/grafana.yaml"))
    assert os.path.exists(team)
    assert stat.S_IMODE(os.stat(root.path("/etc/tocsin/tocsin.yaml"))
                        .st_mode) == 0o600
    # What dpkg leaves beside an edited file isn't read as rules.
    assert not [f for f in os.listdir(root.path("/etc/tocsin/rules.d"))
                if f.startswith("00-platform.yaml.") and f.endswith(".yaml")]


def test_a_downgrade_under_a_newer_store_changes_nothing(root, tmp_path):
    newer = repack(root.debs["tocsin"], str(tmp_path), "9.0.0", lambda top:
                   os.unlink(top + "/DEBIAN/preinst"))
    root.dpkg("-i", newer)
    store = root.path("/var/lib/tocsin/tocsin.db")
    make_store(store, schema() + 1)
    r = root.dpkg("-i", root.debs["tocsin"], check=False)
    assert r.returncode != 0
    assert "made by a newer tocsin" in r.stderr
    assert f"version {schema() + 1}" in r.stderr
    assert root.state() == "install ok installed 9.0.0"
    # One that it can read is no reason.
    os.unlink(store)
    make_store(store, schema())
    root.dpkg("-i", root.debs["tocsin"])
    assert not root.state().endswith("9.0.0")


def test_the_older_program_refuses_a_newer_store_by_itself(unpacked,
                                                           tmp_path):
    """A store elsewhere than where preinst looks: the program says it, and
    ends so that nothing starts it again."""
    store = str(tmp_path / "s" / "tocsin.db")
    os.makedirs(os.path.dirname(store))
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        'listen: [{address: "127.0.0.1:0"}]\n'
        'sns: {topics: ["arn:aws:sns:us-east-1:111122223333:alarms"]}\n'
        'admin: {address: "127.0.0.1:0"}\n'
        'stackflow: {base_url: "http://127.0.0.1:1/prod/api",\n'
        '  auth: {method: api_key, api_key: "x"}}\n'
        f'store: {{url: "sqlite:{store}"}}\nrules: ["{TOP}/rules"]\n')
    config.chmod(0o600)
    tocsin = unpacked["tocsin"] + "/usr/bin/tocsin"
    with subprocess.Popen([tocsin, "run", "-c", str(config)],
                          stderr=subprocess.PIPE, text=True) as p:
        for line in p.stderr:
            if "tocsin is ready" in line:
                break
        p.terminate()
        p.communicate(timeout=30)
        assert p.returncode == 0
    with sqlite3.connect(store) as db:
        db.execute(f"PRAGMA user_version = {schema() + 1}")
    db.close()
    r = call(tocsin, "run", "-c", str(config), check=False, timeout=60)
    assert r.returncode == 78
    assert "made by a newer tocsin" in r.stdout + r.stderr


def test_removed_keeps_and_purged_forgets(root):
    root.dpkg("-i", root.debs["tocsin"])
    store = root.path("/var/lib/tocsin/tocsin.db")
    key = root.path("/etc/tocsin/install.key")
    cert = root.path("/etc/tocsin/tls/key.pem")
    make_store(store, schema())
    for p in key, cert:
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "w", encoding="utf-8") as f:
            f.write("x")
    root.dpkg("-r", "tocsin")
    for p in store, key, cert, root.path("/etc/tocsin/tocsin.yaml"):
        assert os.path.exists(p), p
    assert not os.path.exists(root.path("/usr/bin/tocsin"))
    root.dpkg("-P", "tocsin")
    for p in ("/var/lib/tocsin", "/etc/tocsin/install.key",
              "/etc/tocsin/tocsin.yaml", "/etc/tocsin/rules.d"):
        assert not os.path.exists(root.path(p)), p
    # A person's certificate is a person's.
    assert os.path.exists(cert)


def test_purged_leaves_nothing_of_an_untouched_installation(root):
    root.dpkg("-i", root.debs["tocsin"])
    root.dpkg("-P", "tocsin")
    assert not os.path.exists(root.path("/etc/tocsin"))
    assert not os.path.exists(root.path("/var/lib/tocsin"))


@pytest.mark.parametrize("above", [0, 1])
def test_rpm_s_scriptlet_refuses_the_same(rpms, tmp_path, above):
    text = call("rpm", "-qp", "--qf", "%{PREIN}", rpms["tocsin"]).stdout
    store = str(tmp_path / "lib" / "tocsin.db")
    make_store(store, schema() + above)
    (tmp_path / "systemd-sysusers").write_text(
        f"#!/bin/sh\necho \"$@\" >{tmp_path}/called\ncat >>{tmp_path}/called\n")
    (tmp_path / "systemd-sysusers").chmod(0o755)
    assert text.count("/var/lib/tocsin/tocsin.db") == 2
    r = subprocess.run(
        ["sh", "-c", text.replace("/var/lib/tocsin/tocsin.db", store)],
        capture_output=True, text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert r.returncode == above
    assert ("made by a newer tocsin" in r.stderr) == bool(above)
    assert os.path.exists(tmp_path / "called") == (not above)
    if not above:
        with open(os.path.join(TOP, "packaging/sysusers.d/tocsin.conf"),
                  encoding="utf-8") as f:
            assert f.read() in (tmp_path / "called").read_text()
