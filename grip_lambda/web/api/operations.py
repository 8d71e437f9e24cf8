"""What addresses have in common in the OpenAPI document: schemas, answers, kinds of operations."""

from __future__ import annotations

from typing import Any

from ...protocol.openapi import refusal, response
from .parts import (
    ANYTHING,
    COUNT,
    EVENTS,
    TEXT,
    Entry,
    answers,
    array_of,
    body,
    header,
    map_of,
    nothing,
    object_of,
    operation,
    path,
    query,
    ref,
)

TAGS = {
    "calls": "Calling methods, and asking what has become of calls.",
    "hosts": "Opening lambdas, and answering their calls.",
    "descriptions": "What can be called.",
    "keys": "API keys and tickets.",
    "watching": "What happens, and how the server is.",
    "pages": "Pages and the JavaScript library.",
}

ID: Entry = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16}$"}
TIME: Entry = {"type": "string", "format": "date-time"}
METHOD: Entry = {"type": "string", "minLength": 1}

SCHEMAS: dict[str, Entry] = {
    "Refusal": {**refusal(), "description": "Why the server refused something."},
    "Failure": {
        "description": "An error of the host, as it came; or of the server, with a code.",
        **object_of("error", error=ANYTHING, code=TEXT),
    },
    "Lambda": object_of(
        *("id", "timestamp", "code", "headers"),
        id=ID,
        timestamp=TIME,
        code=TEXT,
        headers=map_of(array_of(TEXT)),
        methods=array_of(TEXT),
        transport={"enum": ["websocket", "sse", "poll"]},
        services=array_of(TEXT),
        stats=object_of(calls=COUNT, errors=COUNT, in_flight=COUNT),
    ),
    "Service": object_of(
        "name", "hosts", "methods", name=TEXT, hosts=COUNT, methods=array_of(TEXT)
    ),
    "CallState": object_of("state", "created", state={"enum": ["pending", "ended"]}, created=TIME),
    "Key": object_of(id=TEXT, name=TEXT, may=array_of(TEXT)),
    "OpenRPC": object_of("openrpc", "info", "methods", methods=array_of({"type": "object"})),
    "OpenAPI": object_of("openapi", "info", "paths", paths={"type": "object"}),
    "JsonRpc": object_of("jsonrpc", jsonrpc={"const": "2.0"}, id={"type": ["string", "integer"]}),
}

RESULT = response("The host's result.", ANYTHING)
HOSTS_ERROR = response("An error of the host, or a bad request.", ref("Failure"))
RESULT_OR_EVENTS = {
    "description": "The host's result; or events, if those are accepted.",
    "content": {"application/json": {"schema": ANYTHING}, EVENTS: {"schema": TEXT}},
}
REFUSED = (401, 403, 404, 408, 409, 410, 413, 422, 429, 502, 503, 504, 507)
CALLED = answers(
    *REFUSED,
    ok=RESULT_OR_EVENTS,
    _202=response("The call has begun; Location tells where to ask for it.", ref("CallState")),
    _204=nothing("The stream of events has ended."),
    _400=HOSTS_ERROR,
)
ALL = answers(
    *(400, 401, 403, 404, 408, 413, 503, 504, 507),
    ok={
        "description": "What each host answered, by id; or events, if those are accepted.",
        "content": {
            "application/json": {"schema": map_of({"type": "object"})},
            EVENTS: {"schema": TEXT},
        },
    },
)
CALL_HEADERS = (
    header("Prefer", "wait=N: the deadline in seconds; respond-async: do not wait."),
    header("Idempotency-Key", "Of calls with the same key, one is made."),
    header("Last-Event-ID", "The event after which a stream goes on."),
)
BODY = body(ANYTHING, "The body that the host gets, whatever Content-Type says.")
LAMBDA = path("id", "The id of a lambda.", ID)
SERVICE = path(
    "name",
    "The name of a service.",
    {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._-]{0,63}$"},
)
NAMED = path("method", "The name of the method.", METHOD)
TOKEN = query("token", "The reopen token of the lambda.")
OPENING = (
    TOKEN,
    query("private", "Make it callable with an API key only."),
    query("code", "The codec: json-rpc or jsonrpc-2.0."),
    query("service", "A name that the lambda shares with others; may be repeated."),
    header("Last-Event-ID", "The event after which the host goes on."),
)
MESSAGES = {
    "description": "Messages for the host: events, or an array.",
    "content": {
        EVENTS: {"schema": TEXT},
        "application/json": {"schema": array_of({"type": "object"})},
    },
}
OPENED = answers(400, 401, 403, 404, 406, 409, 410, 426, 429, 503, 507, ok=MESSAGES)
POSTED = answers(
    *(400, 401, 403, 404, 408, 413, 503, 507), _204=nothing("The messages were taken.")
)
LISTED = (401, 403, 503)
PLAIN: Entry = {"security": [{}]}


