"""HTTP streams that Pushpin holds: server-sent events."""

from __future__ import annotations

from werkzeug.wrappers import Response

from ..hub.streams import Piece
from ..protocol import sse
from ..settings import NEXT_S

#: After so many seconds without data a comment is sent, so that nobody on the way cuts the stream.
_COMMENT_S = 15


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
        return end_stream(piece.body)
    return hold_stream(piece.channel, piece.last, piece.link, piece.body)


def end_stream(body: bytes = b"") -> Response:
    """Return a stream that ends with ``body``; answers a next link, too."""
    response = Response(body, content_type=sse.CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
