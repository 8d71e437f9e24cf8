"""Whose an id is: who may open one that was open before, or that nobody has heard of."""

from __future__ import annotations

from ...errors import Forbidden
from ...protocol import ids
from ...protocol.names import check_lambda_id
from ...settings import Settings
from ...store import Store
from ..access import Access
from .session import Opening, Session


class Ownership:
    """Decides who may open which id."""

    def __init__(self, store: Store, settings: Settings, access: Access) -> None:
        self._store = store
        self._settings = settings
        self._access = access

    def reopen(self, opening: Opening, lambda_id: str, now: float) -> tuple[Session, bool]:
        """Begin to open an id that a client names.

        Returns:
            The session, and whether the id was open within the last day.

        Raises:
            BadRequest: the id is malformed.
            Forbidden: the id is open, or opened by another API key, and the token is not its.
        """
        check_lambda_id(lambda_id)
        past = self._store.remembered(lambda_id, now)
        secret = self._settings.secret
        if past and (
            ids.is_reopen_token(secret, lambda_id, past.generation, opening.token)
            or (opening.owner and opening.owner == past.owner)
        ):
            if opening.owner and opening.owner != past.owner:
                fresh = ids.new_generation()  # whoever has the token had it of another key
                return Session(lambda_id, fresh, int(now), replaces=past.generation), True
            session = Session(
                lambda_id, past.generation, int(now), may_take_over=True, owner=past.owner
            )
            return session, True
        if self._access.ring is not None:
            if past or not opening.owner or not self._may_be_free(opening.token, lambda_id, now):
                raise Forbidden(
                    "opening this lambda takes the API key that opened it, or its token, as a"
                    " bearer or ?token=…"
                )
        elif self._store.get_lambda(lambda_id, now) is not None:
            raise Forbidden(
                "this lambda is open; reopening it takes its token, as a bearer or ?token=…"
            )
        return Session(lambda_id, ids.new_generation(), int(now)), past is not None

    def _may_be_free(self, token: str, lambda_id: str, now: float) -> bool:
        """Tell whether an id that the store does not know may be opened by who has any API key.

        A store that has lost everything may have lost that another key holds this id. Hosts that
        are connected enter themselves again with the next ping; until then it takes the token.
        """
        if ids.is_proven(self._settings.secret, lambda_id, token):
            return True
        lasts_s = 2.0 * max(self._settings.ping_s, self._settings.grace_s)
        return now - self._store.lost_at(now) >= lasts_s
