"""Which function a call is for, and the names that the package has."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest

import grip_lambda.client
from grip_lambda.client.context import Context
from grip_lambda.client.messages import Failure, Result, answer
from grip_lambda.client.methods import Methods


class Shop:
    prices: ClassVar = {"tea": 3}

    def price(self, name: str) -> int:
        return self.prices[name]

    @staticmethod
    def hours() -> str:
        return "9-17"

    @property
    def secret(self) -> str:
        raise AssertionError("properties are not read")

    def _private(self) -> None: ...


def ask(methods: Methods, name: str, *params: Any) -> Any:
    found = methods.find(name, list(params))
    if isinstance(found, Failure):
        return found.error["errorType"]
    function, arguments = found
    return function(*arguments)


def test_decorators() -> None:
    methods = Methods()

    @methods.method
    def one(body: Any) -> Any:
        return body

    @methods.method("zwei")
    def two() -> int:
        return 2

    assert methods.names() == ("one", "zwei")
    assert ask(methods, "one", {"a": 1}) == {"a": 1}
    assert ask(methods, "zwei", None) == 2
    assert ask(methods, "zwei", 1) == "BadArguments"
    assert ask(methods, "three", None) == "NoSuchMethod"


def test_an_object() -> None:
    methods = Methods(Shop())

    assert set(methods.names() or ()) == {"price", "hours"}
    assert ask(methods, "price", "tea") == 3
    assert ask(methods, "hours", None) == "9-17"


def test_a_mapping_and_functions_written_in_c() -> None:
    methods = Methods({"length": len, "max": max})

    assert ask(methods, "length", [1, 2]) == 2
    assert ask(methods, "max", [1, 2]) == 2


def test_a_module() -> None:
    module = ModuleType("shop")
    source = "from json import dumps\ndef price(b): return 3\ndef _hidden(b): ...\nx = 1"
    exec(source, vars(module))

    assert Methods(module).names() == ("price",)
    assert Methods(json).names() is not None
    assert "JSONDecoder" not in (Methods(json).names() or ())


def test_a_fallback_takes_any_name() -> None:
    methods = Methods({"known": lambda body: "known"})
    methods.fallback(lambda name, body: [name, body])

    assert methods.names() is None
    assert ask(methods, "known", 1) == "known"
    assert ask(methods, "other", 1) == ["other", 1]


@pytest.mark.parametrize("name", ["", "open", "rpc.x", "a/b", "a\0b"])
def test_names_that_there_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match="can't be the name"):
        Methods().method(name)(len)


def test_what_is_no_function() -> None:
    with pytest.raises(TypeError):
        Methods({"x": 1})


def test_the_public_names() -> None:
    assert sorted(grip_lambda.client.__all__) == grip_lambda.client.__all__
    for name in grip_lambda.client.__all__:
        assert getattr(grip_lambda.client, name).__doc__


def test_it_needs_nothing_of_the_server() -> None:
    code = "import sys, grip_lambda.client; print(sorted(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name.split(".")[0] for name in ast.literal_eval(done.stdout)}
    assert not loaded & {"flask", "werkzeug", "gripcontrol", "pubcontrol", "zmq", "granian"}


def test_a_context_is_for_functions_that_take_two() -> None:
    methods = Methods(
        {
            "none": lambda: "none",
            "one": lambda body: body,
            "two": lambda body, context: [body, context.aws_request_id],
        }
    )
    context = Context({"aws_request_id": "r"})

    def end(name: str, body: Any) -> Any:
        found = methods.find(name, [body], context)
        if isinstance(found, Failure):
            return found.error["errorType"]
        function, arguments = found
        return function(*arguments)

    assert end("none", None) == "none"
    assert end("none", 1) == "BadArguments"
    assert end("one", 1) == 1
    assert end("two", 1) == [1, "r"]
    assert ask(methods, "two", 1) == "BadArguments"
    assert end("three", 1) == "NoSuchMethod"
    methods.fallback(lambda name, body: [name, body])
    assert end("three", 1) == ["three", 1]
    methods.fallback(lambda name, body, context: [name, body, context.aws_request_id])
    assert end("three", 1) == ["three", 1, "r"]


@pytest.mark.parametrize("raw", [None, 5, [], {"deadline": "x", "env": 1, "aws_request_id": {}}])
def test_a_context_that_is_none(raw: Any) -> None:
    context = Context(raw)

    assert context.aws_request_id == ""
    assert context.env == {}
    assert context.client_context is None
    assert context.get_remaining_time_in_millis() == 0


def test_what_a_function_says_beside_its_result() -> None:
    context = Context({"aws_request_id": "r"})
    context.log("one")
    context.log(2)
    context.bill(memory="128 MB")
    context.bill(used=31)

    assert context.reply(Result({"errortype": "mine"})).value == {
        "result": {"errortype": "mine"},
        "errortype": "",
        "invokeid": "r",
        "logs": ["one", "2"],
        "billing": {"memory": "128 MB", "used": 31},
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [("x", "Error"), ({"errorType": "Oops"}, "Oops"), ({"errorType": 5}, "Error")],
)
def test_a_failure_is_a_reply_too(error: Any, kind: str) -> None:
    assert Context({}).reply(Failure(error)).value == {
        "errortype": kind,
        "invokeid": "",
        "errors": True,
        "result": error,
    }


def test_log_lines_that_make_a_message_too_long_are_left_out() -> None:
    context = Context({})
    context.log("x" * 1000)

    sent = json.loads(answer("id", context.reply(Result(5)), 500))

    assert sent["result"] == {"errortype": "", "invokeid": "", "result": 5}
    assert "ResultTooLarge" in answer("id", context.reply(Result("y" * 1000)), 500)
