"""What can go wrong, and how each is told.

GripLambdaError
├── ConfigError               a setting is missing or makes no sense
├── ProtocolError             a peer sent what its protocol forbids (closes a WebSocket)
└── RequestError              a refusal with a status and a code
    ├── BadRequest            400 bad_request
    │   └── InvalidParameter  one of AWS's parameters, not the body
    ├── Unauthorized          401 unauthorized
    ├── Forbidden             403 forbidden
    │   └── BadSignature      a request in AWS's form is not signed with a key
    ├── NotFound              404 not_found
    ├── NotAcceptable         406 not_acceptable
    ├── RequestTimeout        408 request_timeout
    ├── TakenOver             409 taken_over
    ├── Conflict              409 conflict
    ├── Cancelled             410 cancelled
    ├── TooLarge              413 too_large
    ├── KeyReused             422 key_reused
    ├── UpgradeRequired       426 upgrade_required
    ├── Busy                  429 busy
    ├── RateLimited           429 rate_limited
    ├── Unavailable           503 unavailable
    │   ├── StoreError        the store is out of reach
    │   └── PublishError      a Pushpin is out of reach
    ├── DeadlineExceeded      504 deadline_exceeded
    └── StorageFull           507 storage_full

Statuses and codes are those of the contract; a message says what was wrong and what to do.
"""

from __future__ import annotations


class GripLambdaError(Exception):
    """Base of everything this package raises on purpose."""


class ConfigError(GripLambdaError):
    """A setting is missing or makes no sense; found at start-up."""


class RequestError(GripLambdaError):
    """A request that is refused.

    Attributes:
        status: the HTTP status to answer with.
        code: the machine-readable word beside the message.
        host: the host of a service that had been chosen by then; empty if none had.
    """

    status = 400
    code = "bad_request"
    host = ""


class BadRequest(RequestError):
    """The request makes no sense: body, id, method name or a header."""


class InvalidParameter(BadRequest):
    """A parameter of AWS's Invoke makes no sense."""


class Unauthorized(RequestError):
    """An API key is missing, or is none."""

    status = 401
    code = "unauthorized"


class Forbidden(RequestError):
    status = 403
    code = "forbidden"


class BadSignature(Forbidden):
    """A request for AWS's Invoke was not signed as it should be.

    Attributes:
        name: what AWS calls that.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class NotFound(RequestError):
    status = 404
    code = "not_found"


class NotAcceptable(RequestError):
    status = 406
    code = "not_acceptable"


class RequestTimeout(RequestError):
    """The body of a request stopped, or came too slowly."""

    status = 408
    code = "request_timeout"


class TakenOver(RequestError):
    """Another connection holds the lambda now, or is to."""

    status = 409
    code = "taken_over"


class Conflict(RequestError):
    """What is asked for does not go with what is there."""

    status = 409
    code = "conflict"


class Cancelled(RequestError):
    """The lambda was closed at the request of who has its token."""

    status = 410
    code = "cancelled"


class TooLarge(RequestError):
    status = 413
    code = "too_large"


class KeyReused(RequestError):
    """An idempotency key came with another body than the first time."""

    status = 422
    code = "key_reused"


class UpgradeRequired(RequestError):
    status = 426
    code = "upgrade_required"


class Busy(RequestError):
    status = 429
    code = "busy"


class RateLimited(RequestError):
    """A client, or all together, asked for more than they may.

    Attributes:
        retry_after: when to ask again, in whole seconds from now.
        policy: the quota that is used up, as a member of ``RateLimit-Policy``; empty for none
            that is counted by time.
    """

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, retry_after: int = 1, policy: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.policy = policy


class StorageFull(RequestError):
    """As much is kept as may be, of one client or of all."""

    status = 507
    code = "storage_full"


class Unavailable(RequestError):
    """What the call needs is out of reach; nothing was done.

    Attributes:
        retry_after: when to ask again, in whole seconds from now.
    """

    status = 503
    code = "unavailable"

    def __init__(self, message: str = "", retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(RequestError):
    """The call was late before it could begin."""

    status = 504
    code = "deadline_exceeded"


class StoreError(Unavailable):
    """The store is out of reach or refused an operation."""


class PublishError(Unavailable):
    """A Pushpin is out of reach."""


class ProtocolError(GripLambdaError):
    """A WebSocket peer sent what its protocol forbids.

    Attributes:
        close_code: the WebSocket close code to end the connection with (RFC 6455 section 7.4).
    """

    def __init__(self, reason: str, close_code: int = 1007) -> None:
        super().__init__(reason)
        self.close_code = close_code
