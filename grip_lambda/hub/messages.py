"""Calls as messages to their hosts, in whatever codec each of them speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..protocol import jsonrpc
from ..store import Call, Host
from .invocations import NOTHING_GIVEN, Given, host_context


def _json_rpc(host: Host, method: str, params: bytes, call: Call) -> bytes:
    return jsonrpc.invocation(method, params, call.token)


#: How a call is put, by the codec of its host. The params are JSON texts, a comma between them.
CODECS: Mapping[str, Callable[[Host, str, bytes, Call], bytes]] = {jsonrpc.CODE: _json_rpc}


def cancellation(host: Host, token: str) -> bytes | None:
    """Return the message that tells ``host`` not to go on with a call; None where it knows none."""
    return jsonrpc.cancellation(token) if host.code == jsonrpc.CODE else None


def invocation(
    host: Host, method: str, body: bytes, call: Call, given: Given = NOTHING_GIVEN
) -> bytes:
    """Return the message that asks ``host`` for ``method``; the body is a JSON text.

    Args:
        given: what the caller gave of the context, for hosts that want it.
    """
    if host.context:
        body = b"%b,%b" % (body, host_context(call, method, given))
    return CODECS[host.code](host, method, body, call)
