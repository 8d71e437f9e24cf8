"""Bytes and values in, bytes and values out.

Nothing here knows Flask, sockets, the store or the clock: what time it is comes in as an argument.
"""
