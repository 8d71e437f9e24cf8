"""Monologue clients: hosts that can call, too, on the connection that they hold.

A client becomes a lambda with the first thing that it says, ``whoami`` as a rule. Its calls are
calls like all others: entered in the store, with a deadline, answered by whom they asked.
"""

from __future__ import annotations

import logging
import time
from functools import partial

import msgspec
import orjson
from gripcontrol import WebSocketEvent

from ..errors import PublishError, RequestError
from ..grip import events
from ..grip.nodes import Nodes
from ..protocol import ids, jsonrpc, monologue
from ..settings import Settings
from ..store import Call, Outcome, Store
from .access import Access
from .batches import Batch, WebSocketBatches
from .callers import Caller, Invocation
from .calls import Calls
from .channels import host_channel
from .hosts import Hosts
from .messages import Sent
from .session import Connection, MonologueTerms, Opening, Session

log = logging.getLogger(__name__)

#: The kind of their calls.
CALL = monologue.CODE
#: So many bytes go into the answer to a batch, where larger ones stall. The rest is published,
#: and may be lost on its way: what a client calls a hundred times at once should be there.
_SAID_MAX = 16_000

#: How the outcome of a call keeps an answer that said more than its value.
_PAYLOAD = b'{"payload":'


class _Caller(msgspec.Struct, frozen=True, array_like=True):
    """The details of a call that a client made.

    Attributes:
        connection: the client's.
        token: its own name for the call, as JSON text.
        number: how many calls it had made on this connection.
    """

    connection: str
    token: str
    number: int


_caller = msgspec.json.Decoder(_Caller)


