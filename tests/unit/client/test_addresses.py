"""Addresses and keys, as clients send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.client import Client
from grip_lambda.client.addresses import key_headers, opening_path
from grip_lambda.client.session import Session


def test_a_key_is_taken_from_the_environment_unless_one_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GRIP_LAMBDA_KEY", raising=False)
    assert key_headers(None) == {}
    monkeypatch.setenv("GRIP_LAMBDA_KEY", "gl_1")
    assert key_headers(None) == {"Authorization": "Bearer gl_1"}
    assert key_headers("gl_2") == {"Authorization": "Bearer gl_2"}
    assert key_headers("") == {}


@given(st.text(min_size=1))
def test_a_key_is_one_word_or_refused_without_being_shown(key: str) -> None:
    if key.isascii() and key.isprintable() and " " not in key:
        assert key_headers(key)["Authorization"].split(" ") == ["Bearer", key]
    else:
        with pytest.raises(
            ValueError, match=r"^an API key has no spaces and only ASCII characters$"
        ):
            key_headers(key)


def test_a_key_that_is_none_is_refused_at_once() -> None:
    for key in ("a b", "a\r\nX-Other: b", "schlüssel"):
        with pytest.raises(ValueError, match="API key"):
            Client("http://localhost:1", key=key)


def test_a_private_lambda_is_asked_for_each_time() -> None:
    assert opening_path("", "") == "/lambda/new"
    assert opening_path("", "", private=True) == "/lambda/new?private"
    assert (
        opening_path("a" * 16, "t/", private=True) == f"/lambda/new/{'a' * 16}?token=t%2F&private"
    )
    assert Session(None, "a" * 16, "t", private=True).path.endswith("?token=t&private")
