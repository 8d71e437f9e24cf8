"""HTTP responses that Pushpin holds while a log (store/logs.py) is read with them.

Each entry is published with its number, and Pushpin sends them in order. If it misses one, a
second after the hold began, and every few seconds, it asks a link how the response goes on, and
says in ``Grip-Last`` which hold of which log it asks for. While a response waits for that, nothing
is sent with it. Pushpin asks ten different links in a second, but for a hundred responses each; so
all have the same link. Only Pushpin knows it, and it takes ``Grip-Last`` from no client.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import NamedTuple

from ..errors import NotFound, PublishError
from ..grip.nodes import Nodes
from ..protocol.signed import sign
from .channels import is_number, parse_log_channel

log = logging.getLogger(__name__)
#: Reads the place, the log and the hold from the name of a channel; None if it is no such channel.
ParseChannel = Callable[[str], tuple[str, str, int] | None]


class Followed(NamedTuple):
    """How far a held response has come, as Pushpin says.

    Attributes:
        place, log, hold: what it reads, and with which hold.
        last: the number of the entry that it had last.
    """

    place: str
    log: str
    hold: int
    last: int


class Link:
    """The link of one purpose.

    Attributes:
        link: its signed part.
    """

    def __init__(
        self, nodes: Nodes, secret: bytes, purpose: str, parse: ParseChannel = parse_log_channel
    ) -> None:
        """Make the link.

        Args:
            parse: reads the names of channels.
        """
        self._nodes = nodes
        self._parse = parse
        self.link = sign(secret, purpose, "stream")

    def followed(self, link: str, grip_last: str) -> Followed:
        """Read what Pushpin asks.

        Args:
            link: the signed part of the link.
            grip_last: the header with which Pushpin says what the response had last.

        Raises:
            NotFound: we have not made this link, or for no such hold.
        """
        channel, _, given = grip_last.partition(";")
        is_ours = hmac.compare_digest(link.encode(errors="replace"), self.link.encode())
        known = self._parse(channel.strip()) if is_ours else None
        last = given.partition("last-id=")[2].strip()
        if known is None or not is_number(last):
            raise NotFound("this address is for the proxy; read the stream where you asked for it")
        return Followed(*known, int(last))

    def go_on(self, node: str, channel: str) -> None:
        """Have Pushpin send whatever is published next, as it is told now what it has missed."""
        try:
            self._nodes[node].restart(channel)
        except PublishError as error:
            log.info("a stream may go on late: %s", error)
