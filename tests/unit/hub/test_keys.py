"""API keys without a server: their text, their file, who may do what, tickets."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from grip_lambda import keys_file
from grip_lambda.errors import BadRequest, ConfigError, Forbidden, Unauthorized
from grip_lambda.hub.access import (
    TICKET_S,
    Access,
    Credentials,
    KeyRing,
    check_call,
    keyring,
    refusal,
)
from grip_lambda.protocol import keys
from grip_lambda.protocol.keys import Key
from grip_lambda.store import ANYBODY, Lambda, Permit

SECRET = b"the server's own secret"


def a_key(name: str = "laptop", *may: str, **changes: Any) -> tuple[Key, str]:
    """Return what is kept of a fresh key, and its text."""
    key_id = keys.new_id()
    kept = Key(
        id=key_id,
        name=name,
        sha256=keys.digest(keys.secret_of(SECRET, key_id)),
        may=frozenset(may or keys.RIGHTS),  # type: ignore[arg-type]
    )
    return msgspec.structs.replace(kept, **changes), keys.text_of(SECRET, key_id)


def write(path: Path, *kept: Key) -> None:
    """Write a file of keys as `grip-lambda keys` does."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(keys.written(kept))
    fresh.replace(path)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def access(path: Path, *kept: Key, clock: Callable[[], float] = Clock()) -> Access:  # noqa: B008
    write(path, *kept)
    return Access(KeyRing(path, SECRET, clock), SECRET)


def by_key(*texts: str) -> Credentials:
    return Credentials(texts)


def by_ticket(*texts: str) -> Credentials:
    return Credentials((), texts)


def test_a_key_is_read_as_it_was_made() -> None:
    kept, text = a_key()

    assert keys.parse(text) == (kept.id, keys.secret_of(SECRET, kept.id))
    assert keys.is_secret(kept, text.rpartition(f"gl_{kept.id}_")[2])
    assert hashlib.sha256(text[20:].encode()).hexdigest() == kept.sha256


def test_another_server_makes_other_secrets() -> None:
    assert keys.secret_of(SECRET, "0" * 16) != keys.secret_of(b"other", "0" * 16)
    assert keys.secret_of(SECRET, "0" * 16) != keys.secret_of(SECRET, "1" * 16)


@given(st.text(max_size=100))
def test_any_text_is_a_key_or_none(text: str) -> None:
    assert keys.parse(text) is None
    parts = keys.parse(f"gl_{'a' * 16}_{text}")
    assert parts is None or parts == ("a" * 16, text)


