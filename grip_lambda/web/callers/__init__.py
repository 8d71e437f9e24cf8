"""The addresses of callers: each reads its protocol's request, and makes a call of it.

``asking`` is the one way of a call; the other modules read requests and render errors.
"""

from __future__ import annotations

from . import all, aws, describing, held, kept, mcp, mless, plain
from .plain import call

__all__ = ["blueprints", "call"]

blueprints = [one.blueprint for one in (plain, all, held, mless, aws, kept, describing, mcp)]
