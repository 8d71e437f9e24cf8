"""Ids, and the token that reopens one."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.protocol import ids

TEXTS = st.text(st.characters(), max_size=40)
ASCII = st.text(st.characters(codec="ascii"))


def test_a_lambda_id_is_sixteen_url_safe_characters_of_twelve_bytes() -> None:
    made = {ids.new_lambda_id() for _ in range(1000)}

    assert len(made) == 1000
    assert all(ids.is_lambda_id(one) for one in made)
    assert all(len(urlsafe_b64decode(one)) == 12 for one in made)


@given(TEXTS)
def test_only_sixteen_url_safe_characters_are_a_lambda_id(text: str) -> None:
    assert ids.is_lambda_id(text) == bool(re.match(r"\A[A-Za-z0-9_-]{16}\Z", text, re.ASCII))


@pytest.mark.parametrize(
    "text",
    ["", "a" * 15, "a" * 17, "a" * 16 + "\n", "a" * 15 + "é", "a" * 15 + "٣", "a" * 15 + "="],
)
def test_near_misses_are_no_lambda_ids(text: str) -> None:
    assert not ids.is_lambda_id(text)


def test_call_tokens_and_generations_do_not_repeat() -> None:
    assert len({ids.new_call_token() for _ in range(1000)}) == 1000
    assert all(len(ids.new_call_token()) == 22 for _ in range(100))
    assert len({ids.new_generation() for _ in range(1000)}) == 1000


@given(st.binary(min_size=1), ASCII, ASCII)
def test_a_reopen_token_is_accepted_for_what_it_was_made_for(
    secret: bytes, lambda_id: str, generation: str
) -> None:
    token = ids.reopen_token(secret, lambda_id, generation)

    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", token)
    assert ids.is_reopen_token(secret, lambda_id, generation, token)
    assert not ids.is_reopen_token(secret + b"x", lambda_id, generation, token)
    assert not ids.is_reopen_token(secret, lambda_id + "x", generation, token)
    assert not ids.is_reopen_token(secret, lambda_id, generation + "x", token)


@given(TEXTS)
def test_any_other_text_is_refused_as_a_token_and_raises_nothing(text: str) -> None:
    assert not ids.is_reopen_token(b"secret", "a" * 16, "generation", text)


@given(st.binary(min_size=1), ASCII, ASCII)
def test_a_reopen_token_proves_itself_for_its_id_alone(
    secret: bytes, lambda_id: str, generation: str
) -> None:
    token = ids.reopen_token(secret, lambda_id, generation)

    assert ids.is_proven(secret, lambda_id, token)
    assert not ids.is_proven(secret + b"x", lambda_id, token)
    assert not ids.is_proven(secret, lambda_id + "x", token)
    assert not ids.is_proven(secret, lambda_id, token + "x")
    assert not ids.is_proven(secret, lambda_id, "x" * 12 + token[12:])


@given(TEXTS)
def test_any_other_text_proves_nothing(text: str) -> None:
    assert not ids.is_proven(b"secret", "a" * 16, text)


def test_tokens_that_an_earlier_version_gave_are_good_still() -> None:
    digest = hmac.digest(b"secret", b"reopen:id:generation", "sha256")
    earlier = urlsafe_b64encode(digest[:24]).decode()

    assert ids.is_reopen_token(b"secret", "id", "generation", earlier)
    assert not ids.is_reopen_token(b"secret", "id", "another", earlier)
