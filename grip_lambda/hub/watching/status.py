"""The state of the whole deployment, as one process finds it when it is asked."""

from __future__ import annotations

import platform
import shutil
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from ... import __version__
from ...errors import StoreError
from ...grip.nodes import Nodes
from ...settings import Settings
from ...store import Store
from ...store.watching import Census
from .peers import Process
from .series import shown
from .watching import Watching

#: How long Pushpin may take to tell its version, in ms.
STATUS_MS = 1000


class Status:
    """Finds it."""

    def __init__(self, store: Store, nodes: Nodes, settings: Settings, watching: Watching) -> None:
        self._store = store
        self._nodes = nodes
        self._settings = settings
        self._watching = watching
        self._lock = threading.Lock()
        self._versions: dict[str, str | None] = {}

    def shown(self) -> dict[str, Any]:
        """Return the state, also without the store."""
        census, store = Census({}, 0), self._store_version()
        others: list[Process] = []
        told: dict[str, bytes] = {}
        in_flight = self._watching.recorder.in_flight()
        try:
            in_flight = self._watching.in_flight()
            census = self._store.census(time.time())
            others = self._watching.peers.known()
            told = self._watching.peers.ask("series", known=others)
        except StoreError:
            store["ok"] = False
        # Of those that have ended it is known what they told last.
        series = [self._watching.recorder.series()]
        series += [told.get(one.address, one.series) for one in others]
        living = [one for one in others if one.address in told]
        lambdas = Counter[str]()
        for (node, _), count in census.lambdas.items():
            lambdas[node] += count
        return {
            "version": __version__,
            "python": platform.python_version(),
            "pushpin": self._pushpin_version(),
            "store": store,
            "nodes": [
                {"name": name, "ok": ok, "lambdas": lambdas[name]}
                for name, ok in self._nodes.reachable().items()
            ],
            "backends": [_backend(one) for one in self._with_me(living)],
            "open": lambdas.total(),
            "in_flight": census.in_flight + in_flight.total(),
            "inspect": self._watching.bodies is not None,
            "front": bool(self._settings.front_key),
            "series": shown(series, time.time()),
        }

    def _with_me(self, others: list[Process]) -> list[Process]:
        return sorted([self._watching.peers.me, *others], key=lambda one: (one.host, one.pid))

    def gauges(self) -> list[Metric]:
        """Return what the metrics show beside what was counted; less without the store."""
        opened = GaugeMetricFamily(
            "grip_lambda_open", "Lambdas that are open, in the deployment.", labels=["transport"]
        )
        flying = GaugeMetricFamily(
            "grip_lambda_calls_in_flight", "Calls that have not ended, in the deployment."
        )
        reached = GaugeMetricFamily(
            "grip_lambda_pushpin_up", "Whether a Pushpin is within reach.", labels=["node"]
        )
        store = GaugeMetricFamily("grip_lambda_store_up", "Whether the store is within reach.")
        processes = GaugeMetricFamily(
            "grip_lambda_processes", "Processes that answer, in the deployment."
        )
        for name, ok in self._nodes.reachable().items():
            reached.add_metric([name], float(ok))
        try:
            in_flight = self._watching.in_flight().total()
            census = self._store.census(time.time())
            processes.add_metric([], 1 + len(self._watching.peers.ask("alive")))
        except StoreError:
            store.add_metric([], 0.0)
            return [reached, store]
        transports = Counter({"websocket": 0, "sse": 0, "poll": 0})
        for (_, transport), count in census.lambdas.items():
            transports[transport] += count
        for transport, count in transports.items():
            opened.add_metric([transport], count)
        flying.add_metric([], census.in_flight + in_flight)
        store.add_metric([], 1.0)
        return [opened, flying, reached, store, processes]

    def _store_version(self) -> dict[str, Any]:
        kind = self._settings.store.partition(":")[0].removesuffix("s")
        try:
            kind, version = self._store.version()
        except StoreError:
            return {"kind": kind, "ok": False, "version": None}
        return {"kind": kind, "ok": self._store.is_reachable(), "version": version}

    def _pushpin_version(self) -> str | None:
        """Return the version of the Pushpin of this machine; None if there is none."""
        with self._lock:
            if "pushpin" not in self._versions:
                self._versions["pushpin"] = _asked_version()
            return self._versions["pushpin"]


def _asked_version() -> str | None:
    program = shutil.which("pushpin")
    if program is None:
        return None
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(  # noqa: S603 - the program that is on the path
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=STATUS_MS / 1000,
        )
        return told.stdout.strip().rpartition(" ")[2] or None
    return None


def _backend(one: Process) -> dict[str, Any]:
    return {"pid": one.pid, "host": one.host, "since": one.since, "version": one.version}
