"""WHO WATCHES: figures, events, the last calls and their bodies.

Nothing here decides what becomes of a call. What is noted on the way of a call is noted in this
process; who asks has all processes asked, or write down what they have.
"""

from __future__ import annotations

from .about import about_of, instant
from .bodies import shown as shown_bodies
from .dropped import tell_dropped
from .feed import View
from .status import Status
from .unwatched import UNWATCHED, Watcher
from .watching import Watching

__all__ = [
    "UNWATCHED",
    "Status",
    "View",
    "Watcher",
    "Watching",
    "about_of",
    "instant",
    "shown_bodies",
    "tell_dropped",
]
