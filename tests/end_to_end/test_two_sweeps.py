"""Two sweeps on two machines over grids that overlap share the work: nothing fails, nothing is done twice.

The machines are processes that say so: they have other host names, and clocks that are a minute apart.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.end_to_end.serving import PATIENCE, Server, start_postgres, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT, PROJECT, Store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings: MLflow's own

# Python runs this at its start, whichever program it is.
MACHINE = """
import os, socket, time
name, true = os.environ["MACHINE"], time.time
socket.gethostname = lambda: name
time.time = lambda: true() + float(os.environ["CLOCK"])
"""
FIRST = ["steps=2,3", "reg=0.1,0.2,0.3,0.4,0.5"]
SECOND = ["steps=3,4", "reg=0.1,0.2,0.3,0.4,0.5"]


@pytest.fixture(params=["sqlite", "server", "postgres"])
def shared(request: pytest.FixtureRequest, store: Store) -> Iterator[Store]:
    """A store that both machines reach; PostgreSQL's server has two processes, which share nothing but it."""
    if request.param == "sqlite":
        yield store
        return
    postgres = start_postgres() if request.param == "postgres" else None
    server = Server(
        store.folder / "server", None if postgres is None else postgres.uri, workers=2 if postgres else 1
    )
    try:
        server.start()
        store.uri = server.uri
        yield store
    finally:
        server.kill()
        if postgres is not None:
            postgres.stop()


def start(store: Store, machine: str, *overrides: str, clock: float = 0) -> subprocess.Popen[str]:
    """A sweep on a machine of its own, in a process group of its own."""
    here = store.folder / machine
    here.mkdir(exist_ok=True)
    (here / "sitecustomize.py").write_text(MACHINE)
    path = os.pathsep.join([str(here), str(PROJECT)])
    return subprocess.Popen(
        store.command(f"hydra.sweep.dir={here}/multirun", *overrides),
        cwd=here,
        env=ENVIRONMENT | {"PYTHONPATH": path, "MACHINE": machine, "CLOCK": str(clock)},
        stdout=(here / "stdout").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def said(store: Store, machine: str) -> str:
    return (store.folder / machine / "stdout").read_text()


def assert_done_once(store: Store, points: int) -> None:
    runs = store.runs()
    assert [run.info.status for run in runs] == ["FINISHED"] * points
    assert len({run.data.tags["fingerprint"] for run in runs}) == points
    assert {run.info.status for run in store.parents()} == {"FINISHED"}


@pytest.mark.parametrize("launcher", ["local", "batched"])
def test_overlapping_grids_are_shared(shared: Store, launcher: str) -> None:
    options = [f"launcher={launcher}", "launcher.batch_size=2"]
    started = {
        "east": start(shared, "east", *FIRST, *options),
        "west": start(shared, "west", *SECOND, *options, clock=60),
    }
    for machine, process in started.items():
        assert process.wait(PATIENCE) == 0, said(shared, machine)
        assert "10 of 10 done" in said(shared, machine)
    assert_done_once(shared, 15)


def test_the_same_grid_is_shared(store: Store) -> None:
    started = [start(store, machine, *FIRST, "launcher=batched", "launcher.batch_size=2") for machine in "ew"]
    for machine, process in zip("ew", started, strict=True):
        assert process.wait(PATIENCE) == 0, said(store, machine)
        assert "10 of 10 done" in said(store, machine)
    assert_done_once(store, 10)
    hosts = {run.data.tags["host"] for run in store.runs()}
    assert hosts <= {"e", "w"}
    print(f"points were run by {hosts}")


def test_two_commands_in_one_folder_each_tell_their_own_points(store: Store) -> None:
    """What one of them has taken is waited for by the other, and then told there as well."""
    folder = f"hydra.sweep.dir={store.folder}/both"
    first = start(store, "first", *FIRST, folder)
    second = start(store, "second", *SECOND, folder)
    for process, name, foreign in ((first, "first", "steps=4"), (second, "second", "steps=2")):
        assert process.wait(PATIENCE) == 0, said(store, name)
        told = [line for line in said(store, name).splitlines() if " of 10 done" in line]
        assert len(told) == 10 and foreign not in said(store, name), said(store, name)
    assert_done_once(store, 15)


def test_what_a_killed_machine_was_running_is_run_by_another_after_its_lease(shared: Store) -> None:
    """Without a person: nobody on the other machine can look at its processes."""
    asked = ["steps=1000", "reg=0.1", "tracking.lease=5"]
    lost = start(shared, "lost", *asked)
    losses = shared.folder / "lost/multirun/0/losses.csv"  # the database is not to be opened while it is made
    wait_for(lambda: losses.exists() or lost.poll() is not None, "the point is being run")
    assert lost.poll() is None, said(shared, "lost")
    os.killpg(lost.pid, signal.SIGKILL)
    assert lost.wait() == -signal.SIGKILL, said(shared, "lost")
    (left,) = shared.runs("tags.kind = 'job' and attributes.status = 'RUNNING'")
    heir = start(shared, "heir", *asked)
    assert heir.wait(PATIENCE) == 0, said(shared, "heir")
    assert "waiting for 1 points that are run by process" in said(shared, "heir")
    runs = {run.info.run_id: run for run in shared.runs()}
    assert runs.pop(left.info.run_id).info.status == "KILLED"
    (done,) = runs.values()
    assert (done.info.status, done.data.tags["host"]) == ("FINISHED", "heir")
