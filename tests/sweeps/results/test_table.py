"""Runs become one row per problem: nothing doubled, nothing dropped, what is missing named."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.errors import ConfigError
from inversion.record import mlflow_store
from inversion.record.mlflow_recorder import open_run
from inversion.record.mlflow_store import open_client
from sweeps.execute.ledger import membership
from sweeps.report.page import render
from sweeps.report.source import Source
from sweeps.results.frame import joined
from sweeps.results.store import Store
from sweeps.results.summarize import study, summarize
from sweeps.results.task import Task
from tests.sweeps.recorded import Sweep, grid, only, quality_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return grid(Sweep(tmp_path_factory.mktemp("whole")), regs=(0.5, 0.001), steps=(100, 20)).finish()


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_a_row_per_problem_sorted_by_axes_with_numbers_as_numbers(whole: Sweep) -> None:
    found = only(whole)
    assert [axis.key for axis in found.axes] == ["reg", "steps"]
    points = list(found.rows[["reg", "steps"]].itertuples(index=False, name=None))
    assert points == [(0.001, 20), (0.001, 100), (0.5, 20), (0.5, 100)]
    assert found.rows["steps"].dtype == "int64" and found.rows["reg"].dtype == "float64"
    assert set(found.rows["status"]) == {"FINISHED"}
    assert found.rows["psnr"].tolist() == pytest.approx([quality_of(*point)["psnr"] for point in points])


def test_figures_come_first_and_the_schedule_is_no_result(whole: Sweep) -> None:
    metrics = only(whole).metrics
    assert metrics[:4] == ("psnr", "ssim", "identity_distance", "fit_psnr")
    assert "learning_rate" not in metrics
    assert only(whole).terms == ["pixel", "loss"]


def test_what_agrees_with_the_photo_has_figures_and_no_history(sweep: Sweep) -> None:
    sweep.add({}, {"psnr": 20.0, "consistent_psnr": 21.0, "phase_1_steps": 5.0, "found_sigma": 2.0})
    found = only(sweep)
    assert "consistent_psnr" in found.metrics and found.terms == ["pixel", "loss"]


def test_two_composed_degradations_are_told_apart_by_their_configs(sweep: Sweep) -> None:
    for name in ("compose", "small_noisy_jpeg"):
        target = {"_target_": "inversion.degradations.compose.Compose", "steps": [{"_target_": f"{name}.A"}]}
        sweep.add({"degradation": target}, quality_of(0.1, 10), tags={"degradation": name})
    found = Store(sweep.uri).sweep(sweep.parent)
    assert [table.task.degradation for table in found] == ["compose", "small_noisy_jpeg"]


@pytest.mark.parametrize("status", ["KILLED", "RUNNING"])
def test_a_claimed_run_without_settings_adds_no_cell(sweep: Sweep, status: str) -> None:
    """Settings go with the first losses: who looks before, or whose process was killed before, finds none."""
    grid(sweep, regs=(0.5, 0.001), steps=(100, 20))
    before = only(sweep)
    tags = {"kind": "job", "fingerprint": "f", "degradation": "blur", membership(sweep.parent): "yes"}
    claimed = open_run(sweep.uri, sweep.experiment, "hopper.jpg blur", tags, sweep.parent)
    if status != "RUNNING":
        open_client(sweep.uri).set_terminated(claimed, status)
    found = only(sweep)
    assert found.axes == before.axes and list(found.rows["run_id"]) == list(before.rows["run_id"])


def test_what_all_runs_share_is_told_apart_from_what_they_vary(whole: Sweep) -> None:
    constants = only(whole).constants
    assert constants["loss.weight"] == "1.0" and "reg" not in constants and "device" not in constants


def test_an_experiment_has_the_jobs_of_all_its_sweeps_and_not_their_parents(whole: Sweep) -> None:
    (found,) = Store(whole.uri).read("inversion")
    assert len(found.rows) == 4 and found.title == "inversion"


def test_a_sweep_is_found_by_the_beginning_of_its_id(whole: Sweep) -> None:
    (found,) = Store(whole.uri).read(whole.parent[:8])
    assert len(found.rows) == 4


def test_an_unknown_name_is_refused_with_the_known_ones(whole: Sweep) -> None:
    with pytest.raises(ConfigError, match="No experiment and no sweep has .* 'nonsense'.*inversion"):
        Store(whole.uri).read("nonsense")


def test_a_store_that_does_not_exist_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No runs are recorded yet"):
        Store(f"sqlite:///{tmp_path}/mlflow.db")
    assert not list(tmp_path.iterdir())


def test_every_page_is_read(whole: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_store, "PAGE", 1)
    assert len(only(whole).rows) == 4


def test_a_history_has_each_step_once_in_order(whole: Sweep) -> None:
    store = Store(whole.uri)
    losses = store.losses(only(whole).rows["run_id"][0])
    assert losses.index.tolist() == [0, 1, 2, 3, 4] and losses.is_monotonic_decreasing


def test_an_artifact_is_a_local_file_and_a_missing_one_is_none(whole: Sweep) -> None:
    store, run_id = Store(whole.uri), only(whole).rows["run_id"][0]
    path = store.file(run_id, "restored.png")
    assert path is not None and path.is_file()
    assert store.file(run_id, "nothing.png") is None and store.file("", "restored.png") is None


def test_a_combination_without_a_run_is_missing_and_a_failed_one_says_why(sweep: Sweep) -> None:
    for reg, steps in ((0.1, 10), (0.1, 20), (0.5, 10)):
        sweep.add({"reg": reg, "steps": steps}, quality_of(reg, steps))
    sweep.add({"reg": 0.9, "steps": 10}, None, "FAILED", reason="no face")
    rows = only(sweep).rows.set_index(["reg", "steps"])
    assert rows["status"].to_dict() == {
        (0.1, 10): "FINISHED",
        (0.1, 20): "FINISHED",
        (0.5, 10): "FINISHED",
        (0.5, 20): "MISSING",
        (0.9, 10): "FAILED",
        (0.9, 20): "MISSING",
    }
    assert rows.loc[(0.9, 10), "reason"] == "no face" and rows.loc[(0.5, 20), "run_id"] == ""


def test_random_search_is_no_grid_with_holes(sweep: Sweep) -> None:
    for i in range(6):
        sweep.add({"reg": 0.1 * (1 + i * i), "steps": 10 + 7 * i}, quality_of(0.1, 10), tags={"kind": "job"})
    sweep.recorder.set_tags({"axes": "reg,steps"})
    found = only(sweep)
    assert len(found.rows) == 6 and [axis.key for axis in found.axes] == ["reg", "steps"]


def test_of_a_point_that_was_run_again_the_finished_run_counts(sweep: Sweep) -> None:
    sweep.add({"reg": 0.1}, None, "KILLED")
    finished = sweep.add({"reg": 0.1}, {"psnr": 20.0})
    sweep.add({"reg": 0.1}, None, "FAILED", reason="disk full")
    sweep.add({"reg": 0.2}, {"psnr": 21.0})
    rows = only(sweep).rows
    assert rows["run_id"].tolist()[0] == finished and rows["status"].tolist() == ["FINISHED", "FINISHED"]


def test_photos_and_seeds_repeat_a_cell(sweep: Sweep) -> None:
    for photo in ("ann", "bob"):
        for seed in (0, 1):
            for reg in (0.1, 0.5):
                sweep.add({"reg": reg, "seed": seed, "input.image": photo}, {"psnr": 20.0}, photo=photo)
    found = only(sweep)
    assert found.keys == ["reg"] and found.repeats == 4 and len(found.rows) == 8


def test_two_pictures_of_one_name_are_two_photos(sweep: Sweep) -> None:
    for digest in ("a" * 64, "b" * 64):
        for reg in (0.1, 0.5):
            sweep.add({"reg": reg}, {"psnr": 20.0}, tags={"photo_sha256": digest})
    assert set(only(sweep).rows["photo"]) == {"hopper.jpg (aaaaaa)", "hopper.jpg (bbbbbb)"}


def test_each_task_has_a_table_of_its_own_with_its_own_axes(sweep: Sweep) -> None:
    """What differs between tasks only, such as a preset's reg, is no axis of any."""
    grey = {"_target_": "inversion.degradations.grayscale.Grayscale"}
    for steps in (10, 20):
        sweep.add({"reg": 0.3, "steps": steps}, {"psnr": 20.0})
        sweep.add({"reg": 0.5, "steps": steps, "degradation": grey, "align": "null"}, {"psnr": 21.0})
        sweep.add({"reg": 0.5, "steps": steps, "degradation": grey, "degraded": True}, {"fit_psnr": 21.0})
    found = Store(sweep.uri).sweep(sweep.parent)
    assert [table.task for table in found] == [Task("blur"), Task("grayscale"), Task("grayscale", True)]
    assert [table.keys for table in found] == [["steps"]] * 3
    assert found[2].task.title == "grayscale of a photo that arrives degraded"


