"""Openings of hosts without WebSocket: what was asked for, until the host acknowledges.

Pushpin keeps this for WebSockets (session.py). Here it is kept in a log beside those of messages,
as is when a lambda was deleted: event ids from before are then of no use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from ....errors import Busy
from ....store import Host, Store
from ..session import Connection, Session

_OPENINGS = "openings"
_REFUSED = "refused"
#: So long it is remembered that a host refused to open a lambda, in seconds.
_REFUSED_S = 600.0
#: So many openings of one id may wait to be acknowledged.
_MOST = 50


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A host that has not acknowledged yet; the attributes are those of Connection."""

    session: Session
    connection: str
    node: str
    transport: str
    headers: Mapping[str, Sequence[str]]
    client: str = ""

    @property
    def host(self) -> Host:
        """Where messages for it go."""
        return Host(self.connection, self.node, self.session.code, self.transport)

    def as_connection(self) -> Connection:
        return Connection(
            self.connection,
            self.node,
            lambda: self.headers,
            self.transport,
            client=lambda: self.client,
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Pending)


class Unacknowledged:
    """Those of all lambdas."""

    def __init__(self, store: Store, kept_s: float) -> None:
        """Keep openings in ``store``, each for ``kept_s`` seconds."""
        self._logs = store.logs
        self._kept_s = kept_s

    def add(self, pending: Pending, now: float) -> None:
        """Enter an opening.

        Raises:
            Busy: too many wait for this id already.
        """
        self._logs.append(
            pending.session.lambda_id,
            _OPENINGS,
            _encoder.encode(pending),
            now,
            until=now + self._kept_s,
            lives_s=self._kept_s,
            most=_MOST,
        )

    def list(self, lambda_id: str, now: float) -> list[tuple[int, Pending]]:
        """Return the openings that wait for their acknowledgement, with their numbers."""
        tail = self._logs.read(lambda_id, _OPENINGS, 0, now)
        entries = [] if tail is None else tail.entries
        return [(entry.seq, _decoder.decode(entry.data)) for entry in entries]

    def remove(self, lambda_id: str, up_to: int, now: float) -> None:
        """Forget an opening, and those before it."""
        self._logs.attach(
            lambda_id,
            _OPENINGS,
            up_to,
            now,
            node="",
            kind="",
            until=now,
            lives_s=self._kept_s,
            trim=True,
        )

    def refuse(self, lambda_id: str, connection: str, now: float) -> None:
        """Note that a host refused to open the lambda: what it asks next is not to open it."""
        with suppress(Busy):  # whoever refuses so often may be asked once more
            self._logs.append(
                lambda_id,
                _REFUSED,
                connection.encode(),
                now,
                until=now + _REFUSED_S,
                lives_s=_REFUSED_S,
                most=_MOST,
            )

    def is_refused(self, lambda_id: str, connection: str, now: float) -> bool:
        """Tell whether the host of a connection has refused to open the lambda."""
        tail = self._logs.read(lambda_id, _REFUSED, 0, now)
        refused = [] if tail is None else [entry.data for entry in tail.entries]
        return connection.encode() in refused
