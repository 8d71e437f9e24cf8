"""Signatures of AWS's clients: botocore signs, we check."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grip_lambda.errors import BadSignature
from grip_lambda.hub.access import KeyRing, Signed, signer
from grip_lambda.hub.access.sigv4 import SKEW_S
from grip_lambda.protocol import keys
from grip_lambda.protocol.keys import Key

SERVER = b"s" * 32
KEY_ID = "0123456789abcdef"
SECRET = keys.secret_of(SERVER, KEY_ID)
OTHER_ID = "f" * 16
URL = "http://localhost:7999/2015-03-31/functions/AAAAAAAAAAAAAAAA/invocations?Qualifier=m"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    text = keys.written(
        [
            Key(one, name, keys.digest(keys.secret_of(SERVER, one)), frozenset({"call"}))
            for one, name in ((KEY_ID, "a"), (OTHER_ID, "b"))
        ]
    )
    Path(path).write_bytes(text)
    return KeyRing(path, SERVER)


def signed(
    body: bytes = b"{}",
    url: str = URL,
    key: str = KEY_ID,
    secret: str = SECRET,
    service: str = "lambda",
    headers: Mapping[str, str] | None = None,
) -> Signed:
    """Return a request that botocore has signed now."""
    asked = AWSRequest("POST", url, headers=dict(headers or {}), data=body)
    asked.headers["Host"] = urlsplit(url).netloc
    SigV4Auth(Credentials(key, secret), service, "eu-central-1").add_auth(asked)
    parts = urlsplit(url)
    sent = {name.lower(): value for name, value in asked.headers.items()}
    return Signed("POST", unquote(parts.path), parts.query, sent, body)


def refused(ring: KeyRing, request: Signed, now: float | None = None) -> str:
    with pytest.raises(BadSignature) as told:
        signer(ring, request, time.time() if now is None else now)
    assert str(told.value)
    assert SECRET not in str(told.value)
    return told.value.name


def test_a_request_of_botocore_is_known(ring: KeyRing) -> None:
    assert signer(ring, signed(), time.time()) == KEY_ID


SEGMENT = st.text(st.characters(exclude_characters="/.", exclude_categories=["Cs"]), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEGMENT, st.text(max_size=20), st.binary(max_size=50), st.booleans())
def test_any_name_method_and_body_can_be_signed(
    ring: KeyRing, name: str, method: str, body: bytes, colon: bool
) -> None:
    path = quote(name, safe="-._~:" if colon else "-._~")
    url = (
        f"http://h:7999/2015-03-31/functions/{path}/invocations?Qualifier={quote(method, safe='')}"
    )

    assert signer(ring, signed(body, url), time.time()) == KEY_ID


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_any_header_can_be_signed(ring: KeyRing, value: str) -> None:
    request = signed(headers={"X-Amz-Client-Context": value, "Prefer": "  wait=5,  x "})

    assert signer(ring, request, time.time()) == KEY_ID


def with_header(request: Signed, name: str, value: str | None) -> Signed:
    headers = {k: v for k, v in request.headers.items() if k != name}
    return replace(request, headers=headers if value is None else {**headers, name: value})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda r: replace(r, body=b"{ }"), "InvalidSignatureException"),
        (lambda r: replace(r, method="PUT"), "InvalidSignatureException"),
        (lambda r: replace(r, path=r.path.replace("A", "B")), "InvalidSignatureException"),
        (lambda r: replace(r, query="Qualifier=n"), "InvalidSignatureException"),
        (lambda r: replace(r, query="Qualifier=m&x=1"), "InvalidSignatureException"),
        (lambda r: with_header(r, "host", "elsewhere"), "InvalidSignatureException"),
        (lambda r: with_header(r, "host", None), "InvalidSignatureException"),
        (lambda r: with_header(r, "x-amz-date", None), "InvalidSignatureException"),
        (lambda r: with_header(r, "x-amz-date", "2026"), "InvalidSignatureException"),
        (lambda r: with_header(r, "authorization", None), "MissingAuthenticationTokenException"),
        (lambda r: with_header(r, "authorization", ""), "IncompleteSignatureException"),
        (lambda r: with_header(r, "authorization", "Bearer x"), "IncompleteSignatureException"),
        (
            lambda r: with_header(
                r, "authorization", r.headers["authorization"].replace("SignedHeaders", "Headers")
            ),
            "IncompleteSignatureException",
        ),
        (
            lambda r: with_header(
                r, "authorization", r.headers["authorization"].replace("host;", "")
            ),
            "InvalidSignatureException",
        ),
        (
            lambda r: with_header(
                r, "authorization", r.headers["authorization"].replace(KEY_ID, OTHER_ID)
            ),
            "InvalidSignatureException",
        ),
        (
            lambda r: with_header(r, "authorization", r.headers["authorization"][:-64] + "0" * 64),
            "InvalidSignatureException",
        ),
    ],
)
def test_what_was_changed_is_refused(ring: KeyRing, change: Any, name: str) -> None:
    assert refused(ring, change(signed())) == name


def test_what_counts_must_be_signed(ring: KeyRing) -> None:
    for name in ("x-amz-invocation-type", "x-amz-client-context", "x-amz-anything"):
        assert refused(ring, with_header(signed(), name, "Event")) == "InvalidSignatureException"
    # A load balancer adds this one, and AWS's clients do not sign it.
    traced = with_header(signed(), "x-amzn-trace-id", "Root=1-2-3")
    assert signer(ring, traced, time.time()) == KEY_ID


def test_a_header_that_was_signed_must_not_be_changed(ring: KeyRing) -> None:
    request = signed(headers={"X-Amz-Invocation-Type": "DryRun"})

    assert refused(ring, with_header(request, "x-amz-invocation-type", "Event")) == (
        "InvalidSignatureException"
    )


def test_the_hash_of_another_body_is_refused(ring: KeyRing) -> None:
    for claimed in ("UNSIGNED-PAYLOAD", "0" * 64):
        assert refused(ring, signed(headers={"X-Amz-Content-SHA256": claimed})) == (
            "InvalidSignatureException"
        )


def test_who_has_no_key(ring: KeyRing) -> None:
    assert refused(ring, signed(key="AKIDEXAMPLE")) == "UnrecognizedClientException"
    assert refused(ring, signed(secret="wrong")) == "InvalidSignatureException"
    assert refused(ring, signed(service="s3")) == "InvalidSignatureException"


@pytest.mark.parametrize("offset", [-SKEW_S - 5, SKEW_S + 5])
def test_clocks_that_are_far_apart(ring: KeyRing, offset: float) -> None:
    request = signed()

    assert signer(ring, request, time.time() + offset * 0.9) == KEY_ID
    assert refused(ring, request, time.time() + offset) == "InvalidSignatureException"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255)), st.text())
def test_any_authorization_is_refused(ring: KeyRing, value: str, date: str) -> None:
    request = with_header(signed(), "authorization", f"AWS4-HMAC-SHA256 {value}")

    refused(ring, request)
    refused(ring, with_header(signed(), "x-amz-date", date))
