"""What clients in every language do alike: tests/vectors/client.json."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from grip_lambda.client import errors, exchange
from grip_lambda.client.addresses import base_url
from grip_lambda.client.backoff import Backoff
from grip_lambda.client.context import Context
from grip_lambda.client.exchange import Failure, Flow, Reply, Request, Terms
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
from grip_lambda.client.stream_state import Done, Progress, StreamState
from grip_lambda.protocol import sse

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
        return session.finished(key, ended(outcome))
    if "progress" in step:
        return session.progressed(*step["progress"])
    return session.stop()


def ended(outcome: dict[str, Any]) -> Result | Failed:
    if "error" in outcome:
        return Failed(outcome["error"])
    return Result(outcome["result"], outcome.get("shorter"))


def begun(vector: dict[str, Any]) -> Session:
    options = vector.get("options", {})
    session = Session(
        options.get("max_calls"),
        options.get("id", ""),
        options.get("token", ""),
        Backoff(draw=lambda: 1.0),
        private=options.get("private", False),
        context=options.get("context", False),
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
        if "fails" in step:
            with pytest.raises(ValueError, match=f"^{re.escape(step['fails'])}$"):
                happen(session, step)
            continue
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
    flows: dict[str, Any] = {
        "submit": lambda *call: exchange.submit(*call[:3], Terms(call[3]), [1.0, 2.0]),
        "result": lambda *ask: exchange.result(*ask, [1.0, 2.0]),
        "done": lambda *ask: exchange.has_ended(*ask, [1.0, 2.0]),
        "cancel": lambda *ask: exchange.cancel(*ask, [1.0, 2.0]),
        "delete": lambda *ask: exchange.delete(*ask, [1.0, 2.0]),
    }

    check(flows[what](*given), vector)


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
        return Failure(one["failure"], one["sent"], one.get("late", False))
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


@pytest.mark.parametrize("vector", VECTORS["contexts"])
def test_contexts(vector: dict[str, Any]) -> None:
    context = Context(vector["given"])
    said = vector.get("said", {})
    for line in said.get("logs", []):
        context.log(line)
    context.bill(memory=said.get("memory"), used=said.get("used"))

    found = {**vars(context), "remaining_ms": context.get_remaining_time_in_millis()}
    assert {name: found[name] for name in vector["is"]} == vector["is"]
    reply = context.reply(ended(vector["finish"]))
    assert (reply.value, reply.shorter) == (vector["reply"], vector["shorter"])


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
