"""Functions for tests: the examples, and one that does what it is told."""

from __future__ import annotations

from typing import Any

from gripcontrol import WebSocketMessageFormat

from examples.faas_chat import handler as chat
from examples.faas_http import long_poll, stream
from grip_lambda.faas import ClientDisconnected, lambda_get_websocket, publish


def handler(event: dict[str, Any], context: Any) -> Any:
    """Choose by the path."""
    path = event.get("rawPath") or event["path"]
    return {"/chat": chat, "/stream": stream, "/poll": long_poll, "/told": told}[path](
        event, context
    )


def told(event: dict[str, Any], context: Any) -> Any:
    """Do what each message says."""
    ws = lambda_get_websocket(event)
    if ws.is_opening():
        ws.accept()
    name = ws.meta.get("name", "somebody")
    while ws.can_recv():
        try:
            message = ws.recv()
        except ClientDisconnected:
            publish("told", WebSocketMessageFormat(f"{name} disconnected"))
            break
        if message is None:
            how = f"{name} closed {ws.close_code} {ws.close_reason}"
            publish("told", WebSocketMessageFormat(how))
            ws.close()
        elif isinstance(message, bytes):
            ws.send_binary(message)
        elif message.startswith("name "):
            name = ws.meta["name"] = message[5:]
        elif message.startswith("do "):
            _, verb, *words = message.split(" ")
            if verb == "later":
                publish("told", WebSocketMessageFormat("later"), blocking=False)
            else:
                getattr(ws, verb)(*(int(word) if word.isdigit() else word for word in words))
        elif message.startswith("large "):
            ws.send("x" * int(message[6:]))
        else:
            ws.send(message)
    return ws.to_response()
