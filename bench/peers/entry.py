"""What is measured: an entry, and an entry that runs."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.remote import Remote, running
from bench.stacks import Stack

from . import wrk
from .figures import Round

HOSTS = 16
_CALL_S = 2
_READY_S = 20.0
#: The hosts may have to open again before they tell, in seconds.
_HOSTS_S = 60.0


@dataclass(frozen=True)
class Entry:
    """One way to call a connected client.

    Attributes:
        key: its name in docs/performance.json.
        title: its name in tables.
        kind: ``product``, ``floor`` or ``peer``.
        how: the way of a call, for docs/performance.md.
        start: runs it until the end of a block. Raises Unavailable if it can't.
    """

    key: str
    title: str
    kind: str
    how: str
    start: Callable[[], AbstractContextManager[Running]]


class Running:
    """An entry whose servers and hosts are up."""

    def __init__(
        self, stack: Stack, port: int, hosts: Remote, call: Callable[[str], wrk.Call]
    ) -> None:
        """Take over what was started.

        Args:
            stack: the servers.
            port: where callers ask.
            hosts: the process of the hosts, which tells of them as often as asked.
            call: how the host of an id is called.
        """
        self._stack = stack
        self._port = port
        self._hosts = hosts
        self._call = call
        self._calls, _ = self._told()

    def check(self) -> None:
        """Ask each host once, the first ones again until what carries calls is up.

        Raises:
            SystemExit: one of them does not answer with what it was sent.
        """
        until = time.monotonic() + _READY_S
        for number, call in enumerate(self._calls):
            while wrong := self._wrong(call, number):
                if time.monotonic() > until:
                    raise SystemExit(f"{self._stack.name}: {wrong} to {call.path} {call.body}")
                time.sleep(0.1)

    def _wrong(self, call: wrk.Call, number: int) -> str:
        """Return what is wrong with the answer to one call, if anything is."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_CALL_S)
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", call.path, call.body % number, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()
        right = f'"call":{number}}}' in text.replace(" ", "")
        return "" if right else f"{answer.status} {text!r}"

    def round(self, callers: int, seconds: int) -> Round:
        """Measure one round. Hosts that it loses are open again when it ends."""
        before = self._used()
        answered = wrk.load(self._port, self._calls, callers, seconds)
        used = self._used() - before
        self._calls, lost = self._told()
        return Round(
            rate=answered.right / answered.seconds,
            p50=answered.p50,
            p99=answered.p99,
            calls=answered.right + answered.wrong,
            errors=answered.errors,
            lost=lost,
            cpu=used * 1000 / max(1, answered.right),
        )

    def _told(self) -> tuple[list[wrk.Call], int]:
        told = self._hosts.ask({})
        return [self._call(host) for host in told["ids"]], told["lost"]

    def _used(self) -> float:
        used = self._stack.cpu()
        return used.backend + used.pushpin + used.nginx


def post(host: str) -> wrk.Call:
    """Return a call as most entries take it: the host in the path, what it is sent as the body."""
    return wrk.Call(f"/lambda/{host}/echo", '{"call":%d}')


@contextmanager
def with_hosts(
    stack: Stack,
    port: int,
    command: Sequence[str],
    call: Callable[[str], wrk.Call] = post,
) -> Iterator[Running]:
    """Open the hosts of a stack, whose callers ask at ``port``."""
    with running(command, _HOSTS_S) as hosts:
        entry = Running(stack, port, hosts, call)
        entry.check()
        yield entry
