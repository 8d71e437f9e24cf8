"""What hosts send up by HTTP: answers, from hosts on every transport, and acknowledgements."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from ....errors import BadRequest, Forbidden, NotFound, ProtocolError, TooLarge
from ....protocol import codecs, ids, jsonrpc, jsontext
from ....settings import Settings
from ....store import Lambda, Store
from ....store.patience import ANSWER_S, Patience
from ...calls import Calls, outcomes
from ...delivery import LATE_S, SEEN_S, Closing, Delivery
from ..registry import Hosts
from ..session import Connection, Session
from .unacknowledged import Pending, Unacknowledged


class Uploads:
    """What the posts of hosts mean."""

    def __init__(
        self,
        store: Store,
        hosts: Hosts,
        calls: Calls,
        delivery: Delivery,
        unacknowledged: Unacknowledged,
        *,
        settings: Settings,
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._calls = calls
        self._delivery = delivery
        self._unacknowledged = unacknowledged
        self._secret = settings.secret
        self._grace_s = settings.grace_s

    def check(self, lambda_id: str, token: str) -> None:
        """Check whether anything may be sent for a lambda, before it is read.

        Raises:
            BadRequest, NotFound, Forbidden: as ``take``.
        """
        self._holders(lambda_id, token, time.time())

    def take(self, lambda_id: str, token: str, body: bytes) -> None:
        """Take what a host sends up: one message, or an array.

        Raises:
            BadRequest: the id is malformed, or any message; nothing is used then.
            TooLarge: it is an array of too many.
            NotFound: the lambda is neither open nor to be opened.
            Forbidden: the token is not its.
        """
        now = time.time()
        known, waiting = self._holders(lambda_id, token, now)
        messages = _read(body, known, waiting)
        answers = []
        reports = []
        for message in messages:
            if isinstance(message, jsonrpc.Notification):
                reports.append(message)
            elif not isinstance(message, jsonrpc.Answer):
                continue
            elif isinstance(message.id, str):
                answers.append(message)
            elif message.id == 0 and waiting:
                known = self._acknowledge(message, waiting, now) or known
                waiting = []
        if known is None:
            return
        connection, session = _holder(known)
        with Patience(ANSWER_S):
            for report in reports:
                self._hosts.notified(connection, session, report)
            self._hosts.answered(connection, session, answers)

    def too_large(self, lambda_id: str, token: str, calls: Sequence[str]) -> None:
        """End calls whose answer is larger than a result may be.

        Raises:
            as ``take``.
        """
        known, _ = self._holders(lambda_id, token, time.time())
        if known is not None and calls:
            ended = dict.fromkeys(calls, outcomes.RESULT_TOO_LARGE)
            self._calls.end(known.id, known.connection, ended)

    def _holders(
        self, lambda_id: str, token: str, now: float
    ) -> tuple[Lambda | None, list[tuple[int, Pending]]]:
        """Return the lambda and the openings that a token belongs to."""
        known: Lambda | None
        try:
            known = self._hosts.get(lambda_id)
        except NotFound:
            known = None
        waiting = self._unacknowledged.list(lambda_id, now)
        if known is None and not waiting:
            raise NotFound("lambda not found")

        @cache
        def fits(generation: str) -> bool:
            return ids.is_reopen_token(self._secret, lambda_id, generation, token)

        mine = known if known is not None and fits(known.generation) else None
        waiting = [one for one in waiting if fits(one[1].session.generation)]
        if mine is None and not waiting:
            raise Forbidden("sending for a lambda takes its token, as a bearer or ?token=…")
        return mine, waiting

    def _acknowledge(
        self, answer: jsonrpc.Answer, waiting: list[tuple[int, Pending]], now: float
    ) -> Lambda | None:
        """Open the lambda as its host asked last, or end that connection where it refuses."""
        number, pending = waiting[-1]
        lambda_id = pending.session.lambda_id
        if answer.is_error:
            self._unacknowledged.refuse(lambda_id, pending.connection, now)
            self._unacknowledged.remove(lambda_id, number, now)
            self._delivery.close(lambda_id, pending.host, Closing.NOT_ACKNOWLEDGED)
            return None
        tail = self._store.logs.read(lambda_id, pending.connection, 0, now)
        lives_s = float(self._grace_s)
        if tail is not None and tail.reader.hold and tail.away_since is None:
            lives_s += max(tail.reader.until + LATE_S - now, SEEN_S)
        connection = replace(pending.as_connection(), lives_s=lives_s)
        self._hosts.acknowledge(connection, pending.session, answer.value)
        self._unacknowledged.remove(lambda_id, number, now)
        return self._store.get_lambda(lambda_id, now)


def _read(
    body: bytes, known: Lambda | None, waiting: list[tuple[int, Pending]]
) -> list[jsonrpc.Message]:
    """Read messages in the codec of their host, which may be about to change."""
    codes = [] if known is None else [known.code]
    codes += [pending.session.code for _, pending in reversed(waiting)]
    refusal = BadRequest("this lambda is not open")
    body = jsontext.without_bom(body)
    for code in dict.fromkeys(codes):
        try:
            return codecs.of(code).parse_all(body)
        except jsonrpc.TooMany as error:
            raise TooLarge(str(error)) from None
        except ProtocolError as error:
            refusal = BadRequest(str(error))
    raise refusal


def _holder(known: Lambda) -> tuple[Connection, Session]:
    connection = Connection(
        known.connection,
        known.node,
        lambda: known.headers,
        known.transport,
        client=lambda: known.client,
    )
    session = Session(
        known.id,
        known.generation,
        acknowledged_at=known.opened,
        code=known.code,
        context=known.context,
        owner=known.owner,
        services=known.services,
    )
    return connection, session
