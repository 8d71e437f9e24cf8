"""What Pushpin keeps for us, where anybody can send it.

A Pushpin that signs WebSockets with an issuer of their own (``ws@<node>``) vouches for the meta
headers of a batch. One that signs all with its name alone, as Fanout does, passes on batches that a
client has posted itself, with a connection id and meta of its choice. So what is kept there is
signed, and bound to the connection and the node: a client can replay what it was given on its own
connection, and do nothing that it could not do on a real one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..grip import events
from ..hub import Hub
from ..protocol.signed import sign, unsign

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_IN = "HTTP_META_"
_OUT = "set-meta-"


def seal(hub: Hub, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """Take meta that we have not signed out of a request, and sign that of its response.

    Only of a batch whose Pushpin does not vouch for its meta; others stay as they are.

    Returns:
        What begins the response.
    """
    if events.CONTENT_TYPE not in environ.get("CONTENT_TYPE", "").lower():
        return start_response
    known = hub.verifier.sender(environ.get("HTTP_GRIP_SIG", ""), time.time())
    if known is None or known.protocol:
        return start_response
    connection = environ.get("HTTP_CONNECTION_ID", "")

    def purpose(name: str) -> str:
        return "\n".join(("meta", known.node, connection, name.lower().replace("_", "-")))

    secret = hub.settings.secret
    for name in [name for name in environ if name.startswith(_IN)]:
        value = unsign(secret, purpose(name[len(_IN) :]), environ[name])
        if value is None:
            del environ[name]
        else:
            environ[name] = value

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        sealed = [
            (name, sign(secret, purpose(name[len(_OUT) :]), value))
            if value and name.lower().startswith(_OUT)
            else (name, value)
            for name, value in headers
        ]
        return start_response(status, sealed, *exc_info)

    return start
