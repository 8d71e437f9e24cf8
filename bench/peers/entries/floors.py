"""The least that a backend can do for a call, behind Pushpin and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench import stacks
from bench.quiet import Quiet
from grip_lambda.serve.pushpin import free_ports

from .. import figures
from ..entry import Entry, Running, with_hosts
from ..servers import direct_floor
from .product import hosts_command


@contextmanager
def _held() -> Iterator[Running]:
    with (
        stacks.floor(Quiet) as stack,
        with_hosts(stack, stack.port, hosts_command(stack.port)) as running,
    ):
        yield running


@contextmanager
def _direct() -> Iterator[Running]:
    (backend,) = free_ports(1)
    command = direct_floor.command(backend)
    with (
        stacks.behind_pushpin("direct", backend, command, Quiet) as stack,
        with_hosts(stack, backend, hosts_command(stack.port)) as running,
    ):
        yield running


HELD = Entry(
    key=figures.HELD,
    title="held floor",
    kind="floor",
    how="a bare handler that publishes and has Pushpin hold the caller; no store; two workers",
    start=_held,
)
DIRECT = Entry(
    key=figures.DIRECT,
    title="direct floor",
    kind="floor",
    how="a bare handler that callers ask without Pushpin: its thread publishes and waits for the"
    " batch with the answer; no store; one worker, as the batch has to find the thread",
    start=_direct,
)
