"""Rounds, medians and how a figure is printed."""
import shlex
import statistics
import subprocess
import time


def command(argv):
    return " ".join(shlex.quote(str(a)) for a in argv)


def run(argv, **kw):
    return subprocess.run([str(a) for a in argv], check=True, text=True,
                          stdout=subprocess.PIPE, **kw).stdout


def cpu_us(pid):
    """User and system time of a process, threads that ended included."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e3


def rss_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError(f"no VmRSS of {pid}")


def median(values):
    return statistics.median(values) if values else float("nan")


class Rounds:
    """Samples of one run; a round in which V moved by over 15 % is none."""

    def __init__(self, measure_v, most):
        self.measure_v = measure_v
        self.most = most
        self.v, self.kept, self.dropped = [], [], 0

    def play(self, want, once):
        """Until `want` rounds count, or `most` were played."""
        while len(self.kept) < want and len(self.kept) + self.dropped < \
                self.most:
            before = self.measure_v()
            sample = once(len(self.kept) + self.dropped)
            after = self.measure_v()
            if abs(after - before) > 0.15 * before:
                self.dropped += 1
                continue
            sample["v"] = (before + after) / 2
            self.kept.append(sample)

    def median(self, value):
        return median([value(s) for s in self.kept])

    def words(self):
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"median of {len(self.kept)} rounds{dropped}"


class Report:
    def __init__(self):
        self.missed = []

    def figure(self, name, text, goal, met, *commands):
        """One figure: what, how much, the goal, and what made it."""
        print(f"{name:4} {text}")
        print(f"     goal: {goal}: {'met' if met else 'MISSED'}")
        for c in commands:
            print(f"     $ {c}")
        print(flush=True)
        if not met:
            self.missed.append(name)

    def note(self, text):
        print(f"     {text}", flush=True)
