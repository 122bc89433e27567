import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import aws  # noqa: E402
import peers  # noqa: E402
import timed  # noqa: E402

# Ten seconds and more, in which they mostly wait: begun first, or the end of
# a run would wait for them.
LONG = ("aws_away", "an_unreadable_round", "soon_after_its_host_heals",
        "kills_while_draining", "random_kills", "sqs_crash.py",
        "a_hung_poll", "breaker_opens", "degraded_and_stays_200",
        "fifo_queues_groups", "a_full_journal_leaves", "wrong_md5-Receive",
        "deleted_alarm_resolves_after_two", "slow_tests_of_some",
        "it_holds_again_when", "crash_at_every_step", "backs_off",
        "a_heartbeat_within_fifteen", "stackflow_away_and_back")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda i: not any(name in i.nodeid for name in LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """As `--dist load`, but a worker is given few tests at a time: neighbours
    take equally long, and some worker would be given all the slow ones."""
    from xdist.scheduler import LoadScheduling

    class Few(LoadScheduling):
        def _send_tests(self, node, num):
            super()._send_tests(node, min(num, 2))

    return Few(config, log)


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


@pytest.fixture
def clock(folder):
    """The wall clock of a test's agents and of its sandbox, which it moves:
    nothing depends on how long anything really takes."""
    return timed.Clock(folder)


@pytest.fixture
def common_clock(request):
    """The clock of a test that has one."""
    if "clock" in request.fixturenames:
        return request.getfixturevalue("clock")
    return None


@pytest.fixture
def sandbox(folder, common_clock):
    s = peers.Sandbox(folder, env=common_clock and common_clock.env())
    yield s
    s.stop()


@pytest.fixture(scope="session")
def fauxqs(tmp_path_factory):
    """One for all tests of a process: it takes half a second to start."""
    aws.need_node("fauxqs")
    f = aws.Fauxqs(str(tmp_path_factory.mktemp("fauxqs")))
    yield f
    f.stop()


@pytest.fixture
def servers():
    """Takes the ends of what agents ask: they come once the agents' have."""
    with contextlib.ExitStack() as stack:
        yield stack.callback


@pytest.fixture
def cloud(fauxqs, servers):
    c = aws.Cloud(fauxqs)
    servers(c.stop)
    return c


@pytest.fixture
def make_agent(folder, sandbox, servers, common_clock):
    """Agents by keyword; each is ended, and must not have crashed."""
    made = []

    def make(start=True, **kw):
        if common_clock:
            kw["env"] = {**kw.get("env", {}), **common_clock.env()}
        a = peers.Agent(folder, sandbox, start=False, **kw)
        made.append(a)
        if start:
            a.start()
        return a

    yield make
    # All are ended before the first that is wrong fails the test.
    ended = [(a, a.stop()) for a in made
             if a.process and a.process.alive()]
    for a, status in ended:
        assert status == 0, a.process.text()[-4000:]
    for a in made:
        text = a.process.text() if a.process else ""
        assert "Sanitizer" not in text and "runtime error" not in text, \
            text[-8000:]


@pytest.fixture
def agent(make_agent):
    return make_agent()
