"""The Pushpins, and what is published to them.

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
from typing import Any

import tnetstring
import zmq
from gripcontrol import GripPubControl, HttpResponseFormat, WebSocketMessageFormat
from pubcontrol import Item, ZmqPubControlClient
from zmq.utils.monitor import recv_monitor_message

from ..errors import PublishError

log = logging.getLogger(__name__)

#: A hold names its channel with this id, and a reply follows it (see docs/design.md).
HOLD_ID = "0"
_REPLY_ID = "1"
#: How long a reply waits for its hold, in seconds. Pushpin repeats a hold after one second.
_EARLY_S = 3.0
_CONNECT_S = 0.5
#: The watch rests this long after reading, in seconds: under load it then reads many at once.
_DRAIN_S = 0.002
_DISCOVER_MS = 1000


class _Message(Item):  # type: ignore[misc]
    """An item whose export is made of bytes at once; pubcontrol would walk through it twice."""

    def export(self, formats_field: bool = False, tnetstring: bool = False) -> dict[bytes, Any]:
        out: dict[bytes, Any] = {
            b"formats": {
                form.name().encode(): {
                    key.encode(): value.encode() if isinstance(value, str) else value
                    for key, value in form.export().items()
                }
                for form in self.formats
            }
        }
        if self.id is not None:
            out[b"id"] = self.id.encode()
            out[b"prev-id"] = self.prev_id.encode()
        return out


class Node:
    """One Pushpin: its control socket, and the holds that it has. Safe for many threads."""

    def __init__(self, name: str, control_uri: str) -> None:
        self.name = name
        self._control_uri = control_uri
        self._context: zmq.Context[Any] = zmq.Context()
        self._context.sndhwm = 0  # a full queue would block every thread
        self._publisher = GripPubControl(zmq_context=self._context)
        self._connected = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._held: set[bytes] = set()
        self._early: dict[bytes, tuple[float, Item]] = {}
        self._thread = threading.Thread(target=self._watch, name=f"node-{name}", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    def require(self) -> None:
        """Make sure that Pushpin is there.

        Raises:
            PublishError: it has not been reached within half a second.
        """
        if not self._connected.is_set() and not self._connected.wait(_CONNECT_S):
            raise PublishError(f"the proxy {self.name} is out of reach; try again later")

    def send(self, channel: str, message: bytes) -> None:
        """Send a text message to the WebSocket subscribed to ``channel``.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        self._publish(channel, _Message(WebSocketMessageFormat(message.decode())))

    def close(self, channel: str, code: int, reason: str) -> None:
        """Close the WebSocket subscribed to ``channel`` with a code and a reason.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        closing = WebSocketMessageFormat(action="close", code=code, reason=reason)
        self._publish(channel, _Message(closing))

    def reply(self, channel: str, status: int, body: bytes) -> None:
        """Answer the request held on ``channel``, as soon as its hold is in place.

        Headers are those that the hold came with.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        response = HttpResponseFormat(code=status, body=body.decode())
        item = _Message(response, id=_REPLY_ID, prev_id=HOLD_ID)
        name = channel.encode()
        with self._lock:
            if name not in self._held:
                self._keep_early(name, item)
                return
        self._publish(channel, item)

    def stop(self) -> None:
        """Stop watching. What is still kept back is left to Pushpin's repeat."""
        self._stopping = True
        self._thread.join(timeout=2)

    def _keep_early(self, name: bytes, item: Item) -> None:
        now = time.monotonic()
        while self._early:
            oldest = next(iter(self._early))
            if self._early[oldest][0] > now:
                break
            del self._early[oldest]
        self._early[name] = (now + _EARLY_S, item)

    def _publish(self, channel: str, item: Item) -> None:
        self.require()
        try:
            self._publisher.publish(channel, item, blocking=True)
        except ValueError as error:
            raise PublishError(f"publishing through {self.name} failed: {error}") from None

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
                    continue
                self._held.add(name)
                early = self._early.pop(name, None)
            if early is not None:
                self._publisher.publish(name.decode(), early[1], blocking=True)


class Nodes:
    """All Pushpins of the deployment, by name."""

    def __init__(self, control_uris: Mapping[str, str]) -> None:
        self._nodes = {name: Node(name, uri) for name, uri in control_uris.items()}

    def __getitem__(self, name: str) -> Node:
        """Return the node called ``name``.

        Raises:
            PublishError: it is not configured here.
        """
        try:
            return self._nodes[name]
        except KeyError:
            raise PublishError(f"the proxy {name} is not configured") from None

    def reachable(self) -> dict[str, bool]:
        """Tell which of them are connected."""
        return {name: node.is_connected for name, node in self._nodes.items()}

    def stop(self) -> None:
        for node in self._nodes.values():
            node.stop()
