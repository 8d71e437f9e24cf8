"""Hosts on every transport, with one interface: what the test says of one holds for all."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, cast

import requests
from urllib3.exceptions import HTTPError as Urllib3Error

from grip_lambda.protocol import sse
from tests.support import raw
from tests.support.clients import Socket
from tests.support.raw import Reply

#: Parametrises tests that hold for hosts on every transport.
TRANSPORTS = ["websocket", "sse", "poll"]
#: How the end of a connection is told: the close code of a WebSocket, the status of a poll.
ENDS = {"refused": (4400, 409), "taken_over": (4409, 409), "deleted": (4410, 410)}


class Connection(ABC):
    """A host's connection, driven by the test message by message."""

    id = ""
    token = ""

    @abstractmethod
    def receive_text(self, timeout_s: float = 10.0) -> str:
        """Return the next message as it came."""

    @abstractmethod
    def send_text(self, text: str | bytes) -> None:
        """Send a message, or what should be one."""

    @abstractmethod
    def await_end(self, why: str, timeout_s: float = 10.0) -> None:
        """Wait for the end of the connection; ``why`` is one of ``ENDS``."""

    @abstractmethod
    def close(self) -> None: ...

    def drop(self) -> None:
        """Go away without a word."""
        self.close()

    def receive(self, timeout_s: float = 10.0) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.receive_text(timeout_s))
        return message

    def send(self, message: object) -> None:
        self.send_text(json.dumps(message))

    def greet(self) -> tuple[str, dict[str, Any]]:
        """Receive the ``open`` message; return the id and the details."""
        message = self.receive()
        assert (message["method"], message["id"]) == ("open", 0)
        self.id, details = message["params"]
        self.token = details["token"]
        return self.id, details

    def open(self, answer: object = "ok") -> tuple[str, dict[str, Any]]:
        """Acknowledge the ``open`` message; return the id and the details."""
        greeted = self.greet()
        self.send({"id": 0, "result": answer})
        return greeted

    def answer(self, message: dict[str, Any], **answer: object) -> None:
        """Answer a call with ``result=…`` or ``error=…``, or both."""
        self.send({"id": message["id"], **answer})


class WebSocket(Connection):
    def __init__(self, url: str, path: str, **headers: str) -> None:
        ws_url = url.replace("http://", "ws://")
        self._socket = Socket(ws_url, path, additional_headers=headers)

    def receive_text(self, timeout_s: float = 10.0) -> str:
        text = self._socket.socket.recv(timeout_s)
        assert isinstance(text, str)
        return text

    def send_text(self, text: str | bytes) -> None:
        self._socket.socket.send(text)

    def await_end(self, why: str, timeout_s: float = 10.0) -> None:
        code, reason = self._socket.closed(timeout_s)
        assert (code, bool(reason)) == (ENDS[why][0], True)

    def close(self) -> None:
        self._socket.close()

    def drop(self) -> None:
        self._socket.drop()


