"""The Model Context Protocol: what is read, what is refused, how methods and results are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.hub.calls.kinds import MCP, ToolCall
from grip_lambda.protocol import mcp, mcp_tools, openrpc
from grip_lambda.protocol.mcp_tools import Structure
from grip_lambda.store import Call, Outcome

META = {
    "io.modelcontextprotocol/protocolVersion": mcp.MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
NUMBER = {"type": "number"}


def body(method: Any = "tools/call", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **more}


def modern(method: str = "tools/call", name: str | None = "add", **params: Any) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return body(method, params={**named, "_meta": META, **params})


def headers(method: str = "tools/call", name: str | None = "add") -> mcp.Headers:
    return mcp.Headers(mcp.MODERN, method, name)


def read(message: Any, said: mcp.Headers | None = None) -> mcp.Message | None:
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return mcp.parse(text, said or mcp.Headers())


def refused(message: Any, said: mcp.Headers | None = None) -> tuple[int, Any]:
    """Return the status and the code of a refusal."""
    with pytest.raises(mcp.Refused) as error:
        read(message, said)
    told = json.loads(error.value.body)
    assert told["jsonrpc"] == "2.0"
    assert "result" not in told
    return error.value.status, told["error"]["code"]


def test_requests_of_both_eras() -> None:
    old = read(body(params={"name": "add"}), mcp.Headers("2025-06-18"))
    new = read(modern(), headers())
    first = read(body("initialize", params={}), mcp.Headers("1999-01-01"))

    assert old is not None
    assert not old.modern
    assert old.text("name") == "add"
    assert new is not None
    assert new.modern
    assert first is not None


def test_notifications_and_responses() -> None:
    note = read({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}})

    assert note is not None
    assert not note.is_request
    assert read({"jsonrpc": "2.0", "id": 1, "result": {}}) is None


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (b"", (400, -32700)),
        (b"{", (400, -32700)),
        (b"\xff{}", (400, -32700)),
        (b"[" * 100_000, (400, -32700)),
        (b"5", (400, -32600)),
        ([body()], (400, -32600)),
        ({}, (400, -32600)),
        (body(jsonrpc="1.0"), (400, -32600)),
        (body(method=5), (400, -32600)),
        (body(id=None), (400, -32600)),
        (body(id=1.5), (400, -32600)),
        (body(id={}), (400, -32600)),
        (body(id="x" * 500), (400, -32600)),
        (b'{"jsonrpc":"2.0","method":"ping","id":%b}' % (b"9" * 500), (400, -32600)),
        (body(params=[]), (400, -32602)),
        (body(params={"_meta": 5}), (400, -32602)),
    ],
)
def test_what_is_no_message(message: Any, answer: tuple[int, int]) -> None:
    assert refused(message) == answer


@pytest.mark.parametrize(
    ("message", "said", "answer"),
    [
        (body(), mcp.Headers("1999-01-01"), (400, -32022)),
        (modern(), mcp.Headers(), (400, -32020)),
        (modern(), mcp.Headers("2025-06-18"), (400, -32020)),
        (body(), mcp.Headers(mcp.MODERN), (400, -32602)),
        (modern(), mcp.Headers(mcp.MODERN), (400, -32020)),
        (modern(), headers("tools/list"), (400, -32020)),
        (modern(), headers(name=None), (400, -32020)),
        (modern(), headers(name="other"), (400, -32020)),
        (modern(), headers(name="=?base64?x?="), (400, -32020)),
        (
            modern(_meta={**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}),
            mcp.Headers("2099-01-01", "tools/call", "add"),
            (400, -32022),
        ),
        (
            modern(_meta={"io.modelcontextprotocol/protocolVersion": mcp.MODERN}),
            headers(),
            (400, -32602),
        ),
    ],
)
def test_what_a_request_has_to_say(message: Any, said: mcp.Headers, answer: Any) -> None:
    assert refused(message, said) == answer


def test_a_version_that_is_not_spoken_is_told_the_others() -> None:
    with pytest.raises(mcp.Refused) as error:
        read(body(), mcp.Headers("1999-01-01"))
    told = json.loads(error.value.body)

    assert told["id"] == 1
    assert told["error"]["data"] == {"supported": list(mcp.VERSIONS), "requested": "1999-01-01"}


def test_a_name_in_base64() -> None:
    assert read(modern(name="größe"), headers(name="=?base64?Z3LDtsOfZQ==?=")) is not None


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["2.0", mcp.MODERN]),
    lambda one: st.lists(one, max_size=3)
    | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "_meta", "name"]), one),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_is_read_or_refused(text: bytes) -> None:
    for said in (mcp.Headers(), headers()):
        try:
            mcp.parse(text, said)
        except mcp.Refused as error:
            json.loads(error.body)


def initialized(version: Any) -> Any:
    message = read(body("initialize", params={"protocolVersion": version}))
    assert message is not None
    return json.loads(mcp.introduced(message, "1", "Shop", "Sells tea."))["result"]


def test_an_earlier_revision_is_agreed_on() -> None:
    assert [initialized(one)["protocolVersion"] for one in mcp.LEGACY] == list(mcp.LEGACY)
    for other in ("2024-11-05", mcp.MODERN, None, 5):
        assert initialized(other)["protocolVersion"] == mcp.LEGACY[0]
    told = initialized("2025-06-18")
    assert told["serverInfo"] == {"name": "grip-lambda", "version": "1", "title": "Shop"}
    assert (told["instructions"], told["capabilities"]) == (
        "Sells tea.",
        {"tools": {"listChanged": False}},
    )


def tools(*methods: dict[str, Any] | str) -> dict[str, mcp_tools.Tool]:
    return dict(mcp_tools.tools_of(openrpc.of_names(methods)))


def test_methods_as_tools() -> None:
    params = {"type": "object", "properties": {"n": NUMBER}}
    found = tools(
        {"name": "square", "description": "Squares.", "params": params, "result": NUMBER},
        {"name": "root", "params": NUMBER, "result": {"type": "object"}},
        "any",
    )

    assert found["square"].shown == {
        "name": "square",
        "description": "Squares.",
        "inputSchema": params,
        "outputSchema": {
            "type": "object",
            "properties": {"result": NUMBER},
            "required": ["result"],
        },
    }
    root = found["root"]
    assert root.shown["inputSchema"]["properties"] == {"body": NUMBER}
    assert root.shown["outputSchema"] == {"type": "object"}
    assert mcp_tools.body_of(root, b'{"body": 1.50}') == b"1.50"
    assert mcp_tools.body_of(found["square"], b'{"n": 1.50}') == b'{"n": 1.50}'
    assert mcp_tools.body_of(root, b"{}") == b"null"
    assert mcp_tools.body_of(root, b"5") is None
    assert found["any"].shown["inputSchema"] == {"type": "object"}
    assert "outputSchema" not in found["any"].shown
    structures = [found[name].structure for name in ("square", "root", "any")]
    assert structures == [Structure.WRAPPED, Structure.OBJECT, Structure.ANY]


def test_names_are_those_that_models_take() -> None:
    found = tools("größe", "gr__e", "a b", "a.b", "x" * 100, "x" * 99)

    assert [tool.method for tool in found.values()][:4] == ["größe", "gr__e", "a b", "a.b"]
    assert list(found)[:2] == ["gr__e", "gr__e_2"]
    assert len(found) == 6
    assert all(len(name) <= 64 and name.isascii() for name in found)
    assert found["a_b"].shown["title"] == "a b"


def test_what_a_description_may_contain() -> None:
    text = "Adds.\u202e\u200b\x1b[31m\U000e0049 Ignore" + "x" * 20_000
    shown = tools({"name": "add", "description": text})["add"].shown["description"]

    assert shown.startswith("Adds.[31m Ignore")
    assert len(shown) == 4_000


def test_all_schemas_together_are_bounded() -> None:
    params = {"type": "object", "properties": {f"p{i}" * 20: NUMBER for i in range(300)}}
    found = tools(*({"name": f"m{i}", "params": params} for i in range(900)))

    assert sum(len(json.dumps(tool.shown)) for tool in found.values()) < 1_500_000
    assert found["m0"].shown["inputSchema"] == params
    assert found["m899"].shown["inputSchema"] == {"type": "object"}


def shown(value: Any, structure: Structure = Structure.ANY) -> Any:
    members = mcp_tools.call_result(json.dumps(value).encode(), structure)
    return {name: json.loads(text) for name, text in members.items()}


@pytest.mark.parametrize(
    ("value", "structure", "text", "structured"),
    [
        ({"a": 1}, Structure.ANY, '{"a": 1}', {"a": 1}),
        ({"a": 1}, Structure.OBJECT, '{"a": 1}', {"a": 1}),
        ({"a": 1}, Structure.WRAPPED, '{"a": 1}', {"result": {"a": 1}}),
        (5, Structure.ANY, "5", None),
        (5, Structure.WRAPPED, "5", {"result": 5}),
        ([1], Structure.OBJECT, "[1]", {"result": [1]}),
        ("text\n", Structure.ANY, "text\n", None),
        (None, Structure.WRAPPED, "null", {"result": None}),
    ],
)
def test_results(value: Any, structure: Structure, text: str, structured: Any) -> None:
    found = shown(value, structure)

    assert found["content"] == [{"type": "text", "text": text}]
    assert found.get("structuredContent") == structured


IMAGE = {"type": "image", "data": "iVBORw==", "mimeType": "image/png"}
FILE = {"type": "resource", "resource": {"uri": "file:///a", "text": "hi"}}


def test_images_and_resources_are_shown_as_what_they_are() -> None:
    link = {"type": "resource_link", "uri": "https://x/", "name": "x", "extra": 1}

    assert shown(IMAGE | {"onload": "x"}) == {"content": [IMAGE]}
    assert shown(["see", IMAGE, {"a": 1}, {"type": "text", "text": "t"}, FILE]) == {
        "content": [
            {"type": "text", "text": "see"},
            IMAGE,
            {"type": "text", "text": '{"a":1}'},
            {"type": "text", "text": "t"},
            FILE,
        ]
    }
    assert "extra" not in shown(link)["content"][0]
    for other in (
        {"type": "image", "data": "<svg>", "mimeType": "image/png"},
        {"type": "image", "data": "aGk=", "mimeType": "x\ny/z"},
        {"type": "text", "text": "x"},
        {"type": "resource", "resource": {"uri": 5}},
    ):
        assert shown(other)["structuredContent"] == other
    assert "structuredContent" in shown(IMAGE, Structure.OBJECT)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("no", "no"),
        ({"errorType": "ValueError", "errorMessage": "no"}, "ValueError: no"),
        ({"code": -32000, "message": "no"}, "-32000: no"),
        ({"message": "no"}, "no"),
        ({"x": 1}, '{"x": 1}'),
        ([1], "[1]"),
    ],
)
def test_errors_of_hosts_in_words(error: Any, text: str) -> None:
    assert mcp_tools.error_text(json.dumps(error).encode()) == text


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.5, {"progress": 0.5}),
        ({"progress": 2, "total": 4, "message": "m"}, {"progress": 2, "total": 4, "message": "m"}),
        ({"message": "m", "progress": "x"}, {"progress": 7.5, "message": "m"}),
        ("half", {"progress": 7.5, "message": "half"}),
        ({"at": 1}, {"progress": 7.5, "message": '{"at": 1}'}),
        (True, {"progress": 7.5, "message": "true"}),
    ],
)
def test_progress(value: Any, wanted: Any) -> None:
    before = mcp.notification(b'"t"', b"6.5", bytes)
    told = json.loads(mcp.notification(b'"t"', json.dumps(value).encode(), lambda: before))

    assert told["method"] == "notifications/progress"
    assert told["params"] == {"progressToken": "t", **wanted}


def test_the_first_progress_is_one() -> None:
    told = json.loads(mcp.notification(b"5", b'"begun"', bytes))

    assert told["params"] == {"progressToken": 5, "progress": 1, "message": "begun"}


def reply(outcome: Outcome, *, modern: bool = False) -> Any:
    details = ToolCall('"a"', modern).encode()
    call = Call("t" * 22, "i" * 16, "node", 0.0, MCP.name, details)
    found = MCP.response(call, outcome)
    assert found.status == 200
    return json.loads(found.body)


def test_how_calls_end() -> None:
    error = Outcome.of_host_error(b'"no"')
    gone = Outcome.of_failure(502, "disconnected", "lambda disconnected")
    away = Outcome.of_failure(503, "unavailable", "out of reach")

    assert reply(error)["result"] == {"content": [{"type": "text", "text": "no"}], "isError": True}
    assert "may have been done" in reply(gone)["result"]["content"][0]["text"]
    told = reply(away)
    assert told["id"] == "a"
    assert told["error"]["code"] == -32603
    assert told["error"]["data"] == {"code": "unavailable", "status": 503}
    new = reply(Outcome.of_result(b'{"x":1e400}'.replace(b"1e400", b"1.50")), modern=True)
    assert new["result"]["resultType"] == "complete"
    assert new["result"]["structuredContent"] == {"x": 1.5}
