"""What Pushpin keeps for us of a host's connection, and sends along with each batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Connection:
    """A real WebSocket, as the Pushpin that holds it describes it.

    Attributes:
        id: Pushpin's id of it.
        node: the Pushpin.
        headers: gives those of the handshake, as the listing shows them.
    """

    id: str
    node: str
    headers: Callable[[], Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Session:
    """How far a host's connection has come.

    Attributes:
        lambda_id: the address that it opens or holds.
        generation: what its reopen token is bound to.
        may_take_over: whether it showed the token of the id.
        is_open: whether the host acknowledged.
    """

    lambda_id: str
    generation: str
    may_take_over: bool = False
    is_open: bool = False

    def encode(self) -> str:
        """Return the value of the meta header."""
        return f"{self.lambda_id} {self.generation} {self.may_take_over:d}{self.is_open:d}"

    @classmethod
    def decode(cls, text: str) -> Session | None:
        """Read the meta header of a batch from a real WebSocket; None where there is none."""
        parts = text.split(" ")
        if len(parts) != 3 or len(parts[2]) != 2:
            return None
        return cls(parts[0], parts[1], parts[2][0] == "1", parts[2][1] == "1")