def test_another_net_under_the_same_name_is_another_cell(sweep: Sweep) -> None:
    sweep.add({}, {"psnr": 20.0}, tags={"checkpoint_sha256": "a" * 64})
    sweep.add({}, {"psnr": 21.0}, tags={"checkpoint_sha256": "b" * 64})
    assert [(axis.key, axis.values) for axis in only(sweep).axes] == [
        ("checkpoint", ("aaaaaaaa", "bbbbbbbb"))
    ]


def test_numbers_and_null_share_an_axis(sweep: Sweep) -> None:
    for size in (None, 9, 5):
        sweep.add({"degradation.kernel_size": size}, {"psnr": 20.0})
    (axis,) = only(sweep).axes
    assert (axis.values, axis.is_numeric, axis.label) == ((5, 9, "null"), False, "kernel size")


def test_a_run_finished_under_an_earlier_sweep_belongs_to_this_one_too(sweep: Sweep) -> None:
    sweep.add({"reg": 0.1}, {"psnr": 20.0})
    earlier = sweep.add({"reg": 0.5}, {"psnr": 21.0}, tags={f"sweep.{sweep.parent}": "yes"})
    sweep._open("elsewhere", {}, {"kind": "sweep"}, None)
    store = Store(sweep.uri)
    store._client.set_tag(earlier, "mlflow.parentRunId", "another")
    (found,) = store.sweep(sweep.parent)
    assert len(found.rows) == 2


