import json

from websockets.sync.client import connect

with connect("ws://localhost:7999/lambda/new") as socket:
    for text in socket:
        message = json.loads(text)
        if message["method"] == "open":
            print(f"call me at http://localhost:7999/lambda/{message['params'][0]}/greet")
            result = "ok"
        else:  # message["method"] is the last part of the address, here "greet"
            result = {"hello": message["params"][0]}
        socket.send(json.dumps({"id": message["id"], "result": result}))
