"""`python -m sweeps sync`: records that MLflow missed come into their own experiment, once; the default store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from inversion.record.mlflow_store import Store, open_client, prepare_store
from inversion.record.sync import note_behind
from sweeps.commands import main

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty one; nobody's cache is touched."""
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path / "cache"))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return Store(uri, "first", prepare_store(uri, "first", tmp_path / "artifacts"))


def missed(store: Store, folder: Path, experiment: str, loss: float) -> Path:
    """A finished record that its store has not seen."""
    folder.mkdir(parents=True)
    run = {"store": {"uri": store.uri, "experiment": experiment, "experiment_id": "?"}, "name": folder.name}
    contents = {
        "record.json": {"run": run, "files": [], "artifacts": ["config.yaml"]},
        "tags.json": {"kind": "job"},
        "summary.json": {"psnr": 20.0},
        "result.json": {"status": "FINISHED", "reason": ""},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "config.yaml").write_text(yaml.safe_dump({"reg": 0.5}))
    (folder / "losses.csv").write_text(f"step,loss\n0,1.0\n1,{loss}\n")
    note_behind(store, folder)
    return folder


def losses(store: Store, experiment: str) -> list[float]:
    client = open_client(store.uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return sorted(run.data.metrics["loss"] for run in client.search_runs([found.experiment_id]))


def test_records_come_into_the_experiment_that_they_belong_to_and_only_once(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed(store, tmp_path / "a", "first", 0.25)
    missed(store, tmp_path / "b", "second", 0.75)
    assert main(["sync", "first", "--uri", store.uri]) == 0
    assert "1 runs brought in." in capsys.readouterr().out
    assert losses(store, "first") == [0.25]
    assert main(["sync", "--uri", store.uri]) == 0
    assert "1 runs brought in." in capsys.readouterr().out
    assert (losses(store, "first"), losses(store, "second")) == ([0.25], [0.75])
    assert main(["sync", "--uri", store.uri]) == 0
    assert "0 runs brought in." in capsys.readouterr().out
    assert (losses(store, "first"), losses(store, "second")) == ([0.25], [0.75])


def test_a_folder_that_cannot_be_read_is_named_and_the_exit_code_says_so(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (missed(store, tmp_path / "a", "first", 0.25) / "config.yaml").unlink()
    missed(store, tmp_path / "b", "first", 0.75)
    for _ in range(2):
        assert main(["sync", "--uri", store.uri]) == 1
        assert f"MLflow lacks {tmp_path / 'a'}, whose record" in capsys.readouterr().err
        assert losses(store, "first") == [0.75]
    shutil.rmtree(tmp_path / "a")
    assert main(["sync", "--uri", store.uri]) == 0
    assert main(["sync", "--uri", store.uri]) == 0


def test_a_note_that_cannot_be_read_is_named_once_and_the_exit_code_says_so(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missed(store, tmp_path / "a", "first", 0.25)
    (note,) = (tmp_path / "cache").rglob("*.json")
    note.write_text("half of a no")
    missed(store, tmp_path / "b", "first", 0.75)
    for brought in ("1 runs", "0 runs"):
        assert main(["sync", "--uri", store.uri]) == 1
        said = capsys.readouterr()
        assert brought in said.out and said.err.count(str(note)) == 1 and len(said.err.splitlines()) == 1
    assert losses(store, "first") == [0.75] and note.exists()


def test_the_environments_store_and_experiment_are_the_defaults_and_the_command_line_wins(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "first")
    assert main(["missing"]) == 1
    assert "No sweep is recorded in 'first'" in capsys.readouterr().err
    assert main(["missing", "other"]) == 1
    assert "There is no experiment 'other'" in capsys.readouterr().err
    assert main(["missing", "--uri", f"sqlite:///{tmp_path}/none.db"]) == 1
    assert "No runs are recorded yet" in capsys.readouterr().err