def test_a_photo_that_no_run_got_to_is_failed_with_the_sweeps_reason(sweep: Sweep) -> None:
    sweep.add({"reg": 0.1}, {"psnr": 20.0}, photo="ann.jpg")
    sweep.add({"reg": 0.5}, {"psnr": 20.0}, photo="ann.jpg")
    cells = [
        {"point": f"reg={r}", "photo": f"{p}.jpg", "fingerprint": ""}
        for r in (0.1, 0.5)
        for p in ("ann", "wall")
    ]
    sweep.plan(cells, axes={"reg": ["0.1", "0.5"]})
    sweep.recorder.set_tags({"failed": "reg=0.1 wall.jpg: no face: look closer"})
    rows = only(sweep).rows.set_index(["photo", "reg"])
    assert rows.loc[("wall.jpg", 0.1), "status"] == "FAILED"
    assert rows.loc[("wall.jpg", 0.1), "reason"] == "no face: look closer"
    assert rows.loc[("wall.jpg", 0.5), "status"] == "MISSING"


def test_what_failed_with_a_photo_as_it_is_did_not_fail_with_it_degraded(sweep: Sweep) -> None:
    """degraded=true,false of one degradation: two tasks, each with failures of its own."""
    sweep.add({"reg": 0.1, "degraded": True}, {"fit_psnr": 20.0}, photo="ann.jpg")
    sweep.add({"reg": 0.1, "degraded": False}, {"psnr": 20.0}, photo="ann.jpg")
    cells = [
        {"point": f"degraded={d} reg=0.1", "photo": f"{p}.jpg", "fingerprint": ""}
        for d in ("true", "false")
        for p in ("ann", "wall")
    ]
    sweep.plan(cells, axes={"degraded": ["true", "false"], "reg": ["0.1"]})
    sweep.recorder.set_tags({"failed": "degraded=false reg=0.1 wall.jpg: no face"})
    statuses = {
        table.task.arrives_degraded: table.rows.set_index("photo")["status"].to_dict()
        for table in Store(sweep.uri).sweep(sweep.parent)
    }
    assert statuses == {
        True: {"ann.jpg": "FINISHED", "wall.jpg": "MISSING"},
        False: {"ann.jpg": "FINISHED", "wall.jpg": "FAILED"},
    }


def test_a_sweep_without_any_run_is_an_empty_table(sweep: Sweep) -> None:
    found = only(sweep)
    assert found.rows.empty and found.axes == () and found.tidy().empty


def test_a_task_whose_runs_are_not_there_yet_has_a_table_of_what_is_missing(sweep: Sweep) -> None:
    """Under the sweep's own settings, whatever the sweep is called."""
    points = [
        f"degradation={name} reg={reg} seed={seed}"
        for name in ("blur", "grayscale")
        for reg in (0.1, 0.5)
        for seed in (0, 1)
    ]
    cells = [{"point": point, "photo": "hopper.jpg", "fingerprint": point} for point in points]
    sweep.plan(cells, {"degradation": ["blur", "grayscale"], "reg": ["0.1", "0.5"], "seed": ["0", "1"]})
    for reg in (0.1, 0.5):
        sweep.add({"reg": reg}, quality_of(reg, 10), tags={"degradation": "blur"})
    blur, grey = Store(sweep.uri).sweep(sweep.parent)
    assert (blur.task, grey.task) == (Task("blur"), Task("grayscale"))
    status = dict(
        zip(zip(blur.rows["reg"], blur.rows["seed"], strict=True), blur.rows["status"], strict=True)
    )
    assert status == {
        (0.1, "0"): "FINISHED",
        (0.1, "1"): "MISSING",
        (0.5, "0"): "FINISHED",
        (0.5, "1"): "MISSING",
    }
    assert [axis.key for axis in grey.axes] == ["reg"]
    assert list(zip(grey.rows["reg"], grey.rows["seed"], strict=True)) == [
        (0.1, "0"),
        (0.1, "1"),
        (0.5, "0"),
        (0.5, "1"),
    ]
    assert set(grey.rows["status"]) == {"MISSING"} and set(grey.rows["photo"]) == {"hopper.jpg"}
    found = study([blur, grey])
    assert found.summaries[1].criterion.original_known
    assert "grayscale: No cell has finished" in found.reason
    assert len(joined([blur, grey])) == 4 + 4
    assert "grayscale" in render(found, Source({}, lambda run, name: None))


