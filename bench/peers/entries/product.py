"""This product, as `grip-lambda serve` runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench import stacks
from bench.quiet import Quiet

from ..entry import HOSTS, Entry, Running, with_hosts

#: The settings with which `serve` has a front before its Pushpin,
_WITH_FRONT: Mapping[str, str] = {"GRIP_LAMBDA_FRONT": "1"}
#: and those with which it has none.
_WITHOUT_FRONT: Mapping[str, str] = {"GRIP_LAMBDA_FRONT": "0"}


def hosts_command(port: int) -> list[str]:
    """Return the command of hosts that open at ``port``."""
    return [sys.executable, "-m", "bench.peers.servers.hosts", str(port), str(HOSTS)]


@contextmanager
def _serve(settings: Mapping[str, str]) -> Iterator[Running]:
    with (
        stacks.product(settings, Quiet) as stack,
        with_hosts(stack, stack.port, hosts_command(stack.port)) as running,
    ):
        yield running


@contextmanager
def _front() -> Iterator[Running]:
    with _serve(_WITH_FRONT) as running:
        yield running


@contextmanager
def _pushpin() -> Iterator[Running]:
    with _serve(_WITHOUT_FRONT) as running:
        yield running


FRONT = Entry(
    key="front",
    title="grip-lambda, front",
    kind="product",
    how="`grip-lambda serve` with its front, two workers, SQLite; callers and hosts use one port",
    start=_front,
)
PUSHPIN = Entry(
    key="pushpin",
    title="grip-lambda, held",
    kind="product",
    how="`grip-lambda serve` with Pushpin alone, which holds each caller; two workers, SQLite",
    start=_pushpin,
)
