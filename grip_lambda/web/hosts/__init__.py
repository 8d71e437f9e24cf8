"""The addresses of hosts, ``/lambda`` and ``/monologue``, on every transport.

What an event or a request of a host means is decided in ``hub.hosts``.
"""

from __future__ import annotations

from . import lambdas, services
from .websocket import batch

__all__ = ["batch", "blueprints"]

blueprints = [lambdas.blueprint, services.blueprint]
