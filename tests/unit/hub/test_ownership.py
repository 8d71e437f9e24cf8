"""Who may open which id, where there are API keys; without any connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grip_lambda.errors import Forbidden, NotFound, RequestError, Unauthorized
from grip_lambda.hub import Hub
from grip_lambda.hub.hosts import Connection, Opening, Session
from grip_lambda.protocol import keys
from grip_lambda.protocol.keys import Key
from grip_lambda.proxies import Proxy
from grip_lambda.settings import Settings

SECRET = b"secret"
ID = "A" * 16
OWNER, OTHER, CALLER = "a" * 16, "b" * 16, "c" * 16
KEYS = {
    one.id: one
    for one in (
        Key(id=OWNER, name="owner", sha256="0" * 64, may=frozenset(["host"])),
        Key(id=OTHER, name="other", sha256="0" * 64, may=frozenset(["host"])),
        Key(id=CALLER, name="caller", sha256="0" * 64, may=frozenset(["call"])),
    )
}
StartHub = Callable[..., Hub]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartHub]:
    """Start hubs on one store, with these keys; None for none configured."""
    hubs: list[Hub] = []

    def run(*key_ids: str, keyed: bool = True) -> Hub:
        path = tmp_path / f"keys-{len(hubs)}.json"
        path.write_bytes(keys.written(KEYS[one] for one in key_ids))
        settings = Settings(
            (Proxy("n1", "http://127.0.0.1:1", b"key"),),
            f"sqlite:///{tmp_path}/store.db",
            SECRET,
            api_keys=path if keyed else None,
        )
        hubs.append(Hub(settings))
        return hubs[-1]

    yield run
    for one in hubs:
        one.close()


def connection(name: str) -> Connection:
    return Connection(name, "n1", dict)


def opened(hub: Hub, key: str = "", token: str = "", name: str = "first") -> str:
    """Open the id; return its token."""
    session, message = begun(hub, key, token)
    hub.hosts.acknowledge(connection(name), session, b'"ok"')
    return message


def begun(hub: Hub, key: str = "", token: str = "") -> tuple[Session, str]:
    session, message = hub.hosts.open(Opening(ID, token, owner=key))
    return session, message.decode().partition('"token":"')[2].partition('"')[0]


def refused(hub: Hub, key: str = "", token: str = "") -> type[RequestError]:
    with pytest.raises(RequestError) as error:
        begun(hub, key, token)
    return type(error.value)


def owner(hub: Hub) -> str:
    return hub.hosts.get(ID).owner


def test_an_id_that_nobody_had_may_be_opened_by_any_key(start: StartHub) -> None:
    hub = start(OWNER, OTHER)

    assert refused(hub) is Unauthorized
    assert refused(hub, token="none") is Forbidden
    opened(hub, OWNER)
    assert owner(hub) == OWNER


@pytest.mark.parametrize("is_open", [True, False])
def test_an_id_belongs_to_its_key_for_a_day(start: StartHub, is_open: bool) -> None:
    hub = start(OWNER, OTHER)
    token = opened(hub, OWNER)
    if not is_open:
        hub.hosts.delete(ID, token)

    assert refused(hub, OTHER) is Forbidden
    assert refused(hub, OTHER, "wrong") is Forbidden
    assert refused(hub, token="wrong") is Forbidden
    assert refused(hub) is Unauthorized
    assert opened(hub, OWNER, name="second") == token
    assert opened(hub, token=token, name="third") == token
    assert owner(hub) == OWNER


@pytest.mark.parametrize("is_open", [True, False])
def test_another_key_with_the_token_makes_it_its_own(start: StartHub, is_open: bool) -> None:
    hub = start(OWNER, OTHER)
    token = opened(hub, OWNER)
    if not is_open:
        hub.hosts.delete(ID, token)

    fresh = opened(hub, OTHER, token, name="second")

    assert fresh != token
    assert owner(hub) == OTHER
    assert refused(hub, OWNER, token) is Forbidden
    assert refused(hub, token=token) is Forbidden
    assert hub.hosts.get(ID).connection == "second"


def test_the_token_of_a_revoked_key_is_worth_nothing_alone(start: StartHub) -> None:
    token = opened(start(OWNER, OTHER), OWNER)
    hub = start(OTHER)

    assert refused(hub, token=token) is Unauthorized
    opened(hub, OTHER, token, name="second")
    assert owner(hub) == OTHER


def test_what_was_opened_without_keys_takes_a_key_and_its_token(start: StartHub) -> None:
    token = opened(start(keyed=False))
    hub = start(OWNER, OTHER)

    assert refused(hub, token=token) is Unauthorized
    assert refused(hub, OWNER) is Forbidden
    opened(hub, OWNER, token, name="second")
    assert owner(hub) == OWNER


def test_where_the_keys_are_gone_the_token_opens(start: StartHub) -> None:
    token = opened(start(OWNER), OWNER)
    hub = start(keyed=False)

    assert refused(hub) is Forbidden
    assert opened(hub, token=token, name="second") == token


def test_of_two_keys_that_open_a_fresh_id_at_once_one_has_it(start: StartHub) -> None:
    """Also after its host has gone again, before the other one acknowledges."""
    hub = start(OWNER, OTHER)
    accept_expired, _ = begun(hub, OTHER)
    token = opened(hub, OWNER)
    hub.hosts.delete(ID, token)

    with pytest.raises(Forbidden):
        hub.hosts.acknowledge(connection("second"), accept_expired, b'"ok"')
    with pytest.raises(NotFound):
        hub.hosts.get(ID)
    assert refused(hub, OTHER) is Forbidden


def test_of_two_keys_that_show_one_token_at_once_the_first_has_it(start: StartHub) -> None:
    hub = start(OWNER, OTHER)
    token = opened(hub, OWNER)
    again, _ = begun(hub, OWNER, token)
    opened(hub, OTHER, token, name="second")

    with pytest.raises(Forbidden):
        hub.hosts.acknowledge(connection("third"), again, b'"ok"')
    assert (owner(hub), hub.hosts.get(ID).connection) == (OTHER, "second")


def test_a_key_that_may_not_host_closes_nothing(start: StartHub) -> None:
    hub = start(OWNER, OTHER, CALLER)
    token = opened(hub, OWNER)

    for key in (None, KEYS[CALLER]):
        with pytest.raises((Unauthorized, Forbidden)):
            hub.hosts.delete(ID, "", key)
    hub.hosts.delete(ID, "", KEYS[OTHER])
    opened(hub, OWNER)
    hub.hosts.delete(ID, token)
    with pytest.raises(NotFound):
        hub.hosts.delete(ID, token)
