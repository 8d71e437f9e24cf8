"""Two services that talk: python chat.py ann, then python chat.py bob ID-OF-ANN."""

import asyncio
import sys

from grip_lambda.client import Monologue


async def main(name, friend=None):
    service = Monologue()
    ended = asyncio.Event()

    @service.on("say")
    async def say(who, text):
        print(f"{who}: {text}", flush=True)
        if text == "bye":
            ended.set()
        return f"{name} has heard it"

    async with service:
        print(f"{name} is {service.connection_id}", flush=True)
        if friend is None:
            await ended.wait()
        else:
            for text in ("hello", "bye"):
                print(await service.call(friend, "say", name, text), flush=True)


asyncio.run(main(*sys.argv[1:]))
