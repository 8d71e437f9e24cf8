"""The arrows: web → hub → grip, store → protocol, and never upwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import grip_lambda

ROOT = Path(grip_lambda.__file__).parent
ROOMS = {"protocol", "grip", "store", "hub", "web", "serve", "client", "faas", "cli"}
FRAMEWORK = {"flask", "werkzeug", "granian", "gunicorn"}
CLIENTS = {"requests", "websockets", "httpx", "click"}
#: What a client decides, apart from what it does with sockets and threads.
PURE = [
    "addresses",
    "backoff",
    "errors",
    "exchange",
    "messages",
    "methods",
    "session",
    "stream_state",
    "loss",
    "routing",
]

#: What each room may import of the others.
BELOW: dict[str, set[str]] = {
    "protocol": set(),
    "store": {"protocol"},
    "grip": {"protocol"},
    "hub": {"protocol", "store", "grip"},
    "web": {"protocol", "store", "grip", "hub"},
    "client": {"protocol"},
}
#: What each room must not import from elsewhere.
NEVER: dict[str, set[str]] = {
    "protocol": {"zmq", "gripcontrol", "pubcontrol", "redis", "sqlite3", "time", "datetime"}
    | {"socket", "threading", "asyncio", "subprocess", "os", "http", "urllib", "select", "logging"}
    | FRAMEWORK
    | CLIENTS,
    "store": {"zmq", "gripcontrol", "pubcontrol", "jwt"} | FRAMEWORK | CLIENTS,
    "grip": {"sqlite3", "redis"} | FRAMEWORK | (CLIENTS - {"requests"}),
    "hub": {"sqlite3", "redis", "zmq"} | FRAMEWORK | CLIENTS,
    "web": {"sqlite3", "redis", "zmq", "threading"} | CLIENTS,
    "client": {"zmq", "gripcontrol", "pubcontrol", "redis", "sqlite3", "click"} | FRAMEWORK,
}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of the modules that a file imports, wherever it does."""
    package = ["grip_lambda", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    assert files(room), "the room has moved: move its rule, too"
    for path in files(room):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "grip_lambda" and len(parts) > 1 and parts[1] in ROOMS:
                assert parts[1] in BELOW[room] | {room}, f"{path.name} imports {name}"


@pytest.mark.parametrize("room", NEVER)
def test_a_room_keeps_out_what_does_not_belong_there(room: str) -> None:
    for path in files(room):
        for name in imports(path):
            assert name.split(".")[0] not in NEVER[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("name", PURE)
def test_the_core_of_the_client_does_nothing_itself(name: str) -> None:
    never = {"httpx", "websockets", "asyncio", "threading", "socket", "time"}
    for imported in imports(ROOT / "client" / f"{name}.py"):
        assert imported.split(".")[0] not in never


@pytest.mark.parametrize("name", ["errors.py", "settings.py"])
def test_errors_and_settings_know_no_room(name: str) -> None:
    for imported in imports(ROOT / name):
        parts = imported.split(".")
        assert not (parts[0] == "grip_lambda" and parts[1] in ROOMS), imported
        assert parts[0] not in FRAMEWORK | CLIENTS


def test_every_room_has_a_rule_or_stands_on_top() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert rooms <= set(BELOW) | {"serve", "faas", "cli"}
