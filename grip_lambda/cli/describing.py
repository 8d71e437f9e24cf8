"""`describe` and `mcp`: what can be called, for people and for agents."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import click

from ..client.addresses import KEY_VARIABLE, base_url
from ..protocol import openrpc
from ..protocol.openrpc import Method
from ..protocol.schemas import Schema
from . import options
from .addresses import target_of
from .asking import asking
from .exits import one_line
from .printing import show_json

_PLACES = {
    "claude-code": "Claude Code: run this",
    "claude-desktop": "Claude Desktop: claude_desktop_config.json",
    "cursor": "Cursor: .cursor/mcp.json, or ~/.cursor/mcp.json",
    "vscode": "VS Code: .vscode/mcp.json",
    "json": "Others: most take this form",
}
#: How each client writes the value of an environment variable.
_VARIABLES = {"cursor": "${env:%s}", "vscode": "${env:%s}"}


@click.command(cls=options.Plainly)
@options.address
@options.as_json
@options.url
@options.key
def describe(url: str, key: str, address: str, *, as_json: bool) -> None:
    """Show what can be called at ADDRESS: methods, parameters, results.

    ADDRESS is an id, service/NAME, or the address that "host" has printed.

    \b
    Examples:
      grip-lambda describe EHNFvAiBioATCzw4
      grip-lambda describe EHNFvAiBioATCzw4 --json | jq '.methods[].name'
    """
    target = target_of(url, address).without_method("describe")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        told = client.describe(target.name)
    if as_json:
        show_json(told)
        return
    description = openrpc.parse(json.dumps(told).encode())
    if description is None or not description.methods:
        click.echo("nothing is said of its methods", err=True)
        return
    for number, method in enumerate(description.methods):
        if number:
            click.echo()
        click.echo(click.style(one_line(_signature(method)), bold=True))
        for line in method.text.splitlines():
            click.echo(f"    {one_line(line)}".rstrip())


def _signature(method: Method) -> str:
    """Return a method with its parameters, as one would write it."""
    members = method.members or {}
    properties: Mapping[str, Any] = members.get("properties", {})
    needed = members.get("required", [])
    if not properties and (method.members is None or method.needs_body):
        words = f"{method.first}: {_words(method.body, method.body)}"
    else:
        words = ", ".join(
            f"{name}: {_words(one, members)}"
            + ("" if name in needed else f" = {json.dumps(_default(one))}")
            for name, one in properties.items()
        )
    result = "" if method.result is None else f" -> {_words(method.result, method.result)}"
    return f"{method.name}({words}){result}"


def _default(schema: Any) -> Any:
    return schema.get("default") if isinstance(schema, dict) else None


def _words(schema: Any, whole: Schema) -> str:
    """Return a schema in a few words."""
    if not isinstance(schema, dict) or not schema:
        return "any"
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return reference.rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        return " | ".join(_words(one, whole) for one in parts)
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_words(schema.get('items'), whole)}"
    return schema.get("format") or (kind if isinstance(kind, str) else " | ".join(kind))


@click.command(cls=options.Plainly)
@options.address
@click.option(
    "--for",
    "client_name",
    type=click.Choice(list(_PLACES)),
    help="Print what this client takes, and nothing else.",
)
@click.option("--name", help="What the client is to call it.")
@click.option(
    "--wait", type=click.FloatRange(0.05, 3600), help="The deadline of each call; 60 s by default."
)
@options.url
@options.key
def mcp(
    *,
    url: str,
    key: str,
    address: str,
    client_name: str | None,
    name: str | None,
    wait: float | None,
) -> None:
    """Print the configuration that makes tools of the methods at ADDRESS, for an AI agent.

    ADDRESS is an id, service/NAME, or the address that "host" has printed. An API key is not
    printed: the configuration names the variable GRIP_LAMBDA_KEY.

    \b
    Examples:
      grip-lambda mcp EHNFvAiBioATCzw4
      grip-lambda mcp EHNFvAiBioATCzw4 --for cursor > .cursor/mcp.json
      eval "$(grip-lambda mcp EHNFvAiBioATCzw4 --for claude-code)"
    """
    target = target_of(url, address).without_method("mcp")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        told = client.describe(target.name)
    name = name or _name(told, target.name)
    place = f"{base_url(target.url)}/mcp/{target.path}"
    if client_name is not None:
        click.echo(_block(client_name, name, place, has_key=bool(key), wait=wait))
        return
    tools = ", ".join(one_line(str(one.get("name"))) for one in told["methods"]) or "none yet"
    click.echo(f"Tools: {tools}\nAddress: {place}")
    for known, where in _PLACES.items():
        click.echo(click.style(f"\n# {where}", bold=True))
        click.echo(_block(known, name, place, has_key=bool(key), wait=wait))


def _name(told: Mapping[str, Any], address: str) -> str:
    """Return a name for a server: that of its service, or what it calls itself."""
    title = told["info"].get("title", "") if isinstance(told.get("info"), dict) else ""
    is_said = isinstance(title, str) and title != "Functions" and not title.startswith("Lambda ")
    words = title if is_said else f"lambda-{address[:6]}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", address[8:] if "/" in address else words).strip("-")
    return name.lower()[:40] or "lambda"


def _block(client: str, name: str, url: str, *, has_key: bool, wait: float | None) -> str:
    """Return what a client takes: a command, or JSON."""
    headers = {}
    if has_key:
        variable = _VARIABLES.get(client, "${%s}") % KEY_VARIABLE
        headers["Authorization"] = f"Bearer {variable}"
    if wait is not None:
        headers["Prefer"] = f"wait={wait:g}"
    if client == "claude-code":
        words = shlex.join(["claude", "mcp", "add", "--transport", "http", name, url])
        given = (f'"{header}: {value}"' for header, value in headers.items())  # the shell fills in
        return " ".join([words, *(f"--header {one}" for one in given)])
    if client == "claude-desktop":  # which starts programs only
        arguments = ["-y", "mcp-remote", url, "--transport", "http-only"]
        for header, value in headers.items():
            shown = value if header != "Authorization" else "${AUTHORIZATION}"
            arguments += ["--header", f"{header}:{shown}"]
        server: dict[str, Any] = {"command": "npx", "args": arguments}
        if has_key:
            server["env"] = {"AUTHORIZATION": f"Bearer <{KEY_VARIABLE}>"}
    else:
        server = {"type": "http", "url": url} | ({"headers": headers} if headers else {})
    outer = "servers" if client == "vscode" else "mcpServers"
    return json.dumps({outer: {name: server}}, indent=2)
