"""Functions that block, in threads."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any

from .messages import Result
from .methods import outcome_of


async def in_thread(function: Callable[..., Any], params: list[Any]) -> Any:
    """Run a plain function in a thread of its own; return or raise what it does.

    The thread is a daemon: one that never ends does not keep the program from ending, which
    those of an executor do.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    ended: list[Any] = []
    context = contextvars.copy_context()

    def run() -> None:
        ended.append(context.run(outcome_of, function, params))
        with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop has ended
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="lambda", daemon=True).start()
    await done.wait()
    if isinstance(ended[0], Result):
        return ended[0].value
    raise ended[0]
