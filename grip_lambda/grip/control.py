"""Publishing without a thread beside it: the message has left when the call returns.

For functions, which may be frozen then, and wherever the control port is HTTP.
"""

from __future__ import annotations

import time
from typing import Any, Self
from urllib.parse import urlsplit

import tnetstring
import zmq
from gripcontrol import GripPubControl
from pubcontrol import Item
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from ..errors import PublishError
from ..proxies import Proxy

#: How long a proxy may take to be reached, and to answer, in seconds.
CONNECT_S = 2.0
ANSWER_S = 5.0


class _OnceMore(Retry):
    """Tries again where a kept connection had ended, as it may while a function is frozen.

    Not where the answer is late: the message may have been published.
    """

    def increment(self, *args: Any, **options: Any) -> Self:
        error = options.get("error")
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(*args, **options)


class _Impatient(HTTPAdapter):
    """Does not wait for ever for a control port; pubcontrol's own requests do."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        options["timeout"] = options.get("timeout") or (CONNECT_S, ANSWER_S)
        return super().send(request, *args, **options)


def http_publisher(proxy: Proxy) -> GripPubControl:
    """Return what publishes at a control port that is HTTP, signed where the port asks for it."""
    config: dict[str, Any] = {"control_uri": proxy.control_uri}
    if proxy.control_iss:
        config |= {"control_iss": proxy.control_iss, "key": proxy.control_key}
    elif proxy.control_key:
        config["key"] = proxy.control_key.decode("latin-1")  # a bearer token
    publisher = GripPubControl(config)
    retry = _OnceMore(total=1, allowed_methods=None)
    for prefix in ("http://", "https://"):
        publisher.clients[0].requests_session.mount(prefix, _Impatient(max_retries=retry))
    return publisher


def publish_zmq(control_uri: str, channel: str, item: Item) -> None:
    """Publish once over ZeroMQ, and return when the system has the message.

    Args:
        control_uri: Pushpin's control socket, which knows where to publish.

    Raises:
        PublishError: Pushpin is out of reach.
    """
    content = {**item.export(True, True), b"channel": channel.encode()}
    context: zmq.Context[Any] = zmq.Context()
    try:
        with context.socket(zmq.PUSH) as socket:
            socket.immediate = True  # wait for the connection, do not queue for it
            socket.sndtimeo = socket.linger = int(CONNECT_S * 1000)
            socket.connect(_publish_uri(context, control_uri))
            socket.send(tnetstring.dumps(content))
    except (zmq.ZMQError, ValueError, KeyError) as error:
        raise PublishError(f"publishing through {control_uri} failed: {error}") from None
    finally:
        context.term()  # waits for what is to be sent


def _publish_uri(context: zmq.Context[Any], control_uri: str) -> str:
    until = time.monotonic() + CONNECT_S
    with context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(control_uri)
        socket.send(tnetstring.dumps({b"method": b"get-zmq-uris"}))
        if not socket.poll(max(0, int((until - time.monotonic()) * 1000)), zmq.POLLIN):
            raise PublishError(f"no Pushpin answers at {control_uri}")
        answer = tnetstring.loads(socket.recv())
    uri = str(answer[b"value"][b"publish-pull"].decode())
    host = urlsplit(control_uri).hostname
    return uri.replace("tcp://*:", f"tcp://{host}:")
