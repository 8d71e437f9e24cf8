"""The embedded store: one SQLite file. Only this folder imports ``sqlite3``.

Each operation is one transaction.
"""

from __future__ import annotations

from .lambdas import SQLiteStore

__all__ = ["SQLiteStore"]
