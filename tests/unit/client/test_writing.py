"""Results of functions as JSON."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pydantic
import pytest

from grip_lambda.client.messages import Result, answer, progress
from grip_lambda.client.session import Send, Session
from grip_lambda.client.writing import written

ID = uuid.UUID("0188c0f2-8e5c-4b6e-9d3e-3f1f6a1b2c3d")


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 2


@dataclass
class Order:
    id: uuid.UUID
    at: dt.datetime
    price: Decimal
    more: Any = None


class Pair(NamedTuple):
    a: int
    b: int


class Struct(msgspec.Struct):
    x: int


class Model(pydantic.BaseModel):
    at: dt.date
    price: Decimal


class Opaque:
    def __init__(self, value: Any = 1) -> None:
        self.value = value


AT = dt.datetime(2026, 11, 21, 23, 15, 18, tzinfo=dt.UTC)


NOW = "2026-11-21T23:15:18Z"
ORDER = {"id": str(ID), "at": NOW, "price": "1.10", "more": None}
MODEL = Model(at=dt.date(2026, 11, 21), price=Decimal("1.10"))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Order(ID, AT, Decimal("1.10")), ORDER),
        ([dt.date(2026, 11, 21), dt.time(1, 2, 3)], ["2026-11-21", "01:02:03"]),
        ([dt.timedelta(seconds=90), Decimal("1e-30")], ["PT90S", "1E-30"]),
        ([Colour.RED, Size.BIG], ["red", 2]),
        ([{7}, frozenset({8}), (9, 10), b"\0\xff"], [[7], [8], [9, 10], "AP8="]),
        (Pair(1, 2), [1, 2]),
        ({ID: 1, dt.date(2026, 1, 2): 2, 3: {4}}, {str(ID): 1, "2026-01-02": 2, "3": [4]}),
        (OrderedDict(a=MappingProxyType({"b": {1}})), {"a": {"b": [1]}}),
        (Struct(1), {"x": 1}),
        (np.float64(1.5), 1.5),
        ([np.int32(1), np.bool_(True), np.float32(0.5)], [1, True, 0.5]),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ({"at": np.datetime64("2026-11-21")}, {"at": "2026-11-21"}),
        (MODEL, {"at": "2026-11-21", "price": "1.10"}),
        ({1: Order(ID, AT, Decimal("1.10"), Pair(1, 2))}, {"1": ORDER | {"more": [1, 2]}}),
        ({"big": 2**70, "a": {1}}, {"big": 2**70, "a": [1]}),
    ],
)  # fmt: skip
def test_values_that_json_has_no_type_for(value: Any, read: Any) -> None:
    assert json.loads(written(value)) == read


def test_what_a_host_writes_by_itself() -> None:
    def default(value: Any) -> Any:
        return {"value": value.value}

    assert written([Opaque(), {"x": Opaque({Colour.RED})}], default) == (
        '[{"value":1},{"x":{"value":["red"]}}]'
    )
    assert json.loads(answer("a", Result(Opaque()), 100, default))["result"] == {"value": 1}
    assert json.loads(progress("a", Opaque(), 100, default))["params"] == ["a", {"value": 1}]


def test_a_session_writes_so() -> None:
    session = Session(default=lambda value: value.value)
    details: dict[str, Any] = {"token": "t"}
    session.received(json.dumps({"method": "open", "params": ["A", details], "id": 0}))
    session.received(json.dumps({"method": "m", "params": [1], "id": "a"}))

    (reported,) = session.progressed(1, Opaque("p"))
    (sent,) = session.finished(1, Result(Opaque("r")))

    assert isinstance(reported, Send)
    assert isinstance(sent, Send)
    assert json.loads(reported.text)["params"] == ["a", "p"]
    assert json.loads(sent.text) == {"id": "a", "result": "r"}


class Odd:
    """A value that raises whatever is asked of it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


class Nothing(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raising(error: BaseException) -> Any:
    def default(value: Any) -> Any:
        raise error

    return default


class OddDict(dict[str, int]):
    def items(self) -> Any:
        raise KeyError("odd")


CIRCLE: list[Any] = [{1}]
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "default"),
    [
        (Opaque(), None),
        ([float("nan"), {1}], None),
        (Order(ID, AT, Decimal(1), float("inf")), None),
        (Opaque(), lambda value: float("nan")),
        (Opaque(), lambda value: value),
        (Opaque(), raising(SystemExit(3))),
        (Opaque(), raising(KeyboardInterrupt())),
        (Opaque(), raising(Nothing())),
        (OddDict(a=1), None),
        (CIRCLE, None),
        ({("a", "b"): 1}, None),
    ],
)
def test_what_cannot_be_written_fails_its_own_call(value: Any, default: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        written(value, default)
    told = json.loads(answer("a", Result(value), 1000, default))
    assert (told["id"], told["error"]["errorType"]) == ("a", "NotJson")


def test_a_value_that_raises_whatever_is_asked_of_it() -> None:
    told = json.loads(answer("a", Result([Odd(Nothing())]), 1000))

    assert told["error"]["errorType"] == "NotJson"


def test_it_says_what_may_write_the_rest() -> None:
    with pytest.raises(ValueError, match=r"a Opaque is not JSON; Host\(default=…\) may write it"):
        written(Opaque())
