"""Clients of Monologue: one that says what the test says, one that behaves as the original."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.clients import Socket


class MonologueSocket(Socket):
    """A connection to ``/monologue``, driven by the test message by message."""

    def __init__(self, ws_url: str, path: str = "/monologue", **options: Any) -> None:
        super().__init__(ws_url, path, **options)

    def whoami(self) -> str:
        """Ask for the id; the first message is the answer, whatever it is."""
        self.socket.send("whoami")
        self.id = str(self.socket.recv(10))
        return self.id

    def request(self, to: object, token: object, name: str = "test", *args: object) -> None:
        data = {"token": token, "name": name, "args": args}
        self.send({"to": to, "payload": {"type": "REQ", "data": data}})

    def ack(self, message: dict[str, Any], **ret: object) -> None:
        """Answer a call as the original does: with ``ret=…``, or with nothing."""
        data = {"token": message["payload"]["data"]["token"], **ret}
        self.send({"to": message["from"], "payload": {"data": data, "type": "ACK"}})

    def nak(self, message: dict[str, Any], error: object) -> None:
        data = {"token": message["payload"]["data"]["token"], "error": error}
        self.send({"to": message["from"], "payload": {"type": "NAK", "data": data}})


class Original:
    """A client that does what the original client does, message by message.

    It takes the first message for its id, answers requests with the first listener of that name,
    passes over what it does not expect, and knows of failed calls only that time has passed.
    """

    _numbers = itertools.count()

    def __init__(self, endpoint: str, api_key: str = "", timeout_s: float = 15.0) -> None:
        self.connection_id = ""
        self.received: list[dict[str, Any]] = []
        self._endpoint, self._api_key, self._timeout_s = endpoint, api_key, timeout_s
        self._listeners: dict[str, Callable[..., Any]] = {}
        self._callbacks: dict[str, tuple[threading.Event, list[Any]]] = {}

    def connect(self) -> None:
        self._socket = connect(
            self._endpoint,
            additional_headers={"x-api-key": self._api_key},
            open_timeout=self._timeout_s,
        ).__enter__()
        self._socket.send("whoami")
        self.connection_id = str(self._socket.recv(self._timeout_s))
        self._thread = threading.Thread(target=self._loop, args=(self._socket,), daemon=True)
        self._thread.start()

    def on(self, name: str, listener: Callable[..., Any]) -> None:
        self._listeners.setdefault(name, listener)

    def call(self, to: str, name: str, *args: Any) -> Any:
        """Call a listener; TimeoutError is all that there is to know where nobody answers."""
        token = f"client{next(self._numbers)}"
        answered: tuple[threading.Event, list[Any]] = (threading.Event(), [])
        self._callbacks[token] = answered
        data = {"token": token, "name": name, "args": args}
        self._send({"to": to, "payload": {"data": data, "type": "REQ"}})
        if not answered[0].wait(self._timeout_s):
            del self._callbacks[token]
            raise TimeoutError(name)
        return answered[1][0]

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)
        self.connection_id = ""

    def _send(self, message: object) -> None:
        self._socket.send(json.dumps(message))

    def _loop(self, socket: Any) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for text in socket:
                with contextlib.suppress(Exception):
                    self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        self.received.append(message)
        sender, payload = message["from"], message["payload"]
        data = payload.get("data", {})
        token = data.get("token", "invalid")
        if payload["type"] == "REQ":
            answer = {"token": token}
            ret = self._listeners[data.get("name", "")](*data.get("args", []))
            if ret is not None:  # undefined is not written
                answer["ret"] = ret
            self._send({"to": sender, "payload": {"data": answer, "type": "ACK"}})
        elif payload["type"] == "ACK":
            answered, ret = self._callbacks.pop(token)
            ret.append(data.get("ret"))
            answered.set()
