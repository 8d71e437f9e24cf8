"""What a host of a load is connected with, on every transport: asyncio, and no library for HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from grip_lambda.protocol import sse


class HttpConnection:
    """One keep-alive connection; a request at a time."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self.headers: dict[str, str] = {}
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        wait_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Send a request and return status and body of the response."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        assert self._reader is not None
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Prefer: wait={wait_s}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
            + body
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.headers = headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)
        }
        if headers.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                content += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readexactly(2)
        else:
            content = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split(" ")[1]), content

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None


class Link(ABC):
    """A host's way to the server and back."""

    def __init__(self, url: str) -> None:
        self._url = url
        #: Where it posts and polls, once that is known.
        self.address = ""

    @abstractmethod
    def messages(self, path: str) -> AsyncIterator[str]:
        """Connect, and yield what comes until the connection ends."""

    @abstractmethod
    async def send(self, text: str) -> None:
        """Send a message; nobody minds if the connection has ended."""

    @abstractmethod
    async def close(self) -> None: ...


class WebSocketLink(Link):
    _socket: ClientConnection | None = None

    async def messages(self, path: str) -> AsyncIterator[str]:
        url = self._url.replace("http://", "ws://")
        self._socket = await connect(url + path, max_size=None, compression=None)
        with contextlib.suppress(ConnectionClosed):
            async for text in self._socket:
                yield str(text)

    async def send(self, text: str) -> None:
        assert self._socket is not None
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(text)

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


class _HttpLink(Link):
    """Comes back where it was when a connection ends, unless the server has another host."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.last = ""
        self._idle: list[HttpConnection] = []

    async def send(self, text: str) -> None:
        """Post an answer; again where the request got none, as a client should."""
        for _ in range(10):
            connection = self._idle.pop() if self._idle else HttpConnection(self._url)
            try:
                status, _ = await connection.request("POST", self.address, text.encode())
            except (OSError, EOFError):
                connection.close()
                continue
            self._idle.append(connection)
            if status < 500:
                break
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        status, _ = await HttpConnection(self._url).request(
            "DELETE", self.address.replace("/new", "")
        )
        assert status in {204, 403, 404}
        for one in self._idle:
            one.close()


class StreamLink(_HttpLink):
    async def messages(self, path: str) -> AsyncIterator[str]:
        while True:
            with contextlib.suppress(OSError, EOFError, ValueError):
                async for text in self._stream(path):
                    yield text
            path = self.address or path
            await asyncio.sleep(0.05)

    async def _stream(self, path: str) -> AsyncIterator[str]:
        host, _, port = self._url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        last = f"Last-Event-ID: {self.last}\r\n" if self.last else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
            f"Accept: text/event-stream\r\n{last}\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.partition(b"\r\n")[0]:
                return
            parser = sse.Parser()
            while size := int(await reader.readuntil(b"\r\n"), 16):
                piece = (await reader.readexactly(size + 2))[:-2]
                for event in parser.feed(piece):
                    self.last = event.id
                    yield event.data.decode()
        finally:
            writer.close()


class PollLink(_HttpLink):
    async def messages(self, path: str) -> AsyncIterator[str]:
        connection = HttpConnection(self._url)
        while True:
            try:
                headers = {"Accept": "application/json"}
                headers |= {"Last-Event-ID": self.last} if self.last else {}
                status, content = await connection.request("GET", path, headers=headers)
                if status == 200:
                    self.last = connection.headers["last-event-id"]
                    for message in json.loads(content):
                        yield json.dumps(message)
                    path = self.address
                    continue
            except (OSError, EOFError):
                connection.close()
            await asyncio.sleep(0.05)


LINKS: Mapping[str, type[Link]] = {
    "websocket": WebSocketLink,
    "sse": StreamLink,
    "poll": PollLink,
}
