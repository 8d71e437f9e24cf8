"""The lines of the log: one form, whoever writes them; nothing in them breaks out of its line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grip_lambda import logs
from grip_lambda.protocol import keys

AT = datetime(2026, 11, 26, 15, 31, 27, 250_000, UTC).timestamp()
ANY = st.text(st.characters(codec=None) | st.sampled_from("\n\r\x1b\x7f\x85\u2028\ud800"))
STAMP = "2026-11-26T15:31:27.250Z"


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORMAT, "json")


def local(form: str) -> str:
    """Return the instant as programs write it: in the machine's own zone."""
    return datetime.fromtimestamp(AT).strftime(form)


PRINTED = [
    ("[WARN] " + local("%Y-%m-%d %H:%M:%S.250") + " slow", "WARNING", "slow"),
    (
        local("%Y/%m/%d %H:%M:%S")
        + " [crit] 17#17: *3 connect() failed, client: 10.0.0.1, server: _, request: "
        + '"GET /lambda/new?token=t HTTP/1.1"',
        "CRITICAL",
        "connect() failed",
    ),
    ("17:M " + local("%d %b %Y %H:%M:%S.250") + " # No space", "WARNING", "No space"),
    ("17:M " + local("%d %b %Y %H:%M:%S.250") + " * Ready", "INFO", "Ready"),
]


@pytest.mark.parametrize(("printed", "level", "message"), PRINTED)
def test_what_other_programs_print_is_put_into_the_form(
    printed: str, level: str, message: str
) -> None:
    stamp, shown_level, part, rest = logs.translated("other", printed).split(" ", 3)

    assert stamp.startswith("2026-11-26T15:31:27.")  # nginx tells whole seconds
    assert (shown_level, part, rest) == (level, "other", message)


@pytest.mark.parametrize(
    ("printed", "level", "message"),
    [
        ("zurl: [ERROR] no room", "ERROR", "no room"),
        ("[INFO] hello", "INFO", "hello"),
        ("anything else", "INFO", "anything else"),
    ],
)
def test_a_line_without_a_time_is_of_now(printed: str, level: str, message: str) -> None:
    stamp, rest = logs.translated("other", printed).split(" ", 1)

    assert abs(datetime.fromisoformat(stamp).timestamp() - datetime.now(UTC).timestamp()) < 10
    assert rest == f"{level} other {message}"


@pytest.mark.usefixtures("as_json")
def test_as_json_a_line_is_an_object() -> None:
    shown = json.loads(logs.line("backend", "INFO", "call", AT, {"method": "a b", "time": "x"}))

    assert shown == {
        **{"time": STAMP, "level": "INFO", "part": "backend", "message": "call"},
        "method": "a b",
    }


def test_as_text_what_else_there_is_stands_behind() -> None:
    shown = logs.line("backend", "INFO", "call", AT, {"method": "a b", "ms": 1.5, "code": None})

    assert shown == f'{STAMP} INFO backend call method="a b" ms=1.5 code=null'


KEY = keys.text_of(b"secret", "0123456789abcdef")
SECRETS = [
    KEY,
    f"Authorization: Bearer {KEY}",
    "GET /lambda/new/x?token=hidden-1 HTTP/1.1",
    "GET /events?lambda=x&ticket=hidden-1",
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_written(monkeypatch: pytest.MonkeyPatch, form: str, secret: str) -> None:
    monkeypatch.setenv(logs.FORMAT, form)
    for told in (
        logs.line("a", "INFO", secret, AT),
        logs.line("a", "INFO", "x", AT, {"method": secret, "exception": secret}),
        logs.translated("a", secret),
    ):
        assert KEY not in told
        assert "hidden" not in told
        assert "[redacted]" in told


@pytest.mark.parametrize("form", ["text", "json"])
@given(message=ANY, value=ANY)
@example(message="a\x85b\u2028c\x9b31m", value="\ud800")
def test_whatever_is_said_it_is_one_line(form: str, message: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(logs.FORMAT, form)
        told = logs.line("part", "INFO", message, AT, {"method": value})

    assert len(told.splitlines()) == 1
    assert not set(told) & set("\x1b\x7f\x9b")
    told.encode()


def test_a_traceback_stands_below_its_line() -> None:
    told = formatted(with_error=True)

    first, *rest = told.splitlines()
    assert first.endswith("ERROR backend failed: it")
    assert rest[-1] == "    ZeroDivisionError: division by zero"
    assert all(one.startswith("    ") for one in rest)


@pytest.mark.usefixtures("as_json")
def test_as_json_a_traceback_is_a_member() -> None:
    shown = json.loads(formatted(with_error=True))

    assert shown["exception"].endswith("ZeroDivisionError: division by zero")


def formatted(*, with_error: bool) -> str:
    caught: Any = None
    try:
        _ = 1 / (1 - with_error)
    except ZeroDivisionError:
        caught = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed: %s", ("it",), caught)
    return logs.Formatter().format(record)
