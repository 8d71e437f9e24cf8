"""Functions that end in an odd way: their callers are told, and nothing else ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from grip_lambda.client.errors import RemoteError
from grip_lambda.client.messages import Failure, Result, answer
from grip_lambda.client.running import run
from grip_lambda.client.telling import log_failure, text_of, type_of

_FIVE: Any = 5


class NoText(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class NotEvenAString(Exception):
    def __str__(self) -> Any:
        return _FIVE


class Exits(BaseException):
    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class _Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError("no name")


class Nameless(Exception, metaclass=_Nameless):
    pass


class NoNotes(Exception):
    @property
    def __notes__(self) -> Any:  # type: ignore[override]
        raise SystemExit(4)


class Remote(RemoteError):
    def __init__(self) -> None:
        pass


class RemoteProperty(RemoteError):
    @property
    def error(self) -> Any:
        raise SystemExit(5)

    @error.setter
    def error(self, value: Any) -> None: ...


ODD: list[tuple[BaseException, str, str]] = [
    (NoText(), "NoText", "a NoText without a text"),
    (NotEvenAString(), "NotEvenAString", "a NotEvenAString without a text"),
    (Exits(), "Exits", "a Exits without a text"),
    (Nameless("m"), "Nameless", "m"),
    (NoNotes("m"), "NoNotes", "m"),
    (Remote(), "Remote", ""),
    (SystemExit(1), "SystemExit", "1"),
    (KeyboardInterrupt(), "KeyboardInterrupt", ""),
    (GeneratorExit(), "GeneratorExit", ""),
    (StopIteration(7), "StopIteration", "7"),
    (StopAsyncIteration(7), "StopAsyncIteration", "7"),
    (asyncio.CancelledError("m"), "CancelledError", "m"),
    (BaseExceptionGroup("many", [Exits()]), "BaseExceptionGroup", "many (1 sub-exception)"),
    (RemoteProperty("m"), "RemoteProperty", "m"),
]


def outcome(function: Any) -> Any:
    async def running() -> Any:
        return await run("f", function, [], asyncio.Semaphore(1))

    return asyncio.run(running())


@pytest.mark.parametrize(("error", "kind", "message"), ODD, ids=[one[1] for one in ODD])
def test_what_a_plain_function_raises_is_told(
    error: BaseException, kind: str, message: str
) -> None:
    def fail() -> None:
        raise error

    assert outcome(fail) == Failure({"errorType": kind, "errorMessage": message})


COROUTINES = [one for one in ODD if not isinstance(one[0], StopIteration | StopAsyncIteration)]


@pytest.mark.parametrize(
    ("error", "kind", "message"), COROUTINES, ids=[one[1] for one in COROUTINES]
)
def test_what_a_coroutine_raises_is_told(error: BaseException, kind: str, message: str) -> None:
    async def fail() -> None:
        raise error

    if isinstance(error, asyncio.CancelledError):
        with pytest.raises(asyncio.CancelledError):
            outcome(fail)
        return
    assert outcome(fail) == Failure({"errorType": kind, "errorMessage": message})


def test_what_a_generator_raises_is_told() -> None:
    def fail() -> Any:
        yield from ()
        raise Exits

    assert outcome(fail).error["errorType"] == "Exits"


def test_an_awaitable_that_a_plain_function_returns_is_awaited() -> None:
    async def later() -> int:
        return 5

    def soon() -> Any:
        return later()

    assert outcome(soon) == Result(5)


class Strict(logging.Handler):
    """A handler that raises what it meets, unlike those of the library."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


@pytest.mark.parametrize("error", [one[0] for one in ODD], ids=[one[1] for one in ODD])
def test_logging_of_it_cannot_fail(error: BaseException) -> None:
    log = logging.Logger("strict")
    log.addHandler(Strict())

    log_failure(log, "f", error)

    assert isinstance(text_of(error), str)
    assert type_of(error)


@pytest.mark.parametrize("error", [NoText(), {1: NoText()}, {"errorMessage": NoText()}, [NoText()]])
def test_a_remote_error_can_be_made_of_anything(error: Any) -> None:
    raised = RemoteError(error)

    assert str(raised)
    assert "NotJson" in answer("a", Failure(raised.error), 1000)
