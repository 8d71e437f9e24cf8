"""A node of python-socketio: clients on WebSockets, and HTTP for callers of any node's clients.

``python python_socketio_node.py PORT REDIS_URL``
"""

from __future__ import annotations

import json
import sys
from typing import Any

import socketio
import uvicorn

port, redis_url = sys.argv[1:]
nodes = socketio.AsyncRedisManager(redis_url)
sio = socketio.AsyncServer(async_mode="asgi", client_manager=nodes, transports=["websocket"])


async def callers(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """``POST /lambda/<session id>/<event>``: call a client, and answer with its answer."""
    assert scope["type"] == "http"
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    status, answer = 200, None
    if scope["method"] == "POST":
        _, _, session, event = scope["path"].split("/")
        try:
            answer = await sio.call(event, json.loads(body), to=session, timeout=30)
        except socketio.exceptions.TimeoutError:
            status = 504
    out = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(out)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": out})


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(sio, callers),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
