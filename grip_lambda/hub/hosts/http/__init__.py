"""Hosts without WebSocket: what they read, by streams and polls, and what they post.

It stands on what is the same for every host, in the folder above.
"""

from __future__ import annotations

from .readers import HttpHosts
from .reads import HostRequest, Polled, Stream
from .unacknowledged import Unacknowledged
from .uploads import Uploads

__all__ = [
    "HostRequest",
    "HttpHosts",
    "Polled",
    "Stream",
    "Unacknowledged",
    "Uploads",
]
