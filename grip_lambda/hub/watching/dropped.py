"""What was closed by a program that answers nobody: the lambdas of a Pushpin that ended."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...store import Closed, Store
from .peers import tell_one

#: What one of the processes is asked to note.
DROPPED = "dropped"


class Dropped(msgspec.Struct, frozen=True, array_like=True):
    """Lambdas that were closed.

    Attributes:
        closed: the lambdas, and the calls that ended with them.
    """

    closed: Sequence[Closed]


_decoder = msgspec.json.Decoder(Dropped)


def tell_dropped(store: Store, closed: Sequence[Closed]) -> None:
    """Have one of the processes answer the callers and note the rest, as if it had closed it.

    Raises:
        StoreError: the store is out of reach.
    """
    if closed:
        tell_one(store, DROPPED, msgspec.json.encode(Dropped(closed)).decode())


def read_dropped(text: str) -> Sequence[Closed]:
    """Return what ``tell_dropped`` tells."""
    return _decoder.decode(text).closed
