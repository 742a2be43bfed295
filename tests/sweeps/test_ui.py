from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest

from inversion.errors import ConfigError
from inversion.record.mlflow_store import open_client
from sweeps.home import home
from sweeps.ui import PORT, run_link, runs_link, serve, sweep_link, ui_command
from tests.end_to_end.serving import answers, free_port, wait_for
from tests.sweeps.recorded import Sweep

DATABASE = "sqlite:////a/mlflow.db"


def test_link_opens_the_chart_view_on_the_jobs() -> None:
    assert runs_link(DATABASE, "1", port=5001) == (
        "http://127.0.0.1:5001/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART"
        "&orderByKey=metrics.%60psnr%60&orderByAsc=false&searchFilter=tags.kind%3D%27job%27"
    )


def test_its_filter_finds_the_jobs_and_no_sweep(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    runs = {sweep.add({"reg": reg}, pictures=False, steps=1) for reg in (0.1, 0.2)}
    wanted = unquote(parse_qs(runs_link(DATABASE, "1").split("?")[1])["searchFilter"][0])
    found = open_client(sweep.uri).search_runs([sweep.experiment], wanted)
    assert {run.info.run_id for run in found} == runs


def test_a_sweeps_link_is_short() -> None:
    assert sweep_link(DATABASE, "1", "a" * 32).endswith("compareRunsMode=CHART&viewStateShareKey=" + "a" * 32)


def test_links_lead_to_the_store_that_is_used() -> None:
    server = "http://ann:secret@host:8080"
    for link in (sweep_link(server, "1", "ab"), runs_link(server, "1"), run_link(server, "1", "ab")):
        assert link.startswith("http://host:8080/#/experiments/1/runs")
    assert ui_command(f"sqlite:///{home()}/mlflow.db") == "make ui"
    assert ui_command("sqlite:////a b/mlflow.db") == "python -m sweeps ui --uri 'sqlite:////a b/mlflow.db'"


def test_a_servers_own_page_is_named_instead_of_a_second_one() -> None:
    with pytest.raises(ConfigError, match=r"http://host:8080 is a tracking server"):
        serve("http://ann:secret@host:8080", "inversion", PORT, Path("/nowhere"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_on_the_port(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    command = [sys.executable, "-m", "sweeps", "ui", "--port", str(port)]
    command += ["--uri", f"sqlite:///{tmp_path}/mlflow.db"]
    started = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for(lambda: answers(port), "the server answers")
    started.send_signal(number)
    assert started.wait(30) == 0 and not answers(port)


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    commands = (["run.py", "degradation=blur"], ["-m", "sweeps", "missing"])
    for arguments in commands:
        shell = shlex.join([sys.executable, *(str(home() / a) if a == "run.py" else a for a in arguments)])
        done = subprocess.run(
            f"mkdir -p {gone} && cd {gone} && rmdir {gone} && {shell}",
            shell=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(home())},
        )
        assert done.returncode == 1 and "The current folder has been removed" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_runs_link_leads_to_the_server_and_holds_no_password() -> None:
    assert (
        run_link("sqlite:////a/mlflow.db", "1", "ab")
        == "http://127.0.0.1:5000/#/experiments/1/runs/ab?workflowType=machine_learning"
    )
    address = run_link("https://ann:secret@host:8443/mlflow/", "1", "ab")
    assert address == "https://host:8443/mlflow/#/experiments/1/runs/ab?workflowType=machine_learning"
