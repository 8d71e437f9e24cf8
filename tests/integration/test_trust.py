"""Some of the faults of ``python -m trust.chaos``, with less traffic: no promise is broken."""

from __future__ import annotations

import pytest

from trust.chaos import FAULTS, run

#: How long it takes at most until all is well again, in seconds.
QUICK = {
    "SIGKILL of all backend processes": 3.0,
    "SIGSTOP, 3 s, of a zurl": 4.0,
    # Hosts are pinged every half minute: they are asked for as soon as it has come back empty.
    "SIGKILL of Redis, of a cluster": 6.0,
}

pytestmark = pytest.mark.breaks


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_breaks_no_promise_and_does_not_last(name: str) -> None:
    (fault,) = [one for one in FAULTS if one.name == name]

    row = run(fault, before_s=1.0, after_s=QUICK[name] + 1.0)

    assert list(map(str, row.broken)) == []
    assert row.calls > 50
    assert row.well_s < QUICK[name]
