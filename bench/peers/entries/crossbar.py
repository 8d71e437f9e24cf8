"""Crossbar: its HTTP caller, and callees of WAMP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from bench import stacks
from grip_lambda.serve.pushpin import free_ports

from .. import install, processes, wrk
from ..entry import HOSTS, Entry, Running, with_hosts

_REALM = "bench"


def _config(port: int) -> dict[str, Any]:
    allowed = {"call": True, "register": True, "publish": False, "subscribe": False}
    permission = {"uri": "bench.", "match": "prefix", "allow": allowed, "cache": True}
    anonymous = {"anonymous": {"type": "static", "role": "anonymous"}}
    transport = {
        "type": "web",
        "endpoint": {"type": "tcp", "port": port, "interface": "127.0.0.1"},
        "paths": {
            "/": {"type": "json", "value": {}},
            "ready": {"type": "json", "value": {}},
            "ws": {"type": "websocket", "auth": anonymous},
            "call": {"type": "caller", "realm": _REALM, "role": "anonymous"},
        },
    }
    realm = {"name": _REALM, "roles": [{"name": "anonymous", "permissions": [permission]}]}
    worker = {"type": "router", "realms": [realm], "transports": [transport]}
    return {"version": 2, "workers": [worker]}


def _call(host: str) -> wrk.Call:
    return wrk.Call("/call", f'{{"procedure":"bench.{host}","args":[{{"call":%d}}]}}')


@contextmanager
def _start() -> Iterator[Running]:
    python = install.environment("crossbar")
    (port,) = free_ports(1)
    hosts = [str(python), str(processes.SERVERS / "crossbar_hosts.py"), str(port), str(HOSTS)]
    with stacks.temporary_folder() as folder:
        (folder / "config.json").write_bytes(orjson.dumps(_config(port)))
        crossbar = [str(python.with_name("crossbar")), "start", "--cbdir", str(folder)]
        command = [*crossbar, "--loglevel", "warn"]
        with (
            processes.running("Crossbar", port, [command], "/ready") as stack,
            with_hosts(stack, port, hosts, _call) as running,
        ):
            yield running


ENTRY = Entry(
    key="crossbar",
    title="Crossbar",
    kind="peer",
    how="Crossbar's HTTP caller to a callee of WAMP over WebSocket (Autobahn, asyncio); one router"
    " worker, no Redis",
    start=_start,
)
