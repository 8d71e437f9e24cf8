"""mless for Python programs: its types, and what invokes functions, near and far.

::

    from grip_lambda.mless import Context, FunctionInvoker, LambdaInvoker

    far = LambdaInvoker(Client("http://localhost:7999"), "inRwcfvee17P85B8", "greet")
    near = FunctionInvoker(greet)
    for invoker in (far, near):
        print(invoker.invoke({"name": "world"}, Context(), deadline))
"""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .client import BadRequest, Client, RemoteError, ServerError, exchange
from .client.context import Context as FunctionContext
from .client.messages import described
from .client.writing import to_json
from .errors import RequestError
from .protocol.mless import (
    ClientClient,
    ClientContext,
    Context,
    HostContext,
    Identity,
    Invoker,
    InvokeReply,
    InvokeRequest,
    Json,
    ProxyRequest,
    RequestBilling,
    StartupRequest,
    StartupResponse,
)

__all__ = [
    "ClientClient",
    "ClientContext",
    "Context",
    "FunctionInvoker",
    "HostContext",
    "Identity",
    "InvokeReply",
    "InvokeRequest",
    "Invoker",
    "Json",
    "LambdaInvoker",
    "ProxyRequest",
    "RequestBilling",
    "StartupRequest",
    "StartupResponse",
]


class LambdaInvoker:
    """Invokes a method of a lambda, over HTTP. It may be shared by threads.

    Args:
        client: how to reach the server.
        lambda_id, method: what to invoke.
        env: the environment for each invocation.
    """

    def __init__(
        self, client: Client, lambda_id: str, method: str, env: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._lambda_id = lambda_id
        self._method = method
        self._env = dict(env or {})

    def invoke(self, event: Any, context: Context, deadline: int) -> bytes:
        """Invoke the method; see `Invoker.invoke`.

        Raises:
            RemoteError: the invocation failed; ``error`` has ``errorType`` (``Timeout``,
                ``Disconnected``, or that of the host's error) and ``errorMessage``.
            LambdaError: the host was not asked.
        """
        remaining = _remaining(deadline)
        request = ProxyRequest(
            context=context, remaining=remaining, env=self._env, event=_event(event)
        )
        wanted = exchange.invoke(
            self._lambda_id, self._method, request.encode(), remaining / 1000, self._client.pauses()
        )
        try:
            reply = InvokeReply.decode(self._client.run(wanted))
        except RequestError as error:
            raise ServerError(f"the server's answer is no InvokeReply: {error}") from error
        if reply.errors:
            raise RemoteError(json.loads(reply.result))
        return reply.result


class FunctionInvoker:
    """Runs a function in this process. It may be shared by threads.

    Args:
        function: is called with the event and a `grip_lambda.client.Context`. It may be an
            ``async def``, which is cancelled at the deadline; a plain one can't be stopped, and
            runs on in its thread while its caller is told ``Timeout``.
    """

    def __init__(self, function: Callable[[Any, FunctionContext], Any]) -> None:
        self._function = function

    def invoke(self, event: Any, context: Context, deadline: int) -> bytes:
        """Run the function; see `Invoker.invoke`.

        Raises:
            RemoteError: it failed; ``error`` has ``errorType`` (``Timeout``, or the name of the
                exception) and ``errorMessage``. A RemoteError of the function is raised as it is.
            BadRequest: the event is not JSON.
        """
        given = json.loads(_event(event))
        remaining = _remaining(deadline)
        told = FunctionContext(_told(context, deadline))
        ended: list[bytes | RemoteError] = []

        def run() -> None:
            ended.append(self._end(given, told, remaining))

        thread = threading.Thread(target=run, name="invocation", daemon=True)
        thread.start()
        thread.join(remaining / 1000)
        end = ended[0] if ended else _timed_out(remaining)
        if isinstance(end, RemoteError):
            raise end
        return end

    def _end(self, event: Any, context: FunctionContext, wait_ms: int) -> bytes | RemoteError:
        try:
            value = self._function(event, context)
            if inspect.isawaitable(value):
                value = asyncio.run(_within(value, wait_ms))
            return to_json(value).encode()
        except RemoteError as error:
            return error
        except BaseException as error:
            return RemoteError(described(type(error).__name__, str(error)))


async def _within(value: Any, wait_ms: int) -> Any:
    try:
        async with asyncio.timeout(wait_ms / 1000) as waiting:
            return await value
    except TimeoutError:
        if waiting.expired():
            raise _timed_out(wait_ms) from None
        raise


def _event(event: Any) -> Json:
    try:
        return Json(to_json(event).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"this event can't be sent as JSON: {error}") from error


def _remaining(deadline: int) -> int:
    """Return the ms until a deadline.

    Raises:
        RemoteError: there are none left.
    """
    remaining = deadline - int(time.time() * 1000)
    if remaining <= 0:
        raise _timed_out(0)
    return remaining


def _timed_out(after_ms: int) -> RemoteError:
    return RemoteError(described("Timeout", f"Task timed out after {after_ms / 1000:.2f} seconds"))


def _told(context: Context, deadline: int) -> Any:
    members = {field: getattr(context, field) for field in context.__struct_fields__}
    return json.loads(HostContext(**members, deadline=deadline).encode())
