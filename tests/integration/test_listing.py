"""The listing of lambdas."""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest
import requests

from tests.integration.conftest import HostFactory, SocketFactory, StackFactory
from tests.support import raw
from tests.support.clients import Socket
from tests.support.stack import Stack, wait_until

pytestmark = pytest.mark.function_too

SECRET = "do-not-show-this"


def test_an_entry_has_the_four_members_of_the_seed(stack: Stack, host: HostFactory) -> None:
    one = host()

    entry = stack.listing()[one.id]

    assert list(entry) == ["id", "timestamp", "code", "headers"]
    assert entry["id"] == one.id
    assert entry["code"] == "json-rpc"


def test_lambdas_are_listed_whichever_process_took_them(stack: Stack, host: HostFactory) -> None:
    ids = {host().id for _ in range(6)}

    # Several workers answer in turn; each knows all of them.
    for _ in range(6):
        with requests.Session() as session:
            listing = session.get(f"{stack.url}/lambda", timeout=10).json()
        assert ids <= set(listing)
        assert all(listing[lambda_id]["id"] == lambda_id for lambda_id in listing)


def test_the_timestamp_has_milliseconds_and_an_offset(stack: Stack, host: HostFactory) -> None:
    before = time.time()
    one = host()
    after = time.time()

    text = str(stack.listing()[one.id]["timestamp"])

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", text)
    assert before - 0.001 <= datetime.fromisoformat(text).timestamp() <= after


def test_headers_have_canonical_names_and_lists_of_strings(
    stack: Stack, opened: SocketFactory
) -> None:
    sent = [("via", "one"), ("VIA", "two"), ("user-agent", "browser/1"), ("x-ümlaut", "ä")]
    one = opened(additional_headers=sent[:2], user_agent_header="browser/1")

    headers = stack.listing()[one.id]["headers"]

    assert isinstance(headers, dict)
    assert headers["Via"] in (["one", "two"], ["one,two"], ["one, two"])
    assert headers["User-Agent"] == ["browser/1"]
    assert headers["Host"] == [f"127.0.0.1:{stack.port}"]
    assert headers["Sec-Websocket-Version"] == ["13"]
    for name, values in headers.items():
        assert name == "-".join(part.capitalize() for part in name.split("-"))
        assert isinstance(values, list)
        assert all(isinstance(value, str) for value in values)


def test_what_the_proxy_adds_for_itself_is_not_listed(stack: Stack, opened: SocketFactory) -> None:
    one = opened()

    headers = stack.listing()[one.id]["headers"]

    assert isinstance(headers, dict)
    added = ["Connection-Id", "Content-Type", "Content-Length", "Grip-Feature"]
    assert not {*added, "Sec-Websocket-Extensions"} & set(headers)
    assert not [name for name in headers if name.startswith("Meta-")]


def test_credentials_are_redacted(stack: Stack, opened: SocketFactory) -> None:
    names = [
        *("Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"),
        *("X-Amz-Security-Token", "X-Csrf-Token", "Api-Key", "X-Client-Secret"),
    ]
    one = opened(additional_headers=[(name, SECRET) for name in names])

    response = requests.get(f"{stack.url}/lambda", timeout=10)

    headers = response.json()[one.id]["headers"]
    assert {name: headers[name] for name in names} == {name: ["[redacted]"] for name in names}
    assert headers.get("Grip-Sig", ["[redacted]"]) == ["[redacted]"]
    assert SECRET not in response.text
    # A Grip-Sig is a JSON web token; those begin like this.
    assert "eyJ" not in response.text


def test_what_others_add_is_not_shown(stack: Stack, opened: SocketFactory) -> None:
    """A proxy with single sign-on adds credentials that nobody here knows the names of."""
    token = f"eyJ{SECRET}.{SECRET}"
    hidden = ["X-Jwt", "Cf-Access-Jwt-Assertion", "X-Amzn-Oidc-Data", "X-Anything"]
    addresses = ["Referer", "X-Forwarded-Uri", "X-Original-Url"]
    one = opened(
        additional_headers=[
            *((name, token) for name in hidden),
            *((name, f"https://a.example/b?token={SECRET}&c=d") for name in addresses),
        ],
        user_agent_header="browser/1",
        subprotocols=["json-rpc", f"bearer.{token}"],
    )

    response = requests.get(f"{stack.url}/lambda", timeout=10)

    headers = response.json()[one.id]["headers"]
    assert SECRET not in response.text
    assert [headers[name] for name in hidden] == [["[redacted]"]] * len(hidden)
    assert [headers[name] for name in addresses] == [["https://a.example/b?[redacted]"]] * 3
    assert headers["Sec-Websocket-Protocol"] == ["json-rpc, [redacted]"]
    assert headers["User-Agent"] == ["browser/1"]


def test_a_setting_names_more_headers_to_show(start_stack: StackFactory) -> None:
    own = start_stack(GRIP_LAMBDA_SHOWN_HEADERS="X-Tag x-user", WORKERS="1")
    sent = [("X-Tag", "one"), ("X-User", "ann"), ("X-Other", SECRET), ("X-Api-Key", SECRET)]
    one = Socket(own.ws_url, additional_headers=sent)
    one.open()
    wait_until(lambda: one.id in own.listing())

    headers = own.listing()[one.id]["headers"]

    assert isinstance(headers, dict)
    shown = {name: headers[name] for name, _ in sent}
    hidden = ["[redacted]"]
    assert shown == {"X-Tag": ["one"], "X-User": ["ann"], "X-Other": hidden, "X-Api-Key": hidden}
    one.close()


def test_the_reopen_token_is_not_shown(
    stack: Stack, opened: SocketFactory, socket: SocketFactory
) -> None:
    first = opened()
    again = socket(
        f"/lambda/new/{first.id}?token={first.token}",
        additional_headers={"Referer": "https://example.test/"},
    )
    again.open()
    assert first.closed()[0] == 4409

    for path in ("/lambda", "/lambda?pretty", f"/lambda/{first.id}"):
        text = requests.get(stack.url + path, timeout=10).text
        assert first.id in text
        assert first.token not in text
        assert again.token not in text
        assert "token=" not in text


def test_pretty_indents(stack: Stack, host: HostFactory) -> None:
    one = host()

    for path in ("/lambda", f"/lambda/{one.id}"):
        plain = requests.get(stack.url + path, timeout=10)
        for query in ("?pretty", "?pretty="):
            pretty = requests.get(stack.url + path + query, timeout=10)
            assert pretty.headers["Content-Type"] == "application/json"
            assert '\n  "' in pretty.text
            assert pretty.json() == plain.json()
        assert "\n" not in plain.text.strip()


def test_a_header_that_is_not_ascii_does_not_hide_its_lambda(stack: Stack) -> None:
    connection, lambda_id = raw.open_host(stack.port, more="X-Name: größer\r\n")

    wait_until(lambda: lambda_id in stack.listing())

    connection.close()
