"""Events of API Gateway: REST APIs (payload 1.0), HTTP APIs and function URLs (payload 2.0).

Source: AWS's "Lambda proxy integrations" for REST and HTTP APIs.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import NotWebSocket


@dataclass(frozen=True)
class Request:
    """An HTTP request as it reached the gateway.

    Attributes:
        method: in capital letters.
        headers: values by the name in small letters; where payload 2.0 has joined several with
            commas they are one.
        body: its bytes.
    """

    method: str
    headers: Mapping[str, list[str]]
    body: bytes


def read(event: object) -> Request:
    """Read an event.

    Raises:
        NotWebSocket: it is no request of API Gateway.
    """
    if not isinstance(event, Mapping):
        raise NotWebSocket("the event is no request of API Gateway: it is not an object")
    return Request(_method(event).upper(), _headers(event), _body(event))


def _method(event: Mapping[str, Any]) -> str:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    method = http.get("method") if isinstance(http, Mapping) else event.get("httpMethod")
    if not isinstance(method, str):
        raise NotWebSocket(
            "the event is no request of API Gateway: it has neither httpMethod nor"
            " requestContext.http.method"
        )
    return method


def _headers(event: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in _fields(event.get("multiValueHeaders")):
        found.setdefault(name.lower(), []).append(value)
    several = set(found)  # the plain member has the last value of each once more
    for name, value in _fields(event.get("headers")):
        if name.lower() not in several:
            found.setdefault(name.lower(), []).append(value)
    return found


def _fields(headers: object) -> Iterator[tuple[str, str]]:
    if not isinstance(headers, Mapping):  # null where there are none
        return
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            if not (isinstance(name, str) and isinstance(value, str)):
                raise NotWebSocket("the event is no request of API Gateway: a header is no text")
            yield name, value


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise NotWebSocket("the event is no request of API Gateway: its body is no text")
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise NotWebSocket("the body of the event says that it is base64, and is not") from None
