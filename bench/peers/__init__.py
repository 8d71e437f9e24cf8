"""The same job side by side: this product, two floors, and other ways to call a connected client.

A caller asks one of 16 hosts over HTTP; each host is a client on a WebSocket that answers at once.
``python -m bench.peers`` measures, ``--render`` draws what was measured before.
"""