class MonologueHosts(WebSocketBatches):
    """Takes what they say: who they are, calls, answers, and messages of their own."""

    silence = "the client did not say whoami"

    def __init__(
        self,
        hosts: Hosts,
        calls: Calls,
        store: Store,
        nodes: Nodes,
        *,
        settings: Settings,
        access: Access,
    ) -> None:
        super().__init__(hosts, settings)
        self._access = access
        self._calls = calls
        self._store = store
        self._nodes = nodes
        self._secret = settings.secret

    def handshake(
        self, connection: Connection, opening: Opening, *, wait_s: float, details: bool
    ) -> tuple[Session, list[WebSocketEvent]]:
        """Accept a connection; its client is to speak first.

        Args:
            wait_s: how long its calls may take.
            details: whether it wants to know more than its id.

        Raises:
            BadRequest, Forbidden, Unauthorized: as Hosts.prepare; or its API key may not call.
        """
        session, recovered = self._hosts.prepare(opening)
        self._access.caller_by_id(session.owner)
        terms = MonologueTerms(wait_s, details, recovered)
        return msgspec.structs.replace(session, monologue=terms), [
            events.accepted(),
            events.ping_every(self._ping_s),
        ]

    def _message(self, batch: Batch, content: bytes) -> None:
        message = monologue.parse(content)
        if message is None:
            log.info("%s: dropped a message that makes no sense", batch.session.lambda_id)
            return
        is_new = not batch.session.is_open
        if is_new:
            self._enter(batch, b"null")
        if isinstance(message, monologue.Whoami):
            self._say(batch, self._whoami(batch.session))
        if is_new:
            # Behind the id, which is the first thing that the client may get: calls are not
            # published before this subscription is in place.
            batch.out.append(events.subscribe(host_channel(batch.connection.id)))
        if isinstance(message, monologue.Request):
            self._call(batch, message)
        elif isinstance(message, monologue.Refused):
            self._refuse(batch, message.to, message.token, "bad_request", message.why)
        elif isinstance(message, monologue.Answer):
            batch.answers.append(self._answer(batch.session, message))
        elif isinstance(message, monologue.Other):
            self._pass_on(batch, message)

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Tell a client how its call has ended."""
        caller = _caller.decode(call.details)
        self._publish(call.node, caller.connection, _told(call, outcome, caller.token.encode()))

    def _whoami(self, session: Session) -> bytes:
        terms = _terms(session)
        if not terms.details:
            return session.lambda_id.encode()
        details = self._hosts.details(session, terms.recovered)
        return monologue.whoami(session.lambda_id, {**details, "timeout": terms.wait_s})

    def _call(self, batch: Batch, message: monologue.Request) -> None:
        session, terms = batch.session, _terms(batch.session)
        terms = msgspec.structs.replace(terms, calls=terms.calls + 1)
        batch.session = msgspec.structs.replace(session, monologue=terms)
        key = monologue.token_key(message.token) or b""
        token = ids.client_call_token(self._secret, session.lambda_id, message.to, key)
        details = _Caller(batch.connection.id, message.token.decode(), terms.calls)
        try:
            caller = Caller(
                batch.connection.node,
                terms.wait_s,
                CALL,
                msgspec.json.encode(details).decode(),
                permit=self._access.caller_by_id(session.owner),
                sent=Sent(token, session.lambda_id, message.payload),
            )
            invocation = self._calls.begin(message.to, message.name or "", message.args, caller)
        except RequestError as error:
            self._refuse(batch, message.to, message.token, error.code, str(error))
            return
        if isinstance(invocation, Invocation):
            # Not before the answer to the batch: if this process dies until then, the batch
            # comes again, and nobody was asked.
            batch.later.append(partial(self._calls.deliver, invocation))

    def _refuse(self, batch: Batch, to: str, token: bytes, code: str, error: str) -> None:
        self._say(batch, monologue.nak(to, token, orjson.dumps(error), code))

    def _answer(self, session: Session, message: monologue.Answer) -> jsonrpc.Answer:
        key = monologue.token_key(message.token) or b""
        if ids.is_lambda_id(message.to):
            token = ids.client_call_token(self._secret, message.to, session.lambda_id, key)
        else:
            token = str(orjson.loads(key))  # of a call that came over HTTP
        extra = b"%b%b}" % (_PAYLOAD, message.payload) if message.payload else b""
        return jsonrpc.Answer(token, message.value, message.is_error, extra)

    def _pass_on(self, batch: Batch, message: monologue.Other) -> None:
        known = self._store.get_lambda(message.to, time.time())
        permit = self._access.caller_by_id(batch.session.owner)
        if known is None or known.code != monologue.CODE or not permit.allows(known):
            log.info("%s: dropped a message to nobody", batch.session.lambda_id)
            return
        text = monologue.routed(batch.session.lambda_id, message.payload)
        batch.later.append(partial(self._publish, known.node, known.connection, text))

    def _say(self, batch: Batch, message: bytes) -> None:
        """Send a message to the client itself."""
        batch.said += len(message)
        if batch.said <= _SAID_MAX:
            batch.out.append(events.text(message))
        else:
            connection = batch.connection
            batch.later.append(partial(self._publish, connection.node, connection.id, message))

    def _publish(self, node: str, connection: str, message: bytes) -> None:
        try:
            self._nodes[node].send(host_channel(connection), message, when_subscribed=True)
        except PublishError as error:
            log.warning("a message was lost: %s", error)


def _told(call: Call, outcome: Outcome, token: bytes) -> bytes:
    """Return the message that tells how a call has ended."""
    if outcome.extra.startswith(_PAYLOAD):
        return monologue.routed(call.lambda_id, outcome.extra[len(_PAYLOAD) : -1])
    if outcome.status == 200:
        return monologue.ack(call.lambda_id, token, outcome.body)
    if outcome.status == 400:  # the host's own error
        return monologue.nak(call.lambda_id, token, outcome.body[len(b'{"error":') : -1])
    told = orjson.loads(outcome.body)
    return monologue.nak(call.lambda_id, token, orjson.dumps(told["error"]), told["code"])


def _terms(session: Session) -> MonologueTerms:
    return session.monologue or MonologueTerms()
