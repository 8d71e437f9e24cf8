"""What it costs a backend process to watch one Pushpin's subscriptions: two messages a call.

``python -m bench.watching`` plays the Pushpin, and measures the thread that watches it.
"""

from __future__ import annotations

import threading
import time

import click
import tnetstring
import zmq

from grip_lambda.grip.zmq_node import ZmqNode

_RATES = (50, 125, 250, 1000, 5000)
_SECONDS = 4
_LOOPBACK = "tcp://127.0.0.1"


def watch(node: ZmqNode, socket: zmq.Socket[bytes], rate: int) -> float:
    """Subscribe and unsubscribe as calls do; return the CPU time of the watch per call, in µs."""
    (thread,) = (one for one in threading.enumerate() if one.name == "node-watched")
    assert thread.ident is not None
    assert node.is_connected
    clock = time.pthread_getcpuclockid(thread.ident)
    cpu, begun = time.clock_gettime(clock), time.perf_counter()
    for number in range(rate * _SECONDS):
        channel = b"call-abcdefghijklmnop-%022d" % number
        socket.getsockopt(zmq.EVENTS)  # has ZeroMQ send what it has
        socket.setsockopt(zmq.SUBSCRIBE, channel)
        socket.setsockopt(zmq.UNSUBSCRIBE, channel)
        time.sleep(max(0.0, begun + (number + 1) / rate - time.perf_counter()))
    socket.getsockopt(zmq.EVENTS)
    time.sleep(0.2)  # the last ones are on their way
    return (time.clock_gettime(clock) - cpu) * 1e6 / (rate * _SECONDS)


@click.command()
def main() -> None:
    """Measure what watching a Pushpin takes at several rates of calls."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    control, push, sub = (context.socket(kind) for kind in (zmq.REP, zmq.PULL, zmq.SUB))
    ports = [socket.bind_to_random_port(_LOOPBACK) for socket in (control, push, sub)]
    node = ZmqNode("watched", f"{_LOOPBACK}:{ports[0]}")
    control.recv()
    names = (b"publish-pull", b"publish-sub")
    value = {
        name: f"{_LOOPBACK}:{port}".encode() for name, port in zip(names, ports[1:], strict=True)
    }
    control.send(tnetstring.dumps({b"success": True, b"value": value}))
    node.ensure_reachable()
    click.echo("calls/s at the Pushpin   CPU of each watching process, µs a call   % of a core")
    for rate in _RATES:
        cpu = watch(node, sub, rate)
        click.echo(f"{rate:23} {cpu:41.0f} {cpu * rate / 1e4:13.1f}")
    node.stop()
    context.destroy(linger=0)


if __name__ == "__main__":
    main()
