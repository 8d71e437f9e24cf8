"""Who may do what: API keys, the tickets made from them, and the rights of each.

Without API keys configured (``ring`` is None) everybody may do everything, and no key is looked
at. With them, opening and listing take a key. A call takes one if its lambda is private; who
presents a key is held to what it may, wherever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from itsdangerous import BadSignature, TimestampSigner

from ..errors import BadRequest, Forbidden, Unauthorized
from ..protocol.keys import Key, Right
from ..store import ANYBODY, Lambda, Permit
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
        self._signer = TimestampSigner(
            secret, salt="ticket", digest_method=hashlib.sha256, key_derivation="hmac"
        )

    def authenticate(self, presented: Credentials, *, late: bool = False) -> Key | None:
        """Return the key that a request presents, None if it presents none.

        Args:
            late: whether a ticket counts however old it is.

        Raises:
            Unauthorized: what it presents is no key or ticket, or revoked, or of several keys.
        """
        if self.ring is None:
            return None
        found = [self._find(text) for text in presented.keys]
        found += [self._redeem(text, late=late) for text in presented.tickets]
        if not found:
            return None
        first = found[0]
        if first is None or any(one is None or one.id != first.id for one in found):
            raise Unauthorized("this API key is not known here, or its ticket is over")
        return first

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

    def caller(self, presented: Credentials, *, late: bool = False) -> Permit:
        """Return whom a request may call.

        Args:
            late: whether it goes on with a call that was begun with the ticket it has: a page's
                EventSource knows no other address.

        Raises:
            Unauthorized: it presents what is no key.
            Forbidden: it presents a key that may not call.
        """
        key = self.authenticate(presented, late=late)
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
        return _permit(key)

    def opener(self, presented: Credentials, *, private: bool, late: bool = False) -> str:
        """Return the id of the key that opens a lambda; empty without one.

        A host without a key needs the token of its lambda, which Hosts.open looks at.

        Args:
            private: whether the lambda is to be callable with a key only.
            late: as ``caller``; where the event id of a stream or a poll is looked at, too.

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
        key = self.authenticate(presented, late=late)
        return "" if key is None else _checked(key, "host").id

    def may_host(self, key_id: str) -> bool:
        """Tell whether the lambdas that a key opened may be open."""
        if self.ring is None:
            return True
        key = self.ring.get(key_id)
        return key is not None and "host" in key.may

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

    def _redeem(self, ticket: str, *, late: bool) -> Key | None:
        assert self.ring is not None
        if len(ticket) > _LONGEST or not ticket.isascii():
            return None
        try:
            key_id, made = self._signer.unsign(ticket, return_timestamp=True)
        except BadSignature:
            return None
        age_s = self._signer.get_timestamp() - made.timestamp()
        valid = age_s >= -_SKEW_S and (late or age_s <= TICKET_S)
        return self.ring.get(key_id.decode()) if valid else None


def check_call(permit: Permit, known: Lambda) -> None:
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