def test_a_file_comes_back_as_it_was_written() -> None:
    first, _ = a_key("first", "call", created="2026-11-22T10:00:00+00:00")
    second, _ = a_key("second", "host", "list", lambdas_of=frozenset([first.id]))
    third, _ = a_key("third", lambdas_of=frozenset())

    assert keys.read(keys.written([first, second, third])) == (first, second, third)
    assert keys.read(keys.written([])) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b"[]", "object"),
        (b"{}", "keys"),
        (b'{"keys": [{}]}', r"\$.keys\[0\]"),
        (b'{"keys": [], "more": 1}', "more"),
        (b"[" * 100_000, "."),
    ],
)
def test_a_file_of_something_else_is_refused_with_the_place(text: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        keys.read(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "short"},
        {"id": "G" * 16},
        {"name": ""},
        {"name": "a b"},
        {"sha256": "x"},
        {"may": ["fly"]},
        {"may": "host"},
        {"lambdas_of": "laptop"},
        {"secret": "x"},
        {"expires": "2030-01-01"},
        {"expires": 1893456000},
        {"expires": "\u0662030-01-01T00:00:00+00:00"},
        {"rate": 0},
        {"rate": "many"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    kept, _ = a_key()
    entry = msgspec.to_builtins(kept) | changes

    with pytest.raises(ValueError, match=r"keys\[0\]"):
        keys.read(msgspec.json.encode({"keys": [entry]}))


def test_two_keys_of_one_name_or_id_are_refused() -> None:
    first, _ = a_key("same")
    second, _ = a_key("same")

    with pytest.raises(ValueError, match="name"):
        keys.read(keys.written([first, second]))
    with pytest.raises(ValueError, match="id"):
        keys.read(keys.written([first, msgspec.structs.replace(first, name="other")]))


def test_nothing_shows_a_secret(path: Path) -> None:
    kept, text = a_key()
    secret = text[20:]
    one = access(path, kept)

    for shown in (repr(kept), str(kept), repr(by_key(text)), repr(by_ticket(text))):
        assert secret not in shown
        assert kept.sha256 not in shown
    assert secret not in path.read_text()
    assert one.authenticate(by_key(text)) == kept


def test_a_ring_knows_its_keys_and_their_secrets(path: Path) -> None:
    kept, text = a_key()
    write(path, kept)
    ring = KeyRing(path, SECRET)

    assert len(ring) == 1
    assert ring.find(text) == ring.get(kept.id) == kept
    assert ring.secret_of(kept.id) == text[20:]
    assert ring.get("f" * 16) is None
    assert ring.secret_of("f" * 16) is None
    # The hash is enough to take a key; making its secret again takes the server's.
    other = KeyRing(path, b"another secret")
    assert other.find(text) == kept
    assert other.secret_of(kept.id) is None


def test_a_key_that_has_expired_is_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = "2030-01-01T00:00:00+00:00"
    kept, text = a_key("brief", expires=at)
    write(path, kept)
    ring = KeyRing(path, SECRET)
    one = Access(ring, SECRET)

    monkeypatch.setattr(keyring, "_now", lambda: "2029-12-31T23:59:59+00:00")
    ticket = one.ticket(by_key(text))
    assert one.authenticate(by_ticket(ticket)) == one.authenticate(by_key(text)) == kept
    assert one.may_host(kept.id)
    assert ring.secret_of(kept.id)

    monkeypatch.setattr(keyring, "_now", lambda: at)
    for presented in (by_key(text), by_ticket(ticket)):
        with pytest.raises(Unauthorized):
            one.authenticate(presented)
    assert not one.may_host(kept.id)
    assert ring.secret_of(kept.id) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("90d", "2030-04-01T12:00:00"), ("12h", "2030-01-02T00:00:00")),
        *(("2w", "2030-01-15T12:00:00"), ("2030-12-31", "2030-12-31T00:00:00")),
        ("2030-12-31T01:00:00+02:00", "2030-12-30T23:00:00"),
        ("2030-12-31T01:00:00.5Z", "2030-12-31T01:00:00"),
    ],
)
def test_when_a_key_expires_is_a_span_or_a_time(text: str, at: str) -> None:
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)

    assert keys_file.expiry(text, now) == f"{at}+00:00"


