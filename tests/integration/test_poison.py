"""An event that ends the process is set aside after three times (R24)."""
import os
import subprocess

import peers
import pytest


@pytest.fixture
def poison(folder):
    out = os.path.join(folder, "poison.so")
    source = os.path.join(os.path.dirname(__file__), "preload", "poison.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", out, source,
                    "-ldl"], check=True)
    return out


def test_three_crashes_and_the_others_flow(make_agent, sandbox, poison):
    agent = make_agent(env={"LD_PRELOAD": poison})
    try:
        assert agent.send(peers.alarm("poison-pill")) == 200
    except OSError:
        pass        # it is stored, and ended the process before its answer
    for _ in range(3):
        peers.wait_for("the crash", lambda: not agent.process.alive())
        agent.kill()
        agent.start(wait=False)
    peers.wait_for("the agent", agent.ready, 30)
    agent.settle()
    (event,) = agent.get("/api/v1/events")["events"]
    assert event["status"] == "quarantined"
    assert agent.metrics()["tocsin_events_quarantined_total"] == 1
    assert agent.send(peers.alarm("healthy")) == 200
    agent.settle()
    assert [i["short_description"] for i in sandbox.incidents()] == \
        ["CloudWatch Alarm: healthy"]
