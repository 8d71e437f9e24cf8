"""What entries of an OpenAPI document are made of."""

from __future__ import annotations

from typing import Any

from ...protocol.openapi import JSON, response

Entry = dict[str, Any]

ANYTHING: Entry = {}
TEXT: Entry = {"type": "string"}
NUMBER: Entry = {"type": "number"}
COUNT: Entry = {"type": "integer", "minimum": 0}
FLAG: Entry = {"type": "boolean"}
EVENTS, OPEN_METRICS, HTML, SCRIPT, TYPES = (
    "text/event-stream",
    "text/plain",
    "text/html",
    "text/javascript",
    "application/typescript",
)
#: What is refused, in words, by status; the code in the body says more.
_WORDS = {
    400: "What was asked for makes no sense, or the host answered with an error.",
    401: "This takes an API key.",
    403: "The key, the token or the origin does not allow this.",
    404: "There is no such thing.",
    405: "This method is not allowed here.",
    406: "Nothing that is accepted is spoken here.",
    408: "The body did not arrive in time.",
    409: "Another host has taken the lambda over, or it is so already.",
    410: "It was cancelled, or deleted.",
    413: "The body is too large.",
    422: "The idempotency key came with another body before.",
    426: "This takes a WebSocket.",
    429: "The host has no room, or too much was asked for.",
    502: "The host went away, or its result was too large.",
    503: "Something that this needs is out of reach.",
    504: "The deadline passed.",
    507: "Too much is kept.",
}


def ref(name: str) -> Entry:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(*needed: str, **members: Entry) -> Entry:
    """Return the schema of an object.

    Args:
        needed: the members that it always has.
    """
    return {"type": "object", "properties": members} | ({"required": [*needed]} if needed else {})


def array_of(schema: Entry) -> Entry:
    """Return the schema of an array."""
    return {"type": "array", "items": schema}


def map_of(schema: Entry) -> Entry:
    """Return the schema of an object whose members are all alike."""
    return {"type": "object", "additionalProperties": schema}


def path(name: str, text: str, schema: Entry = TEXT) -> Entry:
    """Return a part of a path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def query(name: str, text: str, schema: Entry = TEXT) -> Entry:
    """Return a parameter of a query."""
    return {"name": name, "in": "query", "description": text, "schema": schema}


def header(name: str, text: str, schema: Entry = TEXT) -> Entry:
    """Return a header."""
    return {"name": name, "in": "header", "description": text, "schema": schema}


def body(schema: Entry, text: str = "", *, needed: bool = False) -> Entry:
    """Return a body that is JSON."""
    said = {"description": text} if text else {}
    return {**said, "required": needed, "content": {JSON: {"schema": schema}}}


def answers(*refused: int, **given: Entry) -> Entry:
    """Return responses: ``ok=…`` for 200, ``_204=…`` for others, and statuses that are refusals."""
    made = {"200" if name == "ok" else name[1:]: one for name, one in given.items()}
    return made | {str(one): response(_WORDS[one], ref("Refusal")) for one in refused}


def stream(text: str) -> Entry:
    """Return a response that is a stream of events."""
    return {"description": text, "content": {EVENTS: {"schema": TEXT}}}


def nothing(text: str) -> Entry:
    """Return a response without a body."""
    return {"description": text}


def operation(
    name: str, tag: str, summary: str, responses: Entry, *params: Entry, **more: Any
) -> Entry:
    """Return an operation.

    Args:
        name: its ``operationId``.
        params: those that the path does not have for all of its operations.
        more: other members, such as ``description`` and ``requestBody``.
    """
    said: Entry = {"operationId": name, "tags": [tag], "summary": summary}
    if params:
        said["parameters"] = [*params]
    return said | more | {"responses": responses}
