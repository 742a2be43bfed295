"""The MLflow UI over the project's store, on this machine only."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from inversion.errors import ConfigError
from inversion.record.mlflow_store import prepare_store
from inversion.record.open import absolute_uri
from sweeps.home import checkout, home

STORE = "sqlite:///mlflow.db"  # the project's own
HOST, PORT = "127.0.0.1", 5000
TRAINING = "workflowType=machine_learning"  # else MLflow's page is the one for language models, without our runs' list
GRACE = 5.0  # seconds in which a server may end by itself
QUIET = {  # no reports to MLflow's makers; no workers for its evaluation jobs, eight processes of 160 MB each
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def serve(uri: str, experiment: str, port: int, project: Path) -> int:
    """Print the link that shows all jobs as charts, then serve until Ctrl-C or SIGTERM.

    Raises ConfigError for a taken port, and for a store that is a server itself.
    """
    if is_server(uri):
        raise ConfigError(
            f"{server_of(uri, port)} is a tracking server and shows its runs itself: open it in a browser. "
            "Without --uri, the project's own store is shown."
        )
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise ConfigError(f"port {port} is taken; another would work: make ui PORT={port + 1}")
    store = absolute_uri(uri, project)
    experiment_id = prepare_store(store, experiment, project / "mlartifacts")
    print(f"\n  {runs_link(store, experiment_id, port)}\n\nCtrl-C ends it.", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = start(store, port)
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        end(server)


def start(store: str, port: int) -> subprocess.Popen[bytes]:
    """MLflow's server over a database, in a process group of its own: `end` ends it with its workers."""
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    return subprocess.Popen(command, env=os.environ | QUIET, start_new_session=True)


def ui_command(uri: str) -> str:
    """What a person types to see a local store's runs."""
    if uri == absolute_uri(STORE, home()):
        return "make ui" if checkout() else "inversion-sweeps ui"
    return f"{_tool()} ui --uri {shlex.quote(uri)}"


def paper_command(uri: str, sweep: str) -> str:
    """What a person types for a sweep's figures and tables as parts of a document. sweep: its parent run's id."""
    where = "" if uri == absolute_uri(STORE, home()) else f" --uri {shlex.quote(uri)}"
    return f"{_tool()} report {sweep[:8]} --paper{where}"


def _tool() -> str:
    return "python -m sweeps" if checkout() else "inversion-sweeps"


def end(server: subprocess.Popen[bytes]) -> None:
    """No process of the server outlives this one."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(GRACE)


def is_server(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def server_of(uri: str, port: int = PORT) -> str:
    """The tracking server, or the UI that `serve` starts over a database.

    A server's user name and password stay out of it: the address is written into reports.
    """
    parts = urlsplit(uri)
    if is_server(uri):
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    return f"http://{HOST}:{port}"


def runs_link(uri: str, experiment_id: str, port: int = PORT) -> str:
    """The address of MLflow's chart view on all jobs of an experiment, the highest PSNR first.

    Ordering is what shows nested runs at once: the tree starts collapsed, and its chart view is then empty.
    """
    order, wanted = quote("metrics.`psnr`", safe=""), quote("tags.kind='job'", safe="")
    return f"{_charts(uri, experiment_id, port)}&orderByKey={order}&orderByAsc=false&searchFilter={wanted}"


def sweep_link(uri: str, experiment_id: str, sweep: str, port: int = PORT) -> str:
    """The address of the view that `save_view` has kept for a sweep. sweep: its parent run's id."""
    return f"{_charts(uri, experiment_id, port)}&viewStateShareKey={sweep}"


def run_link(uri: str, experiment_id: str, run_id: str, port: int = PORT) -> str:
    """The address of one run's page."""
    return f"{server_of(uri, port)}/#/experiments/{experiment_id}/runs/{run_id}?{TRAINING}"


def _charts(uri: str, experiment_id: str, port: int) -> str:
    page = f"{server_of(uri, port)}/#/experiments/{experiment_id}/runs"
    return f"{page}?{TRAINING}&compareRunsMode=CHART"
