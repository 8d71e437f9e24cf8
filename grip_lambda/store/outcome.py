"""How a call ended: the bytes of an outcome are put together, and taken apart, here only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import orjson

_OK, _HOST_ERROR, _NOT_ASKED = 200, 400, 503
_ERROR = b'{"error":'
_CODE = b'"code":"'
#: So many characters the code of an error has at most.
_CODE_MAX = 32


@dataclass(frozen=True)
class Failure:
    """An error of the server.

    Attributes:
        code: the error in one word.
        error: the message.
    """

    code: str
    error: str


@dataclass(frozen=True)
class Outcome:
    """How a call ended: the HTTP status and body that a plain caller gets.

    Attributes:
        extra: what the host said beside it (logs, billing), as JSON; else empty.
    """

    status: int
    body: bytes
    extra: bytes = b""

    @classmethod
    def of_result(cls, result: bytes, extra: bytes = b"") -> Outcome:
        """Return the outcome of a call that its host answered with a result, a JSON text."""
        return cls(_OK, result, extra)

    @classmethod
    def of_host_error(cls, error: bytes, extra: bytes = b"") -> Outcome:
        """Return the outcome of a call that its host answered with an error, a JSON text."""
        return cls(_HOST_ERROR, b"%b%b}" % (_ERROR, error), extra)

    @classmethod
    def of_failure(cls, status: int, code: str, error: str) -> Outcome:
        """Return the outcome of a call that the server ended, with the body of every error."""
        return cls(status, orjson.dumps({"error": error, "code": code}))

    @property
    def is_result(self) -> bool:
        """Whether the host answered with a result."""
        return self.status == _OK

    @property
    def may_have_been_asked(self) -> bool:
        """Whether the host may have been asked."""
        return self.status != _NOT_ASKED

    def host_error(self) -> bytes | None:
        """Return the host's error, a JSON text; None if the call ended otherwise."""
        return self.body[len(_ERROR) : -1] if self.status == _HOST_ERROR else None

    def failure(self) -> Failure | None:
        """Return the error of the server; None if the host answered."""
        if self.status in (_OK, _HOST_ERROR):
            return None
        told = orjson.loads(self.body)
        return Failure(told["code"], told["error"])

    def last_event(self) -> tuple[str, bytes]:
        """Return the name and the data of the event that ends a stream of the call's events."""
        if self.is_result:
            return "result", self.body
        return "error", b'%b,"status":%d}' % (self.body[:-1], self.status)

    def word(self) -> str:
        """Return the outcome in one word: ``ok``, ``error`` or the code."""
        if self.status == _OK:
            return "ok"
        if self.status != _HOST_ERROR:
            with suppress(ValueError):
                code = self.body[self.body.rindex(_CODE) + len(_CODE) : -2].decode()
                if code.isidentifier() and len(code) < _CODE_MAX:
                    return code
        return "error"
