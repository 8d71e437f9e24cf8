"""What is not our server: proxies, portals and redirects, also with TLS, on the way to it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from typing import Self

#: Takes the head of a request; returns the response, or None for the server behind.
Answers = Callable[[str], bytes | None]


def response(status: int, body: str = "", content_type: str = "text/html", **headers: str) -> bytes:
    """Return a response, after which the connection ends."""
    lines = [f"HTTP/1.1 {status} Stranger", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body.encode())}", "Connection: close", "", body]
    return "\r\n".join(lines).encode()


def redirect(status: int, to: str) -> Answers:
    """Redirect everything."""
    return lambda head: response(status, "moved", Location=to + head.split()[1])


class Stranger:
    """Answers first requests of connections, or passes connections on.

    Args:
        answers: what it answers by itself.
        to_port: the port of the server behind.
        tls: for ``https``.

    Attributes:
        url: where it listens.
        heads: those of the requests that it was asked.
    """

    def __init__(
        self,
        answers: Answers = lambda head: None,
        to_port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.heads: list[str] = []
        stranger = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    near = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                    stranger._serve(near, answers, to_port)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _serve(self, near: socket.socket, answers: Answers, to_port: int) -> None:
        begun = b""
        while b"\r\n\r\n" not in begun:
            data = near.recv(65536)
            if not data:
                return
            begun += data
        head = begun.partition(b"\r\n\r\n")[0].decode("latin1")
        self.heads.append(head)
        answer = answers(head)
        if answer is not None:
            near.sendall(answer)
            near.shutdown(socket.SHUT_WR)
            while near.recv(65536):  # what is not read would reset the connection
                pass
            return
        with socket.create_connection(("127.0.0.1", to_port)) as far:
            far.sendall(begun)
            back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
            back.start()
            _pass_on(near, far)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
