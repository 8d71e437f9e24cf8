"""How processes on several machines reach one another: a channel in Redis for each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import redis

from ..links import is_here
from ..unix_link import UnixLink

log = logging.getLogger(__name__)

#: How long after a failure the server is tried again, in seconds.
_PAUSE_S = 0.3
_POLL_S = 1.0


class NearAndFar:
    """Reaches processes of this machine by Unix sockets, and others by Redis."""

    def __init__(self, server: Any) -> None:
        self._near = UnixLink()
        self._far = RedisLink(server)

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        """Pass on what is sent to ``address`` on either way."""
        self._near.listen(address, receive)
        self._far.listen(address, receive)

    def send(self, address: str, data: bytes) -> bool:
        """Send a message to the process that listens at ``address``; False if it does not."""
        return (self._near if is_here(address) else self._far).send(address, data)

    def close(self) -> None:
        """Stop listening, within a second."""
        self._near.close()
        self._far.close()


class RedisLink:
    """Publishes to other processes, and subscribes to what is for this one."""

    def __init__(self, server: Any) -> None:
        self._redis = server
        self._closed = threading.Event()

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        """Pass on what is sent to ``address``, in a thread of its own."""
        threading.Thread(
            target=self._listen, args=(address, receive), name="link", daemon=True
        ).start()

    def _listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(_name(address))
                    while not self._closed.is_set():
                        message = channel.get_message(timeout=_POLL_S)
                        if message is not None:
                            receive(message["data"])
            except (redis.RedisError, OSError, ValueError) as error:
                log.debug("no news of other processes: %s", error)
                self._closed.wait(_PAUSE_S)

    def send(self, address: str, data: bytes) -> bool:
        """Send a message to the process that listens at ``address``; False if it does not."""
        try:
            return int(self._redis.publish(_name(address), data)) > 0
        except redis.RedisError as error:
            log.info("another process was not told: %s", error)
            return False

    def close(self) -> None:
        """Stop listening, within a second."""
        self._closed.set()


def _name(address: str) -> str:
    return f"gl:link:{address}"