def calls(verbs: tuple[str, ...], name: str = "call", summary: str = "Call a method") -> Entry:
    """Return the operations that make a call, by verb."""
    with_body = {"requestBody": BODY}
    return {
        verb: operation(
            f"{name}_{verb}",
            "calls",
            summary,
            CALLED,
            *CALL_HEADERS,
            **({} if verb == "get" else with_body),
        )
        for verb in verbs
    }


def opens(name: str) -> Entry:
    """Return the operation that opens a lambda."""
    said = "Open a lambda, with a WebSocket, server-sent events or long polls"
    return operation(name, "hosts", said, OPENED, *OPENING)


def socket(name: str) -> Entry:
    """Return the operation that connects a Monologue client."""
    refused = answers(400, 401, 403, 404, 426, 503)
    return operation(name, "hosts", "Connect with Monologue, on a WebSocket", refused)


def page(name: str, kind: str) -> Entry:
    """Return the operation that gets a file of a media type."""
    shown = {"description": "The file.", "content": {kind: {"schema": TEXT}}}
    return operation(name, "pages", "Get a file of the server's", answers(404, ok=shown), **PLAIN)


def described(name: str, form: str) -> Entry:
    """Return the operation that describes a lambda, in OpenRPC or OpenAPI."""
    shown = response("The description.", ref(form))
    said = f"Describe a lambda, in {form}"
    return operation(name, "descriptions", said, answers(400, 401, 403, 404, 503, ok=shown))


def shown(name: str, tag: str, summary: str, schema: Entry, *more: Any, **said: Any) -> Entry:
    """Return an operation that shows something to whoever may list."""
    refused = [one for one in more if isinstance(one, int)]
    params = [one for one in more if not isinstance(one, int)]
    told = answers(*LISTED, *refused, ok=response("What there is.", schema))
    return operation(name, tag, summary, told, *params, **said)


INVOKED = answers(*REFUSED, 400, ok=response("How the invocation has ended.", ANYTHING))
AWS_ERROR = response("An error of AWS Lambda.", ANYTHING)
AWS = {
    "200": response("The result, or the error of the function.", ANYTHING),
    "202": nothing("The event was taken."),
    "204": nothing("The call would be allowed."),
    "default": AWS_ERROR,
}
NO_SESSION = answers(405)
MESSAGE = {
    "200": {
        "description": "The answer; or events, of which the last one is the answer.",
        "content": {
            "application/json": {"schema": ref("JsonRpc")},
            EVENTS: {"schema": TEXT},
        },
    },
    "202": nothing("The notification was taken."),
    "400": response("The message makes no sense.", ANYTHING),
    "404": response("The method or the lambda is not known.", ANYTHING),
    **answers(401, 403, 405, 408, 413, 503),
}


def invokes(name: str) -> Entry:
    """Return the operation that invokes a method."""
    return operation(
        name,
        "calls",
        "Call a method with the types of mless",
        INVOKED,
        header("Prefer", "wait=N: the deadline in seconds."),
        requestBody=body({"type": "object"}, "A ProxyRequest."),
    )


def mcp(name: str) -> Entry:
    """Return the operations of an MCP server, by verb."""
    refused = {
        verb: operation(f"{name}_{verb}", "calls", "Not allowed: there are no sessions", NO_SESSION)
        for verb in ("get", "delete", "put", "patch")
    }
    posted = operation(
        name,
        "calls",
        "Send a message of the Model Context Protocol",
        MESSAGE,
        header("MCP-Protocol-Version", "The revision of the protocol."),
        requestBody=body(ref("JsonRpc"), needed=True),
    )
    return {"post": posted, **refused}
