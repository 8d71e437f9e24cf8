"""Calls as messages to their hosts, in whatever codec each of them speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import BadRequest
from ..protocol import jsonrpc, monologue
from ..store import Call, Host


@dataclass(frozen=True)
class Sent:
    """A call as a Monologue client sent it: its body is the array of its arguments.

    Attributes:
        token: the call's token, which follows from the client's own.
        sender: the client's id.
        payload: all that it sent.
    """

    token: str
    sender: str
    payload: bytes


def _json_rpc(host: Host, method: str, body: bytes, call: Call, sent: Sent | None) -> bytes:
    if sent is None:
        return jsonrpc.invocation(method, body, call.token)
    _check(method, body)
    return jsonrpc.request(method, body, call.token)


def _monologue(host: Host, method: str, body: bytes, call: Call, sent: Sent | None) -> bytes:
    if sent is None:
        # Nobody's id: who calls over HTTP can't be called. What comes back to it is an answer.
        return monologue.request(call.token, call.token, method, b"[%b]" % body)
    return monologue.routed(sent.sender, sent.payload)


def _check(method: str, args: bytes) -> None:
    """Refuse what a Monologue client may say to its like, but not to a lambda."""
    if not method or method == "open" or method.startswith("rpc."):
        raise BadRequest(f"a lambda has no method with the name {method[:100]!r}")
    if not args.startswith(b"["):
        raise BadRequest("`args` must be an array")


#: How a call is put, by the codec of its host.
CODECS: Mapping[str, Callable[[Host, str, bytes, Call, Sent | None], bytes]] = {
    jsonrpc.CODE: _json_rpc,
    monologue.CODE: _monologue,
}


def invocation(host: Host, method: str, body: bytes, call: Call, sent: Sent | None = None) -> bytes:
    """Return the message that asks ``host`` for ``method``; the body is a JSON text.

    Raises:
        BadRequest: what a Monologue client sent makes no sense there.
    """
    return CODECS[host.code](host, method, body, call, sent)
