"""A Pushpin whose control socket is ZeroMQ, as it should be.

A reply can overtake the hold that waits for it: a publish to a channel that nobody holds yet is
lost. So each process listens on every Pushpin's publish socket, where ZeroMQ tells which channels
are subscribed, and keeps a reply back until its hold is in place (a few milliseconds as a rule).
What a process that dies takes with it is found by Pushpin's own repeat after a second.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Any

import zmq
from gripcontrol import GripPubControl, HttpResponseFormat
from pubcontrol import Format, Item, ZmqPubControlClient
from zmq.utils.monitor import recv_monitor_message

from .. import metrics
from ..errors import GripLambdaError, PublishError
from .departures import Announced, Departures
from .node import HOLD_ID, REPLY_ID, WATCHERS, Node, response
from .pace import Lost
from .zmq_control import ZmqControl

log = logging.getLogger(__name__)

#: What the names of channels begin with that it matters to have left.
_WATCHED = (b"log-", b"host-")
_WATCHERS = WATCHERS.encode()
#: How long a reply waits for its hold, in seconds. Pushpin repeats a hold after one second.
_EARLY_S = 3.0
#: Pushpin is told to ask the backend for what has more bytes, which is stored: a response that it
#: publishes may stop in the middle if its client's side takes 4 MB and no more at once.
_MOST = 900_000
_CONNECT_S = 0.5
#: How long what is sent to a Pushpin that stands still is waited for, in seconds.
_SYNC_S = 0.2
#: A process that has just started may have to wait for its Pushpins, in seconds.
_START_S = 2.0
#: The watch rests this long after reading, in seconds: under load it then reads many at once.
_DRAIN_S = 0.002


class _Message(Item):  # type: ignore[misc]
    """An item whose export is made of bytes at once; pubcontrol would walk through it twice."""

    def export(self, formats_field: bool = False, tnetstring: bool = False) -> dict[bytes, Any]:
        out: dict[bytes, Any] = {
            b"formats": {form.name().encode(): _as_bytes(form.export()) for form in self.formats}
        }
        if self.id is not None:
            out[b"id"] = self.id.encode()
            out[b"prev-id"] = self.prev_id.encode()
        return out


def _as_bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        return {key.encode(): _as_bytes(one) for key, one in value.items()}
    return value


class ZmqNode(Node):
    """Publishes at once what is held, and the rest as soon as it is."""

    def __init__(self, name: str, control_uri: str) -> None:
        super().__init__(name)
        self._context: zmq.Context[Any] = zmq.Context()
        self._control = ZmqControl(self._context, control_uri)
        self._context.sndhwm = 0  # a full queue would block every thread
        self._publisher = GripPubControl(zmq_context=self._context)
        self._connected = threading.Event()
        self._patient_until = time.monotonic() + _START_S
        self._stopping = False
        self._lock = threading.Lock()
        self._held: set[bytes] = set()
        self._early: dict[bytes, tuple[float, list[tuple[Item, Lost | None]]]] = {}
        self._departures = Departures(lambda: self._control.ask() is not None)
        self._gone: SimpleQueue[str | Announced | Callable[[], None] | None] = SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name=f"left-{name}", daemon=True)
        self._teller.start()
        self._thread = threading.Thread(target=self._watch, name=f"node-{name}", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    def ensure_reachable(self) -> None:
        if self._connected.is_set():
            return
        # Only a short absence is worth a thread: a dead Pushpin would soon have all of them.
        left_s = self._patient_until - time.monotonic()
        if not self._connected.wait(max(0.0, min(left_s, _CONNECT_S))):
            metrics.PUBLISH_ERRORS.inc()
            raise PublishError(f"the proxy {self.name} is out of reach; try again later")

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        fits = len(body) <= _MOST
        message = response(status, body, headers) if fits else HttpResponseFormat(action="hint")
        self._publish_held(channel, self._item(message, REPLY_ID, HOLD_ID))

    def of_hosts(self) -> list[str]:
        with self._lock:
            return [name.decode() for name in self._held if name.startswith(_WATCHED)]

    def is_held(self, channel: str) -> bool | None:
        with self._lock:
            return channel.encode() in self._held if self.is_connected else None

    def sync(self) -> None:
        # It takes messages and questions in one thread, and many messages for each question.
        if self.is_connected:
            self._control.ask(_SYNC_S)

    def stop(self) -> None:
        """Stop watching. What is still kept back is left to Pushpin's repeat."""
        self._stopping = True
        self._gone.put(None)
        self._teller.join(timeout=2)
        self._thread.join(timeout=2)

    def _give_up_early(self) -> None:
        """Let go of what was kept back for so long that nobody waits for it any more."""
        now = time.monotonic()
        error = PublishError(f"nobody is there at {self.name} to take it")
        with self._lock:
            while self._early and self._early[oldest := next(iter(self._early))][0] <= now:
                for _, lost in self._early.pop(oldest)[1]:
                    if lost is not None:
                        self._gone.put(partial(lost, error))
                if oldest.startswith(_WATCHED):
                    self._departures.left(oldest)  # as it never came

    def _item(self, message: Format, id: str | None = None, prev_id: str | None = None) -> Item:
        return _Message(message, id, prev_id)

    def _deliver(self, channel: str, item: Item, lost: Lost | None) -> None:
        self.ensure_reachable()
        self._publish_held(channel, item, lost)

    def _publish_held(self, channel: str, item: Item, lost: Lost | None = None) -> None:
        name = channel.encode()
        with self._lock:
            if name not in self._held:
                until = time.monotonic() + _EARLY_S
                self._early.setdefault(name, (until, []))[1].append((item, lost))
                return
        self._publish(channel, item)

    def _publish(self, channel: str, item: Item) -> None:
        self.ensure_reachable()
        try:
            self._publisher.publish(channel, item, blocking=True)
        except ValueError as error:
            metrics.PUBLISH_ERRORS.inc()
            raise PublishError(f"publishing through {self.name} failed: {error}") from None

    def _tell(self) -> None:
        """Tell of the channels that were left; apart from the watch, as it may take a while."""
        while (gone := self._gone.get()) is not None:
            try:
                if isinstance(gone, Announced):
                    self.on_announced(self.name, gone)
                elif isinstance(gone, str):
                    for listener in self.on_left:
                        listener(gone)
                else:
                    gone()
            except GripLambdaError as error:
                log.info("a channel was left unnoticed: %s", error)
            except Exception:
                log.exception("a channel was left unnoticed")

    def _watch(self) -> None:
        """Find Pushpin's sockets, then follow its subscriptions until the process ends."""
        while not self._stopping:
            addresses = self._discover()
            if addresses is None:
                continue
            push_uri, sub_uri = addresses
            self._publisher.add_client(
                ZmqPubControlClient(None, push_uri=push_uri, context=self._context)
            )
            self._follow(sub_uri)

    def _discover(self) -> tuple[str, str] | None:
        """Ask the control socket where to publish; None where nobody answers."""
        addresses = self._control.ask()
        if addresses is None:
            return None
        try:
            return addresses[b"publish-pull"].decode(), addresses[b"publish-sub"].decode()
        except KeyError:
            log.error("the proxy %s has no ZeroMQ publish sockets", self.name)
            time.sleep(1)
            return None

    def _follow(self, sub_uri: str) -> None:
        socket = self._context.socket(zmq.XPUB)
        socket.rcvhwm = 0
        socket.linger = 0
        socket.reconnect_ivl = 50
        # If a link breaks, all that it announced is over; the next one announces it anew. Without
        # this ZeroMQ takes both for one link, and says neither.
        socket.immediate = 1
        monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        socket.connect(sub_uri)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        while not self._stopping:
            ready = dict(poller.poll(math.ceil(1000 * self._departures.pause_s)))
            if socket in ready:
                self._on_subscriptions(socket)
                time.sleep(_DRAIN_S)
            while monitor.poll(0):
                event = recv_monitor_message(monitor)["event"]
                self._on_subscriptions(socket)  # what came before it
                self._on_connection(event)
            for gone in self._departures.settled(self._held):
                self._gone.put(gone)
            self._give_up_early()
        socket.disable_monitor()
        socket.close()

    def _on_connection(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._departures.linked()
            self._connected.set()
        else:
            self._departures.broken()
            self._patient_until = time.monotonic() + _CONNECT_S
            self._connected.clear()

    def _on_subscriptions(self, socket: zmq.Socket[bytes]) -> None:
        while int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            message = socket.recv(zmq.NOBLOCK)
            name = message[1:]
            with self._lock:
                if message[:1] == b"\x00":
                    self._held.discard(name)
                    if name.startswith(_WATCHERS):
                        self.watchers.discard(name.decode(errors="replace"))
                    if name.startswith(_WATCHED):
                        self._departures.left(name)
                        if self.on_leaving is not None:
                            self.on_leaving(name.decode(errors="replace"))
                    continue
                self._held.add(name)
                if name.startswith(_WATCHERS):
                    self.watchers.add(name.decode(errors="replace"))
                early = self._early.pop(name, None)
                # Within the lock: what is published from now on comes after it.
                for item, _ in early[1] if early is not None else ():
                    self._publisher.publish(name.decode(), item, blocking=True)
