"""A sweep's own pictures and report lie at its parent run, under the same names in every sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sweeps.commands import main
from sweeps.report.compare import compare_sweep
from sweeps.report.figures import loss_curves
from tests.sweeps.recorded import Sweep, grid

PICTURES = {"contact_sheet.png", "curves.png", "heatmap_psnr.png", "heatmap_identity_distance.png"}
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return grid(Sweep(tmp_path), regs=(0.001, 0.5), steps=(10, 100)).finish()


def parent(sweep: Sweep) -> Any:
    from inversion.record.mlflow_store import open_client

    return open_client(sweep.uri).get_run(sweep.parent)


def artifacts(sweep: Sweep) -> set[str]:
    return {path.name for path in (sweep.folder / "artifacts" / sweep.parent / "artifacts").iterdir()}


def test_pictures_table_report_and_recommendation_are_kept(sweep: Sweep, tmp_path: Path) -> None:
    summary = compare_sweep(sweep.uri, sweep.parent, tmp_path / "here.html")
    assert artifacts(sweep) >= PICTURES | {"table.json", "report.html"}
    assert (tmp_path / "here.html").read_text() == Path(
        sweep.folder, "artifacts", sweep.parent, "artifacts", "report.html"
    ).read_text()
    beside = {path.name for path in (tmp_path / "here").iterdir()}
    assert beside >= PICTURES | {"table.csv"}
    tags = parent(sweep).data.tags
    assert tags["best"] == tags["recommended"] == "reg 0.001, steps 100"
    assert tags["recommended_overrides"] == "reg=0.001 steps=100"
    assert tags["mlflow.note.content"] == summary.reason
    table = json.loads((sweep.folder / "artifacts" / sweep.parent / "artifacts" / "table.json").read_text())
    assert len(table["data"]) == 4 and table["columns"][:3] == ["task", "reg", "steps"]


def test_a_sweep_carries_the_metrics_by_which_sweeps_are_compared(sweep: Sweep, tmp_path: Path) -> None:
    sweep.add({"reg": 0.9, "steps": 10}, None, "FAILED", reason="no face")
    found = compare_sweep(sweep.uri, sweep.parent, tmp_path / "here.html").summaries[0]
    metrics = parent(sweep).data.metrics
    assert metrics["share_finished"] == pytest.approx(4 / 6)  # reg 0.9, steps 100 was never run
    assert metrics["best_quality"] == found.cells["quality"].max() > metrics["mean_quality"]


def test_a_picture_that_cannot_be_made_costs_nothing_else(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(loss_curves, "draw_curves", broken)
    compare_sweep(sweep.uri, sweep.parent, tmp_path / "here.html")
    assert artifacts(sweep) >= PICTURES - {"curves.png"} | {"report.html"}
    assert "could not write the sweep's curves.png: no ink" in caplog.text


def test_the_command_line_writes_report_and_table(
    sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, csv = tmp_path / "out.html", tmp_path / "out.csv"
    arguments = ["report", sweep.parent[:8], "--uri", sweep.uri, "--output", str(html), "--csv", str(csv)]
    assert main(arguments) == 0
    assert "Recommended: reg 0.001, steps 100" in capsys.readouterr().out
    assert html.read_text().startswith("<!doctype html>") and len(csv.read_text().splitlines()) == 5
    assert "report.html" in artifacts(sweep)
