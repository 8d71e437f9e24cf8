"""A server that is set up anew from what docs/upgrading.md says to back up."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.clients import Socket, call, calling
from tests.support.keys import KeyedStack
from tests.support.stack import wait_until


def test_keys_and_tokens_are_good_on_a_restored_server(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = KeyedStack(tmp_path / "old", {"full": "host,call,list"})
    try:
        headers = {"Authorization": f"Bearer {old.keys['full']}"}
        first = Socket(old.ws_url, additional_headers=headers)
        lambda_id, details = first.open()
        first.drop()
    finally:
        old.stop()

    fresh = tmp_path / "new"
    (fresh / "data").mkdir(parents=True)
    shutil.copy(old.data / "secret", fresh / "data")
    shutil.copy(old.folder / "keys.json", fresh)
    new = KeyedStack(fresh, {})
    try:
        path = f"/lambda/new/{lambda_id}?token={details['token']}"
        again = Socket(new.ws_url, path, additional_headers=headers)
        assert again.open()[0] == lambda_id
        wait_until(
            lambda: call(new.url, lambda_id, headers=headers, wait=0.1).status_code != 404,
            what="the lambda",
        )
        again.receive()
        waiting = calling(new.url, lambda_id)
        again.answer(again.receive(), result="restored")
        assert waiting.result(10).json() == "restored"
        again.drop()
    finally:
        new.stop()
