"""What a caller does, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grip_lambda.client import errors, exchange
from grip_lambda.client.addresses import base_url, lambda_path, opening_path, websocket_url
from grip_lambda.client.exchange import Failure, Flow, Pause, Reply, Request, Terms

ID = "inRwcfvee17P85B8"
OK = Reply(200, b'{"hello":1}', "application/json")
NEVER_SENT = Failure("connection refused", sent=False)


def told(status: int, code: str | None, error: Any = "why") -> Reply:
    body = {"error": error} if code is None else {"error": error, "code": code}
    return Reply(status, json.dumps(body).encode(), "application/json")


def calling(
    method: str = "greet", body: Any = None, wait: float = 10, key: str | None = None
) -> Flow[Any]:
    return exchange.call(ID, method, body, Terms(wait, key), [1.0, 2.0])


def run(flow: Flow[Any], *outcomes: Reply | Failure) -> tuple[Any, list[Request | Pause]]:
    """Answer a flow's requests in turn; return what it returns and what it wanted done."""
    steps: list[Request | Pause] = []
    left = list(outcomes)
    try:
        step = next(flow)
        while True:
            steps.append(step)
            step = flow.send(left.pop(0) if isinstance(step, Request) else None)
    except StopIteration as end:
        assert not left
        return end.value, steps


def test_a_call_is_a_request_with_a_deadline() -> None:
    result, (request,) = run(calling("a/b ☃", {"é": [1, None]}, 2.5), OK)

    assert result == {"hello": 1}
    assert isinstance(request, Request)
    assert (request.method, request.path) == ("POST", f"/lambda/{ID}/a%2Fb%20%E2%98%83")
    assert request.headers["Prefer"] == "wait=2.5"
    assert request.content == '{"é":[1,null]}'.encode()
    assert request.timeout_s == 7.5


@pytest.mark.parametrize(("wait", "sent"), [(0.001, "0.05"), (1e6, "3600"), (60, "60")])
def test_a_deadline_is_what_the_server_makes_of_it(wait: float, sent: str) -> None:
    _, (request,) = run(calling(wait=wait), OK)

    assert isinstance(request, Request)
    assert request.headers["Prefer"] == f"wait={sent}"
    assert request.timeout_s == float(sent) + 5


@pytest.mark.parametrize("wait", [0, -1, float("nan"), float("inf")])
def test_a_deadline_is_a_number_of_seconds(wait: float) -> None:
    with pytest.raises(ValueError, match="wait"):
        run(calling(wait=wait))


@pytest.mark.parametrize("body", [object(), {1, 2}, float("nan"), b"bytes"])
def test_a_body_that_is_not_json_is_refused_here(body: object) -> None:
    with pytest.raises(errors.BadRequest):
        run(calling(body=body))


@pytest.mark.parametrize(
    "outcome",
    [NEVER_SENT, told(503, "unavailable"), Reply(502, b"Error while proxying", "text/plain")],
)
def test_what_reached_no_host_is_tried_again(outcome: Reply | Failure) -> None:
    result, steps = run(calling(), outcome, outcome, OK)

    assert result == {"hello": 1}
    assert [step for step in steps if isinstance(step, Pause)] == [Pause(1.0), Pause(2.0)]
    with pytest.raises(errors.Unavailable) as failed:
        run(calling(), outcome, outcome, outcome)
    assert not failed.value.may_have_run


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (told(400, None, {"any": "thing"}), errors.RemoteError),
        (told(400, "bad_request"), errors.BadRequest),
        (told(401, "unauthorized"), errors.Unauthorized),
        (told(403, "forbidden"), errors.Forbidden),
        (told(404, "not_found"), errors.NotFound),
        (told(405, "method_not_allowed"), errors.BadRequest),
        (told(409, "taken_over"), errors.TakenOver),
        (told(410, "cancelled"), errors.Cancelled),
        (told(413, "too_large"), errors.TooLarge),
        (told(422, "key_reused"), errors.KeyReused),
        (told(429, "busy"), errors.Busy),
        (told(500, "internal_error"), errors.ServerError),
        (told(502, "disconnected"), errors.Disconnected),
        (told(502, "result_too_large"), errors.ResultTooLarge),
        (told(504, "deadline_exceeded"), errors.DeadlineExceeded),
        (Reply(502, b"<html>", "text/html"), errors.ServerError),
        (Reply(413, b"<html>", "text/html"), errors.TooLarge),
        (Reply(200, b"<html>", "text/html"), errors.ServerError),
        (Failure("reset", sent=True), errors.Disconnected),
        (Failure("late", sent=True, late=True), errors.DeadlineExceeded),
    ],
)
def test_what_may_have_been_delivered_is_not_tried_again(
    outcome: Reply | Failure, kind: type[errors.LambdaError]
) -> None:
    with pytest.raises(errors.LambdaError) as failed:
        run(calling(), outcome)

    assert type(failed.value) is kind
    if isinstance(outcome, Reply):
        assert failed.value.status == outcome.status
        if outcome.status >= 400 and outcome.content_type == "application/json":
            assert failed.value.code == json.loads(outcome.content).get("code")


