"""Hosts without WebSocket: what they read, and what they send up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from grip_lambda.errors import BadRequest, Forbidden, NotFound, TakenOver
from grip_lambda.hub import Hub
from grip_lambda.hub.channels import log_channel
from grip_lambda.hub.delivery import POLL, SSE
from grip_lambda.hub.hosts import Connection, HostRequest, Opening
from grip_lambda.protocol.ids import EventId
from grip_lambda.store import Host
from tests.support.wsgi import NODE, SECRET, application


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with application(tmp_path_factory.mktemp("hub")) as app:
        yield app.extensions["grip_lambda"]


def asking(transport: str, last: str = "", **opening: Any) -> HostRequest:
    connection = Connection("", NODE, dict, transport)
    return HostRequest(Opening(transport=transport, **opening), connection, last)


def opening_of(message: bytes) -> tuple[str, str]:
    """Return the id and the token that a host is offered."""
    lambda_id, details = json.loads(message)["params"]
    return lambda_id, details["token"]


def polling(hub: Hub, answer: object = "ok") -> tuple[str, str, str]:
    """Open a lambda whose host polls; return its id, its token and its cursor."""
    polled = hub.http_hosts.poll(asking(POLL), 0.0)
    lambda_id, token = opening_of(polled.messages[0].data)
    acknowledge(hub, lambda_id, token, answer)
    return lambda_id, token, polled.cursor


def acknowledge(hub: Hub, lambda_id: str, token: str, answer: object = "ok") -> None:
    hub.uploads.take(lambda_id, token, json.dumps({"id": 0, "result": answer}).encode())


def told(hub: Hub, lambda_id: str, message: bytes) -> None:
    """Send a message to a lambda's host."""
    known = hub.hosts.get(lambda_id)
    outbox = hub.http_hosts._outbox
    outbox.send(lambda_id, Host(known.connection, NODE, transport=known.transport), message)


def test_a_stream_begins_with_the_opening_and_goes_on_where_it_was(hub: Hub) -> None:
    stream = hub.http_hosts.stream(asking(SSE))
    name, data, *_ = stream.body.decode().split("\n")
    event_id = name.removeprefix("id: ")
    lambda_id, token = opening_of(data.removeprefix("data: ").encode())
    acknowledge(hub, lambda_id, token)
    told(hub, lambda_id, b"[1]")

    event = EventId.decode(SECRET, event_id)
    assert event is not None
    assert stream.channel == log_channel(lambda_id, event.connection, 1)
    again = hub.http_hosts.stream(asking(SSE, event_id))
    assert again.body.endswith(b"data: [1]\n\n")
    assert again.channel == log_channel(lambda_id, event.connection, 2)
    assert hub.hosts.get(lambda_id).transport == SSE


def test_a_link_goes_on_with_its_own_hold_alone(hub: Hub) -> None:
    stream = hub.http_hosts.stream(asking(SSE))
    following = f"{stream.channel}; last-id={stream.last}"

    current = hub.http_hosts.next(stream.link, following)

    assert current is not None
    assert current.body == b""
    assert hub.http_hosts.next(stream.link, f"{stream.channel}x; last-id=0") is None
    with pytest.raises(NotFound):
        hub.http_hosts.next(f"{stream.link}x", following)
    event_id = stream.body.decode().split("\n")[0].removeprefix("id: ")
    hub.http_hosts.stream(asking(SSE, event_id))
    assert hub.http_hosts.next(stream.link, following) is None, "another one reads now"


def test_a_poll_is_answered_at_once_or_held(hub: Hub) -> None:
    lambda_id, _, cursor = polling(hub)

    held = hub.http_hosts.poll(asking(POLL, cursor), 20.0)
    assert held.channel is not None
    assert held.timeout_s == 21
    told(hub, lambda_id, b"[1]")
    polled = hub.http_hosts.poll(asking(POLL, cursor), 20.0)
    assert [one.data for one in polled.messages] == [b"[1]"]
    repeated = hub.http_hosts.repeated_poll(asking(POLL, cursor), held.channel, 20.0)
    assert [one.data for one in repeated.messages] == [b"[1]"]
    after = hub.http_hosts.poll(asking(POLL, polled.cursor), 20.0)
    assert after.messages == []


def test_a_poll_that_is_repeated_as_another_is_refused(hub: Hub) -> None:
    _, _, cursor = polling(hub)
    _, _, other = polling(hub)
    held = hub.http_hosts.poll(asking(POLL, other), 20.0)
    assert held.channel is not None

    for grip_last in (held.channel, "", "call-x"):
        with pytest.raises(Forbidden):
            hub.http_hosts.repeated_poll(asking(POLL, cursor), grip_last, 20.0)


def test_an_event_id_is_of_one_lambda_and_of_this_server(hub: Hub) -> None:
    _, _, cursor = polling(hub)
    said, _, signature = cursor.rpartition(".")
    forged = f"{said}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"

    for last, opening in (
        (cursor, {"wanted": "Z" * 16}),
        (cursor, {"token": "another"}),
        (forged, {}),
        ("a.b.c", {}),
    ):
        with pytest.raises(Forbidden):
            hub.http_hosts.poll(asking(POLL, last, **opening), 0.0)


def test_one_whose_lambda_another_has_opened_is_told(hub: Hub) -> None:
    lambda_id, token, cursor = polling(hub)
    polled = hub.http_hosts.poll(asking(POLL, wanted=lambda_id, token=token), 0.0)
    acknowledge(hub, *opening_of(polled.messages[0].data))

    with pytest.raises(TakenOver):
        hub.http_hosts.poll(asking(POLL, cursor), 0.0)


def test_a_lambda_is_open_once_its_host_has_said_so(hub: Hub) -> None:
    polled = hub.http_hosts.poll(asking(POLL), 0.0)
    lambda_id, token = opening_of(polled.messages[0].data)

    with pytest.raises(NotFound):
        hub.hosts.get(lambda_id)
    acknowledge(hub, lambda_id, token, {"ok": True, "methods": ["greet"]})

    assert hub.hosts.get(lambda_id).methods == ["greet"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]]", b"1", b'"a"', b'{"id":[]}'])
def test_what_makes_no_sense_is_refused_and_nothing_of_it_is_used(hub: Hub, body: bytes) -> None:
    polled = hub.http_hosts.poll(asking(POLL), 0.0)
    lambda_id, token = opening_of(polled.messages[0].data)
    batch = b'[{"id":0,"result":"ok"},%b]' % (body or b"{")

    for one in (body, batch):
        with pytest.raises(BadRequest):
            hub.uploads.take(lambda_id, token, one)
    with pytest.raises(NotFound):
        hub.hosts.get(lambda_id)


def test_sending_takes_the_token_of_the_lambda(hub: Hub) -> None:
    lambda_id, _, _ = polling(hub)
    _, other, _ = polling(hub)

    for token in ("", "x", other):
        with pytest.raises(Forbidden):
            hub.uploads.check(lambda_id, token)
    with pytest.raises(NotFound):
        hub.uploads.check("Z" * 16, other)
