"""Callable addresses for anything that can open a WebSocket."""

__version__ = "0.1.0"
