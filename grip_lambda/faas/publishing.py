"""``publish``: to whom a function's channels are subscribed, through every proxy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gripcontrol import GripPubControl, HttpResponseFormat
from pubcontrol import Format, Item

from ..errors import PublishError
from ..grip.control import http_publisher, publish_zmq
from ..proxies import Proxy, publishing_proxies
from .errors import InvalidUse, PublishFailed

#: Is told whether a message was published, and if not, why.
Callback = Callable[[bool, str], None]

_lock = threading.Lock()
#: Connections to control ports are kept from one event to the next.
_publishers: dict[Proxy, GripPubControl] = {}
_threads: set[threading.Thread] = set()


def publish(  # noqa: PLR0917 - as faas-grip has it
    channel: str,
    formats: Format | Iterable[Format],
    id: str | None = None,
    prev_id: str | None = None,
    blocking: bool = True,
    callback: Callback | None = None,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Publish a message through every proxy that GRIP_URL and GRIP_PROXIES name.

    Args:
        channel: the channel; GRIP_PREFIX is put before it.
        formats: gripcontrol's ``WebSocketMessageFormat``, ``HttpStreamFormat`` or
            ``HttpResponseFormat``, or several of them, one of a kind.
        id: names the message; proxies drop one that they have seen.
        prev_id: the message that this one follows.
        blocking: whether to return only when it has been sent. What is not may be lost with a
            function that is frozen before: call ``flush`` or ``to_response`` then.
        callback: is told how it ended; without ``blocking`` in another thread.
        meta: what the proxies' filters read.

    Raises:
        ConfigError: there is no proxy to publish to, or a setting makes no sense.
        InvalidUse: there is no such message.
        PublishFailed: with ``blocking``: a proxy is out of reach, or has refused it.
    """
    proxies = publishing_proxies(os.environ)
    name = prefix() + _channel(channel)
    item = Item(_formats(formats), id, prev_id, dict(meta or {}))
    if blocking:
        _publish(proxies, name, item, callback)
        return
    thread = threading.Thread(target=_in_background, args=(proxies, name, item, callback))
    thread.daemon = True
    with _lock:
        _threads.add(thread)
    thread.start()


def flush() -> None:
    """Wait until all that is published without blocking has been sent, or has failed."""
    with _lock:
        waiting = list(_threads)
    for thread in waiting:
        thread.join()


def prefix() -> str:
    """Return what stands before every channel."""
    return os.environ.get("GRIP_PREFIX", "")


def _publish(proxies: Iterable[Proxy], channel: str, item: Item, callback: Callback | None) -> None:
    """Publish through all proxies, also where one of them fails."""
    failures = []
    for proxy in proxies:
        try:
            if proxy.is_http:
                _publisher(proxy).publish(channel, item, blocking=True)
            else:
                publish_zmq(proxy.control_uri, channel, item)
        except (PublishError, ValueError) as error:  # pubcontrol has no error of its own
            failures.append(f"{proxy.control_uri}: {error}")
    told = "; ".join(failures)
    if callback is not None:
        callback(not failures, told)
    if failures:
        raise PublishFailed(f"a message was not published: {told}")


def _in_background(
    proxies: Iterable[Proxy], channel: str, item: Item, callback: Callback | None
) -> None:
    try:
        _publish(proxies, channel, item, callback)
    except PublishFailed:
        pass  # the callback was told
    finally:
        with _lock:
            _threads.discard(threading.current_thread())


def _publisher(proxy: Proxy) -> GripPubControl:
    with _lock:
        if proxy not in _publishers:
            _publishers[proxy] = http_publisher(proxy)
        return _publishers[proxy]


def _channel(channel: object) -> str:
    if not isinstance(channel, str) or not channel:
        raise InvalidUse(f"a channel is a text, not {channel!r}")
    return channel


def _formats(formats: Format | Iterable[Format]) -> list[Format]:
    several = [formats] if isinstance(formats, Format) else list(formats)
    if not several or not all(isinstance(one, Format) for one in several):
        raise InvalidUse(
            "publish() takes a format, like gripcontrol.WebSocketMessageFormat('hello')"
        )
    if len({type(one) for one in several}) < len(several):
        raise InvalidUse("a message has one format of a kind")
    for one in several:
        # Its first argument is not the body, and a text there would become the status 0.
        if isinstance(one, HttpResponseFormat) and not isinstance(one.code, int | None):
            raise InvalidUse("the body of a response is HttpResponseFormat(body=…)")
    return several
