import asyncio

from grip_lambda.client import AsyncClient, AsyncHost


async def main():
    host = AsyncHost(max_calls=100)

    @host.method
    async def double(number):
        await asyncio.sleep(0.1)
        return number * 2

    async with host, AsyncClient() as client:
        calls = [client.call(host.id, "double", number) for number in range(10)]
        print(await asyncio.gather(*calls))


asyncio.run(main())
