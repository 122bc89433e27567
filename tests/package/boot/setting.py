"""tocsin in a machine, with the sandbox's StackFlow and SNS beside it on the
same loopback, which outlives the machine's reboots."""
import glob
import json
import os
import re
import subprocess

import peers
from peers import wait_for

INTAKE, ADMIN = 8080, 9464
# Looked for everywhere by the test of secrets.
HOOK_TOKEN, ADMIN_TOKEN = "canary-hook-4f1c9a", "canary-admin-77d0e2"
CREDENTIALS = {"hook-token": HOOK_TOKEN, "admin-token": ADMIN_TOKEN}
RULES = """version: 1
team: boot
owners: [boot@example.com]
policies:
  - {id: all, match: {}, assignment_group: "%s"}
"""


def package(name, kind="deb"):
    folder = os.environ["TOCSIN_BOOT_PACKAGES"]
    pattern = f"{name}_[0-9]*.deb" if kind == "deb" else f"{name}-[0-9]*.rpm"
    found = [p for p in glob.glob(f"{folder}/{pattern}")
             if ".src." not in p]
    assert len(found) == 1, (pattern, found)
    return found[0]


class Setting:
    def __init__(self, machine, sandbox):
        self.machine, self.sandbox = machine, sandbox
        self.signer = peers.Signer(sandbox)
        self.intake = INTAKE

    # ---- configuration ----

    def conf(self, **changes):
        i = self.sandbox.info
        out = {
            "listen": [{"address": f"127.0.0.1:{INTAKE}"}],
            "sns": {"topics": [f"arn:aws:sns:{peers.REGION}:{peers.ACCOUNT}"
                               ":*"]},
            "webhooks": [{"path": "/hooks/test",
                          "token": "${credential:hook-token}"}],
            "stackflow": {
                "base_url": i["stackflow"], "settle": "500ms",
                "timeout": "3s", "requests_per_second": 1000,
                "auth": {"method": "api_key",
                         "api_key": "${credential:stackflow-api-key}"}},
            "rules": ["/etc/tocsin/boot.d"],
            "admin": {"address": f"127.0.0.1:{ADMIN}",
                      "token": "${credential:admin-token}"},
            "network": {"ca_file": "/etc/tocsin/sandbox-ca.pem",
                        "connect_to": i["connect_to"]},
        }
        out.update(changes)
        return json.dumps(out, indent=1)

    def secrets(self):
        return {**CREDENTIALS,
                "stackflow-api-key": self.sandbox.info["api_key"]}

    def configure(self, **changes):
        self.machine.write("/etc/tocsin/tocsin.yaml", self.conf(**changes),
                           0o640, "root:tocsin")

    def group(self, name):
        self.machine.write("/etc/tocsin/boot.d/10-boot.yaml", RULES % name,
                           0o640, "root:tocsin")

    def drop_in(self, name, text, unit="tocsin.service"):
        path = f"/etc/systemd/system/{unit}.d/{name}.conf"
        if text:
            self.machine.write(path, text)
        else:
            self.machine.run("rm", "-f", path)
        self.machine.systemctl("daemon-reload")

    def set_up(self):
        """As an administrator does it by the manual."""
        m = self.machine
        with open(self.sandbox.info["ca_file"]) as f:
            m.write("/etc/tocsin/sandbox-ca.pem", f.read())
        for name, value in self.secrets().items():
            m.write(f"/etc/tocsin/secret/{name}", value, 0o600)
        self.drop_in("secrets", "[Service]\n" + "".join(
            f"LoadCredential={n}:/etc/tocsin/secret/{n}\n"
            for n in self.secrets()))
        m.run("mkdir", "-p", "/etc/tocsin/boot.d")
        self.group("Group One")
        self.configure()

    # ---- alarms ----

    def http(self):
        return peers.Http(self.intake)

    def send(self, name, http=None, state="ALARM"):
        """One signed message; the status of its answer."""
        envelope = self.signer.envelope(peers.alarm(name, state))
        own = http or self.http()
        try:
            return own.call("POST", "/sns", envelope,
                            peers.sns_headers(envelope))[0]
        finally:
            if not http:
                own.close()

    def accept(self, *names):
        for name in names:
            assert self.send(name) == 200, name

    def admin(self, path, method="GET"):
        http = peers.Http(ADMIN)
        try:
            status, _, data = http.call(
                method, path, None,
                {"Authorization": f"Bearer {ADMIN_TOKEN}"})
        finally:
            http.close()
        assert status == 200, (path, status, data)
        return data.decode()

    def backlog(self):
        m = re.search(r"^tocsin_backlog (\d+)", self.admin("/metrics"), re.M)
        return int(m.group(1))

    def settle(self, seconds=30):
        wait_for("an empty backlog", lambda: self.backlog() == 0, seconds,
                 0.1)

    def told(self):
        """Names of alarms, one for each incident that StackFlow has."""
        out = []
        for i in self.sandbox.incidents():
            out += re.findall(r"(?:Alarm: |^)(boot-[\w-]+)",
                              i["short_description"])
        return sorted(out)

    # ---- the service ----

    def status_text(self):
        return self.machine.show("tocsin", "StatusText")

    def answers(self):
        """Is it up, by its own word?"""
        try:
            return self.admin("/readyz").startswith(("ready", "degraded"))
        except (OSError, AssertionError):
            return False

    def wait_up(self):
        wait_for("tocsin", self.answers, 30)


def outer_pid(inner):
    """A machine's process as it is called here."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status") as f:
                text = f.read()
        except OSError:
            continue
        m = re.search(r"^NSpid:\t(.*)$", text, re.M)
        pids = m.group(1).split() if m else []
        if len(pids) > 1 and pids[-1] == str(inner) and \
                text.startswith("Name:\ttocsin\n"):
            return int(pid)
    raise AssertionError(f"no process {inner} of a machine")


def repack(path, folder, version, change=None):
    """The same package under another version; change(tree) may do more."""
    tree = os.path.join(folder, f"tree-{version}")
    subprocess.run(["dpkg-deb", "-R", path, tree], check=True)
    control = f"{tree}/DEBIAN/control"
    with open(control) as f:
        text = re.sub(r"^Version: .*$", f"Version: {version}", f.read(),
                      flags=re.M)
    with open(control, "w") as f:
        f.write(text)
    if change:
        change(tree)
    out = os.path.join(folder, f"tocsin_{version}.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree,
                    out], check=True, stdout=subprocess.DEVNULL)
    return out
