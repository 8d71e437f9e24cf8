"""Ids of lambdas and calls, and the reopen token.

A lambda's id is 12 random bytes in url-safe base64: 16 characters, 96 bits. A call's token is
16 random bytes: 22 characters, 128 bits. A reopen token is an HMAC of the id and a random
generation, so that who reads the store can still not take a lambda over.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode

_ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def new_lambda_id() -> str:
    """Return a fresh lambda id."""
    return secrets.token_urlsafe(12)


def is_lambda_id(text: str) -> bool:
    """Tell whether ``text`` has the form of a lambda id."""
    return _ID.fullmatch(text) is not None


def new_call_token() -> str:
    """Return a fresh call token, which is the JSON-RPC id that the host sees."""
    return secrets.token_urlsafe(16)


def client_call_token(secret: bytes, caller: str, callee: str, token: bytes) -> str:
    """Return the token of a call whose caller has named it itself.

    That name is neither unique nor secret. The same call gives the same token: its answer is
    found again by who called, who was called, and the name.

    Args:
        caller, callee: ids of both.
        token: the caller's name for the call.
    """
    digest = hmac.digest(
        secret, b"call:%b:%b:%b" % (caller.encode(), callee.encode(), token), "sha256"
    )
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def is_call_token(text: str) -> bool:
    """Tell whether ``text`` has the form of a call token."""
    return _TOKEN.fullmatch(text) is not None


def new_generation() -> str:
    """Return what a reopen token is bound to beside the id."""
    return secrets.token_urlsafe(9)


def reopen_token(secret: bytes, lambda_id: str, generation: str) -> str:
    """Return the token that reopens ``lambda_id`` for as long as ``generation`` lasts."""
    digest = hmac.digest(secret, f"reopen:{lambda_id}:{generation}".encode(), "sha256")
    return urlsafe_b64encode(digest[:24]).decode()


def is_reopen_token(secret: bytes, lambda_id: str, generation: str, token: str) -> bool:
    """Check a token that a client presented, in constant time."""
    expected = reopen_token(secret, lambda_id, generation)
    return hmac.compare_digest(expected.encode(), token.encode("utf-8", "surrogatepass"))
