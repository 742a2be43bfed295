"""The page's server, on this machine only: make app, or inversion-sweeps app."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import uvicorn
from hydra.utils import instantiate

from conf.file_names import spelled
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.errors import ConfigError
from inversion.presets import composed
from sweeps import ui
from sweeps.app.searches import Search, Searches
from sweeps.app.uploads import Uploads
from sweeps.app.web import Page

MLFLOW_STARTS = 90.0  # seconds, at most
OUTPUTS = Path("outputs")  # as hydra.run.dir of conf/config.yaml


def serve(port: int, settings: Sequence[str]) -> int:
    """Serve the page until Ctrl-C or SIGTERM. What was uploaded goes with it, what was recorded stays.

    settings: of the command line, for every restoration (generator=portraits64). Raises ConfigError for a taken port,
    and for settings that cannot work.
    """
    with socket.socket() as probe:
        if probe.connect_ex((ui.HOST, port)) == 0:
            raise ConfigError(f"port {port} is taken; another would work: --port {port + 1}")
    settings = spelled(settings)
    resolution = resolution_of(settings)
    folder = Path(tempfile.mkdtemp(prefix="inversion-app-"))  # nobody else may look into it
    searches, mlflow = Searches(OUTPUTS.absolute()), MLflow()
    try:
        page = Page(Uploads(folder), searches, settings, resolution, mlflow.link)
        # uvicorn ends at SIGTERM, too, and raises it again: the folder must still go
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server = uvicorn.Server(config_of(page, port))
        print(f"\n  http://{ui.HOST}:{port}\n\nCtrl-C ends it.", flush=True)
        server.run()
    except KeyboardInterrupt:  # uvicorn raises it again once it has ended
        pass
    finally:
        searches.close()
        mlflow.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def config_of(page: Page, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        page.application(),
        host=ui.HOST,
        port=port,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=3,
        server_header=False,
    )


def resolution_of(settings: Sequence[str]) -> int:
    """The generator's, in px. Raises ConfigError, CheckpointError."""
    checkpoint: Checkpoint = instantiate(composed(*settings)["generator"])
    return checkpoint.architecture.img_resolution


class MLflow:
    """MLflow's UI, started when somebody first asks for a run, at a free port; it ends with the page."""

    def __init__(self) -> None:
        self._servers: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}  # by store
        self._lock = threading.Lock()

    def link(self, search: Search) -> str:
        """The address of a search's run, once it answers. Raises ConfigError where there is no run, or no answer."""
        run = search.run()
        if not run:
            raise ConfigError("This restoration is in no MLflow store (tracking=none).")
        uri, experiment = run["store"]["uri"], run["store"]["experiment_id"]
        port = ui.PORT if ui.is_server(uri) else self._port(uri)
        return ui.run_link(uri, experiment, run["id"], port)

    def close(self) -> None:
        for _, server in self._servers.values():
            ui.end(server)

    def _port(self, store: str) -> int:
        with self._lock:
            if store not in self._servers:
                port = free_port()
                self._servers[store] = port, ui.start(store, port)
            port, server = self._servers[store]
            deadline = time.monotonic() + MLFLOW_STARTS
            while time.monotonic() < deadline and server.poll() is None:
                try:
                    urlopen(f"http://{ui.HOST}:{port}/health", timeout=5).close()
                    return port
                except OSError:
                    time.sleep(0.3)
            ui.end(self._servers.pop(store)[1])
        raise ConfigError("MLflow's pages did not start; `make ui` says why.")


def free_port() -> int:
    with socket.socket() as free:
        free.bind((ui.HOST, 0))
        return int(free.getsockname()[1])
