"""What callers in every language do alike: tests/vectors/client.json."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grip_lambda.client import errors, exchange
from grip_lambda.client.entries import Lambda
from grip_lambda.client.exchange import Failure, Flow, Reply, Request, Terms
from grip_lambda.client.stream_state import Done, Progress, StreamState
from grip_lambda.protocol import sse
from tests.unit.client.test_vectors import ID, VECTORS


@pytest.mark.parametrize("vector", VECTORS["requests"])
def test_the_request_of_a_call(vector: dict[str, Any]) -> None:
    lambda_id, method, body, wait_s = vector["call"]

    terms = Terms(wait_s, vector.get("idempotency_key"))
    request = next(exchange.call(lambda_id, method, body, terms, []))

    assert isinstance(request, Request)
    key = request.headers.get("Idempotency-Key")
    assert ({"idempotency_key": key} if key else {}) | {
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


@pytest.mark.parametrize("key", VECTORS["bad_idempotency_keys"])
def test_idempotency_keys_that_are_none(key: str) -> None:
    with pytest.raises(errors.BadRequest, match="idempotency key"):
        next(exchange.call(ID, "greet", None, Terms(10, key), []))


@pytest.mark.parametrize("vector", VECTORS["outcomes"])
def test_what_becomes_of_a_call(vector: dict[str, Any]) -> None:
    terms = Terms(10, vector.get("idempotency_key"))

    check(exchange.call(ID, "greet", None, terms, [1.0, 2.0]), vector)


@pytest.mark.parametrize("vector", VECTORS["flows"])
def test_what_becomes_of_other_requests(vector: dict[str, Any]) -> None:
    what, *given = vector["do"]
    if what == "submit":
        given[3] = Terms(given[3])
    flows: dict[str, Any] = {
        "submit": exchange.submit,
        "result": exchange.result,
        "done": exchange.has_ended,
        "cancel": exchange.cancel,
        "delete": exchange.delete,
        "describe": exchange.description,
    }

    check(flows[what](*given, pauses=[1.0, 2.0]), vector)


def check(flow: Flow[Any], vector: dict[str, Any]) -> None:
    """Have a flow's requests end as the vector says, and compare what it does."""
    left = list(vector["after"])
    requests: list[Request] = []
    pauses = 0
    result: Any = None
    error: dict[str, Any] | None = None
    try:
        step = next(flow)
        while True:
            if isinstance(step, Request):
                requests.append(step)
                step = flow.send(outcome(left.pop(0)))
            else:
                pauses += 1
                step = flow.send(None)
    except StopIteration as end:
        result = end.value
    except errors.LambdaError as raised:
        error = told(raised, vector.get("error", {}))

    assert left == []
    assert pauses == vector.get("pauses", 0)
    assert error == vector.get("error")
    assert (list(result) if isinstance(result, tuple) else result) == vector.get("result")
    if "request" in vector:
        made = requests[0]
        assert {
            "method": made.method,
            "path": made.path,
            "prefer": made.headers.get("Prefer"),
            "timeout_s": made.timeout_s,
        } == vector["request"]


def told(error: errors.LambdaError, wanted: dict[str, Any]) -> dict[str, Any]:
    found = {"name": type(error).__name__, "message": str(error), **vars(error)}
    return {name: found[name] for name in wanted}


def outcome(one: dict[str, Any]) -> Reply | Failure:
    if "failure" in one:
        late, lasting = one.get("late", False), one.get("lasting", False)
        return Failure(one["failure"], one["sent"], late, lasting)
    return Reply(
        one["status"],
        one["text"].encode(),
        one.get("type", "application/json"),
        one.get("location", ""),
    )


@pytest.mark.parametrize("vector", VECTORS["event_streams"])
def test_events_of_a_stream(vector: dict[str, Any]) -> None:
    parser = sse.Parser()

    found = [event for piece in vector["pieces"] for event in parser.feed(piece.encode())]

    assert [[one.name, one.data.decode(), one.id] for one in found] == vector["events"]
    assert parser.last_id == vector["last_id"]


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=lambda vector: vector["name"])
def test_a_streamed_call(vector: dict[str, Any]) -> None:
    terms = Terms(10, vector.get("idempotency_key"))
    state = StreamState(exchange.request(ID, "m", None, terms), [1.0, 2.0])
    state.request()

    for number, step in enumerate(vector["steps"]):
        if "request" in step:
            request = state.request()
            found = {
                "method": request.method,
                "path": request.path,
                "accept": request.headers["Accept"],
                "last_event_id": request.headers.get("Last-Event-ID"),
                "timeout_s": request.timeout_s,
            }
            assert {name: found[name] for name in step["request"]} == step["request"], number
        elif "feed" in step:
            events = zip(state.feed(step["feed"].encode()), step["told"], strict=True)
            for event, wanted in events:
                match event:
                    case Progress(value):
                        assert {"progress": value} == wanted, number
                    case Done(value):
                        assert {"result": value} == wanted, number
                    case _:
                        assert told(event.error, wanted["error"]) == wanted["error"], number
        else:
            ends: Any = outcome(step.get("lose") or step["refuse"])
            take = state.lost if "lose" in step else state.refused
            if "error" in step:
                with pytest.raises(errors.LambdaError) as raised:
                    take(ends)
                assert told(raised.value, step["error"]) == step["error"], number
            else:
                assert take(ends) == step["pause"], number


def listed(text: str) -> list[Lambda]:
    flow = exchange.listing([])
    next(flow)
    try:
        flow.send(Reply(200, text.encode()))
    except StopIteration as end:
        found: list[Lambda] = end.value
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
