"""A chat room as an AWS Lambda function, behind Fanout or Pushpin."""

from gripcontrol import WebSocketMessageFormat

from grip_lambda.faas import lambda_get_websocket, publish


def handler(event, context):
    try:
        ws = lambda_get_websocket(event)
    except ValueError:
        return {
            "statusCode": 400,
            "headers": {"Content-Type": "text/plain"},
            "body": "Not a WebSocket-over-HTTP request\n",
        }

    # a new connection: accept it, and subscribe it to a channel
    if ws.is_opening():
        ws.accept()
        ws.subscribe("room")

    # the messages of this event
    while ws.can_recv():
        message = ws.recv()

        # the client has closed the connection
        if message is None:
            ws.close()
            break

        if isinstance(message, bytes):
            ws.send("text only, please")
        elif message.startswith("/nick "):
            nick = message[6:]
            ws.meta["nick"] = nick
            ws.send(f"nickname set to [{nick}]")
        else:
            # to everybody in the room
            nick = ws.meta.get("nick", "anonymous")
            publish("room", WebSocketMessageFormat(f"{nick}: {message}"))

    return ws.to_response()
