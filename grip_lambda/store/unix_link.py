"""How the processes of one machine reach one another: a Unix socket for each.

Its name is in the abstract namespace (unix(7)), so nothing is left in a folder. Whoever can connect
there can say that a call has ended, if he knows its token, which is a secret of 128 bits.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

_SIZE = struct.Struct(">I")
_PIECE = 65_536
_BACKLOG = 64
#: So long may the other process not take what is sent to it, in seconds; and bytes a second then.
_SEND_S, _SEND_RATE = 0.05, 10_000_000


class UnixLink:
    """Sends to other processes, and listens for them. Safe for many threads."""

    def __init__(self) -> None:
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._peers: dict[str, _Peer] = {}

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        """Pass on what is sent to ``address``, each message by itself, in threads of its own."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(_name(address))
        self._listener.listen(_BACKLOG)
        listener = self._listener
        threading.Thread(
            target=self._accept, args=(listener, receive), name="link", daemon=True
        ).start()

    def _accept(self, listener: socket.socket, receive: Callable[[bytes], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(
                target=_read, args=(connection, receive), name="link-peer", daemon=True
            ).start()

    def send(self, address: str, data: bytes) -> bool:
        """Send a message to the process that listens at ``address``; False if it does not."""
        with self._lock:
            peer = self._peers.setdefault(address, _Peer(address))
        if peer.send(data):
            return True
        with self._lock:
            self._peers.pop(address, None)
        return False

    def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()


class _Peer:
    """A connection to another process."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def send(self, data: bytes) -> bool:
        """Send a message; False if the other process is not there, or does not take it."""
        with self._lock:
            try:
                if self._socket is None:
                    self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    self._socket.settimeout(_SEND_S)
                    self._socket.connect(_name(self._address))
                self._socket.settimeout(_SEND_S + len(data) / _SEND_RATE)
                self._socket.sendall(_SIZE.pack(len(data)) + data)
            except OSError as error:
                log.info("another process was not told: %s", error)
                if self._socket is not None:
                    self._socket.close()  # half a message may be on its way
                return False
        return True


def _name(address: str) -> str:
    return f"\0grip-lambda-{address}"


def _read(connection: socket.socket, receive: Callable[[bytes], None]) -> None:
    buffer = bytearray()
    with connection:
        while True:
            try:
                piece = connection.recv(_PIECE)
            except OSError:
                return
            if not piece:
                return
            buffer += piece
            at = 0
            while len(buffer) - at >= _SIZE.size:
                (size,) = _SIZE.unpack_from(buffer, at)
                end = at + _SIZE.size + size
                if len(buffer) < end:
                    break
                receive(bytes(buffer[at + _SIZE.size : end]))
                at = end
            del buffer[:at]
