"""A lambda that `grip-lambda serve` opens itself, so that there is something to call at once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

_RETRY_S = 1.0


def echo(url: str, opened: Callable[[str], None]) -> None:
    """Hold a lambda open that answers every call with what it was sent; never returns.

    Args:
        url: where lambdas are opened, ``ws://host:port/lambda/new``.
        opened: called with the id each time it is open.
    """
    path, query = "", ""
    while True:
        try:
            with connect(url + path + query) as socket:
                for text in socket:
                    message = json.loads(text)
                    if message.get("method") == "open":
                        lambda_id, details = message["params"]
                        path, query = f"/{lambda_id}", f"?token={details['token']}"
                        socket.send('{"id": 0, "result": {"ok": true, "methods": ["echo"]}}')
                        opened(lambda_id)
                    elif message.get("id") is not None:
                        result = {"method": message["method"], "echo": message["params"][0]}
                        socket.send(json.dumps({"id": message["id"], "result": result}))
        except (OSError, WebSocketException):
            pass
        time.sleep(_RETRY_S)


def _keep(lambda_id: str) -> None:
    path = Path(os.environ["GRIP_LAMBDA_DEMO_FILE"])
    fresh = path.with_suffix(".new")
    fresh.write_text(lambda_id)
    fresh.replace(path)


if __name__ == "__main__":
    echo(os.environ["GRIP_LAMBDA_DEMO_URL"], _keep)
