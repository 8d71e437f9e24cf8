"""Whoever watches a server: its events, its figures, and its last calls."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.client import HTTPException
from typing import Any, cast

import requests
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from urllib3.exceptions import HTTPError

from grip_lambda.protocol.sse import Parser
from tests.support.stack import wait_until

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


class Watcher:
    """Reads ``/events`` in a thread; from when this returns nothing is missed.

    Attributes:
        events: what came: the name of each event and its data.
    """

    def __init__(self, url: str, query: str = "", **headers: str) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.response = requests.get(
            f"{url}/events{query}", headers=headers, stream=True, timeout=30
        )
        assert self.response.status_code == 200, self.response.text
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self._socket = cast(Any, self.response.raw.connection).sock
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        parser = Parser()
        with contextlib.suppress(HTTPException, HTTPError, OSError, ValueError):
            for piece in self.response.raw.stream(65536, decode_content=True):
                for event in parser.feed(piece):
                    self.events.append((event.name, json.loads(event.data)))

    def of(self, lambda_id: str, name: str = "") -> list[dict[str, Any]]:
        """Return the data of a lambda's events that came, of all or one name."""
        return [
            data
            for kind, data in list(self.events)
            if data["lambda"] == lambda_id and name in ("", kind)
        ]

    def wait_for(self, lambda_id: str, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many events of a lambda have come; return the data of all of them."""
        wait_until(lambda: len(self.of(lambda_id, name)) >= count, what=f"the event {name}")
        return self.of(lambda_id, name)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.response.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def families(url: str, **headers: str) -> dict[str, Metric]:
    """Return what ``/metrics`` shows as OpenMetrics, by name."""
    response = requests.get(f"{url}/metrics", headers={**OPENMETRICS, **headers}, timeout=10)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    shown = text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
    return {one.name: one for one in shown}


def metrics(url: str, **headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the samples of ``/metrics``: by name, and by the values of their labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families(url, **headers).values():
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def get(url: str, path: str, key: str = "", **options: Any) -> Any:
    """Return what is answered, which is JSON and 200."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = requests.get(f"{url}{path}", headers=headers, timeout=10, **options)
    assert response.status_code == 200, response.text
    return response.json()


def ended_calls(url: str, lambda_id: str, count: int, key: str = "") -> list[dict[str, Any]]:
    """Wait until so many calls of a lambda have ended; return its calls, newest first."""

    def found() -> list[dict[str, Any]]:
        shown = get(url, f"/calls?lambda={lambda_id}", key)["calls"]
        ended = [one for one in shown if "status" in one]
        return shown if len(ended) >= count else []

    return wait_until(found, what="the end of calls")
