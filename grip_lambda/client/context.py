"""What a function is told of its call, and what it says beside its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .messages import Failure, Outcome, Result

#: Where the error of a function has no type of its own.
_ERROR = "Error"


class Context:
    """The second argument of the functions of a host with ``context=True``.

    Its names are those of AWS Lambda's context.

    Attributes:
        aws_request_id: the id of the invocation.
        invoked_function_arn: what was called.
        client_context: what the caller said of itself, ``{"client", "custom", "env"}``, or None.
        identity: who calls, ``{"cognitoIdentityId", "cognitoIdentityPoolId"}``, or None.
        env: the environment that the request brought along.
        deadline: when the caller stops waiting, in ms since 1970.
        raw: all of it, as it came.
    """

    def __init__(self, raw: Any) -> None:
        self.raw: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
        self.aws_request_id = _text(self.raw.get("aws_request_id"))
        self.invoked_function_arn = _text(self.raw.get("invoked_function_arn"))
        self.client_context = _object(self.raw.get("client_context"))
        self.identity = _object(self.raw.get("identity"))
        self.env: Mapping[str, Any] = _object(self.raw.get("env")) or {}
        deadline = self.raw.get("deadline")
        self.deadline = deadline if isinstance(deadline, int) else 0
        self._logs: list[str] = []
        self._billing: dict[str, Any] = {}

    def get_remaining_time_in_millis(self) -> int:
        """Return how many ms there are until the deadline, 0 at least."""
        return max(0, self.deadline - int(time.time() * 1000))

    def log(self, line: object) -> None:
        """Send a line along with the result; AWS's clients get the last of them."""
        self._logs.append(str(line))

    def bill(self, *, memory: str | None = None, used: int | None = None) -> None:
        """Say what the invocation took, for its billing record.

        Args:
            memory: the memory that there was, in words.
            used: the memory that was used, in MB.
        """
        told = {"memory": memory, "used": used}
        self._billing.update({name: value for name, value in told.items() if value is not None})

    def reply(self, outcome: Outcome) -> Result:
        """Return the end of a function as an InvokeReply, with what it said beside.

        Every end is one, so that no object which a function returns is taken for it.
        """
        bare: dict[str, Any] = {"errortype": "", "invokeid": self.aws_request_id}
        if isinstance(outcome, Failure):
            kind = outcome.error.get("errorType") if isinstance(outcome.error, dict) else None
            bare["errortype"] = kind if isinstance(kind, str) and kind else _ERROR
            bare["errors"] = True
            bare["result"] = "the host failed" if outcome.error is None else outcome.error
        else:
            bare["result"] = outcome.value
        said = dict(bare)
        if self._logs:
            said["logs"] = list(self._logs)
        if self._billing:
            said["billing"] = dict(self._billing)
        return Result(said, shorter=bare)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None
