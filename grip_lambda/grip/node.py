"""A Pushpin, and what is published to it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from pubcontrol import Format, Item

from ..settings import NEXT_S
from .departures import Announced
from .pace import Lost, Pacer

#: A hold names its channel with this id, and a reply follows it (see docs/design.md).
HOLD_ID = "0"
REPLY_ID = "1"
_ASKED_MAX = 10_000
#: What the names of channels begin with on which somebody watches: ``events-<who>-<what>``.
WATCHERS = "events-"


class Watched:
    """The channels on which somebody watches, by what is watched there.

    One thread adds and takes away; others look at it meanwhile.
    """

    def __init__(self) -> None:
        self._channels: dict[str, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._channels)

    def add(self, channel: str) -> None:
        """Note that somebody watches."""
        self._channels.setdefault(_what(channel), set()).add(channel)

    def discard(self, channel: str) -> None:
        """Note that nobody watches there any more."""
        found = self._channels.get(_what(channel), set())
        found.discard(channel)
        if not found:
            self._channels.pop(_what(channel), None)

    def of(self, *what: str) -> list[str]:
        """Return the channels on which something of this is watched."""
        return [channel for one in what for channel in list(self._channels.get(one, ()))]


def _what(channel: str) -> str:
    return channel.removeprefix(WATCHERS).partition("-")[2]


class _Ping(Format):  # type: ignore[misc]
    """A ping, which gripcontrol knows nothing of."""

    def name(self) -> str:
        return "ws-message"

    def export(self) -> dict[str, str]:
        return {"type": "ping", "content": ""}


class Node(ABC):
    """One Pushpin. Safe for many threads.

    Attributes:
        name: the node's name, which is in the issuer of its ``Grip-Sig``.
        on_leaving: is told at once of each channel of hosts that may have been left.
        on_left: are told of each channel that nobody is held on any more, as far as that is seen.
        watchers: the channels that are held by who watches, as far as that is seen.
        on_announced: is told which channels are held, given the node's name, some time after each
            new link to it.
    """

    on_left: Sequence[Callable[[str], None]] = ()
    on_leaving: Callable[[str], None] | None = None
    #: Whether nothing can be done after ``send`` has returned.
    _frozen = False
    on_announced: Callable[[str, Announced], None] = staticmethod(lambda *_: None)

    def __init__(self, name: str) -> None:
        self.name = name
        #: When the next link of a busy stream was asked for here.
        self._asked: dict[str, float] = {}
        self._pacer = Pacer()
        self.watchers = Watched()

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """Whether Pushpin is there, as far as is known now."""

    @abstractmethod
    def ensure_reachable(self) -> None:
        """Make sure that Pushpin is there.

        Raises:
            PublishError: it has not been reached within half a second.
        """

    def send(
        self,
        channel: str,
        message: bytes,
        *,
        after_s: float = 0.0,
        lost: Lost | None = None,
        wait: bool = False,
    ) -> None:
        """Send a text message to the WebSocket subscribed to ``channel``.

        It is kept back until there is one, for a few seconds, as far as this way of publishing can
        tell: Pushpin may pass on a host's first message before it has subscribed its channel.

        Args:
            after_s: when its turn begins, in seconds from now; see pace.py.
            lost: is told if the message is lost later, as far as that is seen.
            wait: whether to return only when it has left, or is kept back for a subscription.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        item = self._item(WebSocketMessageFormat(message.decode()))
        publish = partial(self._deliver, channel, item, lost)
        waits = wait or self._frozen
        self._pacer.send(channel, len(message), publish, after_s=after_s, lost=lost, wait=waits)

    def close(self, channel: str, code: int, reason: str) -> None:
        """Close the WebSocket subscribed to ``channel`` with a code and a reason.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        closing = WebSocketMessageFormat(action="close", code=code, reason=reason)
        self._deliver(channel, self._item(closing), None)

    def ping(self, channel: str) -> None:
        """Ping the WebSocket subscribed to ``channel``; its pong is a batch like any other.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        self._deliver(channel, self._item(_Ping()), None)

    @abstractmethod
    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer the request held on ``channel``, as soon as its hold is in place.

        Args:
            headers: put in the place of those of the same name that the hold came with.

        Raises:
            PublishError: Pushpin is out of reach.
        """

    def stream(self, channel: str, seq: int, data: bytes) -> None:
        """Send the next piece to the HTTP stream held on ``channel``, as soon as that is in place.

        Args:
            seq: its number. Pushpin sends pieces in order, each once; where one is missing, it
                asks the stream's next link (see docs/design.md).

        Raises:
            PublishError: Pushpin is out of reach.
        """
        message = HttpStreamFormat(data.decode())
        self._publish_held(channel, self._item(message, str(seq), str(seq - 1)))
        if self._is_time(channel):
            self.ask_again(channel)

    def _is_time(self, channel: str) -> bool:
        """Tell whether to have a next link asked, which Pushpin puts off while data flow."""
        now = time.monotonic()
        if len(self._asked) > _ASKED_MAX:
            self._asked.clear()
        asked = self._asked.setdefault(channel, now)
        if now - asked < NEXT_S:
            return False
        self._asked[channel] = now
        return True

    def tell(self, channel: str, data: bytes) -> None:
        """Send text to all HTTP streams held on ``channel``; nobody asks for what was missed.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        self._publish_held(channel, self._item(HttpStreamFormat(data.decode())))

    def end_stream(self, channel: str, seq: int) -> None:
        """End the HTTP stream held on ``channel`` after the piece before ``seq``.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        item = self._item(HttpStreamFormat(close=True), str(seq), str(seq - 1))
        self._publish_held(channel, item)

    def ask_again(self, channel: str) -> None:
        """Have Pushpin ask the next link of the stream held on ``channel`` soon.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        self._publish_held(channel, self._item(HttpStreamFormat(action="hint")))

    def restart(self, channel: str) -> None:
        """Have Pushpin send the next piece to the stream held on ``channel``, whichever it is.

        It keeps pieces back that do not follow the last one that it has passed on. If its next link
        has brought what was missing, they would wait for a second, and those after them as well.

        Raises:
            PublishError: Pushpin is out of reach.
        """
        # Without an id Pushpin forgets the last one; an HTTP stream has no use for the format.
        self._publish_held(channel, self._item(WebSocketMessageFormat("")))

    def sync(self) -> None:  # noqa: B027 - most have nothing on its way
        """Wait until Pushpin has taken what was sent before, so that nothing overtakes it."""

    def flush(self) -> None:  # noqa: B027 - most do nothing later
        """Do now what would be done later: nothing may run after this for a long time."""

    def of_hosts(self) -> list[str]:
        """Return the channels that hosts on WebSocket and streams hold, as far as that is seen."""
        return []

    def is_held(self, channel: str) -> bool | None:
        """Tell whether somebody is held on ``channel``; None where that can't be seen."""
        return None

    @abstractmethod
    def stop(self) -> None:
        """Let go of it. What is not sent yet is left to Pushpin's repeat."""

    def _item(self, message: Format, id: str | None = None, prev_id: str | None = None) -> Item:
        return Item(message, id, prev_id)

    def _deliver(self, channel: str, item: Item, lost: Lost | None) -> None:
        """Publish a message to a host, as ``_publish_held`` does."""
        self._publish_held(channel, item, lost)

    @abstractmethod
    def _publish_held(self, channel: str, item: Item, lost: Lost | None = None) -> None:
        """Publish an item, or raise PublishError; not before the channel is held, if possible.

        Args:
            lost: is told if it was kept back until nobody waits for it any more.
        """

    @abstractmethod
    def _publish(self, channel: str, item: Item) -> None:
        """Publish an item, or raise PublishError."""


def response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Format:
    """Return the message that answers a held request."""
    return HttpResponseFormat(code=status, headers=headers or None, body=body.decode())
