"""What the listing shows of headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.protocol.http import canonical_name
from grip_lambda.protocol.listed import REDACTED, listed_headers

TOKENS = st.text(st.sampled_from("abcxyzABCXYZ019-_"), min_size=1, max_size=30)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "proxy-authorization", "Cookie", "cookie2", "X-Api-Key", "x-apikey"),
        *("Grip-Sig", "X-Auth-Token", "X-Amz-Security-Token", "X-Client-Secret", "X-Password"),
        *("X-Hub-Signature-256", "X-Forwarded-Authorization", "X-Csrf-Token", "X-Jwt"),
        *("Cf-Access-Jwt-Assertion", "X-Amzn-Oidc-Data", "X-Forwarded-Access", "X-Anything"),
    ],
)
def test_only_the_name_is_shown_of_what_is_not_known_to_be_harmless(name: str) -> None:
    listed = listed_headers([(name, "s3cret"), (name.upper(), "another")])

    assert listed == {canonical_name(name): [REDACTED, REDACTED]}


def test_harmless_headers_are_listed_with_all_their_values_in_order() -> None:
    listed = listed_headers(
        [
            *(("user-agent", "a"), ("Host", "h"), ("x-forwarded-for", "10.0.0.1, 10.0.0.2")),
            *(("X-FORWARDED-FOR", "10.0.0.3"), ("Accept-Language", "de, en;q=0.5")),
            *(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("P-Ip-Geo", "XX")),
        ]
    )

    assert listed == {
        "User-Agent": ["a"],
        "Host": ["h"],
        "X-Forwarded-For": ["10.0.0.1, 10.0.0.2", "10.0.0.3"],
        "Accept-Language": ["de, en;q=0.5"],
        "Sec-Websocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="],
        "P-Ip-Geo": ["XX"],
    }


def test_the_settings_add_to_what_is_shown_but_no_credentials() -> None:
    shown = {"x-tag", "x-user", "x-from", "authorization", "cookie"}
    headers = [
        ("X-Tag", "one"),
        ("X-Other", "two"),
        ("Authorization", "Basic YTpi"),
        ("Cookie", "c"),
    ]

    assert listed_headers(headers, shown) == {
        "X-Tag": ["one"],
        "X-Other": [REDACTED],
        "Authorization": [REDACTED],
        "Cookie": [REDACTED],
    }
    for value in (f"a {JWT}", "Bearer abcdef", "/a?token=abcdef", "https://a:abcdef@b.example/"):
        (told,) = listed_headers([("X-From", value)], shown)["X-From"]
        assert "abcdef" not in told
        assert "eyJ" not in told


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/b/c", "https://a.example/b/c"),
        ("https://a.example/b?token=s3cret&c=d", f"https://a.example/b?{REDACTED}"),
        ("https://a.example/b?ticket=s3cret", f"https://a.example/b?{REDACTED}"),
        ("https://a.example/#access_token=s3cret", f"https://a.example/#{REDACTED}"),
        ("https://user:s3cret@a.example/b", "https://a.example/b"),
        ("/lambda/new/AAAAAAAAAAAAAAAA?token=s3cret", f"/lambda/new/AAAAAAAAAAAAAAAA?{REDACTED}"),
        (f"/b/{JWT}", f"/b/{REDACTED}"),
        ("/hooks/T0123456789abcdefghijklmnop", f"/hooks/{REDACTED}"),
        (
            "https://ip-10-0-0-1-preview-of-something.example/",
            "https://ip-10-0-0-1-preview-of-something.example/",
        ),
    ],
)
@pytest.mark.parametrize("name", ["Referer", "X-Forwarded-Uri", "X-Original-Url", "Origin"])
def test_tokens_are_cut_from_addresses(name: str, address: str, shown: str) -> None:
    assert listed_headers([(name, address)]) == {name: [shown]}


def test_a_browsers_credentials_in_its_subprotocols_are_not_shown() -> None:
    offered = f"json-rpc, bearer.{JWT}, jsonrpc-2.0, base64url.bearer.YWJj"

    listed = listed_headers([("Sec-WebSocket-Protocol", offered)])

    assert listed == {"Sec-Websocket-Protocol": [f"json-rpc, {REDACTED}, jsonrpc-2.0, {REDACTED}"]}


@pytest.mark.parametrize(
    "value", [f"tool {JWT}", "tool Bearer abc", "tool key=abc", "a" * 20 + "1" * 20]
)
def test_what_looks_like_a_token_is_cut_from_harmless_headers(value: str) -> None:
    (told,) = listed_headers([("User-Agent", value)])["User-Agent"]

    assert told.removeprefix("tool ") == REDACTED


@pytest.mark.parametrize(
    "name", ["Connection-Id", "content-type", "Content-Length", "Meta-Lambda", "Grip-Feature"]
)
def test_what_the_proxy_adds_is_not_listed(name: str) -> None:
    assert listed_headers([(name, "x")]) == {}


@given(st.lists(st.tuples(TOKENS, TOKENS)))
def test_nothing_is_listed_that_was_not_sent(headers: list[tuple[str, str]]) -> None:
    sent = {(canonical_name(name), value) for name, value in headers}

    for name, values in listed_headers(headers, {name.lower() for name, _ in headers}).items():
        for value in values:
            assert value == REDACTED or (name, value) in sent


@given(
    st.sampled_from(["Referer", "User-Agent", "Sec-WebSocket-Protocol", "X-A"]),
    st.text(max_size=60),
)
def test_any_value_can_be_listed(name: str, value: str) -> None:
    assert len(listed_headers([(name, value)])[canonical_name(name)]) == 1
