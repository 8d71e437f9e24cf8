"""The addresses of the server, for its OpenAPI document: a new one has an entry here."""

from __future__ import annotations

from typing import Any

from ...protocol.openapi import refusal, response
from .parts import (
    ANYTHING,
    COUNT,
    EVENTS,
    FLAG,
    HTML,
    NUMBER,
    OPEN_METRICS,
    SCRIPT,
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
    stream,
)

#: Addresses that only a proxy asks for, and files; by what they begin with.
UNDESCRIBED = (
    "/held/",
    "/lambda-streams/",
    "/service-streams/",
    "/calls/<token>/events/",
    "/static/",
)

TAGS = {
    "calls": "Calling methods, and asking what has become of calls.",
    "hosts": "Opening lambdas, and answering their calls.",
    "descriptions": "What can be called.",
    "keys": "API keys and tickets.",
    "watching": "What happens, and how the server is.",
    "pages": "Pages and the JavaScript library.",
}

_ID: Entry = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16}$"}
_TIME: Entry = {"type": "string", "format": "date-time"}
_METHOD: Entry = {"type": "string", "minLength": 1}

SCHEMAS: dict[str, Entry] = {
    "Refusal": {**refusal(), "description": "Why the server refused something."},
    "Failure": {
        "description": "An error of the host, as it came; or of the server, with a code.",
        **object_of("error", error=ANYTHING, code=TEXT),
    },
    "Lambda": object_of(
        *("id", "timestamp", "code", "headers"),
        id=_ID,
        timestamp=_TIME,
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
    "CallState": object_of("state", "created", state={"enum": ["pending", "ended"]}, created=_TIME),
    "Key": object_of(id=TEXT, name=TEXT, may=array_of(TEXT)),
    "OpenRPC": object_of("openrpc", "info", "methods", methods=array_of({"type": "object"})),
    "OpenAPI": object_of("openapi", "info", "paths", paths={"type": "object"}),
    "JsonRpc": object_of("jsonrpc", jsonrpc={"const": "2.0"}, id={"type": ["string", "integer"]}),
}

_RESULT = response("The host's result.", ANYTHING)
_HOSTS_ERROR = response("An error of the host, or a bad request.", ref("Failure"))
_RESULT_OR_EVENTS = {
    "description": "The host's result; or events, if those are accepted.",
    "content": {"application/json": {"schema": ANYTHING}, EVENTS: {"schema": TEXT}},
}
_REFUSED = (401, 403, 404, 408, 409, 410, 413, 422, 429, 502, 503, 504, 507)
_CALLED = answers(
    *_REFUSED,
    ok=_RESULT_OR_EVENTS,
    _202=response("The call has begun; Location tells where to ask for it.", ref("CallState")),
    _204=nothing("The stream of events has ended."),
    _400=_HOSTS_ERROR,
)
_ALL = answers(
    *(400, 401, 403, 404, 408, 413, 503, 504, 507),
    ok={
        "description": "What each host answered, by id; or events, if those are accepted.",
        "content": {
            "application/json": {"schema": map_of({"type": "object"})},
            EVENTS: {"schema": TEXT},
        },
    },
)
_CALL_HEADERS = (
    header("Prefer", "wait=N: the deadline in seconds; respond-async: do not wait."),
    header("Idempotency-Key", "Of calls with the same key, one is made."),
    header("Last-Event-ID", "The event after which a stream goes on."),
)
_BODY = body(ANYTHING, "The body that the host gets, whatever Content-Type says.")
_LAMBDA = path("id", "The id of a lambda.", _ID)
_SERVICE = path(
    "name",
    "The name of a service.",
    {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9._-]{0,63}$"},
)
_NAMED = path("method", "The name of the method.", _METHOD)
_TOKEN = query("token", "The reopen token of the lambda.")
_OPENING = (
    _TOKEN,
    query("private", "Make it callable with an API key only."),
    query("code", "The codec: json-rpc or jsonrpc-2.0."),
    query("service", "A name that the lambda shares with others; may be repeated."),
    header("Last-Event-ID", "The event after which the host goes on."),
)
_MESSAGES = {
    "description": "Messages for the host: events, or an array.",
    "content": {
        EVENTS: {"schema": TEXT},
        "application/json": {"schema": array_of({"type": "object"})},
    },
}
_OPENED = answers(400, 401, 403, 404, 406, 409, 410, 426, 429, 503, 507, ok=_MESSAGES)
_POSTED = answers(
    *(400, 401, 403, 404, 408, 413, 503, 507), _204=nothing("The messages were taken.")
)
_LISTED = (401, 403, 503)
_PLAIN: Entry = {"security": [{}]}


def _calls(verbs: tuple[str, ...], name: str = "call", summary: str = "Call a method") -> Entry:
    with_body = {"requestBody": _BODY}
    return {
        verb: operation(
            f"{name}_{verb}",
            "calls",
            summary,
            _CALLED,
            *_CALL_HEADERS,
            **({} if verb == "get" else with_body),
        )
        for verb in verbs
    }


def _opens(name: str) -> Entry:
    said = "Open a lambda, with a WebSocket, server-sent events or long polls"
    return operation(name, "hosts", said, _OPENED, *_OPENING)


def _socket(name: str) -> Entry:
    refused = answers(400, 401, 403, 404, 426, 503)
    return operation(name, "hosts", "Connect with Monologue, on a WebSocket", refused)


def _page(name: str, kind: str) -> Entry:
    shown = {"description": "The file.", "content": {kind: {"schema": TEXT}}}
    return operation(name, "pages", "Get a file of the server's", answers(404, ok=shown), **_PLAIN)


def _described(name: str, form: str) -> Entry:
    shown = response("The description.", ref(form))
    said = f"Describe a lambda, in {form}"
    return operation(name, "descriptions", said, answers(400, 401, 403, 404, 503, ok=shown))


def _shown(name: str, tag: str, summary: str, schema: Entry, *more: Any, **said: Any) -> Entry:
    """Return an operation that shows something to whoever may list."""
    refused = [one for one in more if isinstance(one, int)]
    params = [one for one in more if not isinstance(one, int)]
    told = answers(*_LISTED, *refused, ok=response("What there is.", schema))
    return operation(name, tag, summary, told, *params, **said)


_INVOKED = answers(*_REFUSED, 400, ok=response("How the invocation has ended.", ANYTHING))
_AWS_ERROR = response("An error of AWS Lambda.", ANYTHING)
_AWS = {
    "200": response("The result, or the error of the function.", ANYTHING),
    "202": nothing("The event was taken."),
    "204": nothing("The call would be allowed."),
    "default": _AWS_ERROR,
}
_NO_SESSION = answers(405)
_MESSAGE = {
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


def _invokes(name: str) -> Entry:
    return operation(
        name,
        "calls",
        "Call a method with the types of mless",
        _INVOKED,
        header("Prefer", "wait=N: the deadline in seconds."),
        requestBody=body({"type": "object"}, "A ProxyRequest."),
    )


def _mcp(name: str) -> Entry:
    refused = {
        verb: operation(
            f"{name}_{verb}", "calls", "Not allowed: there are no sessions", _NO_SESSION
        )
        for verb in ("get", "delete", "put", "patch")
    }
    posted = operation(
        name,
        "calls",
        "Send a message of the Model Context Protocol",
        _MESSAGE,
        header("MCP-Protocol-Version", "The revision of the protocol."),
        requestBody=body(ref("JsonRpc"), needed=True),
    )
    return {"post": posted, **refused}


PATHS: dict[str, Entry] = {
    "/lambda": {
        "get": _shown(
            "list_lambdas",
            "hosts",
            "List the open lambdas, by id",
            map_of(ref("Lambda")),
            query("detail", "Tell all that is known of each."),
            query("pretty", "Indent the JSON."),
        )
    },
    "/lambda/{id}": {
        "parameters": [_LAMBDA],
        "get": _shown("get_lambda", "hosts", "Show an open lambda", ref("Lambda"), 400, 404),
        "delete": operation(
            "close_lambda",
            "hosts",
            "Close a lambda",
            answers(400, 401, 403, 404, 503, _204=nothing("It is closed.")),
            _TOKEN,
        ),
        **{
            verb: operation(
                f"unnamed_{verb}",
                "calls",
                "Be told what there is to call",
                answers(400, 401, 403, 404, 405, 503),
                requestBody=_BODY,
            )
            for verb in ("post", "put", "patch")
        },
    },
    "/lambda/{id}/{method}": {
        "parameters": [_LAMBDA, _NAMED],
        **_calls(("get", "post", "put", "patch", "delete")),
    },
    "/service": {
        "get": _shown(
            "list_services",
            "hosts",
            "List the services that have hosts, by name",
            map_of(ref("Service")),
            query("pretty", "Indent the JSON."),
        )
    },
    "/service/": {"get": _shown("list_services_too", "hosts", "The same", map_of(ref("Service")))},
    "/service/{name}": {
        "parameters": [_SERVICE],
        **{
            verb: operation(
                f"unnamed_service_{verb}",
                "calls",
                "Be told what there is to call",
                answers(400, 405),
            )
            for verb in ("post", "put", "patch", "delete")
        },
        "get": _shown(
            "get_service",
            "hosts",
            "List the hosts of a service, by id",
            map_of(ref("Lambda")),
            *(400, 404),
            query("pretty", "Indent the JSON."),
        ),
    },
    "/service/{name}/{method}": {
        "parameters": [_SERVICE, _NAMED],
        **_calls(
            ("get", "post", "put", "patch", "delete"),
            "call_service",
            "Call a method of one of the hosts of a service",
        ),
    },
    "/service/{name}/all/{method}": {
        "parameters": [_SERVICE, _NAMED],
        **{
            verb: operation(
                f"ask_all_{verb}",
                "calls",
                "Call a method of all hosts of a service",
                _ALL,
                header("Prefer", "wait=N: the deadline in seconds."),
                **({} if verb == "get" else {"requestBody": _BODY}),
            )
            for verb in ("get", "post", "put", "patch", "delete")
        },
    },
    "/lambda/new": {
        "get": _opens("open_lambda"),
        "post": operation(
            "post_nowhere",
            "hosts",
            "Be told where hosts post",
            _POSTED,
            requestBody=body(ANYTHING),
        ),
    },
    "/lambda/new/{id}": {
        "parameters": [_LAMBDA],
        "get": _opens("reopen_lambda"),
        "post": operation(
            "post_messages",
            "hosts",
            "Send messages as a host: answers, progress",
            _POSTED,
            _TOKEN,
            requestBody=body(ANYTHING, "One message of JSON-RPC, or an array."),
        ),
    },
    "/monologue": {"get": _socket("monologue")},
    "/monologue/": {"get": _socket("monologue_slash")},
    "/monologue/{id}": {"parameters": [_LAMBDA], "get": _socket("monologue_again")},
    "/invoke/{id}/{method}": {"parameters": [_LAMBDA, _NAMED], "post": _invokes("invoke")},
    "/invoke/service/{name}/{method}": {
        "parameters": [_SERVICE, _NAMED],
        "post": _invokes("invoke_service"),
    },
    "/2015-03-31/functions/{name}/invocations": {
        "parameters": [path("name", "An id, id:method, an ARN, or the name of a service.")],
        "post": operation(
            "aws_invoke",
            "calls",
            "AWS Lambda's Invoke",
            _AWS,
            query("Qualifier", "The name of the method."),
            header("X-Amz-Invocation-Type", "RequestResponse, Event or DryRun."),
            requestBody=body(ANYTHING),
        ),
    },
    "/mcp/lambda/{id}": {"parameters": [_LAMBDA], **_mcp("mcp")},
    "/mcp/service/{name}": {"parameters": [_SERVICE], **_mcp("mcp_service")},
    "/calls": {
        "get": _shown(
            "list_calls",
            "watching",
            "Show the last calls, newest first",
            object_of("calls", calls=array_of({"type": "object"}), inspect=FLAG),
            400,
            404,
            query(
                "limit",
                "How many, 500 at most.",
                {"type": "integer", "minimum": 0, "maximum": 9999},
            ),
            query("lambda", "Those of one lambda only."),
        )
    },
    "/calls/{call}": {
        "parameters": [path("call", "A call that was begun with Prefer: respond-async.")],
        "get": operation(
            "get_call",
            "calls",
            "Ask what has become of a call",
            answers(
                *_REFUSED,
                ok=_RESULT,
                _202=response("It has not ended.", ref("CallState")),
                _400=_HOSTS_ERROR,
            ),
            header("Prefer", "wait=N: wait for the end, so many seconds."),
        ),
        "delete": operation(
            "cancel_call",
            "calls",
            "Cancel a call",
            answers(400, 401, 403, 404, 503, _204=nothing("It is cancelled.")),
        ),
    },
    "/calls/{call}/bodies": {
        "parameters": [path("call", "The name of a call, as events and the list of calls say it.")],
        "get": _shown("get_bodies", "watching", "Show the bodies of a call", ANYTHING, 404),
    },
    "/openrpc/{id}": {"parameters": [_LAMBDA], "get": _described("describe_rpc", "OpenRPC")},
    "/openapi/{id}": {"parameters": [_LAMBDA], "get": _described("describe_api", "OpenAPI")},
    "/openrpc/service/{name}": {
        "parameters": [_SERVICE],
        "get": _described("describe_service_rpc", "OpenRPC"),
    },
    "/openapi/service/{name}": {
        "parameters": [_SERVICE],
        "get": _described("describe_service_api", "OpenAPI"),
    },
    "/openapi.json": {
        "get": operation(
            "describe_server",
            "descriptions",
            "Describe the server's own API",
            answers(ok=response("The description.", ref("OpenAPI"))),
            **_PLAIN,
        )
    },
    "/tickets": {
        "post": operation(
            "new_ticket",
            "keys",
            "Make a ticket of an API key, for the query of an address",
            answers(
                *(401, 403, 503),
                ok=response("The ticket.", object_of("ticket", ticket=TEXT, expires_in=NUMBER)),
            ),
        )
    },
    "/keys": {
        "get": _shown(
            "list_keys", "keys", "List the API keys", object_of("keys", keys=array_of(ref("Key")))
        ),
        "post": operation(
            "new_key",
            "keys",
            "Make an API key",
            answers(
                *(400, 401, 403, 404, 408, 409, 413, 503),
                _201=response("The key, which is shown once.", ref("Key")),
            ),
            requestBody=body({"type": "object"}, needed=True),
        ),
    },
    "/keys/{key}": {
        "parameters": [path("key", "The id of an API key.")],
        "delete": operation(
            "revoke_key",
            "keys",
            "Revoke an API key",
            answers(400, 401, 403, 404, 409, 503, _204=nothing("It is revoked.")),
        ),
    },
    "/keys/self": {
        "get": _shown("get_own_key", "keys", "Show what a key may do", object_of("keys", keys=FLAG))
    },
    "/events": {
        "get": operation(
            "watch",
            "watching",
            "Be told of what happens, as it happens",
            answers(*_LISTED, 400, 404, ok=stream("The events.")),
            query("lambda", "Those of one lambda only."),
        )
    },
    "/metrics": {
        "get": operation(
            "metrics",
            "watching",
            "Show what was counted",
            answers(
                *_LISTED,
                ok={"description": "OpenMetrics.", "content": {OPEN_METRICS: {"schema": TEXT}}},
            ),
        )
    },
    "/status": {"get": _shown("status", "watching", "Show the state of the server", ANYTHING)},
    "/healthz": {
        "get": operation(
            "health",
            "watching",
            "Tell that a process answers",
            answers(ok=response("It does.", ANYTHING)),
            **_PLAIN,
        )
    },
    "/readyz": {
        "get": operation(
            "readiness",
            "watching",
            "Tell whether a process can serve",
            answers(ok=response("It can.", ANYTHING), _503=response("It can't.", ANYTHING)),
            **_PLAIN,
        )
    },
    "/": {"get": _page("index", HTML)},
    "/console": {"get": _page("console", HTML)},
    "/grip-lambda.js": {"get": _page("library", SCRIPT)},
    "/grip-lambda/{name}.js": {
        "parameters": [path("name", "The name of a module.")],
        "get": _page("library_module", SCRIPT),
    },
}
