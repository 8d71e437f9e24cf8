"""A Pushpin and a backend that nobody looks after, with a network between them that can be cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import requests
import tnetstring
import zmq

from grip_lambda.serve.stack import backend_command
from tests.support.proxy import Network
from tests.support.pushpin import KEY, Pushpin
from tests.support.stack import descendants, ended, free_port, wait_until


class Control:
    """Tells backends what a Pushpin's control socket does, but another port for subscriptions."""

    def __init__(self) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self._socket.linger = 0
        self.uri = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, real_uri: str, port: int) -> None:
        self._real_uri, self._port = real_uri, port
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._context.term()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._socket.poll(100):
                asked = self._socket.recv()
                self._socket.send(self._answer(asked))

    def _answer(self, asked: bytes) -> bytes:
        """Ask the real one, as long as it takes: one that stands still does not answer."""
        with self._context.socket(zmq.REQ) as real:
            real.linger = 0
            real.connect(self._real_uri)
            real.send(asked)
            while not real.poll(100):
                if self._stopped.is_set():
                    return b""
            answer = tnetstring.loads(real.recv())
        answer[b"value"][b"publish-sub"] = f"tcp://127.0.0.1:{self._port}".encode()
        return bytes(tnetstring.dumps(answer))


class Apart:
    """The product in parts.

    Attributes:
        pushpin: holds the connections.
        network: between the backend and what Pushpin tells of subscriptions.
        control_uri: where the backend asks for Pushpin's addresses.
    """

    def __init__(self, folder: Path, workers: int = 2, store: str = "") -> None:
        self.log = folder / "backend.log"
        self._port = free_port()
        self._workers = workers
        control = self._control = Control()
        self.control_uri = control.uri
        entry = {"verify_iss": "n1", "verify_key": KEY, "control_zmq_uri": control.uri}
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GRIP_")},
            "GRIP_PROXIES": json.dumps([entry]),
            "GRIP_LAMBDA_DATA": str(folder / "data"),
            "GRIP_LAMBDA_STORE": store or f"sqlite:///{folder / 'lambdas.db'}",
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.start_backend()
        self.pushpin = Pushpin(f"127.0.0.1:{self._port}")
        self.network = Network(self.pushpin.config.sub_port)
        control.start(self.pushpin.zmq_control, self.network.port)
        self.url, self.ws_url = self.pushpin.url, self.pushpin.ws_url
        wait_until(self.is_ready, 30, "the start")

    def is_ready(self) -> bool:
        return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200

    def start_backend(self) -> None:
        command = [sys.executable, "-m", *backend_command(self._port, self._workers, 16)]
        with self.log.open("ab") as log:
            self._processes.append(
                subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
            )

    def kill_backend(self) -> None:
        process = self._processes.pop()
        started = [process.pid, *descendants(process.pid)]
        for pid in started:
            os.kill(pid, 9)
        process.wait()
        wait_until(lambda: all(ended(pid) for pid in started), what="the end of the backend")

    def workers(self) -> list[int]:
        """Return the process ids of the backend."""
        return [pid for one in self._processes for pid in descendants(one.pid)]

    def listing(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = requests.get(f"{self.url}/lambda", timeout=10).json()
        return found

    def stop(self) -> None:
        self.pushpin.stop()
        self.network.close()
        while self._processes:
            self.kill_backend()
        self._control.stop()
