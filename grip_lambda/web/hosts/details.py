"""One lambda as whoever may list sees it."""

from __future__ import annotations

from typing import Any

from ...hub.watching import instant
from ...store import Lambda
from ...store.watching import Watched


def entry(known: Lambda) -> dict[str, Any]:
    """Return an entry of the listing."""
    return {
        "id": known.id,
        "timestamp": instant(known.opened),
        "code": known.code,
        "headers": known.headers,
    }


def detailed(watched: Watched, in_flight: int) -> dict[str, Any]:
    """Return an entry with all that is known of a lambda.

    Args:
        in_flight: how many of its calls have not ended.
    """
    known = watched.lambda_
    shown = entry(known) | {
        "transport": known.transport,
        "services": known.services,
        "stats": {
            "calls": watched.calls,
            "errors": watched.errors,
            "in_flight": in_flight,
            "last_call": instant(watched.last_call) if watched.last_call else None,
            "mean_ms": round(watched.total_ms / watched.calls, 3) if watched.calls else None,
            "max_ms": round(watched.max_ms, 3) if watched.calls else None,
        },
        "node": known.node,
        "max_calls": known.max_calls,
        "client": next(iter(known.headers.get("User-Agent", ())), None),
    }
    if known.methods is not None:
        shown["methods"] = known.methods
    return shown
