"""Hosts: opened, acknowledged, seen, gone. The same for every transport."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ...audit import Audit
from ...errors import Forbidden, NotFound, Unauthorized
from ...protocol import codecs, ids, jsonrpc
from ...protocol.keys import Key
from ...protocol.names import check_lambda_id
from ...settings import MAX_BODY, MAX_MESSAGE, Settings
from ...store import Closed, Lambda, Outcome, Store
from ..access import Access, Limits
from ..calls import Calls, StreamedCalls, Waiters, outcomes
from ..delivery import Closing, Delivery
from ..watching import UNWATCHED, Watcher
from .acknowledgement import Acknowledgement
from .deletions import Deletions
from .ownership import Ownership
from .session import Connection, Opening, Session

log = logging.getLogger(__name__)


class Hosts:
    """Who holds which lambda."""

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        calls: Calls,
        streamed: StreamedCalls,
        *,
        settings: Settings,
        access: Access,
        waiters: Waiters,
        limits: Limits,
        watching: Watcher = UNWATCHED,
        audit: Audit | None = None,
    ) -> None:
        self._audit = audit or Audit()
        self._watching = watching
        self._store = store
        self._limits = limits
        self._streamed = streamed
        self._delivery = delivery
        self._calls = calls
        self._settings = settings
        self._access = access
        self._waiters = waiters
        self._ownership = Ownership(store, settings, access)
        self._deletions = Deletions(store)

    def open(self, opening: Opening) -> tuple[Session, bytes]:
        """Begin to open a lambda, a new one or again.

        Returns:
            The session, and the ``open`` message that the host is to acknowledge.

        Raises:
            as ``prepare``.
        """
        session, recovered = self.prepare(opening)
        details = self.details(session, recovered)
        return session, codecs.of(session.code).open_message(session.lambda_id, details)

    def prepare(self, opening: Opening) -> tuple[Session, bool]:
        """Begin to open a lambda whose host is told of it in another way.

        Returns:
            The session, and whether the id was open within the last day.

        Raises:
            BadRequest: the id is malformed.
            Forbidden: the id is open, or opened by another API key, and the token is not its; or
                the key is not for the services that are named.
            Unauthorized: API keys are configured, and there is neither a key nor a token.
            RateLimited, StorageFull: the client has opened too much; see access/limits.py.
        """
        now = time.time()
        if not (opening.owner or opening.token or self._access.ring is None):
            raise Unauthorized("this takes an API key that may host, or the token of the lambda")
        if opening.wanted is None:
            session = Session(ids.new_lambda_id(), ids.new_generation(), int(now))
            recovered = False
        else:
            session, recovered = self._ownership.reopen(opening, opening.wanted, now)
        owner = opening.owner or session.owner
        if not self._access.may_host(owner):
            raise Unauthorized("this takes an API key that may host; that of the token does not")
        self._access.check_services(owner, opening.services)
        if not recovered:
            is_connected = self._delivery.is_connected(opening.transport)
            self._limits.opening(owner or opening.client, is_connected=is_connected)
        session = msgspec.structs.replace(
            session,
            code=opening.code,
            owner=owner,
            private=opening.private,
            services=opening.services,
        )
        return session, recovered

    def details(self, session: Session, recovered: bool) -> dict[str, Any]:
        """Return what a host is told beside its id."""
        secret = self._settings.secret
        return {
            "token": ids.reopen_token(secret, session.lambda_id, session.generation),
            "recovered": recovered,
            "limits": {
                "message": MAX_MESSAGE,
                "body": MAX_BODY,
                "result": self._settings.max_result,
            },
            "ping": self._settings.ping_s,
            "grace": self._settings.grace_s,
        }

    def acknowledge(self, connection: Connection, session: Session, result: bytes) -> Session:
        """List the lambda and make it callable; an earlier host loses it.

        Args:
            result: the host's answer to ``open``: any JSON; an object may say more.

        Raises:
            Forbidden: somebody else has opened the id meanwhile, or the key was revoked.
        """
        now = time.time()
        self.check_key(session.owner)
        self._check_owner(session, now)
        has_replaced = self._replace(session, now)
        acknowledgement = Acknowledgement.parse(result)
        opened = msgspec.structs.replace(
            session,
            may_take_over=False,
            replaces="",
            acknowledged_at=now,
            max_calls=acknowledgement.max_calls,
            methods=acknowledgement.methods,
            context=acknowledgement.context,
        )
        described = acknowledgement.described
        has_replaced |= self._enter(
            connection, opened, now, take_over=session.may_take_over, described=described
        )
        self._audit.note(
            "lambda taken over" if has_replaced else "lambda opened",
            key=opened.owner,
            client=connection.client(),
            id=opened.lambda_id,
            services=opened.services,
        )
        return opened

    def _check_owner(self, session: Session, now: float) -> None:
        """Check that no other key has opened the id since this connection began to."""
        if self._access.ring is None or session.may_take_over:
            return
        past = self._store.remembered(session.lambda_id, now)
        if past is not None and past.generation not in (session.generation, session.replaces):
            raise Forbidden("another host has opened the id meanwhile")

    def _replace(self, session: Session, now: float) -> bool:
        """Close the lambda of another key whose token this host has shown; tell whether it did."""
        known = self._store.get_lambda(session.lambda_id, now) if session.replaces else None
        if known is None or known.generation != session.replaces:
            return False
        closed = self._store.close_lambda(known.id, known.connection, outcomes.DISCONNECTED, now)
        self._end([closed] if closed else [], Closing.TAKEN_OVER)
        return closed is not None

    def _enter(
        self,
        connection: Connection,
        session: Session,
        now: float,
        *,
        take_over: bool,
        described: str = "",
    ) -> bool:
        """Enter a lambda; tell whether another connection has lost it.

        Args:
            described: what its host says of its methods. No connection carries that along: a store
                that has lost everything has lost it, too.
        """
        lives_s = 2 * self._settings.ping_s if connection.lives_s is None else connection.lives_s
        new = Lambda(
            id=session.lambda_id,
            connection=connection.id,
            node=connection.node,
            code=session.code,
            generation=session.generation,
            opened=session.acknowledged_at or now,
            expires=now + lives_s,
            headers=connection.headers(),
            methods=session.methods,
            max_calls=session.max_calls,
            transport=connection.transport,
            context=session.context,
            owner=session.owner,
            private=session.private,
            client=session.owner or connection.client(),
            described=described,
            services=session.services,
        )
        replaced = self._store.open_lambda(new, outcomes.DISCONNECTED, now, take_over=take_over)
        if replaced is not None:
            self._end([replaced], Closing.TAKEN_OVER)
        self._watching.opened(new)
        return replaced is not None

    def answered(
        self, connection: Connection, session: Session, answers: Iterable[jsonrpc.Answer]
    ) -> None:
        """Give a host's answers to whom they belong; the first one to a call counts."""
        ended: dict[str, Outcome] = {}
        for answer in answers:
            if not isinstance(answer.id, str):
                continue
            if ids.is_call_token(answer.id):
                ended.setdefault(
                    answer.id, outcomes.outcome_of_answer(answer, context=session.context)
                )
            elif (place := ids.prompt_place(self._settings.secret, answer.id)) is not None:
                address, since = place
                self._waiters.answered(
                    address,
                    answer.id,
                    session.lambda_id,
                    connection.id,
                    outcomes.outcome_of_answer(answer, context=session.context),
                    age_s=time.time() - since,
                )
        if not ended:
            return
        count = self._calls.end(session.lambda_id, connection.id, ended)
        if count < len(ended):
            log.info("%s: dropped %d late answers", session.lambda_id, len(ended) - count)

    def notified(
        self, connection: Connection, session: Session, message: jsonrpc.Notification
    ) -> None:
        """Take what a host reports of a call that it works on; else nothing is done."""
        progress = jsonrpc.progress(message)
        if progress is not None and session.is_open and ids.is_call_token(progress[0]):
            self._streamed.progressed(session.lambda_id, connection.id, *progress)

    def seen(self, connection: Connection, session: Session) -> None:
        """Note that a host is alive; enter it again where the store has lost it.

        Raises:
            Forbidden: another connection holds the lambda now.
        """
        now = time.time()
        expires = now + 2 * self._settings.ping_s
        if not self._store.renew_lambda(session.lambda_id, connection.id, expires, now):
            self._enter(connection, session, now, take_over=False)

    def gone(self, lambda_id: str, connection: str) -> None:
        """Close the lambda of a connection that has ended; its callers learn it at once."""
        closed = self._store.close_lambda(lambda_id, connection, outcomes.DISCONNECTED, time.time())
        if closed is not None:
            self._calls.reply(closed.calls, outcomes.DISCONNECTED)
            self._watching.closed(closed.lambda_, "gone")

    def check_key(self, owner: str) -> None:
        """Check that the API key which opened a lambda still may.

        Args:
            owner: the id of the key; empty without one.

        Raises:
            Forbidden: it was revoked, or may not host any more.
        """
        if not self._access.may_host(owner):
            raise Forbidden("the API key of this host was revoked, or may not host any more")

    def delete(self, lambda_id: str, token: str, key: Key | None = None, client: str = "") -> None:
        """Close a lambda at the request of who has its token, or a key that may host.

        Args:
            key: the API key of the request, or None.
            client: the address that it came from.

        Raises:
            BadRequest: the id is malformed.
            NotFound: it is not open.
            Unauthorized: API keys are configured, and there is neither a key nor a token.
            Forbidden: the token is not the one it has, or the key may not do this.
        """
        check_lambda_id(lambda_id)
        if not (key or token or self._access.ring is None):
            raise Unauthorized("this takes an API key that may host, or the token of the lambda")
        known = self.get(lambda_id)
        secret = self._settings.secret
        if not (
            ids.is_reopen_token(secret, lambda_id, known.generation, token)
            or (key and "host" in key.may and key.reaches(known.owner))
        ):
            raise Forbidden(
                "closing a lambda takes its token, as a bearer or ?token=…"
                + (", or an API key that may host it" if self._access.ring else "")
            )
        self._deletions.note(lambda_id, time.time())
        closed = self._store.close_lambda(
            lambda_id, known.connection, outcomes.DISCONNECTED, time.time()
        )
        if closed is not None:
            self._end([closed], Closing.DELETED)
            key_id = "" if key is None else key.id
            self._audit.note("lambda deleted", key=key_id, client=client, id=lambda_id)

    def get(self, lambda_id: str) -> Lambda:
        """Return an open lambda.

        Raises:
            BadRequest: the id is malformed.
            NotFound: it is not open.
        """
        check_lambda_id(lambda_id)
        known = self._store.get_lambda(lambda_id, time.time())
        if known is None:
            raise NotFound("lambda not found")
        return known

    def of_service(self, name: str) -> Sequence[Lambda]:
        """Return the open lambdas of a service."""
        return self._store.list_service(name, time.time())

    def list(self) -> list[Lambda]:
        """Return all open lambdas."""
        return self._store.list_lambdas(time.time())

    def dropped(self, closed: Iterable[Closed]) -> None:
        """Tell of lambdas that were closed with their Pushpin; their callers learn it at once."""
        for one in closed:
            self._calls.reply(one.calls, outcomes.DISCONNECTED)
            self._watching.closed(one.lambda_, "gone")

    def expired(self, closed: Iterable[Closed]) -> None:
        """End the connections of hosts that were not seen in time."""
        self._end(closed, Closing.NOT_SEEN)

    def _end(self, closed: Iterable[Closed], why: Closing) -> None:
        for one in closed:
            self._calls.reply(one.calls, outcomes.DISCONNECTED)
            self._watching.closed(one.lambda_, why.word)
            self._delivery.close(one.lambda_.id, one.lambda_.host, why)