def test_every_error_of_the_contract_says_whether_the_work_may_be_done() -> None:
    said = {e.default_code: e.may_have_run for e in errors.LambdaError.__subclasses__()}

    assert {code for code, maybe in said.items() if maybe} == {
        None,
        "internal_error",
        "disconnected",
        "result_too_large",
        "cancelled",
        "deadline_exceeded",
    }


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("plain", "plain"),
        ({"errorType": "KeyError", "errorMessage": "'x'"}, "KeyError: 'x'"),
        ({"code": -32601, "message": "no method"}, "no method"),
        ([1, None], "[1, null]"),
    ],
)
def test_a_hosts_error_is_kept_and_shown_in_a_line(error: Any, shown: str) -> None:
    with pytest.raises(errors.RemoteError) as failed:
        run(calling(), told(400, None, error))

    assert failed.value.error == error
    assert str(failed.value) == shown


def test_the_listing() -> None:
    one = {"id": ID, "timestamp": "2026-11-21T23:15:18.866+00:00", "code": "json-rpc"}
    body = json.dumps({ID: {**one, "headers": {"Host": ["h"]}}}).encode()

    (found,), _ = run(exchange.listing([]), Reply(200, body))

    assert (found.id, found.code, found.headers, found.methods) == (
        ID,
        "json-rpc",
        {"Host": ["h"]},
        None,
    )
    assert found.timestamp.isoformat() == "2026-11-21T23:15:18.866000+00:00"


@pytest.mark.parametrize("content", [b"[]", b"{}x", b'{"a":1}', b"null"])
def test_what_is_no_listing_is_an_error(content: bytes) -> None:
    with pytest.raises(errors.ServerError):
        run(exchange.listing([]), Reply(200, content))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:7999", "http://localhost:7999"),
        ("ws://localhost:7999/", "http://localhost:7999"),
        ("wss://a.example/under/", "https://a.example/under"),
    ],
)
def test_addresses_of_servers(url: str, base: str) -> None:
    assert base_url(url) == base
    assert websocket_url(base).startswith("wss" if "https" in base else "ws:")


@pytest.mark.parametrize(
    "url", ["localhost:7999", "ftp://h", "http://", "http://h?x", "http://h:x"]
)
def test_what_is_no_address_of_a_server(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        base_url(url)


def test_the_default_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIP_LAMBDA_URL", raising=False)
    assert base_url(None) == "http://localhost:7999"
    monkeypatch.setenv("GRIP_LAMBDA_URL", "https://a.example")
    assert base_url(None) == "https://a.example"


def test_paths() -> None:
    assert lambda_path("..", ".") == "/lambda/%2E%2E/%2E"
    assert opening_path("", "") == "/lambda/new"


LOST = Failure("connection reset", sent=True)
PENDING = Reply(202, b'{"state":"pending"}', "application/json")


def test_a_call_with_a_key_is_made_again_where_the_connection_was_lost() -> None:
    result, steps = run(calling(key="k"), LOST, OK)

    assert result == {"hello": 1}
    assert [step for step in steps if isinstance(step, Request)] == [steps[0]] * 2
    assert isinstance(steps[0], Request)
    assert steps[0].headers["Idempotency-Key"] == "k"
    with pytest.raises(errors.Disconnected):
        run(calling(), LOST)
    with pytest.raises(errors.Disconnected):
        run(calling(key="k"), told(502, "disconnected"))
    with pytest.raises(errors.DeadlineExceeded):
        run(calling(key="k"), Failure("late", sent=True, late=True))


def test_a_call_is_submitted_and_its_result_asked_for() -> None:
    terms = Terms(10)
    accepted = Reply(202, b"{}", "application/json", "/calls/abc")

    call_id, (request,) = run(exchange.submit(ID, "greet", 1, terms, []), accepted)
    assert call_id == "abc"
    assert isinstance(request, Request)
    assert request.headers["Prefer"] == "respond-async, wait=10"

    assert run(exchange.result("abc", 0.0, []), PENDING)[0] == (False, None)
    assert run(exchange.result("abc", 5.0, [1.0]), LOST, OK)[0] == (True, {"hello": 1})
    with pytest.raises(errors.RemoteError):
        run(exchange.result("abc", 5.0, []), told(400, None))
    with pytest.raises(errors.ServerError):
        run(exchange.submit(ID, "greet", 1, terms, []), OK)


@pytest.mark.parametrize(
    ("reply", "ended"),
    [(PENDING, False), (OK, True), (told(400, None), True), (told(504, "deadline_exceeded"), True)],
)
def test_a_call_has_ended_in_whatever_way(reply: Reply, ended: bool) -> None:
    assert run(exchange.has_ended("abc", []), reply)[0] is ended


@pytest.mark.parametrize("reply", [told(404, "not_found"), LOST, told(503, "unavailable")])
def test_what_is_not_known_has_not_ended(reply: Reply | Failure) -> None:
    with pytest.raises(errors.LambdaError):
        run(exchange.has_ended("abc", []), reply)
