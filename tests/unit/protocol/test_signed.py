"""Signed texts: what we signed is known again, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.protocol.signed import sign, unsign

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_what_is_signed_is_known_again(text: str) -> None:
    assert unsign(b"secret", "event", sign(b"secret", "event", text)) == text


@given(TEXT)
def test_another_secret_or_purpose_makes_another_signature(text: str) -> None:
    signed = sign(b"secret", "event", text)

    assert unsign(b"another", "event", signed) is None
    assert unsign(b"secret", "link", signed) is None


@given(st.text())
def test_nothing_else_is_taken(text: str) -> None:
    assert unsign(b"secret", "event", text) is None


@given(TEXT, st.integers(min_value=0), st.characters(exclude_categories=["Cs"]))
def test_a_changed_one_says_nothing_else(text: str, at: int, other: str) -> None:
    signed = sign(b"secret", "event", text)
    at %= len(signed)
    changed = signed[:at] + other + signed[at + 1 :]

    # The last character of a signature has two bits that mean nothing.
    harmless = changed == signed or at == len(signed) - 1
    assert unsign(b"secret", "event", changed) in ({None, text} if harmless else {None})
