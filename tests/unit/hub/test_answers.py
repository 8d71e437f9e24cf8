"""The answers of all hosts of a service, brought together."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grip_lambda.errors import NotFound
from grip_lambda.hub.calls import MEMBER, Answers, outcomes
from grip_lambda.hub.calls.answers import GATHERED, STREAMED, Group
from grip_lambda.hub.channels import all_channel
from grip_lambda.store import Call, Outcome, Store, open_store
from tests.support.nodes import RecordingNode, nodes_of

PLACE, NAME = "P" * 16, "n" * 22
IDS = ["A" * 16, "B" * 16]
HELLO, NO = Outcome.of_result(b'"hello"'), Outcome.of_host_error(b'"no"')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode()


@pytest.fixture
def answers(store: Store, node: RecordingNode) -> Answers:
    return Answers(store, nodes_of(node))


@pytest.fixture
def calls(answers: Answers) -> list[Call]:
    group = Group(PLACE, NAME, len(IDS))
    calls = [
        Call(f"token-{one[0]}", one, "n1", time.time() + 60, MEMBER.name, group.encode())
        for one in IDS
    ]
    answers.begin(group, calls)
    return calls


def test_they_are_read_as_they_come(
    answers: Answers, calls: list[Call], node: RecordingNode
) -> None:
    found = answers.attach(PLACE, NAME, time.time() + 60, "n1", STREAMED)
    answers.add(calls[1], HELLO)
    answers.add(calls[0], NO)

    channel = all_channel(PLACE, NAME, 1)
    assert (found.events(0), found.is_complete) == (b"", False)
    assert [(where, seq) for where, seq, _ in node.streamed] == [(channel, n) for n in (2, 3, 4)]
    assert [data for _, _, data in node.streamed] == [
        b'event: answer\ndata: {"id":"%b","status":200,"result":"hello"}\n\n' % IDS[1].encode(),
        b'event: answer\ndata: {"id":"%b","status":400,"error":"no"}\n\n' % IDS[0].encode(),
        b'event: end\ndata: {"hosts":2}\n\n',
    ]
    assert node.ended == [(channel, 5)]


def test_they_are_gathered_until_all_are_there(
    answers: Answers, calls: list[Call], node: RecordingNode
) -> None:
    answers.attach(PLACE, NAME, time.time() + 60, "n1", GATHERED)
    answers.add(calls[0], HELLO)
    assert node.replies == []
    answers.add(calls[1], outcomes.DISCONNECTED)

    ((channel, status, body),) = node.replies
    assert (channel, status) == (all_channel(PLACE, NAME, 1), 200)
    assert json.loads(body) == {
        IDS[0]: {"status": 200, "result": "hello"},
        IDS[1]: {"status": 502, "error": "lambda disconnected", "code": "disconnected"},
    }


def test_who_comes_late_finds_all_of_them(
    answers: Answers, calls: list[Call], node: RecordingNode
) -> None:
    for call in calls:
        answers.add(call, HELLO)

    found = answers.attach(PLACE, NAME, time.time() + 60, "n1", STREAMED)

    assert found.is_complete
    assert found.events(0).count(b"event: answer") == 2
    assert found.events(2).count(b"event: answer") == 1
    assert found.calls == [(call.lambda_id, call.token) for call in calls]
    assert node.streamed == []
    assert answers.count(PLACE, NAME) == 3


def test_an_answer_for_which_no_room_is_left_is_told_to_be_too_large(
    answers: Answers, calls: list[Call]
) -> None:
    large = Outcome.of_result(b'"%b"' % (b"x" * 16_000_000))
    answers.add(calls[0], HELLO)
    answers.add(calls[1], large)

    found = answers.read(PLACE, NAME)

    assert found is not None
    told = json.loads(found.gathered().body)
    assert told[IDS[0]]["status"] == 200
    assert told[IDS[1]]["code"] == "result_too_large"


def test_nothing_is_read_that_nobody_asked_for(answers: Answers) -> None:
    assert answers.read(PLACE, NAME) is None
    assert answers.count(PLACE, NAME) == 0
    with pytest.raises(NotFound):
        answers.attach(PLACE, NAME, time.time() + 60, "n1", STREAMED)


def test_only_the_latest_reader_can_leave(answers: Answers, calls: list[Call]) -> None:
    for _ in range(2):
        answers.attach(PLACE, NAME, time.time() + 60, "n1", GATHERED)

    assert not answers.detach(PLACE, NAME, 1)
    assert answers.detach(PLACE, NAME, 2)
