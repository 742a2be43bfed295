from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote

from inversion.record.mlflow_store import open_client
from sweeps.ledger import membership
from sweeps.ui import runs_link
from tests.sweeps.recorded import Sweep


def found(sweep: Sweep, link: str) -> set[str]:
    """The runs that MLflow's own search shows there."""
    wanted = unquote(parse_qs(link.split("?")[1])["searchFilter"][0])
    return {run.info.run_id for run in open_client(sweep.uri).search_runs([sweep.experiment], wanted)}


def test_link_opens_the_chart_view_on_the_jobs() -> None:
    assert runs_link("1", port=5001) == (
        "http://127.0.0.1:5001/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART"
        "&orderByKey=metrics.%60psnr%60&orderByAsc=false&searchFilter=tags.kind%3D%27job%27"
    )


def test_a_sweeps_link_finds_its_finished_runs_however_many_and_stays_short(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    runs = {sweep.add({"reg": reg}, pictures=False, steps=1) for reg in (0.1, 0.2, 0.3)}
    killed = sweep.add({"reg": 0.4}, status="KILLED", pictures=False, steps=1)
    other = sweep.add({"reg": 0.5}, tags={membership("another"): "yes"}, pictures=False, steps=1)
    open_client(sweep.uri).delete_tag(other, membership(sweep.parent))
    sweep.finish()
    link = runs_link(sweep.experiment, sweep.parent, order_by="fit_psnr")
    assert found(sweep, link) == runs
    assert len(link) < 260
    assert found(sweep, runs_link(sweep.experiment)) == runs | {killed, other}
