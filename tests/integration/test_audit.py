"""What the audit file has after openings, take-overs, deletions, refusals and changes of keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.clients import Socket
from tests.support.keys import KeyedStack
from tests.support.stack import wait_until


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[KeyedStack]:
    file = str(tmp_path / "audit")
    keys = {"host": "host", "other": "host", "admin": "admin"}
    running = KeyedStack(tmp_path, keys, GRIP_LAMBDA_AUDIT=file, WORKERS="1")
    yield running
    running.stop()


def test_who_changed_what_is_written_down_and_no_secret(audited: KeyedStack) -> None:
    def lines() -> list[dict[str, Any]]:
        file = audited.folder / "audit"
        return [json.loads(one) for one in file.read_text().splitlines()] if file.exists() else []

    def ask(method: str, path: str, key: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return requests.request(method, audited.url + path, headers=headers, timeout=10, **options)

    key = audited.keys["host"]
    as_host = {"Authorization": f"Bearer {key}"}
    first = Socket(audited.ws_url, additional_headers=as_host)
    lambda_id, details = first.open()
    wait_until(lambda: len(lines()) == 1, what="the opening")
    path = f"/lambda/new/{lambda_id}?token={details['token']}"
    second = Socket(audited.ws_url, path, additional_headers=as_host)
    _, details = second.open()
    wait_until(lambda: len(lines()) == 2, what="the take-over")
    path = f"/lambda/new/{lambda_id}?token={details['token']}"
    as_other = {"Authorization": f"Bearer {audited.keys['other']}"}
    third = Socket(audited.ws_url, path, additional_headers=as_other)
    third.open()
    wait_until(lambda: len(lines()) == 3, what="the take-over by another key")
    assert ask("DELETE", f"/lambda/{lambda_id}", audited.keys["other"]).status_code == 204
    made = ask("POST", "/keys", audited.keys["admin"], json={"may": ["call"]}).json()
    assert ask("DELETE", f"/keys/{made['id']}", audited.keys["admin"]).status_code == 204
    assert ask("GET", "/lambda?token=secret", key).status_code == 403
    assert ask("GET", "/lambda", made["key"]).status_code == 401

    for one in (first, second, third):
        one.drop()
    written = lines()
    ids = {name: text[3:19] for name, text in audited.keys.items()}
    assert [(one["what"], one.get("key"), one.get("id")) for one in written] == [
        ("lambda opened", ids["host"], lambda_id),
        ("lambda taken over", ids["host"], lambda_id),
        ("lambda taken over", ids["other"], lambda_id),
        ("lambda deleted", ids["other"], lambda_id),
        ("key added", ids["admin"], made["id"]),
        ("key revoked", ids["admin"], made["id"]),
        ("refused", None, None),
        ("refused", None, None),
    ]
    assert {one["client"] for one in written} == {"127.0.0.1"}
    assert [one["code"] for one in written[-2:]] == ["forbidden", "unauthorized"]
    text = json.dumps(written)
    secrets = [*audited.keys.values(), made["key"], details["token"], "secret"]
    assert not [secret for secret in secrets if secret[20:] and secret[20:] in text]
    assert "token" not in text
