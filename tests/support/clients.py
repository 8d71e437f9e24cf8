"""Plain clients: hosts on a WebSocket, as the Lambda API describes them."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Handler = Callable[[str, Any], Any]


def for_sockets(authority: Path) -> ssl.SSLContext:
    """Return how a Socket speaks TLS with servers that an authority, a file, has signed.

    It reads in one thread and writes in another, which OpenSSL does not allow: TLS 1.3 reads
    tickets after its handshake, and now and then what is written meanwhile is lost.
    """
    context = ssl.create_default_context(cafile=str(authority))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class Socket:
    """One WebSocket to ``/lambda/new``, driven by the test message by message."""

    def __init__(self, ws_url: str, path: str = "/lambda/new", **options: Any) -> None:
        options.setdefault("max_size", None)
        self._context = connect(ws_url + path, **options)
        self.socket: ClientConnection = self._context.__enter__()
        self.id = ""
        self.token = ""

    def receive(self, timeout_s: float = 10.0) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout_s))
        return message

    def send(self, message: object) -> None:
        self.socket.send(json.dumps(message))

    def open(self, answer: object = "ok") -> tuple[str, dict[str, Any]]:
        """Acknowledge the ``open`` message; return the id and the details."""
        message = self.receive()
        assert message["method"] == "open"
        assert message["id"] == 0
        self.send({"id": 0, "result": answer})
        lambda_id, details = message["params"]
        self.id, self.token = lambda_id, details["token"]
        return lambda_id, details

    def settle(self) -> None:
        """Wait until the server has nothing in its hands of what was sent so far.

        What a process has that is killed costs its host the connection.
        """
        self.send({"id": "settled", "method": "rpc.settled", "params": []})
        assert self.receive()["id"] == "settled"

    def answer(self, message: dict[str, Any], **answer: object) -> None:
        """Answer a call with ``result=…`` or ``error=…``, or both."""
        self.send({"id": message["id"], **answer})

    def closed(self, timeout_s: float = 10.0) -> tuple[int, str]:
        """Wait for the end of the connection; return its close code and reason."""
        with pytest.raises(ConnectionClosed) as ended:
            self._drain(timeout_s)
        frame = ended.value.rcvd
        assert frame is not None, "the connection ended without a close frame"
        return frame.code, frame.reason

    def _drain(self, timeout_s: float) -> None:
        while True:
            self.socket.recv(timeout_s)

    def close(self) -> None:
        self.socket.close()

    def drop(self) -> None:
        """End the connection without a close frame."""
        with contextlib.suppress(OSError):
            # A close alone waits for the thread that is reading.
            self.socket.socket.shutdown(socket.SHUT_RDWR)
        self.socket.socket.close()


class Host:
    """A lambda that answers each call with what ``handler(method, body)`` returns."""

    def __init__(
        self, ws_url: str, handler: Handler, path: str = "/lambda/new", answer: object = "ok"
    ) -> None:
        self.seen: list[dict[str, Any]] = []
        self._settled = threading.Event()
        self._handler = handler
        self._socket = Socket(ws_url, path)
        self.id, self.details = self._socket.open(answer)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def token(self) -> str:
        return str(self.details["token"])

    @property
    def socket(self) -> Socket:
        return self._socket

    def _run(self) -> None:
        try:
            for text in self._socket.socket:
                message = json.loads(text)
                if "method" not in message:
                    self._settled.set()
                    continue
                self.seen.append(message)
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()
        except (ConnectionClosed, OSError):
            pass

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            answer = {"result": self._handler(message["method"], message["params"][0])}
        except Exception as error:
            answer = {"error": str(error)}
        with contextlib.suppress(ConnectionClosed, OSError):
            self._socket.send({"id": message["id"], **answer})

    def settle(self) -> None:
        """Wait as ``Socket.settle`` does."""
        self._settled.clear()
        self._socket.send({"id": "settled", "method": "rpc.settled", "params": []})
        assert self._settled.wait(10)

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)

    def __enter__(self) -> Host:
        self.settle()  # it is listed then
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def call(
    url: str,
    lambda_id: str,
    method: str = "test",
    body: bytes | str = b"",
    wait: float | str | None = None,
    **options: Any,
) -> requests.Response:
    """Call a lambda and return the response."""
    headers = options.pop("headers", {})
    if wait is not None:
        headers["Prefer"] = f"wait={wait}"
    return requests.post(
        f"{url}/lambda/{lambda_id}/{method}",
        data=body,
        headers=headers,
        timeout=options.pop("timeout", 30),
        **options,
    )


def calling(*args: Any, **options: Any) -> Future[requests.Response]:
    """Call a lambda in the background, as ``call`` does."""
    future: Future[requests.Response] = Future()

    def run() -> None:
        try:
            future.set_result(call(*args, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
