"""HTTP responses that Pushpin holds while a log (store/logs.py) is read with them.

Each entry is published with its number, and Pushpin sends them in order. If it misses one, and
every few seconds, it asks a link how the response goes on. The link is signed: it says which hold
of which log it is for, and anybody may send a request to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import NotFound
from ..protocol.signed import sign, unsign
from .channels import is_number, log_channel, parse_log_channel

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


class Links:
    """The links of one purpose."""

    def __init__(
        self,
        secret: bytes,
        purpose: str,
        parse: ParseChannel = parse_log_channel,
        channel: Callable[[str, str, int], str] = log_channel,
    ) -> None:
        """Prepare to sign.

        Args:
            parse, channel: read and write the names of channels.
        """
        self._secret = secret
        self._purpose = purpose
        self._parse = parse
        self._channel = channel

    def sign(self, channel: str) -> str:
        """Return the signed part of the link for the hold on a channel."""
        return sign(self._secret, self._purpose, channel)

    def followed(self, link: str, grip_last: str) -> Followed:
        """Read what Pushpin asks.

        Args:
            link: the signed part of the link.
            grip_last: the header with which Pushpin says what the response had last.

        Raises:
            NotFound: we have not made this link, or it is for another hold.
        """
        channel, _, given = grip_last.partition(";")
        known = self._parse(unsign(self._secret, self._purpose, link) or "")
        last = given.partition("last-id=")[2].strip()
        if known is None or self._channel(*known) != channel.strip() or not is_number(last):
            raise NotFound("this address is for the proxy; read the stream where you asked for it")
        return Followed(*known, int(last))
