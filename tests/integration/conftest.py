import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import aws  # noqa: E402
import peers  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path)


@pytest.fixture
def sandbox(folder):
    s = peers.Sandbox(folder)
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
def cloud(fauxqs):
    c = aws.Cloud(fauxqs)
    yield c
    c.stop()


@pytest.fixture
def make_agent(folder, sandbox):
    """Agents by keyword; each is ended, and must not have crashed."""
    made = []

    def make(start=True, **kw):
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
