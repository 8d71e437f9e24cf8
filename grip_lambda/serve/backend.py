"""The WSGI server of a backend: ``python -m grip_lambda.serve.backend --port 8000 …``.

This is granian, but a process that replaces another one goes on with its socket. granian opens a
socket for each process; the connections that wait in it are reset when that process ends, and nginx
may have sent a call on one of them, which it may not send again.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from granian._granian import ListenerSpec
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import MPServer

from ..signs import LEAVE

log = logging.getLogger(__name__)

_LOG = Path(__file__).with_name("granian-log.json")
_BACKLOG = 4096
#: How long a new process may take to make its application, in seconds.
_READY_S = 20.0
#: It takes connections so much later, in seconds. Then the old one takes no more of them, and
#: closes those that it has with their next response.
_BEGIN_S = 0.2
#: How much later the old one is told to stop, in seconds; longer than nginx keeps a connection.
_LEAVE_S = 2.5
#: How long it may take to answer what it has begun, in seconds; then it is killed.
_KILL_S = 5


class _Server(MPServer):
    """granian with a socket for each process that its successor gets.

    Also if a process was killed: the connections that come until its successor is ready wait in the
    socket, and are not lost.
    """

    def _init_shared_socket(self) -> None:
        self._sockets: dict[int, tuple[Any, socket.socket]] = {}
        self._ready: dict[int, Event] = {}
        os.register_at_fork(after_in_child=self._keep_own)

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any, *args: Any) -> Any:
        if idx not in self._sockets:
            holder: Any = ListenerSpec(self.bind_addr, self.bind_port, self.backlog).build()
            one = socket.socket(fileno=holder.get_fd())
            one.set_inheritable(True)
            self._sockets[idx] = holder, one
        self._ssp = None
        self._shd, self._sso = self._sockets[idx]
        self._ready[idx] = ready = multiprocessing.Event()
        return super()._spawn_worker(idx, target, partial(_load, callback_loader, ready))

    def _keep_own(self) -> None:
        """Close, in a process that was forked, the sockets of the others."""
        for _, one in self._sockets.values():
            if one is not self._sso:
                one.close()

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Replace processes, one after the other; without a delay those that have ended."""
        if not delay:
            super()._respawn_workers(workers, spawn_target, target_loader)
            return
        for index in workers:
            self.respawned_wrks[index] = time.monotonic()
            old: Any = self.wrks[index]
            new = self._spawn_worker(index, spawn_target, target_loader)
            new.start()
            self.wrks[index] = new
            if not self._ready[index].wait(_READY_S):
                log.warning("a new backend process is not ready after %d s", _READY_S)
            time.sleep(_BEGIN_S)
            with suppress(ProcessLookupError):
                os.kill(old.inner.pid, LEAVE)
            time.sleep(_LEAVE_S)
            old.terminate()
            old.join(_KILL_S)
            if _is_there(old.inner.pid):  # another thread may have waited for it, unknown to `old`
                log.warning("killing process %d: it has not ended by itself", old.inner.pid)
                old.kill()
                old.join()

    def _drop_shared_socket(self) -> None:
        for _, one in self._sockets.values():
            one.close()


def _is_there(pid: int) -> bool:
    """Tell whether a process has not ended, or nobody has waited for its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _load(load: Callable[[], Any], ready: Event) -> Any:
    """Make the application, in its process, and tell that it is made."""
    application = load()
    ready.set()
    return application


def main() -> None:
    """Serve until SIGTERM; SIGHUP replaces the processes one after the other."""
    parser = argparse.ArgumentParser(prog="grip_lambda.serve.backend", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2, help="how many processes")
    parser.add_argument("--threads", type=int, default=1024, help="threads of each process")
    parser.add_argument("--factory", required=True, help="what makes the application")
    options = parser.parse_args()
    _Server(
        options.factory,
        factory=True,
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=options.workers,
        blocking_threads=options.threads,
        backlog=_BACKLOG,
        backpressure=_BACKLOG,
        respawn_failed_workers=True,
        respawn_interval=_LEAVE_S,
        workers_kill_timeout=_KILL_S,
        log_level=LogLevels.error,
        log_dictconfig=json.loads(_LOG.read_text()),
    ).serve()


if __name__ == "__main__":
    main()
