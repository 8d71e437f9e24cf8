"""How callers are answered: by what kind of call theirs is.

A call's stored outcome is what a plain caller gets. Other kinds make something else of it when it
is sent: each is one function, which is given the call and its outcome; in ``KINDS`` where the
caller is held as a request, in ``MESSAGES`` where it has a WebSocket.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import orjson

from ..errors import PublishError
from ..grip.nodes import Nodes
from ..protocol import monologue
from ..store import Call, Outcome
from .channels import call_channel, host_channel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Response:
    """What a caller over HTTP gets; its body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def _plain(call: Call, outcome: Outcome) -> Response:
    return Response(outcome.status, outcome.body)


#: How the outcome of a call that is held as an HTTP response is shown, by kind.
KINDS: Mapping[str, Callable[[Call, Outcome], Response]] = {"http": _plain}


class MonologueCaller(msgspec.Struct, frozen=True, array_like=True):
    """The details of a call that a Monologue client made.

    Attributes:
        connection: the client's.
        token: its own name for the call, as JSON text.
        number: how many calls it had made on this connection.
    """

    connection: str
    token: str
    number: int

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()


_monologue_caller = msgspec.json.Decoder(MonologueCaller)


@dataclass(frozen=True)
class Message:
    """What a caller on a WebSocket gets."""

    connection: str
    content: bytes


def _monologue(call: Call, outcome: Outcome) -> Message:
    caller = _monologue_caller.decode(call.details)
    return Message(caller.connection, _ack_or_nak(call, outcome, caller.token.encode()))


def _ack_or_nak(call: Call, outcome: Outcome, token: bytes) -> bytes:
    if outcome.extra.startswith(_PAYLOAD):
        return monologue.routed(call.lambda_id, outcome.extra[len(_PAYLOAD) : -1])
    if outcome.status == 200:
        return monologue.ack(call.lambda_id, token, outcome.body)
    if outcome.status == 400:
        return monologue.nak(call.lambda_id, token, outcome.body[len(b'{"error":') : -1])
    told = orjson.loads(outcome.body)
    return monologue.nak(call.lambda_id, token, orjson.dumps(told["error"]), told["code"])


#: What an answer in Monologue said beside its value; see monologue.py.
_PAYLOAD = b'{"payload":'
#: How the outcome of a call is told to a caller on a WebSocket, by kind.
MESSAGES: Mapping[str, Callable[[Call, Outcome], Message]] = {monologue.CODE: _monologue}


def render(call: Call, outcome: Outcome) -> Response:
    """Return the response that the caller gets."""
    return KINDS[call.kind](call, outcome)


class Replies:
    """Sends outcomes to callers, wherever they are."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def send(self, calls: Iterable[Call], outcome: Outcome) -> None:
        """Tell the callers how their calls have ended; that is stored already."""
        for call in calls:
            try:
                self._send(call, outcome)
            except PublishError as error:
                log.warning("a reply was lost: %s", error)

    def _send(self, call: Call, outcome: Outcome) -> None:
        if call.kind in MESSAGES:
            message = MESSAGES[call.kind](call, outcome)
            channel = host_channel(message.connection)
            self._nodes[call.node].send(channel, message.content, when_subscribed=True)
            return
        shown = render(call, outcome)
        node = self._nodes[call.node]
        node.reply(call_channel(call), shown.status, shown.body, shown.headers)
