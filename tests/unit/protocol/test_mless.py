"""The types of mless: what is read is written again, and what is wrong is told."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import BadRequest
from grip_lambda.protocol import jsonrpc, jsontext
from grip_lambda.protocol.mless import (
    ClientClient,
    ClientContext,
    Context,
    HostContext,
    Identity,
    InvokeReply,
    InvokeRequest,
    Json,
    ProxyRequest,
    RequestBilling,
    StartupRequest,
    StartupResponse,
    Type,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text()  # no half surrogate pairs, which hypothesis leaves out by default
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
RAW = JSON.map(lambda value: Json(json.dumps(value).encode()))
UNKNOWN = st.dictionaries(st.text().map(lambda name: f"x-{name}"), RAW, max_size=2)
BILLING = st.builds(
    RequestBilling,
    duration=st.floats(min_value=0, allow_infinity=False),
    memory=st.none() | TEXT,
    used=st.none() | INT64,
    others=UNKNOWN,
)


def built(cls: type[Type], **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, others=UNKNOWN, **members)


MAYBE = st.none() | TEXT
IDENTITY = built(Identity, cognito_identity_id=MAYBE, cognito_identity_pool_id=MAYBE)
CLIENT = built(
    ClientClient,
    installation_id=MAYBE,
    app_title=MAYBE,
    app_version_name=MAYBE,
    app_version_code=MAYBE,
    app_package_name=MAYBE,
)
CLIENT_CONTEXT = built(
    ClientContext,
    client=st.none() | CLIENT,
    custom=st.none() | TEXTS,
    env=st.none() | TEXTS,
)
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "aws_request_id": TEXT,
    "client_context": st.none() | CLIENT_CONTEXT,
    "identity": st.none() | IDENTITY,
    "invoked_function_arn": TEXT,
}
CONTEXT = built(Context, **SHARED)
ANY = st.one_of(
    CONTEXT,
    built(HostContext, deadline=INT64, env=TEXTS, **SHARED),
    built(InvokeRequest, context=CONTEXT, event=RAW, deadline=INT64),
    built(
        InvokeReply,
        result=RAW,
        errortype=TEXT,
        invokeid=TEXT,
        errors=st.booleans(),
        billing=BILLING,
        logs=st.none() | st.lists(TEXT, max_size=3),
    ),
    built(ProxyRequest, context=CONTEXT, remaining=INT64, env=TEXTS, event=RAW),
    built(StartupRequest, id=TEXT, details=RAW),
    built(StartupResponse, ok=st.booleans()),
)


@given(ANY)
def test_what_was_written_is_read_again(value: Type) -> None:
    text = value.encode()

    assert type(value).decode(text) == value
    assert jsontext.is_json(text)


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Context, {"aws_request_id", "client_context", "identity", "invoked_function_arn"}),
        (Identity, {"cognitoIdentityId", "cognitoIdentityPoolId"}),
        (ClientContext, {"client", "custom", "env"}),
        (InvokeRequest, {"context", "event", "deadline"}),
        (ProxyRequest, {"context", "remaining", "env", "event"}),
        (StartupResponse, {"ok"}),
    ],
)
def test_the_names_are_those_of_the_original(cls: type[Type], names: set[str]) -> None:
    given_all = json.dumps(dict.fromkeys(names)).encode()

    assert cls.decode(given_all).others == {}
    written = set(json.loads(cls.decode(given_all).encode()))
    assert written == (set() if cls in (Identity, ClientContext) else names)


def test_a_reply_says_what_it_has_to() -> None:
    billing = RequestBilling(duration=1.5)
    assert InvokeReply(billing=billing).encode() == (
        b'{"result":null,"errortype":"","invokeid":"","billing":{"duration":1.5}}'
    )
    failed = InvokeReply(
        result=Json(b"[1 ,2]"),
        errortype="E",
        errors=True,
        billing=RequestBilling(duration=2, memory="128 MB", used=0),
    )
    assert failed.encode() == (
        b'{"result":[1 ,2],"errortype":"E","invokeid":"","errors":true,'
        b'"billing":{"duration":2,"memory":"128 MB","used":0}}'
    )


def test_events_and_unknown_members_stay_as_they_are() -> None:
    text = (
        b'{"context":{"identity":{"x": 1e400},"y":"\\udc00"},"remaining":0,"env":{},'
        b'"event":{"b":1.0, "a":123456789012345678901234567890, "c":"\\ud800"},"z":[1, 2]}'
    )

    proxied = ProxyRequest.decode(text)

    assert proxied.event == b'{"b":1.0, "a":123456789012345678901234567890, "c":"\\ud800"}'
    assert proxied.others == {"z": b"[1, 2]"}
    assert proxied.context.others == {"y": b'"\\udc00"'}
    assert proxied.context.identity == Identity(others={"x": b"1e400"})
    assert b'"identity":{"x":1e400}' in proxied.encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "a ProxyRequest must be a JSON object"),
        (b"[]", "a ProxyRequest must be a JSON object"),
        (b"null", "a ProxyRequest must be a JSON object"),
        (b"{}x", "a ProxyRequest must be a JSON object"),
        (b'{"\xff":1}', "a ProxyRequest must be a JSON object"),
        (b"[" * 100_000, "a ProxyRequest must be a JSON object"),
        (b'{"\\ud800":1}', "a ProxyRequest must be a JSON object"),
        (b'{"context":[]}', "context must be a JSON object"),
        (b'{"context":{"aws_request_id":5}}', "context.aws_request_id: Expected `str`"),
        (b'{"context":{"identity":"x"}}', "context.identity must be a JSON object"),
        (b'{"context":{"client_context":{"custom":{"a":1}}}}', "client_context.custom: Expected"),
        (b'{"remaining":1.5}', "remaining: Expected `int`"),
        (b'{"remaining":"5"}', "remaining: Expected `int`"),
        (b'{"remaining":9223372036854775808}', "remaining: Expected `int` <="),
        (b'{"env":{"a":"\\ud800"}}', "env can't be read as text"),
    ],
)
def test_what_is_wrong_is_told(text: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as told:
        ProxyRequest.decode(text)

    assert said in str(told.value)


@given(st.binary() | RAW)
def test_anything_is_read_or_refused(text: bytes) -> None:
    for cls in (Context, InvokeReply, ProxyRequest, StartupResponse):
        with contextlib.suppress(BadRequest):
            assert isinstance(cls.decode(text), cls)


def test_the_start_up_exchange_is_open_and_its_answer() -> None:
    message = json.loads(jsonrpc.open_message("A" * 16, {"token": "t"}))
    lambda_id, details = message["params"]

    asked = StartupRequest(id=lambda_id, details=Json(json.dumps(details).encode()))
    answer = StartupResponse.decode(b'{"ok":true,"context":true}')

    assert json.loads(asked.encode()) == {"id": "A" * 16, "details": {"token": "t"}}
    assert answer.ok
    assert answer.others == {"context": b"true"}
