"""Runs that are read from the file itself are what MLflow's search returns."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Run

from inversion.record.mlflow_store import prepare_store
from inversion.record.run_reader import tagged

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


def plain(run: Run) -> dict[str, object]:
    said = run.to_dictionary()
    photos = [dict(one.dataset) for one in run.inputs.dataset_inputs] if run.inputs else []
    return {"info": said["info"], "data": said["data"], "photos": photos}


def test_runs_are_those_of_a_search(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    uri = f"sqlite:///{database}"
    faces, others = (prepare_store(uri, name, tmp_path / "artifacts") for name in ("faces", "others"))
    client = MlflowClient(uri)
    for number, experiment in enumerate([faces, faces, others, faces]):
        tags = {"kind": "job", "photo": "a b.jpg"} if number != 1 else {"kind": "sweep"}
        run_id = client.create_run(experiment, 1000 - number, tags, f"run {number}").info.run_id
        client.log_param(run_id, "reg", "0.5")
        for step, loss in enumerate([1.0, math.inf, 0.25]):
            client.log_metric(run_id, "loss", loss, step=step)
        if number == 0:
            photo = Dataset("me.jpg", "ab" * 8, "local", '{"uri": "/me.jpg"}', profile='{"width": 3}')
            client.log_inputs(run_id, [DatasetInput(photo, [])])
            client.set_terminated(run_id, "FINISHED")
    gone = client.create_run(faces, 5, {"kind": "job"}).info.run_id
    client.delete_run(gone)

    order = ["attributes.start_time ASC"]
    for experiments in ([faces], [faces, others], ["17"]):
        for tag, value in (
            ("kind", "job"),
            ("kind", "sweep"),
            ("kind", "other"),
            ("mlflow.runName", "run 3"),
        ):
            expected = client.search_runs(experiments, f"tags.`{tag}` = '{value}'", order_by=order)
            found = tagged(database, experiments, {tag: value})
            assert [plain(run) for run in found] == [plain(run) for run in expected]


def test_a_value_that_is_no_number_is_nan(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    experiment = prepare_store(f"sqlite:///{database}", "faces", tmp_path / "artifacts")
    client = MlflowClient(f"sqlite:///{database}")
    run_id = client.create_run(experiment, tags={"kind": "job"}).info.run_id
    client.log_metric(run_id, "psnr", math.nan)
    (run,) = tagged(database, [experiment], {"kind": "job"})
    assert math.isnan(run.data.metrics["psnr"])
