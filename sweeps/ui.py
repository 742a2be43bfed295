"""The MLflow UI over the project's store, on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from inversion.errors import ConfigError
from inversion.record.mlflow_store import prepare_store
from inversion.record.open import absolute_uri

HOST, PORT = "127.0.0.1", 5000


def serve(uri: str, experiment: str, port: int, project: Path) -> int:
    """Print the link that shows all jobs as charts, then serve until Ctrl-C. Raises ConfigError for a taken port."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise ConfigError(f"port {port} is taken; another would work: make ui PORT={port + 1}")
    store = absolute_uri(uri, project)
    experiment_id = prepare_store(store, experiment, project / "mlartifacts")
    print(f"\n  {runs_link(experiment_id, port=port)}\n\nCtrl-C ends it.", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    try:
        return subprocess.run(command, env=environment).returncode
    except KeyboardInterrupt:
        return 0


def runs_link(experiment_id: str, port: int = PORT) -> str:
    """The address of MLflow's chart view on all jobs of an experiment, the highest PSNR first.

    Ordering is what shows nested runs at once: the tree starts collapsed, and its chart view is then empty.
    """
    order, wanted = quote("metrics.`psnr`", safe=""), quote("tags.kind='job'", safe="")
    return f"{_charts(experiment_id, port)}&orderByKey={order}&orderByAsc=false&searchFilter={wanted}"


def sweep_link(experiment_id: str, sweep: str, port: int = PORT) -> str:
    """The address of the view that `save_view` has kept for a sweep. sweep: its parent run's id."""
    return f"{_charts(experiment_id, port)}&viewStateShareKey={sweep}"


def run_link(uri: str, experiment_id: str, run_id: str, port: int = PORT) -> str:
    """The address of one run's page: on the tracking server, or on the UI that `serve` starts over a database.

    A server's user name and password stay out of it: the address is written into reports.
    """
    parts = urlsplit(uri)
    server = f"http://{HOST}:{port}"
    if parts.scheme in ("http", "https"):
        server = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    return f"{server}/#/experiments/{experiment_id}/runs/{run_id}"


def _charts(experiment_id: str, port: int) -> str:
    page = f"http://{HOST}:{port}/#/experiments/{experiment_id}/runs"
    return f"{page}?workflowType=machine_learning&compareRunsMode=CHART"
