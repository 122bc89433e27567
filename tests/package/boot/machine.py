"""One booted folder: an overlay over the bare one, and systemd-nspawn."""
import os
import signal
import subprocess
import time

# systemd-nspawn(1): "the special exit code 133", with --keep-unit
REBOOTED = 133
SYSTEMD_READY = ("running", "degraded")


class Machine:
    """What is run in it goes by nsenter, as root, with an environment of a
    few words; its network is this process's."""

    def __init__(self, base, work, name):
        self.name, self.work = name, os.path.join(work, name)
        self.root = f"{self.work}/root"
        for part in ("upper", "work", "root"):
            os.makedirs(f"{self.work}/{part}")
        subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir={base},upperdir={self.work}/upper,"
             f"workdir={self.work}/work", self.root], check=True)
        self.nspawn = self.leader = None
        self.console = f"{self.work}/console"

    # ---- its life ----

    def boot(self):
        with open(self.console, "ab") as log:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "-D", self.root,
                 "--register=no", "--keep-unit", "-M", self.name,
                 "--console=pipe", "--resolv-conf=off", "--timezone=off",
                 "--link-journal=no", "--kill-signal=SIGRTMIN+4", "-b"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_booted()

    def first_process(self):
        pid = self.nspawn.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        return int(children[0]) if children else None

    def wait_booted(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.nspawn.poll() is None, self.console_text()
            self.leader = self.first_process()
            if self.leader:
                r = self.run("systemctl", "is-system-running", check=False)
                if r.stdout.strip() in SYSTEMD_READY:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{self.name} doesn't boot:\n"
                             + self.console_text())

    def console_text(self):
        with open(self.console, errors="replace") as f:
            return f.read()[-3000:]

    def reboot(self):
        """As a service manager does it for systemd-nspawn@.service."""
        self.run("systemctl", "reboot", check=False)
        assert self.nspawn.wait(60) == REBOOTED, self.console_text()
        self.boot()

    def power_off(self):
        if not self.nspawn or self.nspawn.poll() is not None:
            return
        self.nspawn.send_signal(signal.SIGTERM)
        try:
            self.nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()

    # ---- what is done in it ----

    def argv(self, *argv):
        return ["nsenter", "--target", str(self.leader), "--all", "--root",
                "--wd", "env", "-i", "PATH=/usr/bin:/usr/sbin:/bin:/sbin",
                "HOME=/root", "TERM=dumb",
                "DEBIAN_FRONTEND=noninteractive", *argv]

    def run(self, *argv, check=True, timeout=90, stdin=None):
        r = subprocess.run(self.argv(*argv), capture_output=True, text=True,
                           timeout=timeout, errors="replace", input=stdin)
        if check:
            assert r.returncode == 0, (argv, r.returncode, r.stdout, r.stderr)
        return r

    def write(self, path, text, mode=0o644, owner=None):
        """In the running machine: the mounted folder behind it must not be
        changed by another hand."""
        self.run("sh", "-c", 'umask 077; mkdir -p "${1%/*}"; cat >"$1"', "sh",
                 path, stdin=text)
        self.run("chmod", f"{mode:o}", path)
        if owner:
            self.run("chown", owner, path)

    def copy(self, source, path):
        with open(source, "rb") as f:
            subprocess.run(self.argv("sh", "-c", 'cat >"$1"', "sh", path),
                           stdin=f, check=True)

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    # ---- its services ----

    def systemctl(self, *argv, check=True, timeout=90):
        return self.run("systemctl", "--no-pager", *argv, check=check,
                        timeout=timeout)

    def show(self, unit, *properties):
        """One property's value, or those of several."""
        r = self.systemctl("show", unit,
                           *(f"--property={p}" for p in properties))
        values = dict(line.split("=", 1) for line in r.stdout.splitlines()
                      if "=" in line)
        out = tuple(values.get(p, "") for p in properties)
        return out[0] if len(out) == 1 else out

    def main_pid(self, unit="tocsin"):
        return int(self.show(unit, "MainPID"))

    def journal(self, *argv):
        self.run("journalctl", "--sync", check=False)
        return self.run("journalctl", "--no-pager", "-q", *argv).stdout
