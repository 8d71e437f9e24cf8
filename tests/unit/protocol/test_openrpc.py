"""Descriptions of strangers: what is made of them for others, and what of them is left out."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator.schemas import schema_v31

from grip_lambda.client.methods import Methods
from grip_lambda.protocol import openapi, openrpc
from grip_lambda.protocol.schemas import Schemas, as_object, clean_text
from tests.unit.client.test_describing import Order, add

NUMBER = {"type": "number"}


def one(params: list[Any], **said: Any) -> openrpc.Method:
    """Return what is read of a document with one method."""
    method = {"name": "m", "params": params, **said}
    document = {"openrpc": "1.3.2", "info": {"title": "t", "version": "1"}, "methods": [method]}
    found = openrpc.parse(json.dumps(document).encode())
    assert found is not None
    return found.methods[0]


def param(name: str, schema: Any, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "required": required, "schema": schema}


def clean(schema: Any, document: Any = None) -> Any:
    return Schemas(document).clean(schema)


def test_what_a_library_says_is_read() -> None:
    def ship(order: Order) -> list[Order]: ...  # type: ignore[empty-body]

    said = Methods({"add": add, "ship": ship}).describe()
    found = openrpc.parse(json.dumps(said).encode())

    assert found is not None
    plus, order = found.methods
    assert plus.summary == "Add two numbers."
    assert plus.members is not None
    assert plus.members["required"] == ["a"]
    assert plus.members["properties"]["b"]["description"] == "what is added"
    assert [part.get("type") for part in plus.body["anyOf"]] == ["object", "integer"]
    assert order.members is not None
    assert order.members["properties"]["tea"] == {"type": "integer"}
    assert order.result is not None
    assert order.result["items"] == {"$ref": "#/$defs/Order"}


@pytest.mark.parametrize(
    ("params", "structure", "body", "members"),
    [
        ([], None, {"type": ["object", "null"], "additionalProperties": False}, True),
        ([param("n", NUMBER)], "by-position", NUMBER, False),
        ([param("n", NUMBER)], "either", "anyOf", True),
        ([param("n", {"type": "object"})], "either", {"type": "object"}, True),
        ([param("n", {})], "by-position", {}, True),
        ([param("a", NUMBER), param("b", NUMBER)], "either", "properties", True),
        ([param("a", NUMBER), param("b", NUMBER, required=False)], "either", "anyOf", True),
        ([param("a", NUMBER), param("b", NUMBER, required=False)], "by-name", "properties", True),
    ],
)
def test_parameters_and_the_body(params: Any, structure: Any, body: Any, members: bool) -> None:
    found = one(params, paramStructure=structure) if structure else one(params)

    assert found.body == body if isinstance(body, dict) else body in found.body
    assert (found.members is not None) == members
    assert found.members is None or found.members["type"] == "object"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"5",
        b"{}",
        b'{"openrpc":"1","info":{"title":"t"}}',
        b'{"openrpc":1,"info":{"title":"t"},"methods":[]}',
        b'{"openrpc":"1","info":{"title":"t"},"methods":[5]}',
        b'{"openrpc":"1","info":{"title":"t"},"methods":[{"name":"m","params":[5]}]}',
        b'{"openrpc":"1","info":{"title":"t"},"methods":[{"name":"m","params":[{"name":5}]}]}',
        b'{"openrpc":"1","info":{"title":"t"},"methods":[' + b"[" * 2000 + b"]" * 2000 + b"]}",
        b'{"openrpc":"1","info":{"title":"t"},"methods":[]' + b" " * openrpc.DOCUMENT_MAX + b"}",
        b'{"openrpc":"1","info":{"title":"t"},"methods":['
        + b",".join([b'{"name":"m","params":[]}'] * 1001)
        + b"]}",
    ],
)
def test_what_is_no_document(document: bytes) -> None:
    assert openrpc.parse(document) is None


def test_names_that_no_method_may_have_are_left_out() -> None:
    names = ["a", "rpc.x", "open", "a/b", "", "a", "x" * 501, "größe"]
    document = {
        "openrpc": "1",
        "info": {"title": "t"},
        "methods": [{"name": name, "params": []} for name in names],
    }
    found = openrpc.parse(json.dumps(document).encode())

    assert found is not None
    assert [method.name for method in found.methods] == ["a", "größe"]


def test_names_and_objects_of_an_opening() -> None:
    params = {"type": "object", "properties": {"n": NUMBER}}
    said = {"name": "square", "description": "Squares.\nYes.", "params": params, "result": NUMBER}
    found = openrpc.of_names(["plain", said, {"name": 5}])

    plain, square = found.methods
    assert (plain.name, plain.body, plain.result) == ("plain", {}, None)
    assert (square.summary, square.text) == ("Squares.", "Squares.\nYes.")
    assert (square.members, square.result) == (params, NUMBER)
    written = openrpc.parse(openrpc.write(found, "title"))
    assert written is not None
    assert [method.body for method in written.methods] == [{}, params]


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        (5, {}),
        (False, {"not": {}}),
        ({"type": "integer", "x-mcp-header": "Cookie", "$id": "http://x/"}, {"type": "integer"}),
        ({"type": ["string", "odd", 5]}, {"type": ["string"]}),
        ({"type": "any", "minimum": "5", "required": [1, "a"]}, {"required": ["a"]}),
        ({"$ref": "http://10.0.0.1/secret"}, {}),
        ({"$ref": "#/nowhere"}, {}),
        ({"items": [NUMBER, {}]}, {"prefixItems": [NUMBER, {}]}),
        ({"pattern": "("}, {}),
        ({"description": "a\u202e\u200bb\U000e0041\x1b[0m\nc"}, {"description": "ab[0m\nc"}),
        ({"enum": ["\u202e"], "const": None}, {"enum": ["\u202e"], "const": None}),
        ({"anyOf": [], "oneOf": [5]}, {}),
        (
            {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}, "B": {}}},
            {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        ),
    ],
)  # fmt: skip
def test_schemas_of_strangers(schema: Any, kept: Any) -> None:
    assert clean(schema) == kept


def test_texts_keep_what_can_be_seen() -> None:
    text = "Größe ✓ 👩\u200d💻 ab\u200ccd\tEnd"
    assert clean_text(text, 100) == text
    assert clean_text("x" * 50, 10) == "x" * 9 + "…"
    assert clean_text(5, 10) == ""


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "object"}, {"type": "object"}),
        ({"properties": {}}, {"type": "object", "properties": {}}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}, {"type": "object"}),
        ({"anyOf": [{"type": "object"}, {"type": "null"}], "default": None}, {"type": "object"}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, None),
        ({"anyOf": [{"type": "object"}, NUMBER]}, None),
        (NUMBER, None),
        ({}, None),
    ],
)
def test_the_schema_of_an_object(schema: Any, wanted: Any) -> None:
    found = as_object(schema)
    if found is not None:
        found.pop("$defs", None)
    assert found == wanted


def test_a_document_that_would_grow_does_not_take_long() -> None:
    components = {
        f"C{i}": {
            "properties": {
                f"p{j}": {"$ref": f"#/components/schemas/C{(i * 7 + j) % 90}"} for j in range(90)
            },
            "description": "x" * 1000,
        }
        for i in range(90)
    }  # fmt: skip
    reference = {"$ref": "#/components/schemas/C1"}
    methods = [{"name": f"m{i}", "params": [param("a", reference)]} for i in range(1000)]
    document = {
        "openrpc": "1",
        "info": {"title": "t"},
        "methods": methods,
        "components": {"schemas": components},
    }
    text = json.dumps(document).encode()
    assert len(text) < openrpc.DOCUMENT_MAX
    began = time.process_time()
    found = openrpc.parse(text)

    assert found is not None
    assert time.process_time() - began < 5
    assert len(openapi.write(found, "/lambda/x", "t", "..")) < 5 * openrpc.DOCUMENT_MAX


KEYWORDS = [
    *("type", "$ref", "items", "anyOf", "properties", "required", "enum", "$defs", "default"),
    *("additionalProperties", "pattern", "minLength", "const", "not", "description"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYWORDS),
            inner | st.sampled_from(["object", "#", "#/$defs/a", "#/items", "string"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_is_said_a_valid_schema_is_made_of_it(said: Any) -> None:
    made = clean(said, said)

    jsonschema.Draft202012Validator.check_schema(made)
    found = as_object(made)
    if found is not None:
        assert found["type"] == "object"
        jsonschema.Draft202012Validator.check_schema(found)
    described = openrpc.of_names([{"name": "m{}", "params": said, "result": said}])
    document = json.loads(openapi.write(described, "/lambda/x", "t", ".."))
    jsonschema.Draft202012Validator(schema_v31).validate(document)
