import json
import os
import sys

import boto3

# Any other text will do where the server has no API keys.
_, key_id, secret = os.environ.get("GRIP_LAMBDA_KEY", "gl_any_key").split("_", 2)
client = boto3.client(
    "lambda",
    endpoint_url=os.environ.get("GRIP_LAMBDA_URL", "http://localhost:7999"),
    region_name="local",
    aws_access_key_id=key_id,
    aws_secret_access_key=secret,
)
response = client.invoke(
    FunctionName=sys.argv[1],
    Qualifier="greet",
    Payload=json.dumps({"name": "world"}),
)
print(response.get("FunctionError", "done"), json.load(response["Payload"]))
