"""What clients in every language do alike: tests/vectors/client.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from grip_lambda.client import errors, exchange
from grip_lambda.client.addresses import base_url
from grip_lambda.client.backoff import Backoff
from grip_lambda.client.exchange import Failure, Pause, Reply, Request, Terms
from grip_lambda.client.messages import Failure as Failed
from grip_lambda.client.messages import Result
from grip_lambda.client.methods import Methods
from grip_lambda.client.session import (
    Action,
    Close,
    End,
    Loss,
    Send,
    Session,
    Up,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "client.json").read_text()
)
ID = "inRwcfvee17P85B8"


def written(action: Action) -> Any:
    """Return an action as the file writes it."""
    kind = type(action).__name__.lower()
    match action:
        case Send(text):
            value: Any = json.loads(text)
        case End(error):
            value = error and [type(error).__name__, str(error)]
        case _:
            members = list(vars(action).values())
            value = members[0] if len(members) == 1 else members
    return kind if isinstance(action, Up | Close) else {kind: value}


def state(session: Session, wanted: dict[str, Any]) -> dict[str, Any]:
    found = {name: getattr(session, name) for name in wanted}
    return {name: None if value == math.inf else value for name, value in found.items()}


def text_of(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message)


def happen(session: Session, step: dict[str, Any]) -> list[Action]:
    if "receive" in step:
        return session.received(text_of(step["receive"]))
    if "lose" in step:
        return session.lost(Loss(**step["lose"]))
    if "finish" in step:
        key, outcome = step["finish"]
        if "error" in outcome:
            return session.finished(key, Failed(outcome["error"]))
        return session.finished(key, Result(outcome["result"]))
    return session.stop()


def begun(vector: dict[str, Any]) -> Session:
    options = vector.get("options", {})
    session = Session(
        options.get("max_calls"),
        options.get("id", ""),
        options.get("token", ""),
        Backoff(draw=lambda: 1.0),
    )
    session.methods = options.get("methods")
    if vector.get("opened"):
        details = {"token": "t1", "ping": 30, "limits": {"message": options.get("limit", 1000)}}
        session.received(text_of({"method": "open", "params": [ID, details], "id": 0}))
        session.received(text_of({"id": "ready", "result": None, "error": "unknown"}))
        assert session.is_up
    return session


@pytest.mark.parametrize("vector", VECTORS["sessions"], ids=lambda vector: vector["name"])
def test_a_session(vector: dict[str, Any]) -> None:
    session = begun(vector)
    wanted = vector.get("is", {})
    assert state(session, wanted) == wanted

    for number, step in enumerate(vector["steps"]):
        assert [written(action) for action in happen(session, step)] == step["do"], number
        wanted = step.get("is", {})
        assert state(session, wanted) == wanted, number


@pytest.mark.parametrize("vector", VECTORS["backoff"])
def test_waits(vector: dict[str, Any]) -> None:
    draws = iter(vector["draws"])
    backoff = Backoff(vector["first_s"], vector["longest_s"], lambda: float(next(draws)))

    assert [backoff.next() for _ in vector["draws"]] == vector["waits"]


def test_addresses_of_servers() -> None:
    for server in VECTORS["servers"]:
        assert base_url(server["url"]) == server["base"]
    for url in VECTORS["not_servers"]:
        with pytest.raises(ValueError, match=r"address|[Pp]ort"):
            base_url(url)


def test_names_of_methods() -> None:
    methods = Methods(dict.fromkeys(VECTORS["names"]["good"], print))

    assert list(methods.names() or ()) == VECTORS["names"]["good"]
    for name in VECTORS["names"]["bad"]:
        with pytest.raises(ValueError, match="name"):
            Methods({name: print})


@pytest.mark.parametrize("vector", VECTORS["requests"])
def test_the_request_of_a_call(vector: dict[str, Any]) -> None:
    lambda_id, method, body, wait_s = vector["call"]

    request = next(exchange.call(lambda_id, method, body, Terms(wait_s), []))

    assert isinstance(request, Request)
    assert {
        "method": request.method,
        "path": request.path,
        "prefer": request.headers["Prefer"],
        "content": request.content.decode(),
        "timeout_s": request.timeout_s,
    } == vector["request"]


@pytest.mark.parametrize("wait", VECTORS["bad_waits"])
def test_waits_that_make_no_sense(wait: float) -> None:
    with pytest.raises(ValueError, match="wait"):
        next(exchange.call(ID, "greet", None, Terms(wait), []))


@pytest.mark.parametrize("vector", VECTORS["outcomes"])
def test_what_becomes_of_a_call(vector: dict[str, Any]) -> None:
    flow = exchange.call(ID, "greet", None, Terms(10), [1.0, 2.0])
    left = list(vector["after"])
    pauses = 0
    result: Any = None
    error: dict[str, Any] | None = None
    try:
        step = next(flow)
        while True:
            pauses += isinstance(step, Pause)
            step = flow.send(outcome(left.pop(0)) if isinstance(step, Request) else None)
    except StopIteration as end:
        result = end.value
    except errors.LambdaError as raised:
        wanted = vector.get("error", {})
        told = {"name": type(raised).__name__, "message": str(raised), **vars(raised)}
        error = {name: told[name] for name in wanted}

    assert left == []
    assert pauses == vector.get("pauses", 0)
    assert error == vector.get("error")
    assert result == vector.get("result")


def outcome(one: dict[str, Any]) -> Reply | Failure:
    if "failure" in one:
        return Failure(one["failure"], one["sent"], one.get("late", False))
    return Reply(one["status"], one["text"].encode(), one.get("type", "application/json"))


def test_the_errors() -> None:
    found = [
        {
            "name": kind.__name__,
            "status": kind.default_status,
            "code": kind.default_code,
            "may_have_run": kind.may_have_run,
        }
        for kind in errors.LambdaError.__subclasses__()
    ]

    assert found == VECTORS["errors"]


def listed(text: str) -> list[exchange.Lambda]:
    flow = exchange.listing([])
    next(flow)
    try:
        flow.send(Reply(200, text.encode()))
    except StopIteration as end:
        found: list[exchange.Lambda] = end.value
        return found
    raise AssertionError("it goes on")


def test_the_listing() -> None:
    (found,) = listed(json.dumps(VECTORS["listing"]["good"]))

    wanted = VECTORS["listing"]["lambda"]
    assert found.timestamp.timestamp() * 1000 == wanted.pop("timestamp_ms")
    assert {name: getattr(found, name) for name in wanted} == wanted
    for text in VECTORS["listing"]["bad"]:
        with pytest.raises(errors.ServerError):
            listed(text)
