"""Events and results of functions, as the WSGI adapter needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .gateway import read

Event = dict[str, Any]
Result = dict[str, Any]

#: What stands in a path that a client has encoded; the rest was decoded on the way.
_ENCODED = "/%:@!$&'()*+,;=-._~"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MEMBERS = ("headers", "multiValueHeaders")


@dataclass(frozen=True)
class Hold:
    """What Pushpin is told to hold.

    Attributes:
        channel: the channel that it waits for.
        last_id: the item that the next one is to follow.
        timeout_s: for how long, in seconds.
    """

    channel: str
    last_id: str
    timeout_s: int


def normalised(event: Any) -> Event:
    """Return an event with everything in it that the adapter reads, and nothing that is unsafe.

    HTTP APIs decode the path, and give the stage in it; REST APIs and function URLs don't. A header
    with an underscore in its name is left out: WSGI takes it for the one with a dash, so that a
    client could send what only the proxy may (``Meta_Lambda``, ``Grip_Last``). So is the
    ``Transfer-Encoding``, as the body is whole: with it Werkzeug would not read it.

    Raises:
        NotWebSocket: it is no event of API Gateway or of a function URL.
    """
    read(event)
    known = dict(event)
    for name in _MEMBERS:
        if isinstance(known.get(name), Mapping):
            known[name] = {
                key: value
                for key, value in known[name].items()
                if "_" not in key and key.lower() != "transfer-encoding"
            }
    context = known.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    if isinstance(http, Mapping):
        _normalise_v2(known, dict(context or {}), dict(http))
    else:
        known["version"] = "1.0"
        known["path"] = _encoded(str(known.get("path") or "/"))
    return known


def _normalise_v2(known: Event, context: dict[str, Any], http: dict[str, Any]) -> None:
    path = str(known.get("rawPath") or http.get("path") or "/")
    stage = f"/{context.get('stage') or '$default'}"
    if path == stage or path.startswith(f"{stage}/"):
        path = path[len(stage) :] or "/"
    known["version"] = "2.0"
    known["rawPath"] = _encoded(path)
    known["rawQueryString"] = known.get("rawQueryString") or ""
    known["headers"] = known.get("headers") or {}
    known["requestContext"] = context | {
        "http": {"sourceIp": "", "protocol": "HTTP/1.1"} | http,
    }


def _encoded(path: str) -> str:
    return quote(_LONE_PERCENT.sub("%25", path), safe=_ENCODED, errors="surrogatepass")


def path_of(event: Event) -> str:
    """Return the path of a normalised event."""
    return str(event["rawPath"] if event["version"] == "2.0" else event["path"])


def header(event: Event, name: str) -> str:
    """Return a header of a request, several values joined; empty where there is none."""
    for member in ("multiValueHeaders", "headers"):
        for one, value in (event.get(member) or {}).items():
            if one.lower() == name.lower():
                return ",".join(value) if isinstance(value, list) else str(value)
    return ""


def with_header(event: Event, name: str, value: str) -> Event:
    """Return an event with a header set."""
    changed = dict(event)
    for member in _MEMBERS:
        if event.get(member) is not None:
            kept = {k: v for k, v in event[member].items() if k.lower() != name.lower()}
            changed[member] = kept | {name: [value] if member == "multiValueHeaders" else value}
    return changed


def hold_of(result: Result) -> Hold | None:
    """Return what a response has Pushpin hold as a response; None where it has it hold none."""
    fields = {name.lower(): value for name, value in _fields(result)}
    if fields.get("grip-hold") != "response" or not fields.get("grip-timeout", "").isdigit():
        return None
    channel, _, options = fields["grip-channel"].partition(";")
    return Hold(channel.strip(), options.partition("prev-id=")[2], int(fields["grip-timeout"]))


def with_timeout(result: Result, timeout_s: int) -> Result:
    """Return a response whose hold ends after another time."""
    return with_header(result, "Grip-Timeout", str(timeout_s))


def released(result: Result) -> Result:
    """Return the same response without a hold."""
    changed = dict(result)
    for member in _MEMBERS:
        if result.get(member) is not None:
            changed[member] = {
                k: v for k, v in result[member].items() if not k.lower().startswith("grip-")
            }
    return changed


def plain_result(status: int, body: bytes) -> Result:
    """Return a response with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "isBase64Encoded": False,
        "body": body.decode(),
    }


def _fields(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in (message.get("headers") or {}).items():
        yield name, value
    for name, values in (message.get("multiValueHeaders") or {}).items():
        for value in values:
            yield name, value
