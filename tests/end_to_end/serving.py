"""`mlflow server` as a person starts one, over sqlite or PostgreSQL, that can be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from glob import glob
from pathlib import Path
from urllib.request import urlopen

import pytest

from sweeps.ui import QUIET
from tests.end_to_end.sweeping import ENVIRONMENT

HOST = "127.0.0.1"
PATIENCE = 300  # seconds, on a loaded machine
AUTH = """[mlflow]
default_permission = MANAGE
database_uri = sqlite:///{users}
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int, host: str = HOST) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


def wait_for_page(address: str, log: Path | None = None) -> None:
    """Until it opens. log: of its server, which says why it does not."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urlopen(address, timeout=5).close()
            return
        except OSError:
            said = "" if log is None else log.read_text()
            assert time.monotonic() < end, f"{address} did not open\n{said}"
            time.sleep(0.2)


class Server:
    """With artifacts through its proxy."""

    def __init__(
        self,
        folder: Path,
        database: str | None = None,  # its address; None: sqlite in `folder`
        workers: int = 1,  # processes that answer
        host: str = HOST,  # its own address
        password: str = "",  # of the user `admin`; "" lets everybody in
    ) -> None:
        self.folder = folder
        self.workers = workers
        self.database = database or f"sqlite:///{folder}/mlflow.db"
        folder.mkdir()
        self.host = host
        self.port = free_port()
        self.uri = f"http://{host}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = ENVIRONMENT | QUIET
        self.options: list[str] = []
        if password:
            settings = folder / "auth.ini"
            settings.write_text(AUTH.format(users=folder / "users.db", password=password))
            self.options = ["--app-name", "basic-auth"]
            self.environment |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(settings),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the forms in its pages",
            }

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", self.host, "--port", str(self.port)]
        command += ["--allowed-hosts", f"{self.host}:{self.port}"]
        command += ["--backend-store-uri", self.database, "--workers", str(self.workers)]
        command += ["--artifacts-destination", str(self.folder / "artifacts"), *self.options]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, env=self.environment, start_new_session=True
        )
        log.close()
        wait_for(lambda: answers(self.port, self.host) or self.has_ended(), "the server answers")
        assert not self.has_ended(), (self.folder / "log").read_text()

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Postgres:
    """A PostgreSQL of its own, from Debian's packages, as the user that they make where root runs the tests."""

    def __init__(self) -> None:
        self.programs = Path(programs()[0])
        self.folder = Path(tempfile.mkdtemp(prefix="postgres", dir="/tmp"))  # a socket's path must be short
        self.port = free_port()
        self.uri = f"postgresql+psycopg2://mlflow@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "mlflow")
        options = f"-p {self.port} -k {self.folder} -h {HOST}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr


def programs() -> list[str]:
    """Folders that hold PostgreSQL's own programs, the newest version's first."""
    return sorted(glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), reverse=True)


def start_postgres() -> Postgres:
    """Skips the test where there is none."""
    if not programs():
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg2", reason="its driver is not installed (pip install -e '.[server]')")
    postgres = Postgres()
    postgres.start()
    return postgres
