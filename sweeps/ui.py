"""The MLflow UI over the project's store, on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from inversion.errors import ConfigError
from inversion.record.mlflow_recorder import prepare_store, runs_link
from inversion.record.open_record import absolute_uri

HOST, PORT = "127.0.0.1", 5000


def serve(uri: str, experiment: str, port: int, project: Path) -> int:
    """Print the link that shows all jobs as charts, then serve until Ctrl-C. Raises ConfigError for a taken port."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise ConfigError(f"port {port} is taken; another would work: make ui PORT={port + 1}")
    store = absolute_uri(uri, project)
    experiment_id = prepare_store(store, experiment, project / "mlartifacts")
    print(f"\n  {runs_link(HOST, port, experiment_id)}\n\nCtrl-C ends it.", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    try:
        return subprocess.run(command, env=environment).returncode
    except KeyboardInterrupt:
        return 0
