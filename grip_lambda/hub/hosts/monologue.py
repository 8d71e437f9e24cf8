"""Monologue clients: hosts that can call, too, on the connection that they hold.

A client becomes a lambda with the first thing that it says, ``whoami`` as a rule. Its calls are
calls like all others: entered in the store, with a deadline, answered by whom they asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

import msgspec
import orjson
from gripcontrol import WebSocketEvent

from ... import metrics
from ...errors import RequestError
from ...grip import events
from ...grip.nodes import Nodes
from ...protocol import ids, jsonrpc, monologue
from ...settings import Settings
from ...store import Call, Outcome, Store
from ..access import Access, Limits
from ..calls import MONOLOGUE, BegunCall, Caller, Calls
from ..channels import host_channel
from ..delivery import MonologueCall, WebSocketTransport
from .batches import Batch, WebSocketBatches
from .registry import Hosts
from .session import Connection, MonologueTerms, Opening, Session

log = logging.getLogger(__name__)

#: So many bytes go into the answer to a batch, where larger ones stall. The rest is published,
#: and may be lost on its way: what a client calls a hundred times at once should be there.
_SAID_MAX = 16_000

#: How the outcome of a call keeps an answer that said more than its value.
_PAYLOAD = b'{"payload":'


class _Caller(msgspec.Struct, frozen=True, array_like=True):
    """The details of a call that a client made.

    Attributes:
        lambda_id, connection: the client's.
        token: its own name for the call, as JSON text.
        number: how many calls it had made on this connection.
    """

    lambda_id: str
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
        websocket: WebSocketTransport,
        *,
        settings: Settings,
        access: Access,
        limits: Limits,
    ) -> None:
        super().__init__(hosts, settings)
        self._access = access
        self._limits = limits
        self._calls = calls
        self._store = store
        self._nodes = nodes
        self._websocket = websocket
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

    def batch(
        self, connection: Connection, session: Session, received: list[tuple[str, bytes]]
    ) -> Batch:
        """Work through what a client did; what it says later arrives later, whichever process."""
        batch = super().batch(connection, session, received)
        if batch.asked:
            batch.later.append(partial(self._nodes.sync, batch.asked))
        return batch

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
            channel = host_channel(batch.session.lambda_id, batch.connection.id)
            batch.out.append(events.subscribe(channel))
        if isinstance(message, monologue.Request):
            self._call(batch, message)
        elif isinstance(message, monologue.Refused):
            self._refuse(batch, message.to, message.token, "bad_request", message.why)
        elif isinstance(message, monologue.Answer):
            batch.answers.append(self._answer(batch.session, message))
        elif isinstance(message, monologue.Other):
            self._pass_on(batch, message)

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
        service = "" if ids.is_lambda_id(message.to) else message.to
        token = ids.client_call_token(self._secret, session.lambda_id, message.to, key)
        name = message.token.decode()
        details = _Caller(session.lambda_id, batch.connection.id, name, terms.calls)
        try:
            caller = Caller(
                batch.connection.node,
                terms.wait_s,
                MONOLOGUE,
                msgspec.json.encode(details).decode(),
                permit=self._access.caller_by_id(session.owner),
                sent=MonologueCall(token, session.lambda_id, message.payload),
                address=batch.connection.client(),
                service=service,
            )
            self._access.check_services(session.owner, (service,) if service else ())
            self._limits.asked(caller.key, caller.address)
            to = "" if service else message.to
            begun = self._calls.begin(to, message.name or "", message.args, caller)
        except RequestError as error:
            metrics.CALLS.labels(error.code).inc()
            self._refuse(batch, message.to, message.token, error.code, str(error))
            return
        if isinstance(begun, BegunCall):
            # Not before the answer to the batch: if this process dies until then, the batch
            # comes again, and nobody was asked.
            batch.later.append(partial(self._calls.deliver, begun, wait=True))
            batch.asked.add(begun.host.node)

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
        say = partial(self._websocket.say, known.id, known.connection, known.node, text)
        batch.later.append(partial(say, wait=True))
        batch.asked.add(known.node)

    def _say(self, batch: Batch, message: bytes) -> None:
        """Send a message to the client itself."""
        batch.said += len(message)
        if batch.said <= _SAID_MAX:
            batch.out.append(events.text(message))
        else:
            connection = batch.connection
            batch.later.append(
                partial(
                    self._websocket.say,
                    batch.session.lambda_id,
                    connection.id,
                    connection.node,
                    message,
                )
            )


def monologue_sender(websocket: WebSocketTransport) -> Callable[[Call, Outcome], None]:
    """Return what tells a client how a call has ended that it made."""

    def send(call: Call, outcome: Outcome) -> None:
        caller = _caller.decode(call.details)
        told = _told(call, outcome, caller.token.encode())
        websocket.say(caller.lambda_id, caller.connection, call.node, told)

    return send


def _told(call: Call, outcome: Outcome, token: bytes) -> bytes:
    """Return the message that tells how a call has ended."""
    # The token in what a host of a service says is not the caller's.
    if outcome.extra.startswith(_PAYLOAD) and not call.service:
        return monologue.routed(call.lambda_id, outcome.extra[len(_PAYLOAD) : -1])
    failure, error = outcome.failure(), outcome.host_error()
    if failure is not None:
        return monologue.nak(call.lambda_id, token, orjson.dumps(failure.error), failure.code)
    if error is not None:
        return monologue.nak(call.lambda_id, token, error)
    return monologue.ack(call.lambda_id, token, outcome.body)


def _terms(session: Session) -> MonologueTerms:
    return session.monologue or MonologueTerms()