@pytest.mark.parametrize(
    "text", ["", "d", "90", "-1d", "0h", "99999w9", "2029-12-31", "2030-13-01", "9" * 9999]
)
def test_it_is_in_the_future_and_makes_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r"expires is|is over"):
        keys_file.expiry(text, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", [None, "", "{}", "not json"])
def test_a_ring_without_a_sound_file_is_refused(path: Path, text: str | None) -> None:
    if text is not None:
        path.write_text(text)

    with pytest.raises(ConfigError, match="GRIP_LAMBDA_API_KEYS") as refused:
        KeyRing(path, SECRET)

    assert "\n" not in str(refused.value)


def test_a_changed_file_is_read_within_a_second(path: Path) -> None:
    clock = Clock()
    (first, first_text), (second, second_text) = a_key("first"), a_key("second")
    write(path, first)
    ring = KeyRing(path, SECRET, clock)

    write(path, second)
    clock.now += 0.9
    assert ring.find(first_text) == first
    clock.now += 0.1
    assert ring.find(first_text) is None
    assert ring.find(second_text) == second
    write(path)
    clock.now += 1
    assert ring.find(second_text) is None


def test_a_broken_file_leaves_the_last_good_keys(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    (first, first_text), (second, second_text) = a_key("first"), a_key("second")
    write(path, first)
    ring = KeyRing(path, SECRET, clock)

    path.write_text("{")
    for _ in range(3):
        clock.now += 1
        assert ring.find(first_text) == first
    path.unlink()
    for _ in range(3):
        clock.now += 1
        assert ring.find(first_text) == first
    errors = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 2
    assert all(str(path) in one and first.sha256 not in one for one in errors)

    write(path, second)
    clock.now += 1
    assert ring.find(first_text) is None
    assert ring.find(second_text) == second


def test_a_file_may_change_while_many_ask(path: Path) -> None:
    kept, text = a_key()
    write(path, kept)
    ring = KeyRing(path, SECRET, lambda: os.times().elapsed * 1000)  # looks at it each time
    found: list[Key | None] = []

    def ask() -> None:
        found.extend(ring.find(text) for _ in range(300))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(100):
        write(path, kept, a_key(f"other-{n}")[0])
    for thread in threads:
        thread.join()

    assert found == [kept] * 1200


def test_without_keys_everybody_may_and_nothing_is_looked_at() -> None:
    one = Access(None, SECRET)

    for presented in (Credentials(), by_key("wrong"), by_ticket("wrong")):
        assert one.authenticate(presented) is None
        assert one.require(presented, "list") is None
        assert one.caller(presented) == ANYBODY
        assert one.opener(presented, private=False) == ""
        assert one.ticket(presented)
    assert one.may_host("")
    assert one.may_host("unknown")
    with pytest.raises(BadRequest, match="private"):
        one.opener(Credentials(), private=True)


WRONG = [
    "",
    " ",
    "gl_",
    "x" * 1_000_000,
    "gl_" + "0" * 16 + "_" + "a" * 43,
    "schlüssel",
    "gl_" + "٣" * 16 + "_" + "a" * 43,
    "\udcff",
    "\0",
]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_what_is_no_key_is_unauthorized(path: Path, wrong: str) -> None:
    kept, text = a_key()
    one = access(path, kept)

    for presented in (by_key(wrong), by_ticket(wrong), Credentials([text], [wrong])):
        for ask in (one.authenticate, one.caller, one.ticket):
            if ask == one.ticket and presented.keys == [text]:
                continue  # which looks at no ticket
            with pytest.raises(Unauthorized):
                ask(presented)
        with pytest.raises(Unauthorized):
            one.require(presented, "list")
        with pytest.raises(Unauthorized):
            one.opener(presented, private=False)


def test_a_key_with_one_character_changed_is_none(path: Path) -> None:
    kept, text = a_key()
    one = access(path, kept)

    for n in range(len(text)):
        changed = text[:n] + ("b" if text[n] == "a" else "a") + text[n + 1 :]
        with pytest.raises(Unauthorized):
            one.authenticate(by_key(changed))
    for changed in (text + "a", text[:-1], text.upper(), f" {text}", text + "\n"):
        with pytest.raises(Unauthorized):
            one.authenticate(by_key(changed))


def test_two_keys_at_once_are_none_and_one_twice_is_one(path: Path) -> None:
    (first, first_text), (second, second_text) = a_key("first"), a_key("second")
    one = access(path, first, second)

    assert one.authenticate(by_key(first_text, first_text)) == first
    with pytest.raises(Unauthorized):
        one.authenticate(by_key(first_text, second_text))
    with pytest.raises(Unauthorized):
        one.authenticate(Credentials([first_text], [one.ticket(by_key(second_text))]))


def test_each_right_is_checked(path: Path) -> None:
    made = {right: a_key(right, right) for right in keys.RIGHTS}
    one = access(path, *(kept for kept, _ in made.values()))

    for right, (kept, text) in made.items():
        assert one.require(by_key(text), right) == kept
        for other in set(keys.RIGHTS) - {right}:
            with pytest.raises(Forbidden):
                one.require(by_key(text), other)
        assert one.may_host(kept.id) == (right == "host")
        if right != "host":
            with pytest.raises(Forbidden):
                one.opener(by_key(text), private=False)
        if right != "call":
            with pytest.raises(Forbidden):
                one.caller(by_key(text))
            with pytest.raises(Forbidden):
                one.caller_by_id(kept.id)
    with pytest.raises(Unauthorized):
        one.require(Credentials(), "list")
    assert one.caller(Credentials()) == one.caller_by_id("") == ANYBODY
    assert one.opener(Credentials(), private=True) == ""
    assert one.opener(by_key(made["host"][1]), private=True) == made["host"][0].id
    with pytest.raises(Unauthorized, match="revoked"):
        one.caller_by_id("f" * 16)


def test_whom_a_caller_may_call() -> None:
    public = Lambda("i", "c", "n", "json-rpc", "g", 0.0, 1.0, owner="a")
    private = replace(public, private=True)
    anyone, unrestricted = ANYBODY, Permit("k", private=True)
    of_a, of_b = (Permit("k", private=True, owners=frozenset(owner)) for owner in "ab")

    for permit in (anyone, unrestricted, of_a):
        check_call(permit, public)
    for permit in (unrestricted, of_a):
        check_call(permit, private)
    with pytest.raises(Unauthorized):
        check_call(anyone, private)
    for known in (public, private):
        with pytest.raises(Forbidden):
            check_call(of_b, known)
    assert isinstance(refusal(anyone), Unauthorized)


def test_a_restricted_key_reaches_its_own_lambdas_and_those_of_others_named(path: Path) -> None:
    kept, text = a_key(lambdas_of=frozenset(["f" * 16]))
    permit = access(path, kept).caller(by_key(text))

    assert permit == Permit(kept.id, private=True, owners=frozenset([kept.id, "f" * 16]))
    assert kept.reaches(kept.id)
    assert kept.reaches("f" * 16)
    assert not kept.reaches("")
    assert a_key()[0].reaches("")


def test_a_ticket_stands_for_its_key_and_ends_with_it(path: Path) -> None:
    clock = Clock()
    kept, text = a_key("laptop", "host")
    one = access(path, kept, clock=clock)
    ticket = one.ticket(by_key(text))

    assert one.authenticate(by_ticket(ticket)) == kept
    assert one.authenticate(Credentials([text], [ticket, ticket])) == kept
    assert text[20:] not in ticket
    with pytest.raises(Unauthorized):
        one.ticket(by_ticket(ticket))
    with pytest.raises(Forbidden):
        one.require(by_ticket(ticket), "list")
    write(path)
    clock.now += 1
    for expired in (False, True):
        with pytest.raises(Unauthorized):
            one.authenticate(by_ticket(ticket), accept_expired=expired)


def test_a_ticket_is_over_after_a_minute(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, text = a_key()
    one = access(path, kept)
    now = 1_800_000_000
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now)
    ticket = one.ticket(by_key(text))

    for later, valid in [(0, True), (TICKET_S, True), (TICKET_S + 1, False), (-20, True)]:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self, n=now + later: n)
        if valid:
            assert one.authenticate(by_ticket(ticket)) == kept
        else:
            with pytest.raises(Unauthorized):
                one.authenticate(by_ticket(ticket))
            late = one.caller(by_ticket(ticket), accept_expired=True)
            assert late.key == kept.id


def test_a_ticket_of_another_server_or_forged_is_none(path: Path) -> None:
    kept, text = a_key()
    one = access(path, kept)
    other = Access(one.ring, b"another secret")
    ticket = one.ticket(by_key(text))
    key_id, made, signature = ticket.split(".")

    forged = [
        other.ticket(by_key(text)),
        f"{key_id}.{made}",
        f"{key_id}.{made}.",
        f"{'0' * 16}.{made}.{signature}",
        f"{key_id}.zzzzzz.{signature}",
        f"{key_id}.{made}.{signature[::-1]}",
        TimestampSigner(SECRET).sign(kept.id).decode(),
        Access(None, SECRET).ticket(Credentials()),
    ]
    for text in forged:
        for expired in (False, True):
            with pytest.raises(Unauthorized):
                one.authenticate(by_ticket(text), accept_expired=expired)


@given(text=st.text())
def test_any_text_is_a_ticket_or_none(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    one = access(tmp_path_factory.getbasetemp() / "no-keys.json")

    with pytest.raises(Unauthorized):
        one.authenticate(by_ticket(text))
    with pytest.raises(Unauthorized):
        one.authenticate(by_key(text))


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both for a key that there is and for one that there is not."""
    compared: list[tuple[str, str]] = []
    compare = hmac.compare_digest

    def watched(a: str, b: str) -> bool:
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    kept, text = a_key()

    assert keys.is_secret(kept, text[20:])
    assert not keys.is_secret(kept, "other")
    assert not keys.is_secret(None, text[20:])
    assert [len(a) == len(b) == 64 for a, b in compared] == [True] * 3
