"""The reopen token as a bearer, which is logged less than an address."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.integration.conftest import SocketFactory
from tests.support.clients import Socket, calling
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, wait_until

pytestmark = pytest.mark.function_too

WRONG = "0123456789abcdefghijklmnopqrstuv"


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


def test_a_websocket_reopens_with_it(stack: Stack, opened: SocketFactory) -> None:
    one = opened()

    again = opened(path=f"/lambda/new/{one.id}", additional_headers=bearer(one.token))

    assert again.id == one.id
    assert one.closed()[0] == 4409
    listed = json.dumps(stack.listing()[one.id])
    assert '"Authorization": ["[redacted]"]' in listed
    assert one.token not in listed


def test_another_token_does_not_count(stack: Stack, opened: SocketFactory) -> None:
    one, other = opened(), opened()
    path = f"/lambda/new/{one.id}"

    for token in (WRONG, other.token, one.token + "x", ""):
        with pytest.raises(InvalidStatus) as refused:
            Socket(stack.ws_url, path, additional_headers=bearer(token))
        assert refused.value.response.status_code == 403
        gone = requests.delete(f"{stack.url}/lambda/{one.id}", headers=bearer(token), timeout=10)
        assert gone.status_code == 403
    assert one.id in stack.listing()


def test_the_query_comes_first(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    url = f"{stack.url}/lambda/{one.id}"

    wrong = requests.delete(f"{url}?token={WRONG}", headers=bearer(one.token), timeout=10)
    right = requests.delete(f"{url}?token={one.token}", headers=bearer(WRONG), timeout=10)

    assert (wrong.status_code, right.status_code) == (403, 204)


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_hosts_without_websocket_reopen_with_it(
    stack: Stack, opened: SocketFactory, accept: str
) -> None:
    one = opened()
    url = f"{stack.url}/lambda/new/{one.id}"
    headers = bearer(one.token, Accept=accept, Prefer="wait=5")

    with requests.get(url, headers=headers, stream=True, timeout=10) as response:
        assert response.status_code == 200
        begun = next(response.iter_content(None))
        assert one.id.encode() in begun
        done = requests.post(
            url, json={"id": 0, "result": "ok"}, headers=bearer(one.token), timeout=10
        )
        assert done.status_code == 204
    assert one.closed()[0] == 4409


def test_a_large_answer_is_posted_with_it(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    url = f"{stack.url}/lambda/new/{one.id}"
    future = calling(stack.url, one.id)
    answer = {"id": one.receive()["id"], "result": "x" * 200_000}

    wrong = requests.post(url, json=answer, headers=bearer(WRONG), timeout=10)
    right = requests.post(url, json=answer, headers=bearer(one.token), timeout=10)

    assert (wrong.status_code, right.status_code) == (403, 204)
    assert len(future.result(10).json()) == 200_000


def test_it_deletes(stack: Stack, opened: SocketFactory) -> None:
    one = opened()

    url = f"{stack.url}/lambda/{one.id}"
    assert requests.delete(url, headers=bearer(one.token), timeout=10).status_code == 204
    assert one.closed()[0] == 4410


def test_where_there_are_keys_it_is_taken_for_none(keyed: KeyedStack) -> None:
    key = keyed.keys["host"]
    path = "/lambda/new"
    with closing(Socket(keyed.ws_url, path, additional_headers=bearer(key))) as one:
        one.open()
        full = {"Authorization": f"Bearer {keyed.keys['full']}"}
        url = f"{keyed.url}/lambda/{one.id}"
        wait_until(lambda: requests.get(url, headers=full, timeout=5).status_code == 200)
        again = f"{path}/{one.id}"
        for headers in (bearer(one.token), bearer(one.token, **{"X-Api-Key": key})):
            with closing(Socket(keyed.ws_url, again, additional_headers=headers)) as other:
                assert other.open()[0] == one.id
        with closing(Socket(keyed.ws_url, again, additional_headers=bearer(one.token))) as last:
            last.open()
            wait_until(lambda: requests.get(url, headers=full, timeout=5).status_code == 200)

            for wrong, status in ((WRONG, 403), ("gl_0123456789abcdef_x", 401), ("x", 401)):
                refused = requests.delete(url, headers=bearer(wrong), timeout=5)
                assert refused.status_code == status, wrong
            mixed = bearer(one.token, **{"X-Api-Key": "gl_0123456789abcdef_x"})
            assert requests.delete(url, headers=mixed, timeout=5).status_code == 401
            # It is none of the things that are for keys.
            assert requests.get(url, headers=bearer(one.token), timeout=5).status_code == 401
            called = requests.post(f"{url}/m", headers=bearer(one.token), timeout=5)
            assert called.status_code == 401

            assert requests.delete(url, headers=bearer(one.token), timeout=5).status_code == 204
            assert last.closed()[0] == 4410
