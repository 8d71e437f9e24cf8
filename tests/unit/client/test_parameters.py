"""How the body of a call becomes the arguments of a function."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, NewType, TypedDict

import msgspec
import pytest

from grip_lambda.client.context import Context
from grip_lambda.client.messages import Failure
from grip_lambda.client.methods import Methods
from grip_lambda.client.writing import written

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    tea: int
    to: str = "here"


class Place(TypedDict):
    town: str


class Struct(msgspec.Struct):
    x: int


class Model:
    """As those of pydantic are."""

    def __init__(self, x: int) -> None:
        self.x = x

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        if not isinstance(value.get("x"), int):
            raise ValueError("x is a whole number")
        return cls(value["x"])


Number = NewType("Number", int)


def ask(function: Any, *params: Any, context: Context | None = None) -> Any:
    """Call a function as a host does; return its result, or why it was not called."""
    found = Methods({"f": function}).find("f", list(params), context)
    if isinstance(found, Failure):
        assert found.error["errorType"] == "BadArguments"
        return found.error["errorMessage"]
    run, arguments = found
    return run(*arguments)


def none() -> str:
    return "called"


def one(body):  # type: ignore[no-untyped-def]
    return body


def anything(body: Any) -> Any:
    return body


def square(n: int) -> int:
    return n * n


def total(items: list[int]) -> int:
    return sum(items)


def add(a: int, b: int = 10, *, c: int = 100) -> int:
    return a + b + c


def loose(a, b):  # type: ignore[no-untyped-def]
    return [a, b]


def rest(a: int, **more: Any) -> Any:
    return [a, more]


def only(*, n):  # type: ignore[no-untyped-def]
    return n


def default(n: int = 5) -> int:
    return n


def positional(a: int, b: int, /) -> int:
    return a - b


def unknown(n: Unknown, m: int) -> Any:
    return [n, m]


def an_order(order: Order) -> Any:
    return [order.tea, order.to]


def a_place(place: Place) -> str:
    return place["town"]


def a_struct(struct: Struct) -> int:
    return struct.x


def a_model(model: Model) -> int:
    return model.x


def maybe_a_dict(body: dict[str, int] | None) -> Any:
    return body


def everything(
    at: dt.datetime, day: dt.date, id: uuid.UUID, price: Decimal, colour: Colour, tags: set[str]
) -> Any:
    return [at.year, day.month, id.version, price, colour, tags]


class Stored:
    def put(self, key: str, value: Any) -> Any:
        return [key, value]


ID = "0188c0f2-8e5c-4b6e-9d3e-3f1f6a1b2c3d"


@pytest.mark.parametrize(
    ("function", "body", "result"),
    [
        (none, None, "called"),
        (none, {}, "called"),
        (one, None, None),
        (one, {}, {}),
        (one, {"body": 1}, {"body": 1}),
        (anything, {"body": 1}, {"body": 1}),
        (square, 3, 9),
        (square, {"n": 3}, 9),
        (square, {"n": "3"}, 9),  # as a query has it
        (total, [1, 2], 3),
        (total, {"items": [1, 2]}, 3),
        (add, {"a": 1}, 111),
        (add, {"c": 3, "b": 2, "a": 1}, 6),
        (add, 1, 111),
        (loose, {"b": 2, "a": {"x": 1}}, [{"x": 1}, 2]),
        (rest, {"a": 1, "x": 2}, [1, {"x": 2}]),
        (only, {"m": 1}, {"m": 1}),
        (default, None, 5),
        (default, {}, 5),
        (default, {"n": 6}, 6),
        (default, 7, 7),
        (positional, {"b": 1, "a": 3}, 2),
        (unknown, {"n": 1, "m": 2}, [1, 2]),
        (an_order, {"tea": 2}, [2, "here"]),
        (a_place, {"town": "Ulm"}, "Ulm"),
        (a_struct, {"x": 1}, 1),
        (a_model, {"x": 1}, 1),
        (maybe_a_dict, {"x": 1}, {"x": 1}),
        (maybe_a_dict, None, None),
        (Stored().put, {"key": "k", "value": {"any": 1}}, ["k", {"any": 1}]),
        (lambda body, *more: [body, more], {"x": 1}, [{"x": 1}, ()]),
        (lambda a=1, b=2: [a, b], None, [1, 2]),
        (
            everything,
            {
                "at": "2026-11-21T23:15:18Z",
                "day": "2026-11-21",
                "id": ID,
                "price": "1.10",
                "colour": "red",
                "tags": ["a", "a"],
            },
            [2026, 11, 4, Decimal("1.10"), Colour.RED, {"a"}],
        ),
    ],
)
def test_what_a_function_is_called_with(function: Any, body: Any, result: Any) -> None:
    assert ask(function, body) == result


@pytest.mark.parametrize(
    ("function", "body", "why"),
    [
        (none, 1, "'f' takes no body"),
        (none, {"x": 1}, "'f' takes no body"),
        (square, {"m": 3}, "'f' needs 'n'"),
        (square, "three", "'f' can't use 'n': Expected `int`, got `str`"),
        (square, None, "'f' can't use 'n': Expected `int`, got `null`"),
        (
            total,
            {"items": [1, "x"]},
            "'f' can't use 'items': Expected `int`, got `str` - at `$[1]`",
        ),
        (add, {}, "'f' needs 'a'"),
        (add, None, "'f' needs 'a'"),
        (add, {"a": 1, "z": 2}, "'f' takes no 'z'"),
        (add, {"a": 1, "b": None}, "'f' can't use 'b': Expected `int`, got `null`"),
        (loose, [1, 2], "'f' takes an object with the members 'a', 'b'"),
        (loose, {"a": 1}, "'f' needs 'b'"),
        (an_order, {"to": "x"}, "'f' can't use 'order': Object missing required field `tea`"),
        (an_order, 5, "'f' can't use 'order': Expected `object`, got `int`"),
        (a_model, {"x": "y"}, "'f' can't use 'model': x is a whole number"),
        (everything, {"at": "x"}, "'f' can't use 'at': Invalid RFC3339 encoded datetime"),
    ],
)
def test_why_a_function_is_not_called(function: Any, body: Any, why: str) -> None:
    assert ask(function, body) == why


def test_a_new_type_counts_as_what_it_is_made_of() -> None:
    def twice(n: Number) -> int:
        return n * 2

    assert ask(twice, {"n": 2}) == 4


def test_a_dataclass_is_written_with_its_defaults() -> None:
    @dataclass(frozen=True)
    class Basket:
        orders: list[Order]
        note: str = ""

    def whole(basket: Basket) -> Any:
        return basket

    whole.__annotations__["basket"] = Basket
    told = written(ask(whole, {"orders": [{"tea": 1}]}))
    assert json.loads(told) == {"orders": [{"tea": 1, "to": "here"}], "note": ""}


def test_several_arguments_of_a_monologue_client_come_in_order() -> None:
    assert ask(add, 1, 2) == 103
    assert ask(loose, 1, 2) == [1, 2]
    assert ask(none) == "called"
    assert ask(loose, 1, 2, 3) == "'f' does not take this body"


def test_a_context_is_none_of_the_members() -> None:
    context = Context({"aws_request_id": "r"})

    def named(a: int, b: int, told: Context) -> Any:
        return [a, b, told.aws_request_id]

    def second(body, context):  # type: ignore[no-untyped-def]
        return [body, context.aws_request_id]

    assert ask(named, {"a": 1, "b": 2}, context=context) == [1, 2, "r"]
    assert ask(second, {"a": 1}, context=context) == [{"a": 1}, "r"]
    assert ask(add, {"a": 1}, context=context) == 111
    assert ask(none, {}, context=context) == "called"


def test_a_validator_that_raises_something_odd_refuses_the_body() -> None:
    class Odd:
        @classmethod
        def model_validate(cls, value: Any) -> Any:
            raise SystemExit("odd")

    def takes(odd: Odd) -> None: ...

    takes.__annotations__["odd"] = Odd
    assert ask(takes, {"x": 1}) == "'f' can't use 'odd': odd"
