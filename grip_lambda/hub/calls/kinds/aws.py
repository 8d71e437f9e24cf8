"""Responses to AWS Lambda's Invoke.

Once the host may have been asked the status is 200 whatever has happened: AWS's clients send again
what is answered with 429 or 5xx.
"""

from __future__ import annotations

from ....protocol import aws
from ....store import Call, Outcome
from ..outcomes import remarks_of
from ..responses import Response
from .base import Kind
from .mless import InvocationDetails, error_of

#: The deadline where the caller names none, in seconds: AWS's clients give up after 60.
WAIT_S = 55.0


def aws_headers(request_id: str) -> dict[str, str]:
    """Return the headers of every response."""
    return {"x-amzn-RequestId": request_id}


def aws_error(status: int, name: str, message: str, request_id: str) -> Response:
    """Return an error that AWS's clients turn into their exception ``name``."""
    headers = {**aws_headers(request_id), "x-amzn-ErrorType": name}
    if status in (429, 503):
        headers["Retry-After"] = "1"
    return Response(status, aws.error_body(status, message), headers)


class AwsKind(Kind):
    """An invocation whose caller waits for its end."""

    def response(self, call: Call, outcome: Outcome) -> Response:
        details, error = InvocationDetails.of(call), error_of(outcome)
        if not outcome.may_have_been_asked:
            return aws_error(
                503, "ServiceException", "the lambda's proxy is out of reach; try again", details.id
            )
        headers = {**aws_headers(details.id), "X-Amz-Executed-Version": "$LATEST"}
        if error is not None:
            headers["X-Amz-Function-Error"] = "Handled" if error.handled else "Unhandled"
        if details.tail:
            headers["X-Amz-Log-Result"] = aws.tail(remarks_of(outcome).logs or [])
        return Response(200, outcome.body if error is None else error.result, headers)

    def late(self, call: Call) -> Response:
        # A hold's headers stay in the response that is published later, and so it can't say
        # Unhandled: this is a refusal, with a status that AWS's clients don't repeat.
        message = "the lambda did not answer in time, and may have been asked"
        headers = aws_headers(InvocationDetails.of(call).id)
        return Response(408, aws.error_body(500, message), headers)


AWS = AwsKind("aws")
#: An invocation whose caller does not wait.
EVENT = Kind("event", is_awaited=False)
