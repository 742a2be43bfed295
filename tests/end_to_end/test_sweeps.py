"""`run.py -m` as a person starts it: one parent, one child per point, resumed, compared, refused in time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeps.results import missing
from tests.databases import empty_database
from tests.end_to_end.sweeping import PROJECT, TIMED, Store, assert_every_history_is_complete

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
GRID = ["degradation=none,blur", "steps=2,4", "reg=0.1"]


def by_fingerprint(runs: list[Any]) -> dict[str, Any]:
    return {run.data.tags["fingerprint"]: run for run in runs}


@pytest.mark.slow
def test_a_grid_runs_once_on_every_launcher_with_the_same_results(store: Store) -> None:
    done = store.sweep(*GRID)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 done" in done.stdout and "about" in done.stdout
    (parent,) = store.parents()
    tags = parent.data.tags
    assert (parent.info.status, tags["axes"], tags["failed"]) == ("FINISHED", "degradation,steps", "")
    assert tags["command"].startswith("python run.py -m ") and " ".join(GRID) in tags["command"]
    local = by_fingerprint(store.runs(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"))
    assert len(local) == 4
    assert_every_history_is_complete(store, list(local.values()))

    # Again, as one optimizer pass: the same parent, the same figures.
    done = store.sweep(*GRID, "rerun=true", "launcher=batched", TIMED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 done" in done.stdout
    assert len(store.parents()) == 1
    batched = by_fingerprint([run for run in store.finished() if run.info.run_id not in ids(local.values())])
    assert batched.keys() == local.keys()
    assert_every_history_is_complete(store, list(batched.values()))
    for name, run in batched.items():
        assert_close(run.data.metrics, local[name].data.metrics)

    # A wider grid in several processes: only what is new is run, and the new sweep knows all of it.
    done = store.sweep(
        "degradation=none,blur", "steps=2,4,5", "reg=0.1", "launcher=joblib", "launcher.jobs=2", TIMED
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 done" in done.stdout
    assert done.stdout.count("finished before") == 4
    assert len(store.finished()) == 4 + 4 + 2
    wider = max(store.parents(), key=lambda run: run.info.start_time)
    assert wider.info.status == "FINISHED"
    members = store.runs(f"tags.`sweep.{wider.info.run_id}` = 'yes'")
    assert sorted(run.data.params["steps"] for run in members) == ["2", "2", "4", "4", "5", "5"]
    assert_every_history_is_complete(store, members)
    assert missing.show(store.uri, "inversion", PROJECT) == 0


def ids(runs: Any) -> set[str]:
    return {run.info.run_id for run in runs}


def assert_close(metrics: dict[str, float], expected: dict[str, float]) -> None:
    timing = ("seconds", "steps_per_second")
    for name, value in expected.items():
        if name not in timing:
            assert metrics[name] == pytest.approx(value, rel=1e-3, abs=1e-4, nan_ok=True), name


@pytest.mark.slow
def test_a_bad_photo_fails_alone_and_is_run_when_it_is_good(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store.folder / "photos"
    folder.mkdir()
    for seed, name in enumerate(["a.png", "b.png"]):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "c.png").write_bytes(b"not a picture")
    sweep = [f"image={folder}", "align=false", "steps=2,3", "input=photo"]
    done = store.sweep(*sweep)
    assert done.returncode == 1
    (parent,) = store.parents()
    assert parent.info.status == "FAILED"
    assert "steps=2 c.png" in parent.data.tags["failed"] and "steps=3 c.png" in parent.data.tags["missing"]
    assert "FAILED: steps=3 c.png" in done.stdout
    finished = store.finished()
    assert sorted((run.data.params["steps"], run.info.run_name[0]) for run in finished) == [
        ("2", "a"),
        ("2", "b"),
        ("3", "a"),
        ("3", "b"),
    ]
    assert missing.show(store.uri, "inversion", PROJECT) == 1
    assert json.loads((store.folder / "multirun/sweep.json").read_text())["axes"] == {"steps": ["2", "3"]}
    shown = capsys.readouterr().out
    assert "2 of 6 runs are missing" in shown and "steps=2 c.png: never run" in shown
    assert "to run them: python run.py -m " in shown


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["steps=2,3", "regg=0.5"], "regg"),
        # held without a process by tests/sweeps/plan/test_grid.py
        pytest.param(["steps=3,0"], "steps must be", marks=pytest.mark.slow),
    ],
)
def test_a_mistake_anywhere_in_a_grid_ends_it_before_the_first_point(
    store: Store, overrides: list[str], message: str
) -> None:
    done = store.sweep(*overrides)
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
    assert (store.folder / "mlflow.db").read_bytes() == empty_database().read_bytes()
    assert not list(store.folder.glob("multirun/0"))


def test_a_sweep_without_a_store_has_its_lines_and_its_folder(store: Store) -> None:
    done = store.sweep("steps=2,3", "tracking.uri=null")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 done" in done.stdout
    assert (store.folder / "mlflow.db").read_bytes() == empty_database().read_bytes()
    assert len(list(store.folder.glob("multirun/*/result.json"))) == 2
    assert len(json.loads(Path(store.folder, "multirun/sweep.json").read_text())["cells"]) == 2
