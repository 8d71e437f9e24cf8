"""AWS Lambda on this machine, as far as a function can tell.

Each environment is a process with AWS's own runtime client, which asks for events and posts what
the handler returns. As on AWS it takes one event at a time, and is frozen (SIGSTOP) from the moment
that it asks for the next one: what a function leaves to a thread does not happen.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_TIMEOUT_S = 29.0


class FunctionError(Exception):
    """The handler raised an error, or the environment ended."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class Environment:
    """One process that runs a function."""

    def __init__(self, handler: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.count = 0
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._idle = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._runtime_api())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GRIP_", "AWS_"))}
        self.log = folder / f"function-{uuid.uuid4().hex[:8]}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", handler],
                env={
                    **inherited,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
                    "AWS_LAMBDA_FUNCTION_NAME": "function",
                    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                    "AWS_REGION": "eu-central-1",
                    **environ,
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until the function has been imported and asks for its next event."""
        until = time.monotonic() + 30
        while not self._idle.wait(0.1):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, "the function did not start"

    def invoke(self, event: Any) -> Any:
        """Give the function an event; return what it returns.

        Raises:
            FunctionError: it raised an error, or took too long.
        """
        self.wait_ready()
        self._idle.clear()
        self.count += 1
        self._events.put((str(uuid.uuid4()), json.dumps(event).encode()))
        self._process.send_signal(signal.SIGCONT)
        try:
            good, answer = self._answers.get(timeout=_TIMEOUT_S)
        except queue.Empty:
            raise FunctionError(f"it took too long\n{self.log.read_text()}") from None
        if not good:
            raise FunctionError(json.dumps(answer))
        return answer

    def is_frozen(self) -> bool:
        """Tell whether all of the process stands still."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def _next(self) -> tuple[str, bytes]:
        """Wait, frozen, for the next event."""
        self._process.send_signal(signal.SIGSTOP)
        while not self.is_frozen() and self._process.poll() is None:
            time.sleep(0.0002)
        self._idle.set()
        return self._events.get()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def _runtime_api(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class RuntimeApi(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                request_id, event = outer._next()
                deadline = int((time.time() + _TIMEOUT_S) * 1000)
                arn = "arn:aws:lambda:eu-central-1:000000000000:function:function"
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": arn,
                    "Lambda-Runtime-Trace-Id": f"Root=1-{request_id}",
                    "Content-Type": "application/json",
                }
                respond(self, 200, list(headers.items()), event)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer._answers.put((self.path.endswith("/response"), json.loads(content)))
                respond(self, 202, [], b"{}")

            def log_message(self, *args: Any) -> None:
                pass

        return RuntimeApi


class Function:
    """A function with several environments; an event waits for one that is idle."""

    def __init__(
        self, handler: str, folder: Path, environ: Mapping[str, str], environments: int = 2
    ) -> None:
        self.environments = [Environment(handler, folder, environ) for _ in range(environments)]
        self._free: queue.LifoQueue[Environment] = queue.LifoQueue()
        for one in self.environments:
            self._free.put(one)

    def wait_ready(self) -> None:
        for one in self.environments:
            one.wait_ready()

    def invoke(self, event: Any) -> Any:
        """Give one of the environments an event; return what it returns."""
        one = self._free.get()
        try:
            return one.invoke(event)
        finally:
            self._free.put(one)

    def stop(self) -> None:
        for one in self.environments:
            one.stop()

    def logs(self) -> str:
        return "".join(one.log.read_text() for one in self.environments)


def respond(
    to: BaseHTTPRequestHandler, status: int, headers: Sequence[tuple[str, str]], body: bytes
) -> None:
    """Write a response at once: in two parts the second waits for an acknowledgement."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    to.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)
