"""HTTP streams and long polls from an AWS Lambda function, behind Fanout or Pushpin."""


def stream(event, context):
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/plain",
            "Grip-Hold": "stream",
            "Grip-Channel": "mychannel",
        },
        "body": "stream opened, prepare yourself!\n",
    }


def long_poll(event, context):
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/plain",
            "Grip-Hold": "response",
            "Grip-Channel": "mychannel",
        },
        "body": "request timed out\n",
    }