class _Http(Connection):
    """Reads in a thread; what is said goes up by POST.

    Attributes:
        last: the id of the last event, or the cursor.
    """

    def __init__(self, url: str, path: str, last: str = "", **headers: str) -> None:
        self._url = url
        self._address = url + path
        self._headers = headers
        self.last = last
        self._arrived: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def receive_text(self, timeout_s: float = 10.0) -> str:
        text = self._arrived.get(timeout=timeout_s)
        assert text is not None, "the connection has ended"
        return text

    def send_text(self, text: str | bytes) -> None:
        response = self.post(text)
        assert response.status_code == 204, response.text

    def move(self, url: str) -> None:
        """Have it go on through another server."""
        self._url = url

    def post(self, body: str | bytes) -> requests.Response:
        address = f"{self._url}/lambda/new/{self.id}?token={self.token}"
        data = body.encode() if isinstance(body, str) else body
        return requests.post(address, data=data, timeout=30)

    def _run(self) -> None:
        with contextlib.suppress(HTTPException, Urllib3Error, OSError, ValueError):
            self._read()
        self._arrived.put(None)

    @abstractmethod
    def _read(self) -> None: ...

    def _await_nothing_more(self, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while self._arrived.get(timeout=until - time.monotonic()) is not None:
            pass

    @abstractmethod
    def resumed(self, path: str | None = None) -> _Http:
        """Return a connection that goes on after the last message which was received."""


class Stream(_Http):
    """Server-sent events."""

    def __init__(self, url: str, path: str = "/lambda/new", last: str = "", **headers: str) -> None:
        super().__init__(url, path, last, **headers)
        headers = {"Accept": "text/event-stream", **headers}
        if last:
            headers["Last-Event-ID"] = last
        self.response = requests.get(self._address, headers=headers, stream=True, timeout=120)
        self.response.raise_for_status()
        self._socket = cast(Any, self.response.raw.connection).sock
        self._thread.start()

    def _read(self) -> None:
        parser = sse.Parser()
        for piece in self.response.raw.stream(65536, decode_content=True):
            for event in parser.feed(piece):
                assert event.name == "message"
                self.last = event.id
                self._arrived.put(event.data.decode())

    def await_end(self, why: str, timeout_s: float = 10.0) -> None:
        self._await_nothing_more(timeout_s)
        again = requests.get(
            f"{self._url}/lambda/new",
            headers={"Accept": "text/event-stream", "Last-Event-ID": self.last},
            stream=True,
            timeout=10,
        )
        again.close()
        assert again.status_code == ENDS[why][1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.response.close()

    def resumed(self, path: str | None = None) -> Stream:
        again = Stream(self._url, path or "/lambda/new", self.last)
        again.id, again.token = self.id, self.token
        return again


class Polls(_Http):
    """Long polls."""

    def __init__(
        self,
        url: str,
        path: str = "/lambda/new",
        last: str = "",
        known: tuple[str, str] = ("", ""),
        **headers: str,
    ) -> None:
        super().__init__(url, path, last, **headers)
        self.id, self.token = known
        self.ended: Reply | None = None
        self._socket: socket.socket | None = None
        if not last:
            first = self.poll(path)
            if first.status != 200:
                raise requests.HTTPError(first.body.decode(), response=cast(Any, first))
            self._take(first)
        self._thread.start()

    def poll(self, path: str | None = None, wait: float | None = None, last: str = "") -> Reply:
        """Ask once; for what follows the last message unless it is said."""
        head = [f"GET {path or self.path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
        head += [f"{name}: {value}" for name, value in self._headers.items()]
        if last or self.last:
            head.append(f"Last-Event-ID: {last or self.last}")
        if wait is not None:
            head.append(f"Prefer: wait={wait}")
        connection = raw.connect(int(self._url.rpartition(":")[2]))
        with connection:
            connection.settimeout(60)
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            with self._lock:
                if threading.current_thread() is self._thread:
                    self._socket = connection
                    if self._closed:
                        raise ConnectionAbortedError
            return raw.read_reply(connection)

    @property
    def path(self) -> str:
        return f"/lambda/new/{self.id}?token={self.token}"

    def _take(self, reply: Reply) -> None:
        for message in _texts(reply.body.decode()):
            if json.loads(message)["method"] == "open":
                self.id, details = json.loads(message)["params"]
                self.token = details["token"]
            self._arrived.put(message)
        self.last = reply.headers["last-event-id"]

    def _read(self) -> None:
        while not self._closed:
            reply = self.poll()
            if reply.status != 200:
                self.ended = reply
                break
            self._take(reply)

    def await_end(self, why: str, timeout_s: float = 10.0) -> None:
        self._await_nothing_more(timeout_s)
        assert self.ended is not None
        assert self.ended.status == ENDS[why][1]
        assert self.ended.json()["error"]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def resumed(self, path: str | None = None) -> Polls:
        return Polls(self._url, self.path, self.last, known=(self.id, self.token))


def _texts(array: str) -> Iterator[str]:
    """Return the messages of an array as they came."""
    decoder = json.JSONDecoder()
    at = 1
    while array[at] != "]":
        _, end = decoder.raw_decode(array, at)
        yield array[at:end]
        at = end + (array[end] == ",")


_CLASSES = {"websocket": WebSocket, "sse": Stream, "poll": Polls}


def connect(transport: str, url: str, path: str = "/lambda/new", **headers: str) -> Connection:
    """Ask for a lambda; the ``open`` message is the first to be received.

    Raises:
        InvalidStatus, requests.HTTPError: it was refused.
    """
    kind: Any = _CLASSES[transport]
    connection: Connection = kind(url, path, **headers)
    return connection
