"""Texts that only we can have written: event ids, and links that Pushpin is given."""

from __future__ import annotations

import hashlib

from itsdangerous import BadSignature, Signer


def sign(secret: bytes, purpose: str, text: str) -> str:
    """Return ``text`` with a signature; ASCII without spaces if ``text`` is.

    Args:
        purpose: what it is for; it is of no use for anything else.
    """
    return _signer(secret, purpose).sign(text).decode()


def unsign(secret: bytes, purpose: str, signed: str) -> str | None:
    """Return the text that was signed, or None where we have not signed it for this purpose."""
    try:
        return _signer(secret, purpose).unsign(signed.encode()).decode()
    except (BadSignature, UnicodeError):
        return None


def _signer(secret: bytes, purpose: str) -> Signer:
    return Signer(secret, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256)
