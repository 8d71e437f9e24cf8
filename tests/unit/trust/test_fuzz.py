"""A short search in each parser of what strangers send; `make fuzz` searches for longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_seeds_are_read(target: Target) -> None:
    assert target.seeds
    for seed in target.seeds:
        target(seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@given(data=st.data())
def test_what_is_near_a_seed_is_read_or_refused(target: Target, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(target.seeds))
    text = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 3))
        text[at : at + length] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from(_ODD).map(bytes), st.just(seed[:at]))
        )
    target(bytes(text))


_ODD = [
    *(b"\r\n", b"\x00", b'"', b"\\ud800", b"[[[[", b"{}", b"null", b"1e999", b"-0", b"%00", b"%2F"),
    *(b"\xff", b"\xc3", b"\xef\xbb\xbf", b": ", b", ", b";q=", b"=", b"FFFFFFFF", b"99999999999"),
]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@given(text=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(target: Target, text: bytes) -> None:
    target(text)
