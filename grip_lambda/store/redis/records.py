"""Facts as they are kept in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import msgspec
import orjson

from ..facts import Call, Closed, Host, Lambda, Wait


class _Facts(msgspec.Struct, array_like=True):
    """What is kept of a call that the scripts need not know; the attributes are those of Call."""

    node: str
    deadline: float
    kind: str
    details: str
    kept_s: float
    created: float
    key: str
    client: str = ""  # earlier versions entered calls without what follows
    about: str = ""
    service: str = ""


_decoder = msgspec.json.Decoder(_Facts)
_wait_decoder = msgspec.json.Decoder(tuple[str, float, str])


def fields_of(known: Lambda) -> list[Any]:
    """Return the fields of a lambda, names and values in turn."""
    fields: dict[str, Any] = {
        "id": known.id,
        "connection": known.connection,
        "node": known.node,
        "code": known.code,
        "generation": known.generation,
        "opened": repr(known.opened),
        "expires": repr(known.expires),
        "headers": orjson.dumps(known.headers),
        "transport": known.transport,
        "context": int(known.context),
        "owner": known.owner,
        "private": int(known.private),
        "client": known.client,
    }
    if known.methods is not None:
        fields["methods"] = orjson.dumps(known.methods)
    if known.described:
        fields["described"] = known.described
    if known.services:
        fields["services"] = orjson.dumps(known.services)
    if known.max_calls is not None:
        fields["max_calls"] = known.max_calls
    return [x for pair in fields.items() for x in pair]


def lambda_of(raw: Mapping[bytes, bytes]) -> Lambda | None:
    """Return a lambda; None where there are no fields."""
    if not raw:
        return None
    fields = {name.decode(): value for name, value in raw.items()}
    texts = {
        name: fields[name].decode() for name in ("id", "connection", "node", "code", "generation")
    }
    # What an earlier version entered has not all of these.
    texts["transport"] = fields.get("transport", b"websocket").decode()
    texts["owner"] = fields.get("owner", b"").decode()
    texts["client"] = fields.get("client", b"").decode()
    texts["described"] = fields.get("described", b"").decode()
    return Lambda(
        **texts,
        opened=float(fields["opened"]),
        expires=float(fields["expires"]),
        headers=orjson.loads(fields["headers"]),
        methods=orjson.loads(fields["methods"]) if "methods" in fields else None,
        max_calls=int(fields["max_calls"]) if "max_calls" in fields else None,
        context=fields.get("context") == b"1",
        private=fields.get("private") == b"1",
        services=tuple(orjson.loads(fields.get("services", b"[]"))),
    )


def host_of(fields: Sequence[bytes | None]) -> Host:
    """Return a host: connection, node, code, transport, context, busy_until of a lambda."""
    connection, node, code, transport, context, busy_until = fields
    named = (connection or b"", node or b"", code or b"", transport or b"websocket")
    asked, through, speaks, way = (text.decode() for text in named)
    return Host(asked, through, speaks, way, context == b"1", float(busy_until or 0))


def closed_of(found: Any) -> Closed | None:
    """Return what a script says of a lambda that was closed."""
    if not found:
        return None
    flat, calls = found
    gone = lambda_of(dict(zip(flat[::2], flat[1::2], strict=True)))
    return None if gone is None else Closed(gone, calls_of(gone.id, calls))


def calls_of(lambda_id: str, flat: Sequence[bytes]) -> list[Call]:
    """Return calls of a lambda: tokens and facts in turn."""
    return [call_of(lambda_id, flat[n].decode(), flat[n + 1]) for n in range(0, len(flat), 2)]


def facts_of(call: Call) -> bytes:
    """Return what is kept of a call beside what the scripts need."""
    return msgspec.json.encode(astuple(call)[2:])


def call_of(lambda_id: str, token: str, facts: bytes) -> Call:
    """Return a call."""
    return Call(token, lambda_id, *msgspec.structs.astuple(_decoder.decode(facts)))


def wait_of(lambda_id: str, call: str, token: str, facts: bytes) -> Wait:
    """Return a wait."""
    return Wait(token, call, lambda_id, *_wait_decoder.decode(facts))
