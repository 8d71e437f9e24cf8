"""What hosts send up by HTTP: answers, from hosts on every transport, and acknowledgements."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from dataclasses import replace

from ..errors import BadRequest, Forbidden, NotFound, ProtocolError, TakenOver
from ..protocol import codecs, ids, jsonrpc
from ..settings import Settings
from ..store import Lambda, Store
from . import outcomes
from .calls import Calls
from .hosts import Hosts
from .openings import Openings, Pending
from .outbox import LATE_S, SEEN_S
from .session import Connection, Session


class Posts:
    """What the posts of hosts mean."""

    def __init__(
        self, store: Store, hosts: Hosts, calls: Calls, openings: Openings, settings: Settings
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._calls = calls
        self._openings = openings
        self._secret = settings.secret
        self._grace_s = settings.grace_s

    def take(self, lambda_id: str, token: str, body: bytes) -> None:
        """Take what a host sends up: one message, or an array.

        Raises:
            BadRequest: the id is malformed, or any message; nothing is used then.
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
        if known is not None:
            connection, session = _holder(known)
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
        waiting = self._openings.list(lambda_id, now)
        if known is None and not waiting:
            raise NotFound("lambda not found")
        expected: dict[str, str] = {}

        def fits(generation: str) -> bool:
            if generation not in expected:
                expected[generation] = ids.reopen_token(self._secret, lambda_id, generation)
            return hmac.compare_digest(
                expected[generation].encode(), token.encode("utf-8", "surrogatepass")
            )

        mine = known if known is not None and fits(known.generation) else None
        waiting = [one for one in waiting if fits(one[1].session.generation)]
        if mine is None and not waiting:
            raise Forbidden("sending for a lambda takes its token, as ?token=…")
        return mine, waiting

    def _acknowledge(
        self, answer: jsonrpc.Answer, waiting: list[tuple[int, Pending]], now: float
    ) -> Lambda | None:
        """Open the lambda as its host asked last, or end that connection where it refuses."""
        number, pending = waiting[-1]
        lambda_id = pending.session.lambda_id
        if answer.is_error:
            self._openings.refuse(lambda_id, pending.connection, now)
            self._openings.remove(lambda_id, number, now)
            refused = TakenOver("the host refused to open the lambda")
            self._calls.outbox.end(lambda_id, pending.connection, refused)
            return None
        tail = self._store.logs.read(lambda_id, pending.connection, 0, now)
        lives_s = float(self._grace_s)
        if tail is not None and tail.reader.hold and tail.away_since is None:
            lives_s += max(tail.reader.until + LATE_S - now, SEEN_S)
        connection = replace(pending.as_connection(), lives_s=lives_s)
        self._hosts.acknowledge(connection, pending.session, answer.value)
        self._openings.remove(lambda_id, number, now)
        return self._store.get_lambda(lambda_id, now)


def _read(
    body: bytes, known: Lambda | None, waiting: list[tuple[int, Pending]]
) -> list[jsonrpc.Message]:
    """Read messages in the codec of their host, which may be about to change."""
    codes = [] if known is None else [known.code]
    codes += [pending.session.code for _, pending in reversed(waiting)]
    refusal = BadRequest("this lambda is not open")
    for code in dict.fromkeys(codes):
        try:
            return codecs.of(code).parse_all(body)
        except ProtocolError as error:
            refusal = BadRequest(str(error))
    raise refusal


def _holder(known: Lambda) -> tuple[Connection, Session]:
    connection = Connection(known.connection, known.node, lambda: known.headers, known.transport)
    session = Session(
        known.id,
        known.generation,
        opened=known.opened,
        code=known.code,
        context=known.context,
        owner=known.owner,
    )
    return connection, session
