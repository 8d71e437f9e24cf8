"""Answers, and responses that Pushpin holds: until there is an answer, or as streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from ..grip.node import HOLD_ID
from ..hub.calls import HOST_HEADER, Hold, Piece
from ..hub.calls import Response as Answer
from ..protocol import sse
from ..settings import NEXT_S

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: After so many seconds without data a comment is sent, so that nobody on the way cuts the stream.
_COMMENT_S = 15


class Lean(Response):
    """A response that is its headers and its body, as they are: most are, and each call has two.

    Werkzeug's own has more to look at: redirections, conditional requests, ranges, streams.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self.get_data()
        self.headers["Content-Length"] = str(len(body))
        start_response(self.status, list(self.headers))
        if self._on_close:  # which comes when the body has left
            return ClosingIterator([body], self._on_close)
        return [body]


def held_or_answered(request: Request, found: Hold | Answer) -> Response:
    """Return the response to a caller whose call has ended, or has not."""
    return hold(request, found) if isinstance(found, Hold) else answer(request, found)


def answer(request: Request, shown: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response whose body is JSON."""
    kind = shown.headers.get("Content-Type", "application/json")
    response = Lean(shown.body, shown.status, headers or shown.headers, content_type=kind)
    if request.method == "GET":
        response.headers["Cache-Control"] = "no-store"
    return response


def hold(request: Request, held: Hold) -> Response:
    """Return what Pushpin sends if nobody publishes an answer in time; its headers stay."""
    return answer(
        request,
        held.response,
        {
            **held.response.headers,
            "Grip-Hold": "response",
            "Grip-Channel": f"{held.channel}; prev-id={HOLD_ID}",
            "Grip-Timeout": str(held.timeout_s),
        },
    )


def hold_stream(channel: str, last: int, link: str, body: bytes) -> Response:
    """Return a response that goes on with what is published to ``channel``.

    The same answers Pushpin when it asks the link, its body then being what the reader has missed.

    Args:
        channel: read by this hold alone.
        last: the number of the last piece in the body, or before it; see Node.stream.
        link: what Pushpin asks, with ``Grip-Last: <channel>; last-id=<last>``, where a piece is
            missing, and every ``NEXT_S`` seconds of silence. Its path must be of this stream
            alone, and be signed. It is to answer with 200 whatever has happened.
        body: the first events.
    """
    response = end_stream(body)
    response.headers.update(
        {
            "Grip-Hold": "stream",
            "Grip-Channel": f"{channel}; prev-id={last}",
            "Grip-Keep-Alive": f":\\n\\n; format=cstring; timeout={_COMMENT_S}",
            "Grip-Link": f"<{link}>; rel=next; timeout={NEXT_S}",
        }
    )
    return response


def piece_response(piece: Piece) -> Response:
    """Return a part of a streamed call: its end, or a hold."""
    if piece.channel is None:
        response = end_stream(piece.body)
    else:
        response = hold_stream(piece.channel, piece.last, piece.link, piece.body)
    if piece.host:
        response.headers[HOST_HEADER] = piece.host
    return response


def end_stream(body: bytes = b"") -> Response:
    """Return a stream that ends with ``body``; answers a next link, too."""
    response = Response(body, content_type=sse.CONTENT_TYPE)
    # A proxy that compressed it would keep it until it has enough (RFC 9111 section 5.2.2.6).
    response.headers["Cache-Control"] = "no-store, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    return response
