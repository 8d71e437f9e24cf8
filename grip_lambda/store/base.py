"""The store's interface: few verbs, each one atomic step.

Times are seconds since 1970 and come from the caller, so that a test can pass its own. All keys of
one lambda and its calls belong together, whatever the store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from .facts import (
    ANYBODY,
    Call,
    Closed,
    Due,
    Earlier,
    Host,
    Lambda,
    Once,
    Outcome,
    Past,
    Permit,
    Wait,
)
from .logs import Logs


class Store(ABC):
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
    def list_lambdas(self, now: float) -> list[Lambda]:
        """Return all open lambdas, oldest first."""

    @abstractmethod
    def remembered(self, lambda_id: str, now: float) -> Past | None:
        """Return what is known of a lambda that is open or was within the last day, or None."""

    @abstractmethod
    def renew_lambda(self, lambda_id: str, connection: str, expires: float, now: float) -> bool:
        """Note that the host was seen; False where ``connection`` does not hold the lambda."""

    @abstractmethod
    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        """Close the lambda if ``connection`` holds it, and end its calls; else None."""

    @abstractmethod
    def begin_call(
        self, call: Call, now: float, once: Once | None = None, permit: Permit = ANYBODY
    ) -> Host | Earlier:
        """Enter ``call`` and return the host that is to answer it.

        A token may be used again for the same lambda once its call has ended.

        Args:
            once: if given, the call is not entered where one with its key is known.

        Returns:
            The host, or the call that is known with that key.

        Raises:
            NotFound: no such lambda is open.
            Forbidden: ``permit`` does not allow the call.
            Busy: it has ``max_calls`` in flight, or a call of this token.
        """

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
    def get_call(
        self, lambda_id: str, token: str, now: float
    ) -> tuple[Call, Outcome | None] | None:
        """Return a call and its outcome, None where it has none yet; None where it is unknown.

        An ended call is known for its ``kept_s`` seconds.
        """

    @abstractmethod
    def find_call(self, token: str, now: float) -> tuple[Call, Outcome | None] | None:
        """Return a call that is kept, and its outcome, as ``get_call`` does without its lambda."""

    @abstractmethod
    def cancel_call(
        self, lambda_id: str, token: str, cancelled: Outcome, now: float, *, ended_too: bool
    ) -> tuple[Call, str | None] | None:
        """End a call from outside.

        Args:
            ended_too: whether one that has ended is to have this outcome from now on.

        Returns:
            The call, and the connection that was asked where it has not answered, else None; None
            where no such call was ended by this.
        """

    @abstractmethod
    def free_key(self, lambda_id: str, token: str) -> None:
        """Make the key free (see ``Once``) of a call that never reached its host."""

    @abstractmethod
    def wait_for(self, wait: Wait, now: float) -> tuple[Call, Outcome | None] | None:
        """Return a call as ``get_call`` does, and enter who waits for it if it has no outcome.

        A wait of the same token takes the place of the earlier one.
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
    def is_reachable(self) -> bool:
        """Tell, within a second or so, whether the store answers; raises nothing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store; nothing may be asked of it afterwards."""
