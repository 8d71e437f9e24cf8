"""The entries, in the order of the tables."""

from ..entry import Entry
from . import crossbar, floors, product, python_socketio, socketio

ENTRIES: tuple[Entry, ...] = (
    product.FRONT,
    product.PUSHPIN,
    floors.HELD,
    floors.DIRECT,
    python_socketio.ENTRY,
    crossbar.ENTRY,
    socketio.ENTRY,
)
