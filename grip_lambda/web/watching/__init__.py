"""WHO WATCHES: events, figures, the last calls, the state of the deployment, and its keys."""

from __future__ import annotations

from .keys import blueprint as keys
from .watched import blueprint as watched

__all__ = ["blueprints"]

blueprints = (watched, keys)
