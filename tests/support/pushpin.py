"""A Pushpin of its own, before a backend that a test brings."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import requests

from grip_lambda.serve.pushpin import PushpinConfig
from tests.support.stack import descendants, ended, free_port, program_below, wait_until

KEY = "0123456789abcdef" * 4


class Pushpin:
    """A running Pushpin.

    Attributes:
        http_control: where one publishes to it by HTTP.
        zmq_control: where one publishes to it by ZeroMQ.
    """

    def __init__(self, backend: str, *, issuers: bool = True) -> None:
        """Start it.

        Args:
            backend: ``host:port``.
            issuers: whether it signs for WebSockets and plain HTTP with an issuer each; else with
                its name alone, as Fanout does.
        """
        self._rundir = Path(tempfile.mkdtemp(prefix="gl-"))
        self.config = PushpinConfig.local("n1", free_port(), backend, KEY, self._rundir, env={})
        self._command = self.config.write()
        if not issuers:
            route = f"*,sig_iss=n1,sig_key={KEY} {backend},over_http\n"
            (self._rundir / "routes").write_text(route)
        self.port = self.config.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.http_control = f"http://127.0.0.1:{self.config.http_control_port}"
        self.zmq_control = self.config.control_uri
        self.log = self._rundir / "log"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            wait_until(self._answers, 20, "the start of Pushpin")
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        """Tell whether its parts work together: a request is answered by the backend."""
        with contextlib.suppress(requests.RequestException):
            requests.get(self.http_control, timeout=1)
            return requests.get(self.url, timeout=5).status_code != 0
        return False

    def program(self, name: str) -> int:
        """Return the process id of one of its programs, like ``pushpin-handler``."""
        return program_below(self._process.pid, name)

    def kill(self) -> None:
        """End all of it at once; ``start`` starts it again."""
        started = [self._process.pid, *descendants(self._process.pid)]
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        wait_until(lambda: all(ended(pid) for pid in started), what="the end of Pushpin")

    def stop(self) -> None:
        started = [self._process.pid, *descendants(self._process.pid)]
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        wait_until(lambda: all(ended(pid) for pid in started), what="the end of Pushpin")
        shutil.rmtree(self._rundir, ignore_errors=True)
