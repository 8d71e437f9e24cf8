"""Runs functions, in threads or in the event loop; however they end, there is an outcome."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from .errors import RemoteError
from .messages import Failure, Outcome, Result
from .methods import failure, is_async
from .progress import is_async_generator, is_generator, run_async_generator, run_generator
from .telling import log_failure
from .threads import in_thread

log = logging.getLogger("grip_lambda.client")


async def run(
    name: str, function: Callable[..., Any], params: list[Any], threads: asyncio.Semaphore
) -> Outcome:
    """Run a function; what it raises is an error for its caller.

    Args:
        name: how callers know it.
        threads: how many plain functions may run at once.

    Raises:
        CancelledError: it was cancelled.
    """
    try:
        ended = await _ended(function, params, threads)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        ended = error
    return _failed(name, ended) if isinstance(ended, BaseException) else ended


async def _ended(
    function: Callable[..., Any], params: list[Any], threads: asyncio.Semaphore
) -> Outcome | BaseException:
    if is_async(function):
        return Result(await function(*params))
    if is_async_generator(function):
        await run_async_generator(function, params)
        return Result(None)
    async with threads:
        if is_generator(function):
            return await in_thread(run_generator, [function, params])
        ended = await in_thread(function, params)
    if isinstance(ended, Result) and inspect.isawaitable(ended.value):
        return Result(await ended.value)
    return ended


def _failed(name: str, error: BaseException) -> Failure:
    if isinstance(error, RemoteError) and "error" in vars(error):
        return Failure(vars(error)["error"])
    log_failure(log, name, error)
    return failure(error)
