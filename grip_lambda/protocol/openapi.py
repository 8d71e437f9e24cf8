"""OpenAPI documents of hosts: each method is a POST to its address."""

from __future__ import annotations

import string
from typing import Any

import orjson

from .openrpc import Description, Method, hoisted
from .schemas import Schema

VERSION = "3.1.0"
JSON = "application/json"
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_ERROR = "grip-lambda.Error"
_REFUSED = "grip-lambda.Refused"


def write(description: Description, address: str, title: str, server: str) -> bytes:
    """Return the document of a host.

    Args:
        address: the path before the names of methods.
        title: what is described, if the host does not say.
        server: where paths begin, as seen from the document.
    """
    components: dict[str, Schema] = {
        _ERROR: {
            "type": "object",
            "description": "What the host failed with.",
            "properties": {"error": {}, "code": {"type": "string"}},
            "required": ["error"],
        },
        _REFUSED: refusal(),
    }
    paths = {
        f"{address}/{escaped(one.name)}": {"post": _operation(one, components)}
        for one in description.methods
    }
    info = {"title": description.title or title, "version": "1.0.0"}
    if description.text:
        info["description"] = description.text
    return orjson.dumps(
        {
            "openapi": VERSION,
            "info": info,
            "servers": [{"url": server}],
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": security_schemes()},
            "security": [{}, {"key": []}],
        }
    )


def escaped(name: str) -> str:
    """Return a name as a part of a path (RFC 3986)."""
    return "".join(
        chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in name.encode()
    )


def refusal() -> Schema:
    """Return the schema of an error of the server."""
    return {
        "type": "object",
        "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
        "required": ["error", "code"],
    }


def security_schemes() -> dict[str, Any]:
    """Return how API keys are shown."""
    return {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}}


def response(text: str, schema: Schema) -> dict[str, Any]:
    """Return a response whose body is JSON."""
    return {"description": text, "content": {JSON: {"schema": schema}}}


def _operation(method: Method, components: dict[str, Schema]) -> dict[str, Any]:
    said: dict[str, Any] = {"operationId": method.name}
    if method.summary:
        said["summary"] = method.summary
    if method.text:
        said["description"] = method.text
    if method.deprecated:
        said["deprecated"] = True
    body = hoisted(method.body, method.name, components)
    result = hoisted(method.result or {}, method.name, components)
    return said | {
        "requestBody": {"required": method.needs_body, "content": {JSON: {"schema": body}}},
        "responses": {
            "200": response("The result.", result),
            "400": response(
                "The host answered with an error.", {"$ref": f"#/components/schemas/{_ERROR}"}
            ),
            "default": response("No result.", {"$ref": f"#/components/schemas/{_REFUSED}"}),
        },
    }
