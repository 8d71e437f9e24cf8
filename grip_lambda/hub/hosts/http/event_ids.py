"""Event ids of hosts without WebSocket: whose each is, and whether it still counts."""

from __future__ import annotations

import time

from ....errors import Cancelled, Forbidden, TakenOver
from ....protocol import ids
from ....protocol.ids import EventId, HttpConnection
from ....store import Store
from ..deletions import Deletions
from ..registry import Hosts
from .reads import HostRequest
from .unacknowledged import Pending, Unacknowledged

_TAKEN_OVER = "another host has opened this lambda since; open it again to take it back"
_REFUSED = "the host refused to open this lambda; to open it, ask without Last-Event-ID"
_DELETED = "the lambda was deleted; to open it again, ask without Last-Event-ID"


class EventIds:
    """Reads them, and looks up what has become of what they name."""

    def __init__(
        self, store: Store, hosts: Hosts, unacknowledged: Unacknowledged, secret: bytes
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._unacknowledged = unacknowledged
        self._secret = secret
        self._deletions = Deletions(store)

    def opener(self, event_id: str) -> str:
        """Return the id of the API key that opened the lambda of an event; empty if none did.

        Raises:
            Forbidden: the event id is forged.
        """
        event = self._decoded(event_id)
        now = time.time()
        for pending in self._pending(event, now):
            return pending.session.owner
        past = self._store.remembered(event.lambda_id, now)
        generation = HttpConnection.parse(event.connection).generation
        return past.owner if past is not None and past.generation == generation else ""

    def _decoded(self, event_id: str) -> EventId:
        event = EventId.decode(self._secret, event_id)
        if event is None:
            raise Forbidden("this Last-Event-ID was not given by this server")
        return event

    def of(self, client: HostRequest) -> EventId | None:
        """Return what a request's event id says, None where there is none.

        Raises:
            Forbidden: it is forged, or not of the lambda or the token that the request names.
        """
        if not client.last:
            return None
        event = self._decoded(client.last)
        if client.opening.wanted not in (None, event.lambda_id):
            raise Forbidden("this Last-Event-ID belongs to another lambda")
        if client.opening.token and not self._is_token(event, client.opening.token):
            raise Forbidden("this token does not belong to the Last-Event-ID")
        return event

    def _is_token(self, event: EventId, token: str) -> bool:
        generation = HttpConnection.parse(event.connection).generation
        return ids.is_reopen_token(self._secret, event.lambda_id, generation, token)

    def goes_on(self, event: EventId, now: float) -> bool:
        """Tell whether a connection holds its lambda, or is to; False where that is gone.

        Raises:
            TakenOver: another one does, or its host refused to open it.
            Cancelled: it was deleted.
            Forbidden: its API key was revoked.
        """
        known = self._store.get_lambda(event.lambda_id, now)
        if known is None or known.connection != event.connection:
            if self._pending(event, now):
                return True
            # It may have been acknowledged between the two looks.
            known = self._store.get_lambda(event.lambda_id, now)
        if known is not None and known.connection == event.connection:
            self._hosts.check_key(known.owner)
            return True
        if self._unacknowledged.is_refused(event.lambda_id, event.connection, now):
            raise TakenOver(_REFUSED)
        opened_s = HttpConnection.parse(event.connection).opened_ms / 1000
        if opened_s <= self._deletions.last(event.lambda_id, now):
            raise Cancelled(_DELETED)
        if known is not None:
            raise TakenOver(_TAKEN_OVER)
        past = self._store.remembered(event.lambda_id, now)
        generation = HttpConnection.parse(event.connection).generation
        if past is not None and past.generation != generation:
            raise TakenOver(_TAKEN_OVER)
        return False

    def is_wanted(self, event: EventId, now: float) -> bool:
        """Tell whether what a Pushpin holds is to be held on; its lambda ends with its key."""
        try:
            return self.goes_on(event, now)
        except (TakenOver, Cancelled):
            return False
        except Forbidden:
            self._hosts.gone(event.lambda_id, event.connection)
            return False

    def _pending(self, event: EventId, now: float) -> list[Pending]:
        waiting = self._unacknowledged.list(event.lambda_id, now)
        return [pending for _, pending in waiting if pending.connection == event.connection]
