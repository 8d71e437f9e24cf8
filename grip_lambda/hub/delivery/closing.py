"""Why the server ends a host's connection, and how each transport says so."""

from __future__ import annotations

from enum import Enum

from ...errors import Cancelled, Forbidden, RequestError, TakenOver


class Closing(Enum):
    """A reason to end a connection.

    Attributes:
        code: the close code of a WebSocket.
        word: the reason as events and metrics name it.
        reason: the reason as the host reads it, unless there is a more exact one.
    """

    code: int
    word: str
    reason: str
    _error: type[RequestError]

    NOT_ACKNOWLEDGED = 4400, "refused", "the host refused to open the lambda", TakenOver
    NOT_ALLOWED = 4403, "not allowed", "the API key of this host may not host", Forbidden
    NOT_SEEN = 4408, "not seen", "no answer to pings", TakenOver
    TAKEN_OVER = 4409, "taken over", "the lambda was opened again elsewhere", TakenOver
    DELETED = 4410, "deleted", "the lambda was deleted", Cancelled

    def __init__(self, code: int, word: str, reason: str, error: type[RequestError]) -> None:
        self.code = code
        self.word = word
        self.reason = reason
        self._error = error

    @property
    def error(self) -> RequestError:
        """What answers an HTTP request of the host."""
        return self._error(self.reason)
