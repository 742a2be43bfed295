"""A Ray cluster whose machines share no folder: files are sent, a machine is lost, every point is done once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from tests.end_to_end.machines import HOME, RAY, Cluster
from tests.end_to_end.serving import PATIENCE, Server, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, Store, assert_every_history_is_complete

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PHOTOS = ("first.png", "second.png")
ASKED = ["launcher=ray", "launcher.points_per_job=4", "input=photo", "align=false", "tracking.artifacts=null"]
ASKED += ["steps=2", f"image={','.join(PHOTOS)}", "degradation=inpaint", "degradation.mask=hole.png"]


@pytest.fixture
def cluster(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    for name, value in RAY.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    cluster = Cluster()
    try:
        cluster.start(store.folder)
        for name in ("east", "west"):
            cluster.add(name)
        yield cluster
    finally:
        cluster.stop()


def asked(store: Store, cluster: Cluster, *overrides: str) -> list[str]:
    """All files by relative paths, as a person gives them; no machine but this one has them."""
    for shade, name in enumerate(PHOTOS):
        Image.new("RGB", (64, 64), (90 + 60 * shade, 110, 130)).save(store.folder / name)
    hole = Image.new("L", (64, 64))
    hole.paste(255, (20, 20, 44, 44))
    hole.save(store.folder / "hole.png")
    weights = f"generator.path={store.weights.name}"
    return [*ASKED, f"launcher.address='{cluster.address}'", weights, *overrides]


def sweep_that_loses_a_machine(store: Store, cluster: Cluster, regs: int) -> None:
    """A sweep over `regs` values and two photos; a machine is killed once a quarter of the points is done."""
    server = Server(store.folder / "server", host=cluster.head)
    try:
        server.start()
        store.uri = server.uri
        points = 2 * regs
        grid = "reg=" + ",".join(f"{number / 100}" for number in range(1, regs + 1))
        words = asked(store, cluster, grid, "tracking.lease=10")
        sweep = store.start(*words)
        wait_for(
            lambda: len(store.finished()) >= points // 4 or sweep.poll() is not None, "a quarter is done"
        )
        assert sweep.poll() is None, (store.folder / "stdout").read_text()
        cluster.kill("west")
        assert sweep.wait(3 * PATIENCE) == 0, (store.folder / "stdout").read_text()
        said = (store.folder / "stdout").read_text()
        assert f"{points} of {points} done" in said and "Traceback" not in said

        finished = store.finished()
        assert len(finished) == len({run.data.tags["fingerprint"] for run in finished}) == points
        assert {run.info.status for run in store.runs()} <= {"FINISHED", "KILLED"}
        assert {run.data.tags["host"] for run in finished} == {"east", "west"}
        assert_every_history_is_complete(store, finished)
        for run in finished:
            assert run.data.tags["folder"].startswith(HOME)
            assert run.data.params["generator.path"] == store.weights.name
            assert run.data.params["image"] in PHOTOS
            names = {artifact.path for artifact in store.client().list_artifacts(run.info.run_id)}
            assert names >= {"original.png", "restored.png", "panel.png", "config.yaml"}
        assert not list((store.folder / "multirun").glob("[0-9]*"))
        assert (store.folder / "multirun/report.html").is_file()

        again = store.sweep(*words)
        assert again.returncode == 0 and f"{points} of {points} done" in again.stdout, again.stdout
        assert len(store.finished()) == points
    finally:
        server.kill()


def test_files_are_sent_and_a_lost_machine_costs_only_what_it_was_running(
    store: Store, cluster: Cluster
) -> None:
    sweep_that_loses_a_machine(store, cluster, regs=12)


def test_a_database_that_other_machines_do_not_have_is_refused_in_one_line(
    store: Store, cluster: Cluster
) -> None:
    done = store.sweep(*asked(store, cluster, "reg=0.1"), timeout=PATIENCE)
    assert done.returncode == 1
    assert "does not share" in done.stdout and "mlflow server" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
