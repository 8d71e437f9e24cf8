"""Requests that no well-behaved client library would send."""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import orjson

Connection = socket.socket

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\n"
    "Host: localhost\r\n"
    "Connection: Upgrade\r\n"
    "Upgrade: {upgrade}\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "{more}\r\n"
)


@dataclass(frozen=True)
class Reply:
    """A response, or as much of one as came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    """Connect to the loopback interface, with a small window if asked for."""
    raw = socket.socket()
    raw.settimeout(10)
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.connect(("127.0.0.1", port))
    return raw


def read_reply(raw: socket.socket) -> Reply:
    """Read one response; fail with OSError or HTTPException if there is none."""
    response = HTTPResponse(raw)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = b"" if response.status == 101 else response.read()
    return Reply(response.status, headers, body)


def exchange(port: int, request: bytes) -> Reply:
    """Send bytes and read the response to them."""
    with connect(port) as raw:
        raw.sendall(request)
        return read_reply(raw)


def post(port: int, path: bytes, body: bytes, method: bytes = b"POST") -> Reply:
    """Ask for a path exactly as it is written here."""
    head = b"%b %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    return exchange(port, head % (method, path, len(body)) + body)


def handshake(
    port: int,
    path: str = "/lambda/new",
    upgrade: str = "websocket",
    more: str = "",
    receive_buffer: int | None = None,
) -> tuple[socket.socket, Reply]:
    """Send a WebSocket handshake; return the connection and the answer."""
    raw = connect(port, receive_buffer)
    raw.sendall(HANDSHAKE.format(path=path, upgrade=upgrade, more=more).encode())
    # A buffered reader would swallow the frames behind the answer.
    head = _until(raw, b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = (line.partition(":") for line in lines[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(_until(raw, b"\r\n"), 16):
            body += _exactly(raw, size)
            _exactly(raw, 2)
    while len(body) < int(headers.get("content-length", 0)):
        body += raw.recv(65536)
    return raw, Reply(int(lines[0].split(" ")[1]), headers, body)


def open_host(
    port: int, more: str = "", receive_buffer: int | None = None
) -> tuple[socket.socket, str]:
    """Open a lambda without a library behind it; return the connection and the id."""
    raw, reply = handshake(port, more=more, receive_buffer=receive_buffer)
    assert reply.status == 101
    _, content = read_frame(raw)
    (lambda_id,) = re.findall(rb'"params":\["([\w-]{16})"', content)
    raw.sendall(frame(1, b'{"id":0}'))
    return raw, lambda_id.decode()


def read_frame(raw: socket.socket) -> tuple[int, bytes]:
    """Read one unmasked frame of a server; return its opcode and its content."""
    first, length = _exactly(raw, 2)
    if length == 126:
        (length,) = struct.unpack(">H", _exactly(raw, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", _exactly(raw, 8))
    return first & 0x0F, _exactly(raw, length)


def frame(opcode: int, content: bytes) -> bytes:
    """Return a frame of a client, masked with zeros."""
    if len(content) < 126:
        size = bytes([0x80 | len(content)])
    elif len(content) < 65536:
        size = bytes([0x80 | 126]) + struct.pack(">H", len(content))
    else:
        size = bytes([0x80 | 127]) + struct.pack(">Q", len(content))
    return bytes([0x80 | opcode]) + size + bytes(4) + content


def _until(raw: socket.socket, end: bytes) -> bytes:
    read = b""
    while not read.endswith(end):
        byte = raw.recv(1)
        assert byte, f"the connection ended within the answer: {read!r}"
        read += byte
    return read


def _exactly(raw: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = raw.recv(size - len(content))
        assert more, "the connection ended within a frame"
        content += more
    return content
