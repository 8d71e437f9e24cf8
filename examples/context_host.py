from grip_lambda.client import Host

host = Host(context=True)


@host.method
def greet(body, context):
    context.log(f"asked by {context.aws_request_id}")
    context.bill(memory="128 MB", used=31)
    return {"hello": body, "left_ms": context.get_remaining_time_in_millis()}


@host.on_up
def up(lambda_id):
    print(f"call me at {host.address('greet')}", flush=True)


host.run()
