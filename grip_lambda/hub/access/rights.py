"""Who may do what: API keys, the tickets made from them, and the rights of each.

Without API keys configured (``ring`` is None) everybody may do everything, and no key is looked
at. With them, opening and listing take a key. A call takes one if its lambda is private; who
presents a key is held to what it may, wherever.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from itsdangerous import BadSignature, TimestampSigner

from ...errors import BadRequest, Forbidden, Unauthorized
from ...protocol.keys import Key, Right
from ...store import ANYBODY, Callee, Lambda, Permit
from .keyring import KeyRing

#: How long a ticket may be used, in seconds.
TICKET_S = 60
#: How far the clocks of two backends may be apart, in seconds.
_SKEW_S = 30
#: Longer than any key or ticket.
_LONGEST = 500


@dataclass(frozen=True)
class Credentials:
    """What a request presents.

    Attributes:
        keys: texts that should be keys.
        tickets: texts that should be tickets.
    """

    keys: Sequence[str] = field(default=(), repr=False)
    tickets: Sequence[str] = field(default=(), repr=False)


class Access:
    """Decides who may do what."""

    def __init__(self, ring: KeyRing | None, secret: bytes) -> None:
        """Have keys, or none.

        Args:
            ring: the keys; None where none are configured.
            secret: what tickets are signed with.
        """
        self.ring = ring
        #: In which minute each key was used last, in seconds, if that has not been written down.
        self._uses: dict[str, float] = {}
        self._used: dict[str, int] = {}
        self._signer = TimestampSigner(
            secret, salt="ticket", digest_method=hashlib.sha256, key_derivation="hmac"
        )

    def authenticate(self, presented: Credentials, *, accept_expired: bool = False) -> Key | None:
        """Return the key that a request presents, None if it presents none.

        Args:
            accept_expired: whether a ticket counts however old it is.

        Raises:
            Unauthorized: what it presents is no key or ticket, or revoked, or of several keys.
        """
        if self.ring is None:
            return None
        first: Key | None = None
        for one in self._found(presented, accept_expired=accept_expired):
            if one is None or (first is not None and one.id != first.id):
                raise Unauthorized("this API key is not known here, or its ticket is over")
            first = one
        if first is not None:
            self._use(first.id)
        return first

    def _use(self, key_id: str) -> None:
        minute = int(time.time()) // 60
        if self._used.get(key_id) != minute:
            self._used[key_id] = minute
            self._uses[key_id] = minute * 60.0

    def taken_uses(self) -> dict[str, float]:
        """Return when keys were used, by id, since this was asked last: to the minute."""
        uses, self._uses = self._uses, {}
        return uses

    def _found(self, presented: Credentials, *, accept_expired: bool) -> Iterator[Key | None]:
        yield from map(self._find, presented.keys)
        for ticket in presented.tickets:
            yield self._redeem(ticket, accept_expired=accept_expired)

    def require(self, presented: Credentials, right: Right) -> Key | None:
        """Return the key that a request presents for something that takes one.

        Returns:
            None only where no keys are configured.

        Raises:
            Unauthorized: there is none, or it is none.
            Forbidden: it may not do this.
        """
        key = self.authenticate(presented)
        if self.ring is None:
            return None
        if key is None:
            raise Unauthorized(f"this takes an API key that may {right}")
        return _checked(key, right)

    def caller(self, presented: Credentials, *, accept_expired: bool = False) -> Permit:
        """Return whom a request may call.

        Args:
            accept_expired: whether it goes on with a call that was begun with its ticket: a page's
                EventSource knows no other address.

        Raises:
            Unauthorized: it presents what is no key.
            Forbidden: it presents a key that may not call.
        """
        key = self.authenticate(presented, accept_expired=accept_expired)
        return ANYBODY if key is None else _permit(key)

    def caller_by_id(self, key_id: str) -> Permit:
        """Return whom a client may call that has shown a key before, by the id of that.

        Raises:
            Unauthorized: the key has been revoked meanwhile.
            Forbidden: it may not call.
        """
        if self.ring is None or not key_id:
            return ANYBODY
        key = self.ring.get(key_id)
        if key is None:
            raise Unauthorized("the API key was revoked")
        self._use(key_id)
        return _permit(key)

    def opener(self, presented: Credentials, *, private: bool, accept_expired: bool = False) -> str:
        """Return the id of the key that opens a lambda; empty without one.

        A host without a key needs the token of its lambda, which Hosts.open looks at.

        Args:
            private: whether the lambda is to be callable with a key only.
            accept_expired: as ``caller``; for a stream or a poll that goes on, by its event id.

        Raises:
            BadRequest: the lambda is to be private, but no keys are configured.
            Unauthorized: what is presented is no key.
            Forbidden: the key may not host.
        """
        if self.ring is None:
            if private:
                raise BadRequest(
                    "no API keys are configured here, so that no lambda can be private;"
                    " open it without ?private, or have the server configured"
                )
            return ""
        key = self.authenticate(presented, accept_expired=accept_expired)
        return "" if key is None else _checked(key, "host").id

    def may_host(self, key_id: str) -> bool:
        """Tell whether the lambdas that a key opened may be open."""
        if self.ring is None:
            return True
        key = self.ring.get(key_id)
        return key is not None and "host" in key.may

    def rate(self, key_id: str) -> float | None:
        """Return how many calls a key may make in a second; None for any number."""
        key = self.ring.get(key_id) if self.ring is not None else None
        return None if key is None else key.rate

    def check_services(self, key_id: str, names: Iterable[str]) -> None:
        """Check whether a key is for all of these services.

        Args:
            key_id: empty for no key.

        Raises:
            Forbidden: it is limited to others.
        """
        key = self.ring.get(key_id) if self.ring is not None and key_id else None
        for name in names:
            if key is not None and not key.is_for(name):
                raise Forbidden(f"this API key is not for the service {name}")

    def ticket(self, presented: Credentials) -> str:
        """Return a ticket: the key's id, signed, for the next ``TICKET_S`` seconds.

        Raises:
            Unauthorized: no key is presented; tickets are not made from tickets.
        """
        if self.ring is None:
            return self._signer.sign("").decode()
        key = self.authenticate(Credentials(presented.keys))
        if key is None:
            raise Unauthorized("a ticket is made from an API key")
        return self._signer.sign(key.id).decode()

    def _find(self, text: str) -> Key | None:
        assert self.ring is not None
        return self.ring.find(text) if len(text) <= _LONGEST else None

    def _redeem(self, ticket: str, *, accept_expired: bool) -> Key | None:
        assert self.ring is not None
        if len(ticket) > _LONGEST or not ticket.isascii():
            return None
        try:
            key_id, made = self._signer.unsign(ticket, return_timestamp=True)
        except BadSignature:
            return None
        age_s = self._signer.get_timestamp() - made.timestamp()
        valid = age_s >= -_SKEW_S and (accept_expired or age_s <= TICKET_S)
        return self.ring.get(key_id.decode()) if valid else None


def check_call(permit: Permit, known: Lambda | Callee) -> None:
    """Check whether a caller may call a lambda.

    Raises:
        Unauthorized: that takes a key.
        Forbidden: it takes another one.
    """
    if not permit.allows(known):
        raise refusal(permit)


def refusal(permit: Permit) -> Unauthorized | Forbidden:
    """Return why a call was refused."""
    if permit.key:
        return Forbidden("this API key may not call this lambda")
    return Unauthorized("this lambda is private: calling it takes an API key that may call")


def _checked(key: Key, right: Right) -> Key:
    if right not in key.may:
        raise Forbidden(f"this API key may not {right}")
    return key


def _permit(key: Key) -> Permit:
    return Permit(_checked(key, "call").id, private=True, owners=key.owners)
