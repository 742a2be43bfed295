"""`mlflow server` as a person starts one, over sqlite or PostgreSQL, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.sweeping import ENVIRONMENT

HOST = "127.0.0.1"
PATIENCE = 300  # seconds, on a loaded machine


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


class Server:
    """With artifacts through its proxy."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        """database: its address; None: sqlite in `folder`."""
        self.folder = folder
        self.database = database or f"sqlite:///{folder}/mlflow.db"
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port)]
        command += ["--backend-store-uri", self.database, "--workers", "1"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True
        )
        wait_for(self.answers, "the server answers")

    def answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex((HOST, self.port)) == 0

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
