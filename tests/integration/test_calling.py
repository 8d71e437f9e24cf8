"""Calls, from their caller to their host and back."""

from __future__ import annotations

from tests.integration.conftest import HostFactory
from tests.support.clients import call
from tests.support.stack import Stack


def test_a_call_is_answered_with_the_hosts_result(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: {"echo": body})

    response = call(stack.url, one.id, "test", '{ "hello": "world" }')

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"echo": {"hello": "world"}}
    assert [message["method"] for message in one.seen] == ["test"]
