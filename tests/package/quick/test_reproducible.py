"""Built twice, the same bytes. The .rpm takes as long again: it is compared
where TOCSIN_REPRODUCIBLE names it."""
import os

import pytest

from packages import PACKAGES, TOP, call, need


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_twice_the_same(kind, request):
    if kind not in os.environ.get("TOCSIN_REPRODUCIBLE", "deb").split():
        pytest.skip(f"TOCSIN_REPRODUCIBLE=\"deb rpm\" compares {kind} too")
    need("cmp", "setpriv")
    request.getfixturevalue("debs" if kind == "deb" else "rpms")
    r = call(os.path.join(TOP, "tests/package/reproducible"), kind, PACKAGES)
    assert "the same, byte by byte" in r.stdout
