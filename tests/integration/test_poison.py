"""An event that ends the process is set aside after three times (R24)."""
import os
import subprocess

import peers
import pytest
import timed


@pytest.fixture
def poison(folder):
    out = os.path.join(folder, "poison.so")
    source = os.path.join(os.path.dirname(__file__), "preload", "poison.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", out, source,
                    "-ldl"], check=True)
    return out


def quarantined(agent):
    """Once it is decided; None where the process has ended."""
    try:
        (event,) = agent.get("/api/v1/events")["events"]
    except OSError:
        return None
    return event["status"] == "quarantined"


def test_three_crashes_and_the_others_flow(make_agent, sandbox, poison):
    agent = make_agent(env={"LD_PRELOAD": poison})
    try:
        assert agent.send(peers.alarm("poison-pill")) == 200
    except OSError:
        pass        # it is stored, and ended the process before its answer
    crashes = 0
    while peers.wait_for("a crash, or its end", lambda:
                         not agent.process.alive() or quarantined(agent)) \
            and not agent.process.alive():
        crashes += 1
        assert crashes <= 3
        agent.kill()
        agent.start(wait=False)
    # One that came while the agent was still starting is counted at once.
    assert crashes >= 2
    peers.wait_for("the agent", agent.ready, 30)
    agent.settle()
    assert quarantined(agent)
    assert agent.metrics()["tocsin_events_quarantined_total"] == 1
    assert agent.send(peers.alarm("healthy")) == 200
    agent.settle()
    assert [i["short_description"] for i in sandbox.incidents()] == \
        ["CloudWatch Alarm: healthy"]


def crashes_until(agent, over):
    """How often the agent was started again until then."""
    crashes = 0

    def ended():
        try:
            return not agent.process.alive() or over()
        except OSError:
            return False

    while peers.wait_for("a crash, or its end", ended) and \
            not agent.process.alive():
        crashes += 1
        assert crashes <= 3
        agent.kill()
        agent.start(wait=False)
    peers.wait_for("the agent", agent.ready, 30)
    return crashes


@pytest.fixture
def poisonous(make_agent, clock, folder, poison):
    """An agent with one policy and three alarms of it, of which the second has
    ended the process by what was due in ten minutes."""
    after = os.path.join(folder, "poisonous")

    def make(policy, waiting):
        agent = make_agent(rules=timed.rules([policy]), start=False)
        agent.env["LD_PRELOAD"] += ":" + poison
        agent.env["POISON_AFTER"] = after
        agent.start()
        for name in ("before", "poison-pill", "behind"):
            timed.fire(agent, name, when=clock.now())
        agent.settle()
        assert len(waiting(agent)) == 3
        open(after, "w").close()
        clock.forward(11 * timed.MINUTE)
        assert crashes_until(agent, lambda: not waiting(agent)) >= 2
        agent.settle()
        assert agent.metrics()["tocsin_events_quarantined_total"] == 1
        os.unlink(after)
        return agent

    return make


def test_a_wait_that_crashes_is_set_aside(poisonous, sandbox, clock):
    agent = poisonous("{id: p, match: {}, open_after: 10m}", timed.held)
    assert timed.titles(sandbox) == ["CloudWatch Alarm: before",
                                     "CloudWatch Alarm: behind"]
    assert timed.event(agent, "poison-pill")["status"] == "quarantined"
    # It is one event that was set aside, not its alarm for ever.
    timed.fire(agent, "poison-pill", "OK", when=clock.now())
    timed.fire(agent, "poison-pill", when=clock.now() + 1)
    agent.settle()
    assert len(timed.held(agent)) == 1


def test_a_timer_that_crashes_is_set_aside(poisonous, sandbox, clock):
    agent = poisonous("{id: p, match: {}, severity: medium, escalate: "
                      "[{after: 10m, raise_to: P1}]}", timed.timers)
    # The others rose; its own stays open, as it was.
    assert {i["short_description"].split()[-1]: (i["priority"], i["state"])
            for i in sandbox.incidents()} == {
        "before": ("P1", "new"), "poison-pill": ("P3", "new"),
        "behind": ("P1", "new")}
    assert "timers set aside" in agent.process.text()
    # And goes on by what comes in.
    timed.fire(agent, "poison-pill", "OK", when=clock.now())
    agent.settle()
    assert "resolved" in {i["state"] for i in sandbox.incidents()}
