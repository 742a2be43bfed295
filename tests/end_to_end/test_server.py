"""Runs on a real MLflow server that goes away in the middle and comes back: `make test-server`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.artifacts import load_image
from PIL import Image

from tests.end_to_end.serving import PATIENCE, Server, start_postgres, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, FAST, PROJECT, Store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    server.start()
    yield server
    server.kill()


def command(store: Store, server: Server, name: str, *overrides: str) -> list[str]:
    return [
        sys.executable,
        str(PROJECT / "run.py"),
        *FAST,
        "generator=small_file",
        f"generator.path={store.weights}",
        f"tracking.uri={server.uri}",
        f"hydra.run.dir={store.folder / name}",
        *overrides,
    ]


def losses(folder: Path) -> int:
    path = folder / "losses.csv"
    return len(path.read_text().splitlines()) if path.exists() else 0


def run_that_loses_its_server(store: Store, server: Server, environment: dict[str, str], name: str) -> Path:
    """A run whose server is killed once some of its steps are recorded; its folder, complete all the same."""
    folder = store.folder / name
    asked = command(store, server, name, "steps=1500", f"seed={len(name)}")
    with (store.folder / f"{name}.txt").open("wb") as output:
        running = subprocess.Popen(
            asked, cwd=store.folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        wait_for(lambda: losses(folder) > 20 or running.poll() is not None, "the first steps are recorded")
        server.kill()
        assert running.wait(PATIENCE) == 0
    said = (store.folder / f"{name}.txt").read_text()
    assert "MLflow" in said and "Traceback" not in said
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "FINISHED" and result["last_step"] == 1499 and losses(folder) == 1501
    return folder


def check(store: Store, server: Server, folder: Path) -> None:
    """The server's run of a folder is finished, and says what the folder says, once."""
    summary = json.loads((folder / "result.json").read_text())["summary"]
    told = {name: float(value) for name, value in summary.items()}  # nan is a text in JSON
    reader = Store(store.folder, store.weights)
    reader.uri = server.uri
    (run,) = [run for run in reader.runs() if run.data.tags["folder"] == str(folder)]
    assert run.info.status == "FINISHED"
    assert {name: run.data.metrics[name] for name in told} == pytest.approx(told, nan_ok=True)
    assert reader.steps(run) == list(range(1500)) and reader.steps(run, "psnr") == [0]
    picture = load_image(f"runs:/{run.info.run_id}/restored.png")
    with Image.open(folder / "restored.png") as own:
        assert picture.convert("RGB").tobytes() == own.convert("RGB").tobytes()


def test_a_server_that_goes_away_costs_no_run_and_gets_everything_later(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = ENVIRONMENT | {"INVERSION_CACHE": str(store.folder / "cache")}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)

    first = run_that_loses_its_server(store, server, environment, "a")
    server.start()
    asked = [sys.executable, "-m", "sweeps", "sync", "--uri", server.uri]
    for expected in ("1 runs brought in", "0 runs brought in"):
        done = subprocess.run(asked, cwd=store.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0 and expected in done.stdout, done.stdout + done.stderr
    check(store, server, first)

    second = run_that_loses_its_server(store, server, environment, "bb")
    server.start()
    # By itself, at the next start of anything.
    third = subprocess.run(
        command(store, server, "ccc", "steps=2"), cwd=store.folder, env=environment, capture_output=True
    )
    assert third.returncode == 0
    for folder in (first, second):
        check(store, server, folder)


def test_every_way_of_running_points_records_them_on_postgresql(store: Store) -> None:
    """Behind a server of two processes; pictures arrive through its proxy."""
    postgres = start_postgres()
    server = Server(store.folder / "server", postgres.uri, workers=2)
    try:
        server.start()
        store.uri = server.uri
        single = subprocess.run(
            command(store, server, "single", "steps=2"),
            cwd=store.folder,
            env=ENVIRONMENT,
            capture_output=True,
        )
        assert single.returncode == 0, single.stderr
        for launcher in (["local"], ["batched"], ["joblib", "launcher.jobs=2", "launcher.points_per_job=2"]):
            done = store.sweep(
                "steps=2,3", f"reg={len(launcher[0])},8", f"launcher={launcher[0]}", *launcher[1:]
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert "4 of 4 done" in done.stdout
        runs = store.runs()
        # reg=8 is finished after the first sweep.
        assert [run.info.status for run in runs] == ["FINISHED"] * (1 + 4 + 2 + 2)
        assert len({run.data.tags["fingerprint"] for run in runs}) == len(runs)
        for run in runs:
            assert run.info.artifact_uri.startswith("mlflow-artifacts:")
            names = {artifact.path for artifact in store.client().list_artifacts(run.info.run_id)}
            assert names >= {"restored.png", "panel.png", "config.yaml"}
    finally:
        server.kill()
        postgres.stop()
