"""Calls as messages to their hosts, in whatever codec each of them speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...errors import BadRequest
from ...protocol import codecs, jsonrpc, jsonrpc2, monologue
from ...store import Call, Host
from .context import NO_CONTEXT, CallerContext, host_context


@dataclass(frozen=True)
class MonologueCall:
    """A call as a Monologue client sent it: its body is the array of its arguments.

    Attributes:
        token: the call's token, which follows from the client's own.
        sender: the client's id.
        payload: all that it sent.
    """

    token: str
    sender: str
    payload: bytes


def _json_rpc(method: str, params: list[bytes], call: Call, sent: MonologueCall | None) -> bytes:
    return jsonrpc.call_message(method, b",".join(params), call.token)


def _json_rpc_2(method: str, params: list[bytes], call: Call, sent: MonologueCall | None) -> bytes:
    if sent is None and len(params) == 1 and jsonrpc2.is_object(params[0]):
        return jsonrpc2.named(method, params[0], call.token)
    return jsonrpc2.call_message(method, b",".join(params), call.token)


def _monologue(method: str, params: list[bytes], call: Call, sent: MonologueCall | None) -> bytes:
    if sent is not None and not call.service:
        return monologue.routed(sent.sender, sent.payload)
    # In the place of an id: who calls over HTTP can't be called, but can be answered.
    return monologue.request(call.token, call.token, method, b"[%b]" % b",".join(params))


#: How a call is put, by the codec of its host. The params are JSON texts.
CODECS: Mapping[str, Callable[[str, list[bytes], Call, MonologueCall | None], bytes]] = {
    jsonrpc.CODE: _json_rpc,
    jsonrpc2.CODE: _json_rpc_2,
    monologue.CODE: _monologue,
}


def cancellation(host: Host, token: str) -> bytes | None:
    """Return the message that tells ``host`` not to go on with a call; None where it knows none."""
    codec = codecs.CODECS.get(host.code)
    return None if codec is None else codec.cancellation(token)


def call_message(
    host: Host,
    method: str,
    body: bytes,
    call: Call,
    given: CallerContext = NO_CONTEXT,
    *,
    sent: MonologueCall | None = None,
) -> bytes:
    """Return the message that asks ``host`` for ``method``; the body is a JSON text.

    Args:
        given: what the caller gave of the context, for hosts that want it.
        sent: what a Monologue client sent; the body is then the array of its arguments.

    Raises:
        BadRequest: what a Monologue client sent makes no sense there.
    """
    params = [body]
    if sent is not None and (host.code != monologue.CODE or call.service):
        params = _arguments(method, body)
    if host.context:
        params.append(host_context(call, method, given))
    return CODECS[host.code](method, params, call, sent)


def _arguments(method: str, args: bytes) -> list[bytes]:
    """Return the params of a call to a lambda; refuse what is for Monologue clients only."""
    if not method or method == "open" or method.startswith("rpc."):
        raise BadRequest(f"a lambda has no method with the name {method[:100]!r}")
    if not args.startswith(b"["):
        raise BadRequest("`args` must be an array")
    inner = args[1:-1].strip()
    return [inner] if inner else []
