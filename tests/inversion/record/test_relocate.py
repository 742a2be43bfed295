"""A project folder that was moved: its runs are found where it is now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import open_client, prepare_store
from inversion.record.relocate import relocate


def uri_of(project: Path) -> str:
    return f"sqlite:///{project}/mlflow.db"


def prepare(project: Path, experiment: str = "faces") -> str:
    return prepare_store(uri_of(project), experiment, project / "artifacts")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's sixty migrations take a second: they are run once."""
    folder = tmp_path_factory.mktemp("empty")
    prepare_store(uri_of(folder), "Default", None)
    return folder / "mlflow.db"


@pytest.fixture
def project(tmp_path: Path, template: Path) -> Path:
    """With a space and an umlaut, which an address spells otherwise."""
    folder = tmp_path / "mein Prüfstand"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    return folder


def recorded(project: Path) -> str:
    """A run with one file; its id."""
    recorder = MLflowRecorder(uri_of(project), prepare(project), "a run", {}, {})
    (project / "panel.png").write_bytes(b"panel")
    recorder.log_file(project / "panel.png")
    recorder.finish("FINISHED")
    return recorder.run_id


def places(project: Path) -> list[str]:
    client = open_client(uri_of(project))
    experiment = client.get_experiment_by_name("faces")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    return [experiment.artifact_location, *(run.info.artifact_uri for run in runs)]


def test_a_moved_projects_runs_are_found_in_the_new_place_and_new_ones_are_put_there(
    project: Path, tmp_path: Path
) -> None:
    run = recorded(project)
    moved = project.rename(project.parent / "anderswo & neu")
    experiment = prepare(moved)
    client = open_client(uri_of(moved))
    assert client.get_run(run).info.artifact_uri == (moved / "artifacts" / run / "artifacts").as_uri()
    (tmp_path / "download").mkdir()
    assert (
        Path(client.download_artifacts(run, "panel.png", str(tmp_path / "download"))).read_bytes() == b"panel"
    )
    new = client.create_run(experiment)
    assert new.info.artifact_uri.startswith((moved / "artifacts").as_uri())
    assert not project.exists()


def test_nothing_changes_twice(project: Path) -> None:
    recorded(project)
    moved = project.rename(project.parent / "moved")
    prepare(moved)
    once = places(moved)
    prepare(moved)
    assert places(moved) == once


def test_nothing_changes_while_the_old_place_exists(project: Path) -> None:
    recorded(project)
    before = places(project)
    copy = project.parent / "a copy"
    shutil.copytree(project, copy)
    relocate(copy / "mlflow.db")
    relocate(project / "mlflow.db")
    assert places(copy) == places(project) == before


@pytest.mark.parametrize("inside", [[], ["0" * 32], None], ids=["empty", "another's runs", "no folder"])
def test_nothing_changes_where_the_new_place_lacks_the_runs(project: Path, inside: list[str] | None) -> None:
    recorded(project)
    before = places(project)
    moved = project.rename(project.parent / "moved")
    shutil.rmtree(moved / "artifacts")
    for name in ("", *inside) if inside is not None else ():
        (moved / "artifacts" / name).mkdir(exist_ok=True)
    relocate(moved / "mlflow.db")
    assert places(moved) == before


def test_experiments_in_other_places_stay_as_they_are(project: Path, tmp_path: Path) -> None:
    recorded(project)
    client = open_client(uri_of(project))
    near = tmp_path / "artifacts"
    near.mkdir()
    client.create_experiment("s3", artifact_location="s3://bucket/runs")
    neighbour = client.create_run(client.create_experiment("near", artifact_location=near.as_uri()))
    moved = project.rename(tmp_path / "moved")
    relocate(moved / "mlflow.db")
    assert places(moved)[0] == (moved / "artifacts").as_uri()
    client = open_client(uri_of(moved))
    assert client.get_run(neighbour.info.run_id).info.artifact_uri == neighbour.info.artifact_uri
    for name, location in (("s3", "s3://bucket/runs"), ("near", near.as_uri())):
        assert client.get_experiment_by_name(name).artifact_location == location  # type: ignore[union-attr]
