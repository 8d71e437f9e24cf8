"""What the rest of the hub tells of: calls that begin and end, lambdas that open and close."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from ... import metrics
from ...errors import RequestError, StoreError
from ...grip.nodes import Nodes
from ...settings import Settings
from ...store import Call, Closed, Lambda, Outcome, Store
from ...store.watching import Watched
from ..access import Access
from . import tracing
from .about import instant
from .bodies import Inspection
from .dropped import DROPPED, read_dropped
from .feed import Feed, View, opened
from .peers import Peers
from .recorder import Recorder, Seen, merged

log = logging.getLogger(__name__)
calls_log = logging.getLogger("grip_lambda.calls")

#: How often what was counted is written down, in seconds, and this process shown to others.
_FLUSH_S, _ENROL_S = 1.0, 10.0
#: What a call that was refused for these says of its lambda; others are the caller's own fault.
_OF_LAMBDA = ("busy", "unavailable", "deadline_exceeded", "rate_limited", "storage_full")


class Watching:
    """Takes note, for one process. Safe for many threads, and never raises to who tells."""

    def __init__(self, store: Store, nodes: Nodes, settings: Settings, access: Access) -> None:
        """Prepare to watch.

        Args:
            access: whose keys may see what.
        """
        self._store = store
        self._settings = settings
        self._access = access
        self._in_function = settings.in_function
        self.recorder = Recorder()
        self.feed = Feed(nodes, access)
        self.tracer = tracing.from_environment()
        self.bodies = Inspection(store, settings.secret) if settings.inspect else None
        link = None if settings.in_function else store.link()
        self.peers = Peers(
            store,
            link,
            {
                "figures": lambda _: self._told_figures(),
                "calls": lambda text: orjson.dumps(self._told_calls(text)),
                "series": lambda _: self.recorder.series(),
                "alive": lambda _: b"",
                "expect": self._expect,
                "keys": lambda _: self._look_at_keys(),
                DROPPED: self._note_dropped,
            },
        )
        #: Takes lambdas that a supervisor has closed.
        self.on_dropped: Callable[[Sequence[Closed]], None] = lambda _: None
        self._flushing = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)

    # What is told.

    def begun(self, call: Call, body: bytes, *, in_thread: bool = False) -> None:
        """Note a call that has begun; see Recorder.begun."""
        self.recorder.begun(call, len(body), in_thread=in_thread)
        if self.bodies is not None:
            self.bodies.asked(call, body)
        if self.feed.is_watched:
            self._publish("call", call.lambda_id, Seen(call).shown(self._settings.secret))

    def handed_over(self, call: Call) -> None:
        """Note that the store knows a call from now on."""
        self.recorder.handed_over(call)

    def ended(self, call: Call, outcome: Outcome, connection: str = "") -> None:
        """Note a call that has ended; see Recorder.ended."""
        seen = self.recorder.ended(call, outcome, connection)
        if self.bodies is not None:
            self.bodies.answered(call, outcome.body)
        self._told(seen)

    def refused(self, call: Call, error: RequestError) -> None:
        """Note a call that was refused."""
        if error.code in _OF_LAMBDA:
            self._told(self.recorder.refused(call, error.status, error.code))
        else:
            metrics.CALLS.labels(error.code).inc()

    def opened(self, known: Lambda) -> None:
        """Note a lambda that has opened."""
        metrics.OPENED.labels(known.transport).inc()
        if self.feed.is_watched:
            data = {"time": instant(known.opened), "lambda": known.id, **opened(known)}
            self._publish("opened", known.id, data, known.owner)

    def closed(self, known: Lambda, reason: str) -> None:
        """Note a lambda that has closed, and why, in a word or two."""
        metrics.CLOSED.labels(reason).inc()
        if self.feed.is_watched:
            data = {"time": instant(time.time()), "lambda": known.id, "reason": reason}
            self._publish("closed", known.id, data, known.owner)

    def _told(self, seen: Seen) -> None:
        if self._settings.access_log:
            calls_log.info("call", extra={"call": seen.shown(self._settings.secret)})
        if self.tracer.is_on:
            self.tracer.ended(seen)
        if self.feed.is_watched:
            shown = seen.shown(self._settings.secret)
            self._publish("ended", seen.call.lambda_id, shown)
        if self._in_function:  # where nothing is done later
            self._flush()

    def _publish(
        self, name: str, lambda_id: str, data: dict[str, Any], owner: str | None = None
    ) -> None:
        try:
            self.feed.publish(
                name, lambda_id, data, lambda: self.owner(lambda_id) if owner is None else owner
            )
        except Exception:
            log.exception("an event was not published")

    def owner(self, lambda_id: str) -> str:
        """Return the id of the API key that opened a lambda; empty if it is not known."""
        try:
            past = self._store.remembered(lambda_id, time.time())
        except StoreError:
            return ""
        return "" if past is None else past.owner

    # What is asked for.

    def lambdas(self, lambda_id: str | None = None) -> list[tuple[Watched, int]]:
        """Return open lambdas, oldest first, each with how many of its calls are in flight.

        Raises:
            StoreError: the store is out of reach.
        """
        waiting = self.in_flight()
        found = self._store.watched(time.time(), lambda_id)
        return [(one, one.in_flight + waiting[one.lambda_.id]) for one in found]

    def in_flight(self) -> Counter[str]:
        """Have all processes write down what they counted; count calls the store knows not.

        Returns:
            How many calls threads wait for, by lambda, over all processes.

        Raises:
            StoreError: as ``lambdas``.
        """
        self._flush()
        found = self.recorder.in_flight()
        for told in self.peers.ask("figures").values():
            found.update(orjson.loads(told))
        return found

    def calls(self, limit: int, lambda_id: str = "") -> list[dict[str, Any]]:
        """Return the last calls of the deployment, newest first, as the events tell of them.

        Raises:
            StoreError: as ``lambdas``.
        """
        text = f"{limit} {lambda_id}"
        every = self._told_calls(text)
        for told in self.peers.ask("calls", text).values():
            every += orjson.loads(told)
        return merged(every)[:limit]

    def watch(self, node: str, view: View) -> str:
        """Have all processes expect somebody who watches.

        Args:
            node: the Pushpin that is about to hold who does.

        Returns:
            The channel to hold them on.

        Raises:
            StoreError: as ``lambdas``.
        """
        self.feed.expect(node, view.channel)
        self.peers.ask("expect", f"{node} {view.channel}")
        return view.channel

    def keys_changed(self) -> None:
        """Have all processes read the file of keys again."""
        self._look_at_keys()
        self.peers.tell("keys")

    def used_keys(self) -> dict[str, float]:
        """Return when each API key was used last, in seconds since 1970, by id.

        Raises:
            StoreError: as ``lambdas``.
        """
        self._flush()
        self.peers.ask("figures")
        return self._store.used_keys({}, time.time())

    # What other processes ask.

    def _told_figures(self) -> bytes:
        self._flush()
        return orjson.dumps(self.recorder.in_flight())

    def _told_calls(self, text: str) -> list[dict[str, Any]]:
        if self.bodies is not None:  # whoever is told of a call may ask for its bodies next
            self._flush()
        limit, _, lambda_id = text.partition(" ")
        now = time.time()
        found = []
        for seen in reversed(self.recorder.recent()):
            over = not seen.ended and seen.call.deadline + 1 < now  # it ended elsewhere
            if not over and lambda_id in ("", seen.call.lambda_id):
                found.append(seen.shown(self._settings.secret))
                if len(found) >= 2 * int(limit):  # one that is in the store may be there twice
                    break
        return found

    def _expect(self, text: str) -> bytes:
        node, _, channel = text.partition(" ")
        self.feed.expect(node, channel)
        return b""

    def _note_dropped(self, text: str) -> bytes:
        self.on_dropped(read_dropped(text))
        return b""

    def _look_at_keys(self) -> bytes:
        if self._access.ring is not None:
            self._access.ring.look()
        return b""

    # What is done apart from all that.

    def start(self) -> None:
        """Begin to write down what was counted."""
        self._thread.start()

    def stop(self) -> None:
        """Write down what is left."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        self.peers.close()
        self.tracer.stop()

    def _run(self) -> None:
        enrolled = -_ENROL_S
        while True:
            is_last = self._stopped.wait(_FLUSH_S if enrolled > 0 else 0.0)
            self._flush()
            now = time.monotonic()
            if now - enrolled >= _ENROL_S or is_last:
                enrolled = now
                try:
                    self.peers.enrol(self.recorder.series())
                except StoreError as error:
                    log.debug("this process is not known to others: %s", error)
                except Exception:
                    log.exception("this process is not known to others")
            if is_last:
                return

    def _flush(self) -> None:
        """Write down what was counted; what the store does not take waits for the next time."""
        with self._flushing:
            now = time.time()
            counts = self.recorder.taken_counts()
            try:
                if counts:
                    self._store.count_calls(counts, now)
                counts = []
                if used := self._access.taken_uses():
                    self._store.used_keys(used, now)
                if self.bodies is not None:
                    self.bodies.flush(now)
            except StoreError as error:
                log.debug("figures wait for the store: %s", error)
            except Exception:
                log.exception("figures were not written down")
            finally:
                self.recorder.give_back(counts)
