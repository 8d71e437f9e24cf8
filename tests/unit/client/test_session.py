"""A host's lambda over all its connections, without any connection."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.client.backoff import Backoff
from grip_lambda.client.errors import Deleted, Forbidden, LambdaError, TakenOver, Unauthorized
from grip_lambda.client.loss import Loss
from grip_lambda.client.messages import Failure, Result
from grip_lambda.client.session import (
    Action,
    Cancel,
    Close,
    Down,
    End,
    Invoke,
    Post,
    Retry,
    Send,
    Session,
    Up,
)

ID = "inRwcfvee17P85B8"


def opening(token: str = "t1", **details: Any) -> str:
    details = {"token": token, "ping": 30, "limits": {"message": 1000}, **details}
    return json.dumps({"method": "open", "params": [ID, details], "id": 0})


def call(call_id: str, body: object = None, method: str = "greet") -> str:
    return json.dumps({"method": method, "params": [body], "id": call_id})


READY = '{"id": "ready", "result": null, "error": "unknown method: rpc.ready"}'


def session(**options: Any) -> Session:
    """Return a session whose waits are as long as they can be."""
    return Session(backoff=Backoff(draw=lambda: 1.0), **options)


def opened(**options: Any) -> Session:
    one = session(**options)
    one.received(opening())
    one.received(READY)
    assert one.is_up
    return one


def sent(actions: list[Action]) -> list[Any]:
    return [json.loads(action.text) for action in actions if isinstance(action, Send)]


def test_it_acknowledges_and_asks_whether_it_is_open() -> None:
    one = session(max_calls=8)
    one.methods = ("greet",)

    actions = one.received(opening())

    assert sent(actions) == [
        {"id": 0, "result": {"ok": True, "methods": ["greet"], "max_calls": 8}},
        {"id": "ready", "method": "rpc.ready", "params": []},
    ]
    assert not one.is_up
    assert one.received(READY) == [Up()]
    assert one.is_up


def test_an_old_server_tells_the_id_alone() -> None:
    one = session()

    one.received(json.dumps({"method": "open", "params": [ID], "id": 0}))

    assert (one.id, one.token, one.path) == (ID, "", f"/lambda/new/{ID}")


def test_a_call_shows_that_it_is_open() -> None:
    one = session()
    one.received(opening())

    assert one.received(call("a", 1)) == [Up(), Invoke(1, "greet", [1])]


def test_the_newest_token_reopens() -> None:
    one = opened()
    assert one.path == f"/lambda/new/{ID}?token=t1"
    one.lost(Loss())

    one.received(opening("t/2"))

    assert one.path == f"/lambda/new/{ID}?token=t%2F2"


def test_calls_beyond_the_limit_wait_for_their_turn() -> None:
    one = opened(max_calls=1)

    assert one.received(call("a")) == [Invoke(1, "greet", [None])]
    assert one.received(call("b")) == []
    actions = one.finished(1, Result("x"))

    assert sent(actions) == [{"id": "a", "result": "x"}]
    assert actions[1:] == [Invoke(2, "greet", [None])]


def test_an_answer_after_the_connection_was_lost_is_dropped() -> None:
    one = opened()
    one.received(call("a"))
    one.lost(Loss())
    one.received(opening())
    one.received(READY)

    assert one.finished(1, Result("x")) == []


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Result("x" * 1000), "ResultTooLarge"),
        (Failure("é" * 500), "ResultTooLarge"),
        (Result(object()), "NotJson"),
        (Result(float("nan")), "NotJson"),
    ],
)
def test_what_cannot_be_sent_fails_its_own_call(outcome: Result | Failure, kind: str) -> None:
    one = opened()
    one.received(call("a"))

    (answer,) = sent(one.finished(1, outcome))

    assert answer["id"] == "a"
    assert answer["error"]["errorType"] == kind


def test_a_message_may_fill_the_limit() -> None:
    one = opened()
    one.received(call("a"))
    around = len('{"id":"a","result":""}')

    (action,) = one.finished(1, Result("x" * (1000 - around)))

    assert isinstance(action, Send)
    assert len(action.text) == 1000


def test_what_is_too_long_for_a_message_is_posted() -> None:
    one = session()
    one.received(opening(limits={"message": 1000, "result": 2000}))
    one.received(READY)
    for call_id in ("a", "b", "c"):
        one.received(call(call_id))
    around = len('{"id":"a","result":""}')

    (posted,) = one.finished(1, Result("x" * (2000 - around)))
    (told,) = sent(one.finished(2, Result("x" * (2001 - around))))
    (refused,) = one.finished(3, Failure("x" * 1000))

    assert isinstance(posted, Post)
    assert len(posted.text) == 2000
    assert told["error"]["errorType"] == "ResultTooLarge"
    assert isinstance(refused, Post)


def test_half_a_surrogate_pair_is_sent_as_an_escape() -> None:
    one = opened()
    one.received(call("a"))

    (answer,) = sent(one.finished(1, Result("\ud800")))

    assert answer["result"] == "\ud800"


def test_a_number_that_python_does_not_read_fails_its_own_call() -> None:
    one = opened()

    (answer,) = sent(one.received('{"method":"m","params":[%s],"id":"a"}' % ("1" * 5000)))

    assert (answer["id"], answer["error"]["errorType"]) == ("a", "BadBody")


def test_a_cancelled_call_is_not_begun() -> None:
    one = opened(max_calls=1)
    one.received(call("a"))
    one.received(call("b"))

    assert one.received('{"method":"rpc.cancel","params":["b"],"id":null}') == []
    assert one.received('{"method":"rpc.cancel","params":["a"],"id":null}') == [Cancel(1)]
    assert len(one.finished(1, Result(None))) == 1


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1007, 1012, 1013, 4400, 4408])
def test_it_connects_again(code: int | None) -> None:
    down, retry = opened().lost(Loss(code))

    assert isinstance(down, Down)
    assert isinstance(retry, Retry)


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (Loss(4403), Forbidden),
        (Loss(4409), TakenOver),
        (Loss(4410), Deleted),
        (Loss(status=401), Unauthorized),
        (Loss(status=403, text='{"error":"no","code":"forbidden"}'), Forbidden),
        (Loss(status=200), LambdaError),
    ],
)
def test_it_does_not_connect_again(loss: Loss, kind: type[LambdaError]) -> None:
    (end,) = session().lost(loss)

    assert isinstance(end, End)
    assert isinstance(end.error, kind)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_refusal_for_now_is_tried_again(status: int) -> None:
    (retry,) = session().lost(Loss(status=status))

    assert isinstance(retry, Retry)


def test_nothing_there_is_the_end_at_first_only() -> None:
    assert isinstance(session().lost(Loss(status=404))[0], End)
    again = opened()
    again.lost(Loss())
    assert isinstance(again.lost(Loss(status=404))[0], Retry)


def test_waits_grow_to_a_limit_and_begin_again_once_it_is_up() -> None:
    one = session()

    waits = [_wait(one.lost(Loss())) for _ in range(7)]

    assert waits == [1, 2, 4, 8, 16, 30, 30]
    one.received(opening())
    one.received(READY)
    assert _wait(one.lost(Loss())) == 1


def _wait(actions: list[Action]) -> float:
    retry = actions[-1]
    assert isinstance(retry, Retry)
    return retry.after_s


def test_it_finishes_what_runs_before_it_closes() -> None:
    one = opened()
    one.received(call("a"))

    assert one.stop() == []
    (refused,) = sent(one.received(call("b")))
    assert refused["error"]["errorType"] == "Closing"
    answer, close = one.finished(1, Result(1))
    assert sent([answer]) == [{"id": "a", "result": 1}]
    assert close == Close()
    assert one.lost(Loss(1000)) == [Down("the connection was closed (1000)"), End(None)]


def test_it_closes_at_once_if_nothing_runs() -> None:
    assert opened().stop() == [Close()]
    assert session().stop() == [End(None)]


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "null", b"\xff", "[" * 100_000, '{"id":7}', '{"method":1,"id":2}']
)
def test_what_makes_no_sense_is_passed_over(data: str | bytes) -> None:
    assert opened().received(data) == []


def test_silence_is_measured_by_the_pings() -> None:
    one = session()
    assert one.silence_s == 10
    one.received(opening(ping=3))
    one.received(READY)
    assert one.silence_s == 11
    one.lost(Loss())
    assert one.silence_s == 10


EVENTS = st.one_of(
    st.just("open"),
    st.just("ready"),
    st.just("call"),
    st.just("stop"),
    st.tuples(st.just("lose"), st.sampled_from([None, 1006, 1012, 4408, 4409])),
    st.tuples(st.just("finish"), st.integers(0, 5), st.text(max_size=1200)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("noise"), st.text(max_size=20)),
)


@given(st.lists(EVENTS, max_size=60), st.integers(1, 3))
def test_whatever_happens(events: list[Any], max_calls: int) -> None:
    one = session(max_calls=max_calls)
    running: list[int] = []
    answered: set[str] = set()
    asked: list[str] = []
    up = ended = connected = False

    def check(actions: list[Action]) -> None:
        nonlocal up, ended
        assert not (ended and any(not isinstance(action, Down) for action in actions))
        for action in actions:
            match action:
                case Up():
                    assert not up
                    up = True
                case Down():
                    assert up
                    up = False
                case Invoke(key):
                    assert key not in running
                    running.append(key)
                    assert len(running) <= max_calls
                case Send(text):
                    assert len(text.encode()) <= 1000
                    call_id = json.loads(text)["id"]
                    if call_id not in (0, "ready"):
                        assert call_id in asked
                        assert call_id not in answered
                        answered.add(call_id)
                case End():
                    ended = True
        assert one.is_up is up

    for event in events:
        match event:
            case "open" if not connected and not ended:
                connected = True
                check(one.received(opening()))
            case "ready":
                check(one.received(READY))
            case "call" if connected:
                asked.append(f"c{len(asked)}")
                check(one.received(call(asked[-1])))
            case "stop":
                check(one.stop())
            case ("lose", code):
                connected = False
                check(one.lost(Loss(code)))
            case ("finish", which, text) if running:
                check(one.finished(running.pop(which % len(running)), Result(text)))
            case ("cancel", which):
                check(one.received(f'{{"method":"rpc.cancel","params":["c{which}"],"id":null}}'))
            case ("noise", text):
                check(one.received(text))
