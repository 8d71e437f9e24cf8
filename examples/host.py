from grip_lambda.client import Host

host = Host()


@host.method
def greet(body):
    return {"hello": body}


@host.on_up
def up(lambda_id):
    print(f"call me at {host.address('greet')}", flush=True)


host.run()
