"""Which store runs are recorded in: the command line's, else the environment's, else mlflow.db."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from conf.folders import config_file, config_folders
from conf.schema import register
from tests.conf.choices import CONF

NAMES = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")


def tracking(*overrides: str) -> list[str | None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", list(overrides))
    OmegaConf.resolve(config)
    return [config.tracking.uri, config.tracking.experiment, config.tracking.artifacts]


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_environment_runs_are_recorded_beside_the_code(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert tracking() == ["sqlite:///mlflow.db", "inversion", "mlartifacts"]


def test_the_environment_names_store_and_experiment_and_a_server_keeps_its_own_artifacts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "faces")
    assert tracking() == ["http://127.0.0.1:5000", "faces", None]
    mine = tracking(
        "tracking.uri=sqlite:////tmp/my.db", "tracking.experiment=mine", "tracking.artifacts=here"
    )
    assert mine == ["sqlite:////tmp/my.db", "mine", "here"]
    assert tracking("tracking=none") == [None, "inversion", None]
    assert tracking("tracking.uri=null") == [None, "faces", None]


@pytest.mark.parametrize(
    ("uri", "artifacts"),
    [
        ("sqlite:////data/studies/faces.db", "/data/studies/mlartifacts"),
        ("sqlite:///studies/faces.db", "studies/mlartifacts"),
        ("sqlite:///mlflow.db", "mlartifacts"),
        ("https://head", None),
    ],
)
def test_artifacts_lie_beside_their_database(uri: str, artifacts: str | None) -> None:
    """Or a database that is moved with its folder leaves them behind."""
    assert tracking(f"tracking.uri={uri}")[2] == artifacts


def test_a_worker_of_a_launcher_finds_the_files_of_the_persons_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There Hydra itself is not set up; the job's configuration says where it came from."""
    (tmp_path / "mine.png").touch()
    monkeypatch.chdir(tmp_path)
    sources = [{"path": "conf", "schema": "pkg", "provider": "main"}]
    sources += [{"path": str(tmp_path), "schema": "file", "provider": "command-line"}]
    job = OmegaConf.create({"hydra": {"runtime": {"config_sources": sources}}})
    monkeypatch.setattr(HydraConfig.instance(), "cfg", job)
    assert list(config_folders()) == [CONF, tmp_path]
    assert config_file("mine.png") == str(tmp_path / "mine.png")


def test_a_file_of_the_config_folder_is_found_and_one_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Path(config_file("experiment/blurred.png")) == CONF / "experiment" / "blurred.png"
    with pytest.raises(FileNotFoundError, match="There is no file nowhere.png in the config folders"):
        config_file("nowhere.png")
