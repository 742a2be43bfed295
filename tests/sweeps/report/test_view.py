from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inversion.record.mlflow_store import open_client
from sweeps.execute.ledger import membership
from sweeps.report.view import TAG, save_view
from sweeps.results.store import Store
from sweeps.results.summarize import study
from tests.sweeps.recorded import Sweep, grid, quality_of


def view(sweep: Sweep) -> dict[str, Any]:
    """As MLflow's page reads it."""
    save_view(sweep.uri, sweep.experiment, sweep.parent, study(Store(sweep.uri).sweep(sweep.parent)))
    tags = open_client(sweep.uri).get_experiment(sweep.experiment).tags
    assert len(tags[TAG + sweep.parent]) < 5000  # characters that MLflow keeps of an experiment's tag
    return dict(json.loads(tags[TAG + sweep.parent]))


def test_a_view_finds_the_finished_runs_of_its_sweep_and_no_others(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    runs = {sweep.add({"reg": reg}, quality_of(reg, 100), pictures=False, steps=1) for reg in (0.1, 0.2)}
    sweep.add({"reg": 0.4}, status="KILLED", pictures=False, steps=1)
    other = sweep.add({"reg": 0.5}, tags={membership("another"): "yes"}, pictures=False, steps=1)
    open_client(sweep.uri).delete_tag(other, membership(sweep.parent))
    wanted = view(sweep.finish())["searchFilter"]
    found = open_client(sweep.uri).search_runs([sweep.experiment], wanted)
    assert {run.info.run_id for run in found} == runs


def test_a_view_charts_pictures_figures_losses_and_settings(tmp_path: Path) -> None:
    charts = view(grid(Sweep(tmp_path), regs=(0.1, 0.2), steps=(10, 100)).finish())["compareRunCharts"]
    kinds = [chart["type"] for chart in charts]
    assert set(kinds) == {"IMAGE", "BAR", "LINE", "PARALLEL"}
    assert charts[0]["imageKeys"] == ["restored"]
    assert charts[kinds.index("PARALLEL")]["selectedParams"] == ["reg", "steps"]
    assert len({chart["uuid"] for chart in charts}) == len(charts)


def test_the_fit_ranks_runs_whose_original_is_not_known(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    for kernel in (3, 5):
        sweep.add({"degradation.kernel_size": kernel}, {"fit_psnr": 30.0 - kernel}, pictures=False, steps=1)
    state = view(sweep.finish())
    assert state["orderByKey"] == "metrics.`fit_psnr`"
    assert [c["selectedMetrics"] for c in state["compareRunCharts"] if c["type"] == "PARALLEL"] == [
        ["fit_psnr"]
    ]


def test_the_consistent_picture_ranks_runs_that_have_one(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    for reg in (0.1, 0.5):
        sweep.add({"reg": reg}, {"psnr": 20.0, "consistent_psnr": 25.0}, pictures=False, steps=1)
    assert view(sweep.finish())["orderByKey"] == "metrics.`consistent_psnr`"


def shown(sweep: Sweep) -> list[str]:
    """What a chart draws, in its order: the first ten runs of the list, the last of them first."""
    state = view(sweep.finish())
    order = [f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"]
    found = open_client(sweep.uri).search_runs([sweep.experiment], state["searchFilter"], order_by=order)
    return [run.info.run_id for run in found[:10]][::-1]


def test_a_chart_shows_the_best_runs_the_best_first(tmp_path: Path) -> None:
    """MLflow draws the first ten runs of the list, in reverse order."""
    sweep = Sweep(tmp_path)
    regs = [0.01 * number for number in range(12)]
    runs = [sweep.add({"reg": reg}, quality_of(reg, 100), pictures=False, steps=1) for reg in regs]
    assert shown(sweep) == runs[:10]


def test_runs_that_share_the_last_place_leave_no_better_one_out(tmp_path: Path) -> None:
    """As all runs of one kernel do, of which the photo itself tells the misfit."""
    sweep = Sweep(tmp_path)
    misfits = [0.0] * 3 + [5.0] * 5 + [9.0] * 5
    runs = [
        sweep.add({"reg": 0.1 * number}, {"psnr": -misfit}, pictures=False, steps=1)
        for number, misfit in enumerate(misfits)
    ]
    assert set(shown(sweep)[:3]) == set(runs[:3])


def test_a_sweep_over_degradations_shows_the_best_of_all(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    runs = []
    for task, first in (("blur", 20.0), ("grayscale", 30.0)):
        for number in range(6):
            values = {"psnr": first + number}
            runs.append(
                sweep.add({"reg": 0.1 * number}, values, pictures=False, steps=1, tags={"degradation": task})
            )
    assert shown(sweep) == runs[:1:-1]
