"""What clients in every language do alike: tests/vectors/client.json."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from grip_lambda.client import errors
from grip_lambda.client.addresses import base_url, without_secrets
from grip_lambda.client.backoff import Backoff
from grip_lambda.client.context import Context
from grip_lambda.client.credentials import Credentials
from grip_lambda.client.loss import Loss
from grip_lambda.client.messages import Failure as Failed
from grip_lambda.client.messages import Result
from grip_lambda.client.methods import Methods
from grip_lambda.client.session import (
    Action,
    Close,
    End,
    Post,
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
        case Send(text) | Post(text):
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
    if "posted" in step:
        return session.posted(*step["posted"])
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
        services=options.get("services", ()),
        context=options.get("context", False),
    )
    session.methods = options.get("methods")
    if vector.get("opened"):
        limits = {"message": options.get("limit", 1000), "result": options.get("result_limit")}
        details = {"token": "t1", "ping": 30, "limits": limits}
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


@pytest.mark.parametrize("url", VECTORS["secret_servers"])
def test_a_password_in_an_address_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        base_url(url)

    assert "geheim" not in str(refused.value)


def test_texts_without_secrets() -> None:
    for vector in VECTORS["without_secrets"]:
        assert without_secrets(vector["text"]) == vector["shown"]


@pytest.mark.parametrize("vector", VECTORS["credentials"])
def test_what_is_shown_to_the_server(vector: dict[str, Any]) -> None:
    shown = Credentials("http://h", vector["key"] or "", vector["headers"])

    path, headers = shown.present(vector["path"])

    assert path == vector["sent"]
    assert {name.lower(): value for name, value in headers.items()} == vector["with"]


def test_names_of_methods() -> None:
    methods = Methods(dict.fromkeys(VECTORS["names"]["good"], print))

    assert list(methods.names() or ()) == VECTORS["names"]["good"]
    for name in VECTORS["names"]["bad"]:
        with pytest.raises(ValueError, match="name"):
            Methods({name: print})


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
