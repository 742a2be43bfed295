"""The MLflow UI over the project's store, on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from inversion.errors import ConfigError
from inversion.record.mlflow_store import prepare_store
from inversion.record.open_record import absolute_uri
from sweeps.ledger import membership

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


def runs_link(experiment_id: str, sweep: str | None = None, order_by: str = "psnr", port: int = PORT) -> str:
    """The address of MLflow's chart view on all jobs of an experiment, or on the finished runs of one sweep.

    sweep: its parent run's id. Runs of earlier sweeps that it took over are among its runs; failed and killed
           attempts, which have nothing to compare, are not.
    order_by: metric, best first. Ordering is what shows nested runs at once: the tree starts collapsed, and the
              chart view of a collapsed tree is empty.
    """
    wanted = "tags.kind='job'"
    if sweep is not None:
        wanted = f"tags.`{membership(sweep)}`='yes' and status='FINISHED'"
    return (
        f"http://{HOST}:{port}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&compareRunsMode=CHART&orderByKey={quote(f'metrics.`{order_by}`', safe='')}&orderByAsc=false"
        f"&searchFilter={quote(wanted, safe='')}"
    )
