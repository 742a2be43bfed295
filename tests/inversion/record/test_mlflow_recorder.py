from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from PIL import Image

from inversion.errors import ConfigError
from inversion.record import mlflow_recorder
from inversion.record.batch import Batch, PhotoSource
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import open_client, prepare_store
from inversion.record.params import clean_key, flatten
from inversion.record.run_writer import run_writer
from tests.conftest import FullDisk
from tests.databases import empty_database
from tests.inversion.record.conftest import inputs_of

PHOTO = PhotoSource("/photos/grace hopper.jpg", "ab" * 32, 512, 600)


@pytest.fixture
def experiment(uri: str, folder: Path) -> str:
    return prepare_store(uri, "inversion", folder / "artifacts")


@pytest.fixture
def client(uri: str, experiment: str) -> MlflowClient:
    return open_client(uri)


def open_run(uri: str, experiment: str, **changes: object) -> MLflowRecorder:
    settings: dict[str, Any] = {
        "run_name": "blur",
        "params": {"reg": "0.5"},
        "tags": {"kind": "job"},
        **changes,
    }
    return MLflowRecorder(uri, experiment, **settings)


def test_a_run_holds_params_tags_photo_metrics_pictures_and_files(
    uri: str, experiment: str, client: MlflowClient, tmp_path: Path
) -> None:
    (tmp_path / "panel.png").write_bytes(b"panel")
    parent = client.create_run(experiment, run_name="sweep").info.run_id
    recorder = open_run(uri, experiment, photo=PHOTO, parent_run_id=parent)
    for step in range(120):
        recorder.log_metrics({"loss": 1 / (1 + step), "pixel": 0.5}, step)
    recorder.log_image("progress", Image.new("RGB", (8, 8)), 100)
    recorder.log_summary({"psnr": 24.1})
    recorder.log_file(tmp_path / "panel.png")
    recorder.set_tags({"photo_sha256": "ab" * 32})
    recorder.finish("FINISHED")

    run = client.get_run(recorder.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "blur")
    assert run.data.params == {"reg": "0.5"}
    assert run.data.metrics == {"loss": 1 / 120, "pixel": 0.5, "psnr": 24.1}
    history = client.get_metric_history(recorder.run_id, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(s, 1 / (1 + s)) for s in range(120)]
    expected = {"kind": "job", "photo_sha256": "ab" * 32, "mlflow.parentRunId": parent}
    assert expected.items() <= run.data.tags.items()
    dataset = inputs_of(run)[0].dataset
    assert (dataset.name, dataset.digest) == ("grace hopper.jpg", ("ab" * 32)[:36])
    assert json.loads(dataset.profile or "")["sha256"] == PHOTO.sha256
    assert "panel.png" in [file.path for file in client.list_artifacts(recorder.run_id)]
    images = [file.path for file in client.list_artifacts(recorder.run_id, "images")]
    assert sum("progress+step+100+" in path for path in images) == 2  # the picture and its thumbnail


def test_metrics_wait_for_so_many_steps_and_flush_sends_them(
    uri: str, experiment: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_recorder, "BATCH_SECONDS", math.inf)
    recorder = open_run(uri, experiment)
    full = mlflow_recorder.BATCH_STEPS
    for step in range(full - 1):
        recorder.log_metrics({"loss": 1.0}, step)
    assert client.get_metric_history(recorder.run_id, "loss") == []
    recorder.log_metrics({"loss": 1.0}, full - 1)
    assert len(client.get_metric_history(recorder.run_id, "loss")) == full
    recorder.log_metrics({"loss": 1.0}, full)
    recorder.flush()
    assert len(client.get_metric_history(recorder.run_id, "loss")) == full + 1
    recorder.finish("FINISHED")


