"""Who holds a lambda: hosts are opened, acknowledged, seen and gone, on every transport.

It may use ``calls``, ``delivery`` and ``access``; of HTTP it knows no framework.
"""

from __future__ import annotations

from .departures import Departures
from .forgotten import Forgotten
from .http import HostRequest, HttpHosts, Polled, Stream, Unacknowledged, Uploads
from .monologue import MonologueHosts, monologue_sender
from .registry import Hosts
from .session import Connection, Opening, Session
from .websocket import WebSocketHosts

__all__ = [
    "Connection",
    "Departures",
    "Forgotten",
    "HostRequest",
    "Hosts",
    "HttpHosts",
    "MonologueHosts",
    "Opening",
    "Polled",
    "Session",
    "Stream",
    "Unacknowledged",
    "Uploads",
    "WebSocketHosts",
    "monologue_sender",
]
