from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote

from inversion.record.mlflow_store import open_client
from sweeps.ui import run_link, runs_link, sweep_link
from tests.sweeps.recorded import Sweep


def test_link_opens_the_chart_view_on_the_jobs() -> None:
    assert runs_link("1", port=5001) == (
        "http://127.0.0.1:5001/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART"
        "&orderByKey=metrics.%60psnr%60&orderByAsc=false&searchFilter=tags.kind%3D%27job%27"
    )


def test_its_filter_finds_the_jobs_and_no_sweep(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    runs = {sweep.add({"reg": reg}, pictures=False, steps=1) for reg in (0.1, 0.2)}
    wanted = unquote(parse_qs(runs_link("1").split("?")[1])["searchFilter"][0])
    found = open_client(sweep.uri).search_runs([sweep.experiment], wanted)
    assert {run.info.run_id for run in found} == runs


def test_a_sweeps_link_is_short() -> None:
    assert sweep_link("1", "a" * 32).endswith("compareRunsMode=CHART&viewStateShareKey=" + "a" * 32)


def test_a_runs_link_leads_to_the_server_and_holds_no_password() -> None:
    assert run_link("sqlite:////a/mlflow.db", "1", "ab") == "http://127.0.0.1:5000/#/experiments/1/runs/ab"
    address = run_link("https://ann:secret@host:8443/mlflow/", "1", "ab")
    assert address == "https://host:8443/mlflow/#/experiments/1/runs/ab"
