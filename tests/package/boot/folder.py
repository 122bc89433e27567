"""A bare system in a folder, made once and kept."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

# What a server has anyway; openssl is for the tests' certificates.
SYSTEM = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "openssl")
# Nothing that a test looks at, and seconds of each boot.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "systemd-tmpfiles-clean.timer", "console-getty.service",
          "systemd-networkd.service", "systemd-resolved.service")


def release():
    with open("/etc/os-release") as f:
        m = re.search(r"^VERSION_CODENAME=\"?(\w+)", f.read(), re.M)
    return m.group(1) if m else ""


def mirror(suite):
    """Where this machine's own apt gets that release from."""
    r = subprocess.run(
        ["apt-get", "indextargets", "--format",
         "$(CREATED_BY) $(RELEASE) $(COMPONENT) $(ORIGIN) $(REPO_URI)"],
        capture_output=True, text=True, check=True)
    for line in r.stdout.splitlines():
        by, name, component, origin, uri = (line.split(" ", 4) + [""] * 4)[:5]
        if (by, name, component, origin) == ("Packages", suite, "main",
                                             "Debian"):
            return uri
    sys.exit(f"check-package: apt knows no mirror of Debian's {suite}: run "
             "apt-get update, or look at its sources")


def depends(packages):
    """The names that the packages want, of others, the first of each choice."""
    own, out = set(), set()
    for path in glob.glob(f"{packages}/*.deb"):
        r = subprocess.run(["dpkg-deb", "-f", path, "Package", "Depends",
                            "Pre-Depends"], capture_output=True, text=True,
                           check=True)
        fields = dict(line.split(": ", 1) for line in r.stdout.splitlines())
        own.add(fields.pop("Package"))
        if fields and path.rsplit("/", 1)[1].startswith(
                ("tocsin_", "libstackflow0_")):
            for one in ",".join(fields.values()).split(","):
                out.add(re.match(r"[a-z0-9.+-]+", one.strip()).group())
    return out - own


def bootstrap(path, suite, names):
    began = time.monotonic()
    print(f"  debootstrap of {suite} into {path}, once", flush=True)
    log = f"{path}.log"
    with open(log, "wb") as f:
        r = subprocess.run(
            ["debootstrap", "--variant=minbase",
             "--include=" + ",".join(sorted(names)), suite, path,
             mirror(suite)], stdout=f, stderr=f)
    if r.returncode:
        with open(log, errors="replace") as f:
            sys.stderr.write(f.read()[-2000:])
        sys.exit(f"check-package: debootstrap failed; the whole log is {log}")
    os.unlink(log)
    for archive in glob.glob(f"{path}/var/cache/apt/archives/*.deb"):
        os.unlink(archive)
    for unit in MASKED:
        os.symlink("/dev/null", f"{path}/etc/systemd/system/{unit}")
    # Filled at each boot, so that no two machines are one.
    for name in ("etc/machine-id", "etc/hostname"):
        with open(f"{path}/{name}", "w"):
            pass
    os.makedirs(f"{path}/var/log/journal", exist_ok=True)
    print(f"  took {time.monotonic() - began:.0f} s", flush=True)


def make(cache, packages):
    """The folder's path; what it holds is never changed."""
    suite = release()
    names = set(SYSTEM) | depends(packages)
    key = hashlib.sha256(repr((suite, sorted(names), MASKED))
                         .encode()).hexdigest()[:12]
    path = f"{cache}/{suite}-{key}"
    if os.path.isdir(path):
        return path
    os.makedirs(cache, exist_ok=True)
    part = f"{path}.part"
    shutil.rmtree(part, ignore_errors=True)
    bootstrap(part, suite, names)
    os.rename(part, path)
    return path
