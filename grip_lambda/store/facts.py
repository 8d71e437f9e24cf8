"""What a store knows: lambdas, calls, and who waits for what.

Times are seconds since 1970. Every fact has a lifetime: a lambda until it was not seen for too
long, a call until its answer can't be asked for any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .outcome import Outcome

#: The transport of hosts on WebSocket.
WEBSOCKET = "websocket"
#: How long the outcome of a call is kept, in seconds: Pushpin asks again after one.
OUTCOME_KEPT_S = 10.0
#: How long the outcome of a call is kept that may be asked for again, in seconds.
RESULT_KEPT_S = 600.0
#: So many calls, lambdas or entries, and so many bytes, are dealt with in one step at most, or what
#: can be done in so many seconds: nothing else happens meanwhile, in a SQLite file or in a Redis.
STEP_MAX = 500
STEP_BYTES = 16 * 1024 * 1024
STEP_S = 0.02
#: Of so many clients it is told how many lambdas they have open.
CLIENTS_MAX = 100
#: So many may wait for one call that another began.
WAITS_MAX = 1000
#: How long it is remembered that a lambda was open, in seconds.
REMEMBERED_S = 86400.0


@dataclass(frozen=True)
class Lambda:
    """An open lambda.

    Attributes:
        id: the 16-character address.
        connection: Pushpin's id of the host's connection; another one is another host.
        node: the Pushpin that holds the connection.
        code: the codec that the host speaks.
        generation: what the reopen token is bound to.
        opened: when the host acknowledged.
        expires: when it counts as gone unless it is seen before.
        headers: the registration's headers, credentials already redacted.
        methods: the names that the host gave, or None.
        max_calls: how many calls may be in flight, or None for any number.
        transport: how the host is connected: ``websocket``, ``sse`` or ``poll``.
        context: whether the host wants the context of each call.
        owner: the id of the API key that opened it; empty without one.
        private: whether it is callable with an API key only.
        client: whom it counts for (hub/access/limits.py); empty for nobody.
        described: what the host said of its methods beside their names, as JSON; else empty.
        services: the names that it shares with other hosts.
    """

    id: str
    connection: str
    node: str
    code: str
    generation: str
    opened: float
    expires: float
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    methods: Sequence[str] | None = None
    max_calls: int | None = None
    transport: str = WEBSOCKET
    context: bool = False
    owner: str = ""
    private: bool = False
    client: str = ""
    described: str = ""
    services: tuple[str, ...] = ()

    @property
    def ends_with_its_node(self) -> bool:
        """Whether its host has gone once its Pushpin has; others may come back through another."""
        return self.transport == WEBSOCKET

    @property
    def host(self) -> Host:
        """Where its calls go."""
        return Host(self.connection, self.node, self.code, self.transport, self.context)


@dataclass(frozen=True)
class Host:
    """Where a lambda's calls go: its connection, the node that holds it, and what it speaks.

    Attributes:
        connection, node, code, transport, context: as in Lambda.
        busy_until: until when large messages have their turns on its WebSocket, one after the
            other.
    """

    connection: str
    node: str
    code: str = "json-rpc"
    transport: str = WEBSOCKET
    context: bool = False
    busy_until: float = 0.0


@dataclass(frozen=True)
class Callee:
    """What a caller has to know of an open lambda.

    Attributes:
        host: where its calls go.
        max_calls, private, owner: as in Lambda.
    """

    host: Host
    max_calls: int | None
    private: bool
    owner: str


@dataclass(frozen=True)
class Past:
    """What is remembered of a lambda that is open, or was within the last day."""

    generation: str
    owner: str = ""


@dataclass(frozen=True)
class Call:
    """One invocation.

    Attributes:
        token: its id, unique and not to be guessed.
        lambda_id: whom it calls.
        node: the Pushpin that holds the caller.
        deadline: when the caller gets ``deadline_exceeded``.
        kind: how its caller is answered; see hub/calls/kinds/.
        details: what that kind needs to know, as JSON; else empty.
        kept_s: how long its outcome is kept, in seconds.
        created: when it began.
        key: the id of the API key that made it; empty without one.
        client: whom it counts for (hub/access/limits.py); empty for nobody.
        about: what whoever watches is told of it; see hub/watching/about.py.
        service: the name by which its host was chosen; empty if it was named by its id.
    """

    token: str
    lambda_id: str
    node: str
    deadline: float
    kind: str = "http"
    details: str = ""
    kept_s: float = OUTCOME_KEPT_S
    created: float = 0.0
    key: str = ""
    client: str = ""
    about: str = ""
    service: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether others than its caller may ask for its outcome."""
        return self.kept_s > OUTCOME_KEPT_S


@dataclass(frozen=True)
class IdempotencyKey:
    """What makes a call the same as an earlier one.

    Attributes:
        key: of the calls of a lambda, or of a service, those with the same key are one.
        fingerprint: what has to be the same as well.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True)
class SameCall:
    """The call that had the same key.

    Attributes:
        lambda_id: whom it calls; empty if that is whom the later call names.
    """

    token: str
    fingerprint: str
    lambda_id: str = ""


@dataclass(frozen=True)
class Chosen:
    """A call of a service that was entered, and the host that is to answer it."""

    call: Call
    host: Host


@dataclass(frozen=True)
class Wait:
    """Somebody who waits for a call that another began.

    Attributes:
        token: unique and not to be guessed.
        call: the token of the call.
        lambda_id: whom it calls.
        node: the Pushpin that holds who waits.
        deadline: until when.
        kind: how who waits is answered; see hub/calls/waits.py.
    """

    token: str
    call: str
    lambda_id: str
    node: str
    deadline: float
    kind: str


class KnownCall(NamedTuple):
    """A call, and how it ended; None if it has not."""

    call: Call
    outcome: Outcome | None


class StoppedCall(NamedTuple):
    """A call that was ended from outside.

    Attributes:
        connection: that of the host which was asked; None if the host had answered before.
    """

    call: Call
    connection: str | None


@dataclass(frozen=True)
class Closed:
    """A lambda that was closed, and the calls that it left unanswered, ended by that."""

    lambda_: Lambda
    calls: Sequence[Call]


@dataclass(frozen=True)
class Permit:
    """Whom a caller may call.

    Attributes:
        key: the id of the caller's API key; empty without one.
        private: whether also lambdas that are callable with an API key only.
        owners: the keys whose lambdas these are; None for all lambdas.
    """

    key: str = ""
    private: bool = False
    owners: frozenset[str] | None = None

    def allows(self, known: Lambda | Callee) -> bool:
        """Tell whether a lambda is among them."""
        return (self.private or not known.private) and (
            self.owners is None or known.owner in self.owners
        )


@dataclass(frozen=True)
class Population:
    """How many lambdas are open.

    Attributes:
        lambdas: in all.
        of_client: of each of the clients that have most; see Lambda.client.
    """

    lambdas: int
    of_client: Mapping[str, int]


#: Who shows no API key.
ANYBODY = Permit()


class Due(NamedTuple):
    """What was ended because its time had come."""

    closed: list[Closed]
    calls: list[Call]
    waits: list[Wait]
