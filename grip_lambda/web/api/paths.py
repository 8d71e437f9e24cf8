"""The addresses of the server, for its OpenAPI document: a new one has an entry here."""

from __future__ import annotations

from ...protocol.openapi import response
from .operations import (
    ALL,
    AWS,
    BODY,
    HOSTS_ERROR,
    LAMBDA,
    LISTED,
    NAMED,
    PLAIN,
    POSTED,
    REFUSED,
    RESULT,
    SERVICE,
    TOKEN,
    calls,
    described,
    invokes,
    mcp,
    opens,
    page,
    shown,
    socket,
)
from .parts import (
    ANYTHING,
    FLAG,
    HTML,
    NUMBER,
    OPEN_METRICS,
    SCRIPT,
    TEXT,
    TYPES,
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
    "/call-streams/",
    "/static/",
)

PATHS: dict[str, Entry] = {
    "/lambda": {
        "get": shown(
            "list_lambdas",
            "hosts",
            "List the open lambdas, by id",
            map_of(ref("Lambda")),
            query("detail", "Tell all that is known of each."),
            query("pretty", "Indent the JSON."),
        )
    },
    "/lambda/{id}": {
        "parameters": [LAMBDA],
        "get": shown("get_lambda", "hosts", "Show an open lambda", ref("Lambda"), 400, 404),
        "delete": operation(
            "close_lambda",
            "hosts",
            "Close a lambda",
            answers(400, 401, 403, 404, 503, _204=nothing("It is closed.")),
            TOKEN,
        ),
        **{
            verb: operation(
                f"unnamed_{verb}",
                "calls",
                "Be told what there is to call",
                answers(400, 401, 403, 404, 405, 503),
                requestBody=BODY,
            )
            for verb in ("post", "put", "patch")
        },
    },
    "/lambda/{id}/{method}": {
        "parameters": [LAMBDA, NAMED],
        **calls(("get", "post", "put", "patch", "delete")),
    },
    "/service": {
        "get": shown(
            "list_services",
            "hosts",
            "List the services that have hosts, by name",
            map_of(ref("Service")),
            query("pretty", "Indent the JSON."),
        )
    },
    "/service/": {"get": shown("list_services_too", "hosts", "The same", map_of(ref("Service")))},
    "/service/{name}": {
        "parameters": [SERVICE],
        **{
            verb: operation(
                f"unnamed_service_{verb}",
                "calls",
                "Be told what there is to call",
                answers(400, 405),
            )
            for verb in ("post", "put", "patch", "delete")
        },
        "get": shown(
            "get_service",
            "hosts",
            "List the hosts of a service, by id",
            map_of(ref("Lambda")),
            *(400, 404),
            query("pretty", "Indent the JSON."),
        ),
    },
    "/service/{name}/{method}": {
        "parameters": [SERVICE, NAMED],
        **calls(
            ("get", "post", "put", "patch", "delete"),
            "call_service",
            "Call a method of one of the hosts of a service",
        ),
    },
    "/service/{name}/all/{method}": {
        "parameters": [SERVICE, NAMED],
        **{
            verb: operation(
                f"ask_all_{verb}",
                "calls",
                "Call a method of all hosts of a service",
                ALL,
                header("Prefer", "wait=N: the deadline in seconds."),
                **({} if verb == "get" else {"requestBody": BODY}),
            )
            for verb in ("get", "post", "put", "patch", "delete")
        },
    },
    "/lambda/new": {
        "get": opens("open_lambda"),
        "post": operation(
            "post_nowhere",
            "hosts",
            "Be told where hosts post",
            POSTED,
            requestBody=body(ANYTHING),
        ),
    },
    "/lambda/new/{id}": {
        "parameters": [LAMBDA],
        "get": opens("reopen_lambda"),
        "post": operation(
            "post_messages",
            "hosts",
            "Send messages as a host: answers, progress",
            POSTED,
            TOKEN,
            requestBody=body(ANYTHING, "One message of JSON-RPC, or an array."),
        ),
    },
    "/monologue": {"get": socket("monologue")},
    "/monologue/": {"get": socket("monologue_slash")},
    "/monologue/{id}": {"parameters": [LAMBDA], "get": socket("monologue_again")},
    "/invoke/{id}/{method}": {"parameters": [LAMBDA, NAMED], "post": invokes("invoke")},
    "/invoke/service/{name}/{method}": {
        "parameters": [SERVICE, NAMED],
        "post": invokes("invoke_service"),
    },
    "/2015-03-31/functions/{name}/invocations": {
        "parameters": [path("name", "An id, id:method, an ARN, or the name of a service.")],
        "post": operation(
            "aws_invoke",
            "calls",
            "AWS Lambda's Invoke",
            AWS,
            query("Qualifier", "The name of the method."),
            header("X-Amz-Invocation-Type", "RequestResponse, Event or DryRun."),
            requestBody=body(ANYTHING),
        ),
    },
    "/mcp/lambda/{id}": {"parameters": [LAMBDA], **mcp("mcp")},
    "/mcp/service/{name}": {"parameters": [SERVICE], **mcp("mcp_service")},
    "/calls": {
        "get": shown(
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
                *REFUSED,
                ok=RESULT,
                _202=response("It has not ended.", ref("CallState")),
                _400=HOSTS_ERROR,
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
        "get": shown("get_bodies", "watching", "Show the bodies of a call", ANYTHING, 404),
    },
    "/openrpc/{id}": {"parameters": [LAMBDA], "get": described("describe_rpc", "OpenRPC")},
    "/openapi/{id}": {"parameters": [LAMBDA], "get": described("describe_api", "OpenAPI")},
    "/openrpc/service/{name}": {
        "parameters": [SERVICE],
        "get": described("describe_service_rpc", "OpenRPC"),
    },
    "/openapi/service/{name}": {
        "parameters": [SERVICE],
        "get": described("describe_service_api", "OpenAPI"),
    },
    "/openapi.json": {
        "get": operation(
            "describe_server",
            "descriptions",
            "Describe the server's own API",
            answers(ok=response("The description.", ref("OpenAPI"))),
            **PLAIN,
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
        "get": shown(
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
        "get": shown("get_own_key", "keys", "Show what a key may do", object_of("keys", keys=FLAG))
    },
    "/events": {
        "get": operation(
            "watch",
            "watching",
            "Be told of what happens, as it happens",
            answers(*LISTED, 400, 404, ok=stream("The events.")),
            query("lambda", "Those of one lambda only."),
        )
    },
    "/metrics": {
        "get": operation(
            "metrics",
            "watching",
            "Show what was counted",
            answers(
                *LISTED,
                ok={"description": "OpenMetrics.", "content": {OPEN_METRICS: {"schema": TEXT}}},
            ),
        )
    },
    "/status": {"get": shown("status", "watching", "Show the state of the server", ANYTHING)},
    "/healthz": {
        "get": operation(
            "health",
            "watching",
            "Tell that a process answers",
            answers(ok=response("It does.", ANYTHING)),
            **PLAIN,
        )
    },
    "/readyz": {
        "get": operation(
            "readiness",
            "watching",
            "Tell whether a process can serve",
            answers(ok=response("It can.", ANYTHING), _503=response("It can't.", ANYTHING)),
            **PLAIN,
        )
    },
    "/version": {
        "get": operation(
            "version",
            "watching",
            "Tell the version of the process that answers",
            answers(ok=response("The version.", object_of("version", version=TEXT))),
            **PLAIN,
        )
    },
    "/": {"get": page("index", HTML)},
    "/console": {"get": page("console", HTML)},
    "/grip-lambda.js": {"get": page("library", SCRIPT)},
    "/grip-lambda.bundle.js": {"get": page("library_bundle", SCRIPT)},
    "/grip-lambda.d.ts": {"get": page("library_types", TYPES)},
    "/grip-lambda/{name}.js": {
        "parameters": [path("name", "The name of a module.")],
        "get": page("library_module", SCRIPT),
    },
}
