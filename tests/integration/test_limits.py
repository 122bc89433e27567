"""Threads that can't be had, names that can't be looked up (R6, R19)."""
import os
import subprocess
import time

import peers
import pytest
import tls


def preload(tmp_path_factory, name):
    with open(peers.TOCSIN, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("a preloaded library and a sanitizer don't mix")
    out = str(tmp_path_factory.mktemp("preload") / (name + ".so"))
    source = os.path.join(os.path.dirname(__file__), "preload", name + ".c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", out, source,
                    "-ldl"], check=True)
    return out


@pytest.fixture(scope="module")
def threads(tmp_path_factory):
    return preload(tmp_path_factory, "threads")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return preload(tmp_path_factory, "names")


# ---- R6: threads ----

def test_a_thread_that_can_not_be_had_ends_the_start(make_agent, sandbox,
                                                     threads):
    """Whichever it is: words, status 1, no hang; the next start is well."""
    agent = make_agent(start=False)
    # TSan's own thread is the first under it, and nothing of ours.
    for n in range(2 if "tsan" in peers.BUILD else 1, 30):
        agent.env = dict(os.environ, LD_PRELOAD=threads, THREADS_FAIL=str(n))
        agent.start(wait=False)
        started = time.monotonic()
        try:
            peers.wait_for(
                "an end or a start", lambda: not agent.process.alive() or
                "tocsin is ready" in agent.process.text(), 15, 0.05)
        except AssertionError:
            if agent.process.alive():
                raise
        if agent.process.alive():
            break
        text = agent.process.text()
        assert agent.process.popen.returncode == 1, text
        assert time.monotonic() - started < 10 * peers.patience()
        assert "thread" in text and "Resource temporarily" in text, text
        os.truncate(agent.log, 0)
    # One a role at least: journal, deliver, triage, janitor, web.
    assert 5 < n < 29
    assert agent.hook({"AlarmName": "after"})[0] == 200
    agent.settle()
    assert len(sandbox.incidents()) == 1


# ---- R19: the server of names ----

class Names:
    """What a look-up of stackflow.test gives at this moment."""

    def __init__(self, folder, library):
        self.path = os.path.join(folder, "names")
        self.env = {"LD_PRELOAD": library, "NAMES_STATE": self.path}
        self.set("ok")

    def set(self, state):
        with open(self.path + ".new", "w") as f:
            f.write(state)
        os.rename(self.path + ".new", self.path)


@pytest.mark.parametrize("state", ["nxdomain", "servfail", "timeout", "flap"])
def test_look_ups_that_fail_send_nothing(make_agent, sandbox, folder, names,
                                         state):
    """A certain non-send: backed off, never in doubt, one incident each."""
    ca = tls.Authority(os.path.join(folder, "ca"))
    proxy = tls.Proxy(sandbox.ports[0], *ca.issue(["stackflow.test"]))
    resolver = Names(folder, names)
    try:
        agent = make_agent(env=resolver.env, conf={
            "stackflow": {
                "base_url": f"https://stackflow.test:{proxy.port}/prod/api"},
            "network": {"ca_file": ca.ca_file}})
        agent.hook({"AlarmName": "before"})
        agent.settle()
        resolver.set(state)
        # Connections that are kept need no name.
        proxy.use(*ca.issue(["stackflow.test"]))
        agent.configure({"stackflow": {
            "base_url": f"https://stackflow.test:{proxy.port}/prod/api/"},
            "network": {"ca_file": ca.ca_file}})
        assert agent.api("/-/reload", "POST")[0] == 200
        for k in range(5):
            started = time.monotonic()
            assert agent.hook({"AlarmName": f"unsent-{k}"})[0] == 200
            assert time.monotonic() - started < 2 * peers.patience()
        if state != "flap":
            peers.wait_for("the reason", lambda: "not sent" in (
                agent.get("/api/v1/status")["stackflow"].get("problem") or
                ""), 20)
            assert len(sandbox.incidents()) == 1
        m = agent.metrics()
        assert m["tocsin_in_doubt"] == 0 and m["tocsin_dead_letters"] == 0
        if state == "timeout":
            # Nor does a look-up under way hold up the end.
            started = time.monotonic()
            assert agent.stop() == 0
            assert time.monotonic() - started < 10 * peers.patience()
            agent.start()
        resolver.set("ok")
        agent.settle(40)
        assert len(sandbox.incidents()) == 6
        m = agent.metrics()
        assert m["tocsin_operations_resent_total"] == 0
        assert m["tocsin_dead_letters"] == 0
        peers.check_invariants(agent, sandbox)
    finally:
        proxy.close()
