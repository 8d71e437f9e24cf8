"""The codecs that a host may choose for its lambda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import NotAcceptable
from . import jsonrpc, jsonrpc2
from .jsonrpc import Message, Received


class Codec(Protocol):
    """What a module offers that is a codec."""

    CODE: str

    def call_message(self, method: str, params: bytes, token: str) -> bytes: ...

    def cancellation(self, token: str) -> bytes: ...

    def open_message(self, lambda_id: str, details: dict[str, Any]) -> bytes: ...

    def receive(self, data: bytes) -> Received: ...

    def response(self, received: Received) -> bytes | None: ...

    def parse_all(self, data: bytes) -> list[Message]: ...


CODECS: Mapping[str, Codec] = {jsonrpc.CODE: jsonrpc, jsonrpc2.CODE: jsonrpc2}


def of(code: str) -> Codec:
    """Return the codec in which a lambda is opened and answered; that of others is the default."""
    return CODECS.get(code, CODECS[jsonrpc.CODE])


def choose(asked: str | None, offered: str) -> tuple[str, str | None]:
    """Choose the codec of a host.

    Args:
        asked: what its address says, if it does.
        offered: its ``Sec-WebSocket-Protocol`` header; empty where there is none.

    Returns:
        The code, and the subprotocol to tell the host, None where it offered none.

    Raises:
        NotAcceptable: it asks for what is not spoken here, or offers other subprotocols only.
    """
    names = [name for name in (part.strip() for part in offered.split(",")) if name]
    spoken = [asked] if asked is not None else list(CODECS)
    if asked is not None and asked not in CODECS:
        raise NotAcceptable(f"the codecs spoken here are: {', '.join(CODECS)}")
    if not names:
        return spoken[0], None
    for name in names:
        if name in spoken:
            return name, name
    raise NotAcceptable(f"the codecs spoken here are: {', '.join(spoken)}")
