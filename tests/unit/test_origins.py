"""Origins: as browsers write them, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import ConfigError
from grip_lambda.origins import parse_origins


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("https://App.Example/", ("https://app.example",)),
        ("HTTPS://a.example:443 http://b.example:80", ("https://a.example", "http://b.example")),
        ("https://a.example, https://b.example", ("https://a.example", "https://b.example")),
        ("https://a.example,https://a.example", ("https://a.example",)),
        (
            "http://localhost:3000\thttp://[::1]:3000",
            ("http://localhost:3000", "http://[::1]:3000"),
        ),
        ("https://bücher.example", ("https://xn--bcher-kva.example",)),
        ("chrome-extension://abcdef", ("chrome-extension://abcdef",)),
        ("*", ()),
    ],
)
def test_origins_are_written_as_browsers_do(text: str, origins: tuple[str, ...]) -> None:
    assert parse_origins(text) == origins


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "app.example", "https://*.example", "https://a.example/page", "null"),
        *("https://a.example?x", "https://u@a.example", "https://", "https://[", "a,b"),
        *("https://a.example:99999", "https://a.example:x", "https://a\x01.example", "https//a"),
        *("https://a..example", "//a.example"),
    ],
)
def test_what_is_no_origin_is_refused_with_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match="GRIP_LAMBDA_ORIGINS") as refused:
        parse_origins(text)

    assert "\n" not in str(refused.value)


@given(st.text(max_size=20) | st.from_regex(r"https?://[^ ,]{1,12}", fullmatch=True))
def test_any_text_is_origins_or_refused(text: str) -> None:
    try:
        found = parse_origins(text)
    except ConfigError:
        return
    assert parse_origins(" ".join(found) or "*") == found
