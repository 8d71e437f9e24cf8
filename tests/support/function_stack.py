"""The whole application as a function, behind a Pushpin that signs as Fanout does."""

from __future__ import annotations

from pathlib import Path

from tests.support.functions import Function
from tests.support.gateway import Gateway, Kind
from tests.support.pushpin import KEY, Pushpin
from tests.support.stack import Stack

SECRET = "of-the-function-stack"


class FunctionStack(Stack):
    """The same for a test as a running `grip-lambda serve`, as far as clients can tell.

    Attributes:
        function: its environments, frozen between two events.
        gateway: what turns HTTP into events.
        store: the URL of the store.
    """

    def __init__(self, folder: Path, store: str, kind: Kind = "url", environments: int = 3) -> None:
        self.folder = folder
        self.store = store
        self.data = folder / "data"
        self.log = folder / "log"
        self._functions: list[Function] = []
        self.gateway = Gateway(kind, self._invoke)
        self.proxy = Pushpin(self.gateway.address, issuers=False)
        self.port, self.url, self.ws_url = self.proxy.port, self.proxy.url, self.proxy.ws_url
        environ = {
            "GRIP_URL": f"{self.proxy.http_control}?iss=n1&key={KEY}",
            "GRIP_LAMBDA_STORE": store,
            "GRIP_LAMBDA_SECRET": SECRET,
        }
        self.function = Function("grip_lambda.faas.handler", folder, environ, environments)
        self._functions.append(self.function)
        try:
            self.function.wait_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def has_front(self) -> bool:
        return False

    def _invoke(self, event: object) -> object:
        if not self._functions:  # Pushpin is asked whether it is there, before the function is
            return {"statusCode": 200}
        return self.function.invoke(event)

    def stop(self) -> None:
        self.proxy.stop()
        self.gateway.stop()
        for one in self._functions:
            one.stop()
