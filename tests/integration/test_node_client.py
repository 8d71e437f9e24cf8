"""The Lambda API's own Node client, and the curl line beside it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import call
from tests.support.stack import Stack, wait_until

FOLDER = Path(__file__).parents[1] / "node"


@pytest.fixture(scope="module")
def lambda_id(stack: Stack) -> Iterator[str]:
    """Run the client; return the id that it prints."""
    assert shutil.which("node"), "Node is missing; `make test` installs it"
    assert (FOLDER / "node_modules" / "ws").is_dir(), "run `npm ci --prefix tests/node`"
    client = subprocess.Popen(
        ["node", "lambda-client.mjs", f"{stack.ws_url}/lambda/new"],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout is not None
        printed = re.fullmatch(r"id ([\w-]{16})\n", client.stdout.readline())
        assert printed
        wait_until(lambda: printed[1] in stack.listing())
        yield printed[1]
    finally:
        client.kill()
        client.communicate(timeout=10)


def test_it_is_listed(stack: Stack, lambda_id: str) -> None:
    assert stack.listing()[lambda_id]["code"] == "json-rpc"


def test_it_answers_the_curl_line(stack: Stack, lambda_id: str) -> None:
    url = f"{stack.url}/lambda/{lambda_id}/test"
    curl = ["curl", "-sS", "-X", "POST", url, "-d", '{ "hello": "world" }']

    done = subprocess.run(curl, capture_output=True, timeout=20, check=True)

    assert json.loads(done.stdout) == {"echo": {"hello": "world"}}


def test_what_its_handlers_throw_is_an_error(stack: Stack, lambda_id: str) -> None:
    response = call(stack.url, lambda_id, "missing")

    assert response.status_code == 400
    assert "TypeError" in response.json()["error"]


def test_a_handler_that_returns_nothing_returns_null(stack: Stack, lambda_id: str) -> None:
    response = call(stack.url, lambda_id, "nothing")

    assert (response.status_code, response.text) == (200, "null")


def test_it_answers_one_call_after_another(stack: Stack, lambda_id: str) -> None:
    # Not several at once: it takes what it reads for one message, two together end it.
    answers = [call(stack.url, lambda_id, "later", str(number)).json() for number in range(40)]

    assert answers == list(range(40))
