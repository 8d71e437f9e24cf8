"""The direct floor: the least for a call whose caller asks the backend itself, not Pushpin.

The thread of the call publishes it, and waits until a batch brings the answer. All is in one
process, so that the batch always comes to the one whose thread waits; nothing is stored.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

import tnetstring
import zmq

from bench.floor import EVENTS, Environ, StartResponse, invocation, on_events
from grip_lambda.grip import events

#: One for each caller, and some for the batches of the hosts.
THREADS = 160
_WAIT_S = 30.0


def command(port: int) -> list[str]:
    """Return the arguments of ``python -m`` that serve it."""
    return [
        *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--blocking-threads", str(THREADS), "--backlog", "1024"),
        *("--no-ws", "--http", "1", "--log-level", "warning"),
        *("--factory", f"{__name__}:create_app"),
    ]


def create_app() -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Make the application; ``FLOOR_PUSH`` is where its Pushpin takes what is published."""
    pushpin: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH)
    pushpin.connect(os.environ["FLOOR_PUSH"])
    one_at_a_time = threading.Lock()
    waiting: dict[str, SimpleQueue[bytes]] = {}

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            start("204 No Content", [])  # it is ready
            return []
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("CONTENT_TYPE") == events.CONTENT_TYPE:
            start("200 OK", EVENTS)
            return [on_events(environ["HTTP_CONNECTION_ID"], body, _reply)]
        _, _, connection, method = environ["PATH_INFO"].split("/")
        token = secrets.token_urlsafe(16)
        answer = waiting[token] = SimpleQueue()
        try:
            item = tnetstring.dumps(_item(connection, invocation(method, body, token)))
            with one_at_a_time:
                pushpin.send(item)
            result = answer.get(timeout=_WAIT_S)
        except Empty:
            start("504 Gateway Timeout", [])
            return []
        finally:
            del waiting[token]
        start("200 OK", [("Content-Type", "application/json")])
        return [result]

    def _reply(token: str, result: bytes) -> None:
        answer = waiting.get(token)
        if answer is not None:
            answer.put(result)

    return app


def _item(channel: str, message: bytes) -> dict[bytes, object]:
    return {b"channel": channel.encode(), b"formats": {b"ws-message": {b"content": message}}}
