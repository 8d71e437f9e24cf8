import sys

from grip_lambda.client import Client, LambdaError, RemoteError

with Client() as client:
    try:
        print(client.call(sys.argv[1], "greet", {"name": "world"}, wait=10))
    except RemoteError as error:
        sys.exit(f"the host answered: {error.error}")
    except LambdaError as error:
        done = "may have been done" if error.may_have_run else "was not done"
        sys.exit(f"{error} ({error.code}); the work {done}")
