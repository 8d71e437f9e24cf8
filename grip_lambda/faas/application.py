"""The whole application as one AWS Lambda function.

Between two events the function is frozen: no thread runs, and nothing can be sent. So all that the
application does later is done before the response is returned, and what is due (deadlines, silent
hosts) is ended at every event, also at those of a schedule.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from apig_wsgi import make_lambda_handler

from ..errors import ConfigError, StoreError
from ..hub import Hub
from ..protocol.http import parse_wait
from ..settings import Settings, load
from ..web import create_app
from .events import (
    Event,
    Hold,
    Result,
    header,
    hold_of,
    normalised,
    path_of,
    plain_result,
    released,
    with_header,
    with_timeout,
)

log = logging.getLogger(__name__)

#: How often what is due is ended, in seconds; each time asks the store.
_SWEEP_S = 0.1
#: Pushpin holds no request for less, in seconds: the function waits in its place.
_HOLD_MIN_S = 5
#: A call that waits no longer is not held at all, in seconds: Pushpin would ask again by then.
_AT_ONCE_S = 1
#: A hold is given so many seconds more than the call has left, for processes that keep deadlines.
_HOLD_MARGIN_S = 1
#: Every other call is waited for as long as this at first, in seconds: a quick host's answer would
#: come before Pushpin holds its caller, and be lost on it.
_PATIENCE_S = 0.1
#: Where hosts poll, which are patient.
_POLLS = "/lambda/new"
#: How often the function asks the store while it waits, in seconds: at first, and in the end.
_POLL_S = (0.004, 0.05)

_NOT_CONFIGURED = b'{"error":"the function is not configured; see its log","code":"unavailable"}'
_lock = threading.Lock()


class Application:
    """The application, and what it needs where nothing runs between two requests."""

    def __init__(self, settings: Settings) -> None:
        app = create_app(settings)
        self._hub: Hub = app.extensions["grip_lambda"]
        self._serve: Callable[[Event, Any], Result] = make_lambda_handler(app, binary_support=True)
        self._swept = 0.0

    def answer(self, event: Event, context: Any) -> Result:
        """Serve one request; all that follows from it is done when this returns."""
        self._sweep()
        result = self._serve(event, context)
        result = self._wait(event, context, result)
        self._hub.nodes.flush()
        return result

    def tick(self) -> None:
        """End what is due, at an event of a schedule."""
        self._swept = 0.0
        self._sweep()
        self._hub.nodes.flush()

    def _sweep(self) -> None:
        now = time.time()  # a frozen function does not notice how long it was
        if abs(now - self._swept) < _SWEEP_S:
            return
        self._swept = now
        try:
            self._hub.sweep()
        except StoreError as error:
            log.error("deadlines are not kept: %s", error)
        except Exception:
            log.exception("a sweep failed")

    def _wait(self, event: Event, context: Any, result: Result) -> Result:
        """Wait for what Pushpin would hold for too long, and for the answer of a quick host.

        It is asked for as Pushpin does, with ``Grip-Last``. When the time is over, the response is
        what Pushpin would give then: the one with the hold.
        """
        hold = hold_of(result)
        if hold is None:
            return result
        began = time.monotonic()
        left_s = _time_left(event, hold)
        is_short = left_s <= (_HOLD_MIN_S if header(event, "Grip-Last") else _AT_ONCE_S)
        waits_s = left_s if is_short else _patience(event)
        pause_s, longest_s = _POLL_S
        while hold is not None:
            if time.monotonic() - began >= waits_s:
                return released(result) if is_short else _held(result, hold)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s, began + waits_s - time.monotonic())
            if pause_s <= 0:
                self._swept = 0.0  # the end of a call makes room for another
            self._sweep()
            event = with_header(event, "Grip-Last", f"{hold.channel}; last-id={hold.last_id}")
            result = self._serve(event, context)
            hold = hold_of(result)
        return result


def _time_left(event: Event, hold: Hold) -> float:
    """Return how long a request may be held; Pushpin is told whole seconds only."""
    left_s = float(hold.timeout_s - _HOLD_MARGIN_S)
    return min(left_s, parse_wait(header(event, "Prefer"), left_s))


def _patience(event: Event) -> float:
    return 0.0 if header(event, "Grip-Last") or path_of(event).startswith(_POLLS) else _PATIENCE_S


def _held(result: Result, hold: Hold) -> Result:
    """Return a response that is held for as long as it is to be, as no thread ends it."""
    return with_timeout(result, max(hold.timeout_s - _HOLD_MARGIN_S, _HOLD_MIN_S))


def handler(event: Any, context: Any) -> Result:
    """Serve a request that reached the function by API Gateway or by its own URL.

    Events of a schedule (EventBridge) end what is due.

    Args:
        event: of a REST API, an HTTP API, a function URL, or of EventBridge.
        context: of AWS Lambda.

    Raises:
        NotWebSocket: the event is none of these.
    """
    scheduled = isinstance(event, Mapping) and event.get("source") == "aws.events"
    request = None if scheduled else normalised(event)
    try:
        with _lock:
            application = _application()
    except ConfigError as error:
        log.error("%s", error)
        if request is None:
            raise
        return plain_result(503, _NOT_CONFIGURED)
    if request is None:
        application.tick()
        return {"swept": True}
    return application.answer(request, context)


@cache
def _application() -> Application:
    return Application(_settings(os.environ))


def _settings(env: Mapping[str, str]) -> Settings:
    """Read the settings of a function, which has no data folder to keep anything in.

    Raises:
        ConfigError: one is missing or makes no sense.
    """
    if not env.get("GRIP_LAMBDA_SECRET"):
        raise ConfigError("set GRIP_LAMBDA_SECRET: each function would make one of its own")
    if not env.get("GRIP_LAMBDA_STORE", "").startswith(("redis://", "rediss://")):
        raise ConfigError(
            "set GRIP_LAMBDA_STORE to redis://host:port/db, which all functions share"
        )
    return replace(load(env), in_function=True)
