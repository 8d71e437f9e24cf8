"""The shared store: Redis or Valkey. Only this folder imports the driver.

Each operation is one script of ``lua/``.
"""

from __future__ import annotations

from .store import RedisStore

__all__ = ["RedisStore"]