def test_a_sweep_that_was_killed_before_its_first_run_shows_what_it_was_to_run(sweep: Sweep) -> None:
    cells = [
        {"point": f"degradation=blur steps={n}", "photo": "hopper.jpg", "fingerprint": f"{n}"} for n in (2, 3)
    ]
    sweep.plan(cells, {"degradation": ["blur"], "steps": ["2", "3"]})
    (found,) = Store(sweep.uri).sweep(sweep.parent)
    assert found.rows["steps"].tolist() == [2, 3] and set(found.rows["status"]) == {"MISSING"}


def test_an_experiment_of_one_sweep_shows_what_has_no_run(sweep: Sweep) -> None:
    cells = [{"point": f"steps={n}", "photo": "hopper.jpg", "fingerprint": f"{n}"} for n in (2, 3)]
    sweep.plan(cells, {"steps": ["2", "3"]})
    sweep.add({"steps": 2}, quality_of(0.1, 2))
    sweep.plan([*cells, {"point": "steps=2", "photo": "cup.jpg", "fingerprint": "4"}], {"steps": ["2", "3"]})
    (found,) = Store(sweep.uri).read("inversion")
    assert set(found.rows["photo"]) == {"hopper.jpg", "cup.jpg"}


def test_a_tables_photos_are_problems_of_their_own(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    lines = [("me.jpg", 0.3, 500), ("me.jpg", 0.5, 500), ("you.jpg", 0.5, 20), ("you.jpg", 0.9, 20)]
    cells = [
        {"point": f"image=/x/{photo} reg={reg} steps={steps}", "photo": photo, "fingerprint": ""}
        for photo, reg, steps in lines
    ]
    sweep.plan(cells, {"image": [], "reg": [], "steps": []}, table="cases.csv")
    for photo, reg, steps in lines[:3][::-1]:
        sweep.add({"reg": reg, "steps": steps}, {"psnr": 20 + reg, "identity_distance": 0.3}, photo=photo)
    found = only(sweep.finish())
    assert found.keys == ["photo", "reg", "steps"] and not found.is_grid
    rows = [(row["photo"], row["reg"], row["steps"]) for _, row in found.rows.iterrows()]
    assert rows == lines and found.rows["status"].tolist() == ["FINISHED"] * 3 + ["MISSING"]
    names = ["task", "reg", "steps", "photo", "seed", "status"]
    for tables in ([found], [found, found]):  # of one degradation, of two
        whole = joined(tables)
        assert list(whole.columns[:6]) == names and whole.columns.is_unique
        assert list(whole["photo"]) == [photo for photo, _, _ in lines] * len(tables)
    first, second = summarize(found).verdicts
    assert (first.problem, first.cells) == ("photo me.jpg", (0, 1)) and first.command == "reg=0.3 steps=500"
    assert second.cells == (2, 3)
    assert second.reason.startswith(
        "Recommended: reg 0.5, steps 20 (PSNR 20.5 dB, identity 0.30). 1 of 2 cells is inc"
    )


def test_planned_values_without_any_run_are_missing_cells(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    points = [(reg, steps) for reg in ("0.1", "0.30000000000000004", "0.5") for steps in ("10", "20")]
    cells = [
        {"point": f"reg={reg} steps={steps}", "photo": "hopper.jpg", "fingerprint": ""}
        for reg, steps in points
    ]
    sweep.plan(cells, {"reg": ["0.1", "0.30000000000000004", "0.5"], "steps": ["10", "20"]})
    sweep.add({"reg": 0.3, "steps": 10}, {"psnr": 20})
    found = only(sweep.finish())
    assert found.is_grid and [axis.values for axis in found.axes] == [(0.1, 0.3, 0.5), (10, 20)]
    assert sorted(found.rows["status"]) == ["FINISHED"] + ["MISSING"] * 5
