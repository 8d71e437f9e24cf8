import json
import os
import sys

from websockets.sync.client import connect

sys.set_int_max_str_digits(0)  # callers may send numbers of any length
server = os.environ.get("GRIP_LAMBDA_URL", "http://localhost:7999")

with connect(f"ws{server.removeprefix('http')}/lambda/new", max_size=None) as socket:
    for text in socket:
        message = json.loads(text)
        try:
            if message["method"] == "open":
                print(f"call me at {server}/lambda/{message['params'][0]}/greet")
                result = "ok"
            else:  # message["method"] is the last part of the address, here "greet"
                result = {"hello": message["params"][0]}
            answer = json.dumps({"id": message["id"], "result": result}, allow_nan=False)
        except Exception as error:  # what callers send is theirs: they are told, and it goes on
            answer = json.dumps({"id": message["id"], "error": str(error)})
        socket.send(answer)
