"""A lambda that `grip-lambda serve` opens itself, so that there is something to call at once.

``python -m grip_lambda.serve.demo URL KEPT OPENED``
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import msgspec
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

_RETRY_S = 1.0
#: How long a handshake may take, in seconds: a Pushpin that has just started may lose it.
_OPEN_S = 3.0


class _Message(msgspec.Struct):
    """What the server sends. A body stays text: it is sent back as it came, whatever it is."""

    method: str
    params: list[msgspec.Raw]
    id: msgspec.Raw = msgspec.Raw(b"null")


class _Details(msgspec.Struct):
    token: str


class Lambda(msgspec.Struct):
    """The lambda that is held open.

    Attributes:
        id: its id.
        token: what it is opened again with.
    """

    id: str
    token: str


def hold(url: str, kept: Path, opened: Path) -> None:
    """Hold a lambda open that answers every call with what it was sent; never returns.

    Args:
        url: where lambdas are opened, ``ws://host:port/lambda/new``.
        kept: the file that remembers it for the next time.
        opened: the file that its id is put into each time it is open.
    """
    known = _read(kept)
    while True:
        again = "" if known is None else f"/{known.id}?token={known.token}"
        try:
            with connect(url + again, proxy=None, max_size=None, open_timeout=_OPEN_S) as socket:
                known = _open(socket)
                _write(kept, msgspec.json.encode(known))
                _write(opened, known.id.encode())
                for text in socket:
                    _answer(socket, text)
        except InvalidStatus as refused:
            if refused.response.status_code in (400, 403):  # made with another secret
                known = None
        except (OSError, WebSocketException, ValueError):
            pass
        time.sleep(_RETRY_S)


def _open(socket: ClientConnection) -> Lambda:
    message = msgspec.json.decode(socket.recv(), type=_Message)
    lambda_id, details = message.params
    known = Lambda(
        msgspec.json.decode(lambda_id, type=str),
        msgspec.json.decode(details, type=_Details).token,
    )
    socket.send('{"id":0,"result":{"ok":true,"methods":["echo"]}}')
    return known


def _answer(socket: ClientConnection, text: str | bytes) -> None:
    try:
        call = msgspec.json.decode(text, type=_Message)
    except msgspec.MsgspecError:  # half of a surrogate pair is JSON, and no text
        call_id = json.loads(text, parse_int=float).get("id")
        socket.send(json.dumps({"id": call_id, "error": "the demo can't read this body"}))
        return
    result = {"method": call.method, "echo": (*call.params, None)[0]}
    socket.send(msgspec.json.encode({"id": call.id, "result": result}).decode())


def _read(path: Path) -> Lambda | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Lambda)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


if __name__ == "__main__":
    hold(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
