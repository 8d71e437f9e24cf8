"""The store's interface: few verbs, each one atomic step.

Times are seconds since 1970 and come from the caller, so that a test can pass its own. All keys of
one lambda and its calls belong together, whatever the store.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from .facts import (
    ANYBODY,
    Call,
    Callee,
    Chosen,
    Closed,
    Due,
    Host,
    IdempotencyKey,
    KnownCall,
    Lambda,
    Past,
    Permit,
    Population,
    SameCall,
    StoppedCall,
    Wait,
)
from .links import Link
from .logs import Logs
from .outcome import Outcome
from .watching import WatchedStore


class Store(WatchedStore):
    """What the hub needs to know, kept outside of every process. Safe for many threads.

    Every method may raise StoreError where the store is out of reach.

    Attributes:
        logs: what waits for readers that come and go.
    """

    logs: Logs

    @abstractmethod
    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        """Enter ``new``, and close what was open under its id.

        Args:
            disconnected: what the calls of the earlier host end with.
            take_over: whether an open lambda of the same generation may be replaced; one of
                another generation has been opened by somebody else meanwhile.

        Returns:
            The one that was replaced, or None. Entering the same connection again renews it.

        Raises:
            Forbidden: another connection has the id open, and may not be replaced.
        """

    @abstractmethod
    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        """Return the open lambda, or None."""

    @abstractmethod
    def find_callee(self, lambda_id: str, now: float) -> Callee | None:
        """Return what a caller has to know of an open lambda, or None."""

    @abstractmethod
    def list_lambdas(self, now: float) -> list[Lambda]:
        """Return all open lambdas, oldest first."""

    @abstractmethod
    def remembered(self, lambda_id: str, now: float) -> Past | None:
        """Return what is known of a lambda that is open or was within the last day, or None."""

    @abstractmethod
    def renew_lambda(self, lambda_id: str, connection: str, expires: float, now: float) -> bool:
        """Note that the host was seen; False where ``connection`` does not hold the lambda."""

    @abstractmethod
    def take_turn(self, lambda_id: str, connection: str, seconds: float, now: float) -> float:
        """Give a large message its turn on a host's WebSocket, after those of others.

        Args:
            seconds: how long the turn lasts.

        Returns:
            When it begins; ``now`` if ``connection`` does not hold the lambda.
        """

    @abstractmethod
    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        """Close the lambda if ``connection`` holds it, and end its calls; else None."""

    @abstractmethod
    def begin_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
        *,
        connection: str | None = None,
    ) -> Host | SameCall:
        """Enter ``call`` and return the host that is to answer it.

        A token may be used again for the same lambda once its call has ended.

        Args:
            idempotency_key: if given, the call is not entered where one with its key is known.
            connection: the only connection that may be asked; None for whatever holds the lambda.

        Returns:
            The host, or the call that is known with that key.

        Raises:
            NotFound: no such lambda is open, or not on ``connection``.
            Forbidden: ``permit`` does not allow the call.
            Busy: it has ``max_calls`` in flight, or a call of this token.
        """

    @abstractmethod
    def begin_service_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
    ) -> Chosen | SameCall:
        """Choose one of a service's hosts, and enter a call of it in the same step.

        Of the hosts with room one is chosen that has the fewest calls in flight; of several, the
        one that was chosen longest ago.

        Args:
            call: names the service; its ``lambda_id`` is empty.
            idempotency_key: as for ``begin_call``; it is one of the service, not of the host.

        Raises:
            NotFound: no host of the service is open.
            Forbidden: ``permit`` allows none of them.
            Busy: none of them has room.
        """

    @abstractmethod
    def list_service(self, service: str, now: float) -> list[Lambda]:
        """Return the open lambdas of a service, oldest first."""

    @abstractmethod
    def end_calls(
        self, lambda_id: str, connection: str, outcomes: Mapping[str, Outcome], now: float
    ) -> list[Call]:
        """Store the outcomes of calls that ``connection`` was asked, by token.

        Returns:
            The calls that ended by this. Others (unknown, ended before, past their deadline, or
            given to another host) are left as they are.
        """

    @abstractmethod
    def get_call(self, lambda_id: str, token: str, now: float) -> KnownCall | None:
        """Return a call and its outcome, None where it has none yet; None where it is unknown.

        An ended call is known for its ``kept_s`` seconds.
        """

    @abstractmethod
    def hand_over(self, lambda_id: str, token: str, node: str, now: float) -> KnownCall | None:
        """Note that ``node`` holds the caller from now on, if the call has not ended.

        Returns:
            The call and its outcome, as ``get_call``.
        """

    @abstractmethod
    def find_call(self, token: str, now: float) -> KnownCall | None:
        """Return a call that is kept, and its outcome, as ``get_call`` does without its lambda."""

    @abstractmethod
    def cancel_call(
        self,
        lambda_id: str,
        token: str,
        cancelled: Outcome,
        now: float,
        *,
        ended_too: bool = False,
        unless_awaited: bool = False,
    ) -> StoppedCall | None:
        """End a call from outside.

        Args:
            ended_too: whether one that has ended is to have this outcome from now on.
            unless_awaited: leave the call as it is while somebody waits for it (``wait_for``).

        Returns:
            The call, and the connection that was asked where it has not answered, else None; None
            where no such call was ended by this.
        """

    @abstractmethod
    def free_key(self, lambda_id: str, token: str) -> None:
        """Make the key free (see ``IdempotencyKey``) of a call that never reached its host."""

    @abstractmethod
    def wait_for(self, wait: Wait, now: float) -> KnownCall | None:
        """Return a call as ``get_call`` does, and enter who waits for it if it has no outcome.

        A wait of the same token takes the place of the earlier one.

        Raises:
            RateLimited: as many wait for the call as may.
        """

    @abstractmethod
    def take_waits(self, lambda_id: str, token: str) -> list[Wait]:
        """Remove and return all who wait for a call."""

    @abstractmethod
    def expire(
        self,
        disconnected: Outcome,
        overdue: Outcome,
        now: float,
        limit: int = 500,
        spare_s: float = 0.0,
    ) -> Due:
        """End what is due: at most ``limit`` of each kind, each given to one process only.

        Args:
            disconnected: what the calls of a lambda end with that was not seen in time.
            overdue: what calls end with whose deadline passed.
            limit: how many of each at most.
            spare_s: if not 0, lambdas that are due are not closed: they have so many seconds more.

        Returns:
            Lambdas that were not seen in time, calls and waits whose deadline passed.
        """

    @abstractmethod
    def drop_node(self, node: str, disconnected: Outcome, now: float) -> list[Closed]:
        """Close every lambda of a node whose connections are known to be gone.

        Hosts without WebSocket may come back through another node; those that don't expire.
        """

    @abstractmethod
    def link(self) -> Link:
        """Return how the processes that share this store reach one another."""

    @abstractmethod
    def population(self, now: float) -> Population:
        """Count the open lambdas."""

    @abstractmethod
    def share(
        self, process: str, report: bytes, until: float, now: float, board: str = ""
    ) -> list[bytes]:
        """Tell other processes something, in place of what this one told before.

        Args:
            process: a name of its own.
            report: what to tell; empty for nothing.
            until: when the report is of no use any more.
            board: what it is about; each has the reports of its own.

        Returns:
            What the others tell.
        """

    def lost_at(self, now: float) -> float:
        """Return when the store was found to have lost what it knew; 0 if it was not.

        A file does not lose it; a server that is started again, or emptied, does.
        """
        return 0.0

    def compact(self) -> None:
        """Give some of the space back that is not used any more, in a short step."""
        return

    @abstractmethod
    def is_reachable(self) -> bool:
        """Tell, within a second or so, whether the store answers; raises nothing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store; nothing may be asked of it afterwards."""
