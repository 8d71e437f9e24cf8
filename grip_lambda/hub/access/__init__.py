"""Who may do what: API keys and tickets, what each may do, AWS's signatures, and quotas.

It reads the file of keys and asks the store; it knows neither calls nor connections.
"""

from __future__ import annotations

from .admin import KeyAdmin, self_shown
from .keyring import KeyRing
from .limits import Limits
from .rights import TICKET_S, Access, Credentials, check_call, refusal
from .sigv4 import Signed, check_form, signer

__all__ = [
    "TICKET_S",
    "Access",
    "Credentials",
    "KeyAdmin",
    "KeyRing",
    "Limits",
    "Signed",
    "check_call",
    "check_form",
    "refusal",
    "self_shown",
    "signer",
]
