"""Functions that block, in threads."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any

from .messages import Outcome
from .methods import outcome_of


async def in_thread(function: Callable[..., Any], params: list[Any]) -> Outcome | BaseException:
    """Run a plain function in a thread of its own; return its result, or what it raised.

    It is not raised here: a coroutine can't raise everything, like StopIteration.

    The thread is a daemon: one that never ends does not keep the program from ending, which
    those of an executor do.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    ended: list[Outcome | BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        ended.append(context.run(outcome_of, function, params))
        with contextlib.suppress(RuntimeError):  # nobody waits any more, the loop has ended
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="lambda", daemon=True).start()
    await done.wait()
    return ended[0]
