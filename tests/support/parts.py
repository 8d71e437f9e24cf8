"""The parts of a deployment, each started by its own command, as a service manager does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.stack import descendants, ended, free_port, inherited, wait_until

SECRETS = {
    "GRIP_LAMBDA_SECRET": "secret-" + "s" * 32,
    "GRIP_LAMBDA_FRONT_KEY": "front-" + "f" * 32,
}


class Part:
    """A running command, and what it tells its service manager."""

    def __init__(self, folder: Path, arguments: list[str], environ: Mapping[str, str]) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.log = folder / "log"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self._manager.setblocking(False)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "grip_lambda", *arguments],
                env={**inherited(), "NOTIFY_SOCKET": str(folder / "notify"), **environ},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def wait(self) -> None:
        """Wait until it says that it is ready."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
            with contextlib.suppress(BlockingIOError):
                return self._manager.recv(100) == b"READY=1"
            return False

        wait_until(is_ready, 30, "the start")

    def stop(self) -> None:
        """Stop it as a service manager does, and make sure that nothing is left."""
        started = descendants(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self._manager.close()
            left = [pid for pid in started if not ended(pid)]
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert left == [], self.log.read_text()


class Deployment:
    """A Pushpin, a backend and an nginx. Their secrets are in files.

    Attributes:
        url: where clients connect.
        parts: what is running, by its command.
    """

    def __init__(self, folder: Path, *front: str, scheme: str = "http") -> None:
        self.folder = folder
        public, behind, backend = free_port(), free_port(), free_port()
        self.url = f"{scheme}://localhost:{public}"
        control = _four_ports()
        proxies = [
            {
                "verify_iss": "n1",
                "verify_key": "k" * 32,
                "control_zmq_uri": f"tcp://127.0.0.1:{control}",
            }
        ]
        environ = {"GRIP_LAMBDA_DATA": str(folder / "data"), "WORKERS": "2"}
        for name, secret in {**SECRETS, "GRIP_PROXIES": json.dumps(proxies)}.items():
            path = folder / name
            path.write_text(f"{secret}\n")
            environ[f"{name}_FILE"] = str(path)
        arguments = {
            "pushpin": ["--port", str(behind), "--backend", f"127.0.0.1:{backend}"],
            "backend": ["--port", str(backend)],
            "front": [
                *("--listen", f"127.0.0.1:{public}", "--pushpin", f"127.0.0.1:{behind}"),
                *("--backend", f"127.0.0.1:{backend}", *front),
            ],
        }
        self.parts: dict[str, Part] = {}
        # Their sockets take a short path.
        self._run = tempfile.TemporaryDirectory(prefix="grip-parts-")
        try:
            for name, options in arguments.items():
                run = Path(self._run.name, name)
                run.mkdir(mode=0o700)
                self.parts[name] = Part(
                    folder / name, [name, *options], {**environ, "RUNTIME_DIRECTORY": str(run)}
                )
            for part in self.parts.values():
                part.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        with self._run:
            for part in self.parts.values():
                part.stop()

    def workers(self) -> set[int]:
        """Return the ids of the processes of the backend that serve requests."""
        return {
            pid
            for pid in descendants(self.parts["backend"].process.pid)
            if descendants(pid) == [] and not ended(pid)
        }


@contextlib.contextmanager
def deployed(folder: Path, *front: str, scheme: str = "http") -> Iterator[Deployment]:
    """Run a deployment as long as the context lasts."""
    running = Deployment(folder, *front, scheme=scheme)
    try:
        yield running
    finally:
        running.stop()


def _four_ports() -> int:
    """Return the first of four free ports."""

    def is_free(port: int) -> bool:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
        return False

    def found() -> int:
        first = free_port()
        return first if all(is_free(first + n) for n in range(4)) else 0

    return wait_until(found, what="four free ports")