def test_a_slow_run_is_sent_every_few_seconds(
    uri: str, experiment: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = open_run(uri, experiment)
    recorder.log_metrics({"loss": 1.0}, 0)
    monkeypatch.setattr(mlflow_recorder, "BATCH_SECONDS", 0.0)
    recorder.log_metrics({"loss": 1.0}, 1)
    assert len(client.get_metric_history(recorder.run_id, "loss")) == 2
    recorder.finish("FINISHED")


def test_more_metrics_than_one_request_takes_all_arrive(
    uri: str, experiment: str, client: MlflowClient
) -> None:
    recorder = open_run(uri, experiment, params={f"key{i}": str(i) for i in range(250)})
    for step in range(40):
        recorder.log_metrics({f"term{i}": float(step) for i in range(60)}, step)
    recorder.finish("FINISHED")
    run = client.get_run(recorder.run_id)
    assert len(run.data.params) == 250
    assert set(run.data.metrics.values()) == {39.0} and len(run.data.metrics) == 60


def test_values_that_are_not_finite_are_kept_as_nan(uri: str, experiment: str, client: MlflowClient) -> None:
    recorder = open_run(uri, experiment)
    recorder.log_metrics({"a": math.nan, "b": math.inf, "c": -math.inf}, 0)
    recorder.finish("FAILED", "the loss became NaN at step 0")
    run = client.get_run(recorder.run_id)
    assert all(math.isnan(run.data.metrics[key]) for key in "abc")
    assert (run.info.status, run.data.tags["reason"]) == ("FAILED", "the loss became NaN at step 0")


def test_a_resumed_run_doubles_no_history(uri: str, experiment: str, client: MlflowClient) -> None:
    killed = open_run(uri, experiment)
    for step in range(60):
        killed.log_metrics({"loss": float(step)}, step)
    killed.finish("KILLED", "Ctrl-C")
    resumed = open_run(uri, experiment, run_id=killed.run_id, params={"reg": "0.7"})
    assert client.get_run(killed.run_id).info.status == "RUNNING"
    for step in range(40, 80):  # from the last optimizer checkpoint
        resumed.log_metrics({"loss": float(step), "late": 1.0}, step)
    resumed.finish("FINISHED")
    run = client.get_run(killed.run_id)
    steps = [metric.step for metric in client.get_metric_history(killed.run_id, "loss")]
    assert steps == list(range(80))
    assert run.info.status == "FINISHED" and "reason" not in run.data.tags
    assert run.data.params == {"reg": "0.5"}


def test_what_a_busy_database_refused_goes_with_the_next_batch(
    uri: str, experiment: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = open_run(uri, experiment)
    recorder.log_metrics({"loss": 1.0}, 0)
    with monkeypatch.context() as patch:
        patch.setattr(run_writer(uri), "write", _refuse)
        with pytest.raises(OSError, match="busy"):
            recorder.flush()
    recorder.log_metrics({"loss": 2.0}, 1)
    recorder.finish("FINISHED")
    assert [metric.value for metric in client.get_metric_history(recorder.run_id, "loss")] == [1.0, 2.0]


def test_a_run_that_cannot_be_recorded_to_the_end_does_not_stay_running(
    uri: str, experiment: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = open_run(uri, experiment)
    recorder.log_metrics({"loss": 1.0}, 0)
    true = run_writer(uri).write

    def full(run_id: str, batch: Batch) -> None:
        if batch.metrics:
            raise OSError("busy")
        true(run_id, batch)

    monkeypatch.setattr(run_writer(uri), "write", full)
    with pytest.raises(OSError, match="busy"):
        recorder.finish("FINISHED")
    assert client.get_run(recorder.run_id).info.status == "FAILED"


def test_a_claimed_run_that_a_busy_database_refuses_once_stays_claimed(
    uri: str, experiment: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended, it would be somebody else's to run."""
    claimed = mlflow_recorder.open_run(uri, experiment, "blur", {"kind": "job"})
    recorder = open_run(uri, experiment, run_id=claimed, is_empty=True, photo=PHOTO)
    with monkeypatch.context() as patch:
        patch.setattr(run_writer(uri), "write", _refuse)
        with pytest.raises(OSError, match="busy"):
            recorder.flush()
    assert client.get_run(claimed).info.status == "RUNNING"
    recorder.flush()
    run = client.get_run(claimed)
    assert (run.info.status, run.data.params) == ("RUNNING", {"reg": "0.5"})
    assert len(inputs_of(run)) == 1


def _refuse(*_: object, **__: object) -> None:
    raise OSError("busy")


def test_a_run_whose_opening_fails_does_not_stay_running(
    uri: str, experiment: str, client: MlflowClient
) -> None:
    with pytest.raises(ConfigError, match="takes no such name"):
        open_run(uri, experiment, run_name="cannot open", params={"a=b": "1"})
    (run,) = client.search_runs([experiment], "attributes.run_name = 'cannot open'")
    assert run.info.status == "FAILED"


def test_a_full_disk_under_the_database_is_one_clear_error_and_the_metrics_wait(
    uri: str, experiment: str, client: MlflowClient, folder: Path, full_disk: FullDisk
) -> None:
    recorder = open_run(uri, experiment)
    recorder._waiting.metrics = [(f"term{i}", 1.0, 0, step) for i in range(100) for step in range(100)]
    with full_disk((folder / "mlflow.db").stat().st_size), pytest.raises(OSError, match="The disk is full"):
        recorder.flush()
    recorder.finish("FINISHED")  # there is room again
    assert len(client.get_run(recorder.run_id).data.metrics) == 100
    assert len(client.get_metric_history(recorder.run_id, "term99")) == 100


def test_artifacts_on_a_full_disk_are_an_os_error(
    uri: str, experiment: str, tmp_path: Path, full_disk: FullDisk
) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(2_000_000))
    recorder = open_run(uri, experiment)
    with full_disk(1_000_000), pytest.raises(OSError, match="File too large"):
        recorder.log_file(tmp_path / "big.bin")
    recorder.finish("FAILED")


def test_nothing_heavy_is_imported_early() -> None:
    program = (
        "import sys, inversion.record.mlflow_recorder, inversion.record.mlflow_store\n"
        "print({'mlflow', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow  # MLflow is imported for it
def test_the_console_stays_clean(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import prepare_store
uri = "sqlite:///{tmp_path}/mlflow.db"
recorder = MLflowRecorder(uri, prepare_store(uri, "x", Path({str(tmp_path)!r})), "a", {{}}, {{}})
recorder.log_summary({{"psnr": 1.0}})
recorder.finish("FINISHED")
"""
    shutil.copy(empty_database(), tmp_path / "mlflow.db")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


WORKER = """
import sys
from pathlib import Path
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.batch import PhotoSource
from inversion.record.mlflow_store import prepare_store
from tests.conftest import FullDisk
from tests.databases import empty_database
folder, me = Path(sys.argv[1]), sys.argv[2]
uri = f"sqlite:///{folder}/mlflow.db"
experiment = prepare_store(uri, "race", folder / "artifacts")
for run in range(5):
    photo = PhotoSource("a.png", f"{run:064}", 8, 8)
    recorder = MLflowRecorder(uri, experiment, me, {"reg": "1"}, {}, photo)
    for step in range(100):
        recorder.log_metrics({"loss": 1.0, "pixel": 2.0}, step)
    recorder.finish("FINISHED")
"""


@pytest.mark.slow
def test_processes_that_meet_a_missing_database_lose_nothing(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path), str(index)], stderr=subprocess.PIPE)
        for index in range(4)
    ]
    errors = [worker.communicate(timeout=180)[1].decode() for worker in workers]
    assert errors == [""] * 4
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = open_client(uri)
    runs = client.search_runs([prepare_store(uri, "race", None)])
    assert len(runs) == 20
    for run in runs:
        assert run.info.status == "FINISHED" and len(inputs_of(run)) == 1
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 100


HOSTILE = [
    "a=b",
    "a@b+c",
    "../up",
    "/root/a",
    "a//b",
    ".",
    "",
    "a/../../b",
    "x" * 400,
    "a\nb",
    "naïve name",
    "a:b",
]


def test_whatever_the_name_mlflow_accepts_its_clean_form(
    uri: str, experiment: str, client: MlflowClient
) -> None:
    recorder = open_run(uri, experiment, params=flatten(dict.fromkeys(HOSTILE, 1)))
    recorder.log_metrics(dict.fromkeys(HOSTILE, 1.0), 0)
    recorder.set_tags(dict.fromkeys(HOSTILE, "x" * 9000))
    for name in HOSTILE[:3]:
        recorder.log_image(name, Image.new("RGB", (2, 2)), 0)
    recorder.finish("FINISHED")
    assert len(client.get_run(recorder.run_id).data.params) == len(HOSTILE)
    assert clean_key("loss.phases.0/lpips") == "loss.phases.0/lpips"
