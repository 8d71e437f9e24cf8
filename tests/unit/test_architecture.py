"""The arrows: web → hub → grip, store → protocol, and never upwards; in the hub, from room to room.

A room is a folder. Others import what its ``__init__`` exports, and none of its modules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from importlib import import_module
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
    "describing",
    "messages",
    "methods",
    "parameters",
    "schemas",
    "shapes",
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
    "web": {"sqlite3", "redis", "zmq"} | CLIENTS,
    "client": {"zmq", "gripcontrol", "pubcontrol", "redis", "sqlite3", "click"} | FRAMEWORK,
}

#: Folders that others know by what they export.
CLOSED = [
    *("hub/access", "hub/delivery", "hub/calls", "hub/calls/kinds", "hub/hosts", "hub/hosts/http"),
    *("hub/watching", "web/watching", "web/callers", "web/hosts", "store/sqlite", "store/redis"),
]
#: The floors of the hub, from below; each may import those below it.
FLOORS = [
    {"access", "channels", "order"},
    {"delivery", "feeds"},
    {"watching"},
    {"calls"},
    {"hosts"},
    {"sweeper"},
    {"__init__"},
]


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the absolute names of what a file imports, wherever it does."""
    package = ["grip_lambda", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
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


def module_of(path: Path) -> str:
    """Return the module that a file is; a package's name for its ``__init__``."""
    parts = ["grip_lambda", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    return {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def arrows(path: Path, known: Mapping[str, Path]) -> set[str]:
    """Return the modules that a file imports names of, for its types alone included."""
    names = {name if name in known else name.rpartition(".")[0] for name in imports(path)}
    return names & known.keys()


def floor_of(module: str) -> int:
    """Return how high in the hub a module is."""
    parts = module.split(".")
    name = parts[2] if len(parts) > 2 else "__init__"
    return next(floor for floor, names in enumerate(FLOORS) if name in names)


def test_the_rooms_of_the_hub_stand_on_one_another() -> None:
    known = modules()
    for path in files("hub"):
        here = module_of(path)
        for name in arrows(path, known):
            if name.startswith("grip_lambda.hub") and name.split(".")[:3] != here.split(".")[:3]:
                assert floor_of(name) < floor_of(here), f"{here} imports {name}"


@pytest.mark.parametrize("folder", CLOSED)
def test_others_import_only_what_a_folder_exports(folder: str) -> None:
    room = f"grip_lambda.{folder.replace('/', '.')}"
    exported = {f"{room}.{name}" for name in import_module(room).__all__}
    for here, path in modules().items():
        if here == room or here.startswith(f"{room}."):
            continue
        for name in imports(path):
            if name.startswith(f"{room}."):
                assert name in exported, f"{here} imports {name}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = modules()
    del known["grip_lambda"]  # the version, and names of the client for its users
    order = TopologicalSorter({here: arrows(path, known) - {here} for here, path in known.items()})

    order.prepare()  # which raises CycleError, with the modules in their order


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


#: What is decided by one mapping, and by the classes in it: an attribute, of which things, and who
#: may compare it.
DECIDED_ONCE = {
    "transport": (None, {"store/facts.py"}),
    "kind": ({"call", "caller", "wait", "ask"}, set[str]()),
}


@pytest.mark.parametrize("name", DECIDED_ONCE)
def test_what_a_class_stands_for_is_compared_nowhere_else(name: str) -> None:
    things, allowed = DECIDED_ONCE[name]
    for path in sorted(ROOT.rglob("*.py")):
        here = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            if isinstance(node, ast.Match):
                compared = [node.subject]
            for side in compared:
                if things is not None and named(getattr(side, "value", None)) not in things:
                    continue
                assert named(side) != name or here in allowed, f"{here}:{side.lineno}"


def named(node: object) -> str | None:
    """Return the name that an expression ends with."""
    found = getattr(node, "attr", getattr(node, "id", None))
    return found if isinstance(found, str) else None
