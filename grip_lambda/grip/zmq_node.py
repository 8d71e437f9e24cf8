"""A Pushpin whose control socket is ZeroMQ, as it should be.

A reply can overtake the hold that waits for it: a publish to a channel that nobody holds yet is
lost. So each process listens on every Pushpin's publish socket, where ZeroMQ tells which channels
are subscribed, and keeps a reply back until its hold is in place (a few milliseconds as a rule).
What a process that dies takes with it is found by Pushpin's own repeat after a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import tnetstring
import zmq
from gripcontrol import GripPubControl
from pubcontrol import Format, Item, ZmqPubControlClient
from zmq.utils.monitor import recv_monitor_message

from ..errors import GripLambdaError, PublishError
from .node import HOLD_ID, REPLY_ID, Node, response

log = logging.getLogger(__name__)

#: What the names of channels begin with that it matters to have left.
_WATCHED = b"log-"
#: How long a reply waits for its hold, in seconds. Pushpin repeats a hold after one second.
_EARLY_S = 3.0
_CONNECT_S = 0.5
#: A process that has just started may have to wait for its Pushpins, in seconds.
_START_S = 2.0
#: The watch rests this long after reading, in seconds: under load it then reads many at once.
_DRAIN_S = 0.002
_DISCOVER_MS = 1000


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
        self._control_uri = control_uri
        self._context: zmq.Context[Any] = zmq.Context()
        self._context.sndhwm = 0  # a full queue would block every thread
        self._publisher = GripPubControl(zmq_context=self._context)
        self._connected = threading.Event()
        self._patient_until = time.monotonic() + _START_S
        self._stopping = False
        self._lock = threading.Lock()
        self._held: set[bytes] = set()
        self._early: dict[bytes, tuple[float, list[Item]]] = {}
        self._gone: SimpleQueue[str | None] = SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name=f"left-{name}", daemon=True)
        self._teller.start()
        self._thread = threading.Thread(target=self._watch, name=f"node-{name}", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    def require(self) -> None:
        if self._connected.is_set():
            return
        # Only a short absence is worth a thread: a dead Pushpin would soon have all of them.
        left = self._patient_until - time.monotonic()
        if not self._connected.wait(max(0.0, min(left, _CONNECT_S))):
            raise PublishError(f"the proxy {self.name} is out of reach; try again later")

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self._publish_held(channel, self._item(response(status, body, headers), REPLY_ID, HOLD_ID))

    def is_held(self, channel: str) -> bool | None:
        with self._lock:
            return channel.encode() in self._held if self.is_connected else None

    def stop(self) -> None:
        """Stop watching. What is still kept back is left to Pushpin's repeat."""
        self._stopping = True
        self._gone.put(None)
        self._teller.join(timeout=2)
        self._thread.join(timeout=2)

    def _keep_early(self, name: bytes, item: Item) -> None:
        now = time.monotonic()
        while self._early:
            oldest = next(iter(self._early))
            if self._early[oldest][0] > now:
                break
            del self._early[oldest]
        self._early.setdefault(name, (now + _EARLY_S, []))[1].append(item)

    def _item(self, message: Format, id: str | None = None, prev_id: str | None = None) -> Item:
        return _Message(message, id, prev_id)

    def _publish_held(self, channel: str, item: Item) -> None:
        name = channel.encode()
        with self._lock:
            if name not in self._held:
                self._keep_early(name, item)
                return
        self._publish(channel, item)

    def _publish(self, channel: str, item: Item) -> None:
        self.require()
        try:
            self._publisher.publish(channel, item, blocking=True)
        except ValueError as error:
            raise PublishError(f"publishing through {self.name} failed: {error}") from None

    def _tell(self) -> None:
        """Tell of the channels that were left; apart from the watch, as it may take a while."""
        while (channel := self._gone.get()) is not None:
            try:
                for listener in self.left:
                    listener(channel)
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
        with self._context.socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(self._control_uri)
            socket.send(tnetstring.dumps({b"method": b"get-zmq-uris"}))
            if not socket.poll(_DISCOVER_MS, zmq.POLLIN):
                return None
            answer = tnetstring.loads(socket.recv())
        value = answer.get(b"value") or {}
        try:
            return value[b"publish-pull"].decode(), value[b"publish-sub"].decode()
        except KeyError:
            log.error("the proxy %s has no ZeroMQ publish sockets", self.name)
            time.sleep(1)
            return None

    def _follow(self, sub_uri: str) -> None:
        socket = self._context.socket(zmq.XPUB)
        socket.rcvhwm = 0
        socket.linger = 0
        socket.reconnect_ivl = 50
        monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        socket.connect(sub_uri)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        while not self._stopping:
            ready = dict(poller.poll(500))
            if monitor in ready:
                self._on_connection(recv_monitor_message(monitor)["event"])
            if socket in ready:
                self._on_subscriptions(socket)
                time.sleep(_DRAIN_S)
        socket.disable_monitor()
        socket.close()

    def _on_connection(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._connected.set()
        else:
            self._patient_until = time.monotonic() + _CONNECT_S
            self._connected.clear()
            with self._lock:
                self._held.clear()  # told anew after a reconnect

    def _on_subscriptions(self, socket: zmq.Socket[bytes]) -> None:
        while int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            message = socket.recv(zmq.NOBLOCK)
            name = message[1:]
            with self._lock:
                if message[:1] == b"\x00":
                    self._held.discard(name)
                    if name.startswith(_WATCHED):
                        self._gone.put(name.decode(errors="replace"))
                    continue
                self._held.add(name)
                early = self._early.pop(name, None)
            for item in early[1] if early is not None else ():
                self._publisher.publish(name.decode(), item, blocking=True)
