"""Launchers that start processes get packs; every point's result comes back in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import OmegaConf

from inversion.errors import ConfigError
from inversion.record.record import Ending
from sweeps.execute import endings, rounds
from sweeps.execute.job import Awaited, Job, PhotoResult, Point
from sweeps.execute.launching import Packing, PackTask, pack_size, results_of, with_store
from sweeps.execute.ledger import Elsewhere
from sweeps.execute.rounds import run_until_done
from sweeps.execute.shipment import Shipment
from sweeps.home import home
from sweeps.plan.config import Config
from tests.sweeps.execute.test_batched import BASE

FINISHED = Ending("FINISHED", "", {})
SWEEP = {"tracking": {"uri": None, "experiment": "e", "command": None}, "launcher": {"points_per_job": None}}


@pytest.mark.parametrize(
    ("asked", "points", "expected"),
    [(None, 1, 1), (None, 15, 1), (None, 40, 2), (None, 500, 31), (None, 10_000, 32), (7, 500, 7), (1, 9, 1)],
)
def test_a_pack_is_what_is_asked_for_else_a_sixteenth_of_the_sweep(
    asked: int | None, points: int, expected: int
) -> None:
    assert pack_size(asked, points) == expected


def test_a_pack_that_fails_as_a_whole_costs_its_own_points_alone() -> None:
    """Out of memory, out of the cluster's time: what the other packs have done is not lost to the command."""
    points = [Point(0, []), Point(1, [])]
    good, bad = JobReturn(), JobReturn()
    good.return_value, good.status = [["a"], ["b"]], JobStatus.COMPLETED
    bad.return_value, bad.status = MemoryError("killed"), JobStatus.FAILED
    assert results_of(points, good) == [["a"], ["b"]]  # type: ignore[comparison-overlap]
    assert results_of(points, bad) == [[], []]


def job(folder: Path, number: int) -> Job:
    return Job(Config.of(BASE), folder / str(number), (f"reg={number}",), "blur", number, folder)


def done(of: Job) -> PhotoResult:
    return PhotoResult(of, "me.jpg", f"f{of.number}", FINISHED, of.folder)


def awaited(of: Job, run_id: str = "r1") -> Awaited:
    return Awaited(of, "me.jpg", (f"f{of.number}",), of.folder, Elsewhere(run_id, "process 12 on node3"))


class Others:
    """What the store says of others' runs, look after look."""

    uri = "http://store"

    def __init__(self, *looks: Any) -> None:
        self.looks = list(looks)
        self.asked: list[tuple[str, ...]] = []

    def running(self) -> list[Any]:
        return []

    def ending(self, fingerprints: tuple[str, ...], *_: Any, **__: Any) -> Any:
        self.asked.append(fingerprints)
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def others(monkeypatch: pytest.MonkeyPatch, *looks: Any) -> Others:
    made = Others(*looks)
    monkeypatch.setattr(rounds.Waiting, "_ledger", lambda *_: made)
    monkeypatch.setattr(rounds, "POLL", 0.0)
    return made


def test_what_others_finish_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [job(tmp_path, number) for number in range(3)]
    others(monkeypatch, Elsewhere("r1", "process 12 on node3"), Ending("FINISHED", "finished before", {}))
    found = run_until_done(
        jobs, lambda left: [[awaited(one)] if one.number == 1 else [done(one)] for one in left]
    )
    assert [result.ending.status for (result,) in found] == ["FINISHED"] * 3
    assert [line.fingerprint for line in endings.Reader(tmp_path, None).new()] == ["f1"]


def test_what_others_leave_is_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that."""
    jobs = [job(tmp_path, number) for number in range(3)]
    others(monkeypatch, None)
    rounds_: list[list[int]] = []

    def run(left: Any) -> Any:
        rounds_.append([one.number for one in left])
        first = len(rounds_) == 1
        return [[awaited(one)] if first and one.number == 1 else [done(one)] for one in left]

    found = run_until_done(jobs, run)
    assert rounds_ == [[0, 1, 2], [1]]
    assert [result.fingerprint for (result,) in found] == ["f0", "f1", "f2"]


def two_photos(of: Job) -> list[PhotoResult | Awaited]:
    """me.jpg is somebody else's, b.jpg is done."""
    return [awaited(of), PhotoResult(of, "b.jpg", "fb", FINISHED, of.folder)]


def test_a_second_round_runs_only_the_photos_that_others_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the first one has finished, which rerun=true would do again, and every photo would be told twice."""
    one = replace(job(tmp_path, 0), sweep=None)
    others(monkeypatch, None)
    asked: list[frozenset[str] | None] = []

    def run(left: Any) -> Any:
        asked.extend(each.only for each in left)
        return [two_photos(each) if each.only is None else [done(each)] for each in left]

    (found,) = run_until_done([one], run)
    assert asked == [None, frozenset({"f0"})]
    assert [(each.photo, each.ending.status) for each in found] == [
        ("me.jpg", "FINISHED"),
        ("b.jpg", "FINISHED"),
    ]


def test_what_a_second_round_lacks_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that was killed has no results; the photos that were finished before do not stand for the others."""
    one = job(tmp_path, 0)
    others(monkeypatch, None)
    (found,) = run_until_done([one], lambda left: [two_photos(p) if p.only is None else [] for p in left])
    assert [(each.photo, each.ending.status) for each in found] == [
        ("me.jpg", "FAILED"),
        ("b.jpg", "FINISHED"),
    ]
    others(monkeypatch, None)
    broken = PhotoResult(one, "", "", Ending("FAILED", "no such net", {}), tmp_path)
    (found,) = run_until_done(
        [one], lambda left: [two_photos(p) if p.only is None else [broken] for p in left]
    )
    assert [each.ending.reason for each in found] == ["no such net", ""]


class OtherMachine(Launcher):
    """A launcher that runs point 0 on a machine that may not share the sweep's folder."""

    def __init__(self, folder: Path, tells: bool) -> None:
        """folder: of the sweep. tells: its machine shares it."""
        self.folder = folder
        self.tells = tells

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        pass

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        returned = JobReturn()
        result = done(job(self.folder if self.tells else self.folder / "its own", 0))
        returned.return_value, returned.status = [[result]], JobStatus.COMPLETED
        if self.tells:
            result.tell()
        return [returned]


@pytest.mark.parametrize("tells", [True, False])
def test_every_ending_is_told_once_in_a_folder_that_an_earlier_sweep_has_used(
    tmp_path: Path, tells: bool
) -> None:
    launcher = OtherMachine(tmp_path, tells)
    config = OmegaConf.create(SWEEP | {"hydra": hydra_node(tmp_path)})
    done(job(tmp_path, 0)).tell()  # by the earlier one
    reader = endings.Reader(tmp_path, None)
    reader.skip()
    (returned,) = Packing(launcher, HydraContext(None, None), config).launch([["reg=0"]], 0)  # type: ignore[arg-type]
    assert [line.photo for line in reader.new()] == ["me.jpg"]
    assert returned.status == JobStatus.COMPLETED


def test_a_store_that_is_away_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = [job(tmp_path, 0)]
    others(monkeypatch, OSError("away"), OSError("away"), FINISHED)
    ((result,),) = run_until_done([one], lambda left: [[awaited(each)] for each in left])
    assert result.ending == FINISHED
    monkeypatch.setattr(rounds, "PATIENCE", -1.0)
    others(monkeypatch, OSError("it is away"))
    ((result,),) = run_until_done([one], lambda left: [[awaited(each)] for each in left])
    assert result.ending.status == "FAILED" and "it is away" in result.ending.reason


def test_what_is_done_on_a_machine_with_a_folder_of_its_own_is_of_this_ones(tmp_path: Path) -> None:
    packing = Packing(MagicMock(), MagicMock(), OmegaConf.create(SWEEP | {"hydra": hydra_node(tmp_path)}))
    afar = job(tmp_path / "cache", 0)
    assert packing._brought_home(done(afar)).job.sweep == tmp_path
    assert packing._brought_home(awaited(afar)).job.sweep == tmp_path


def hydra_node(folder: Path) -> dict[str, Any]:
    return {"sweep": {"dir": str(folder)}, "overrides": {"hydra": []}}


def test_jobs_get_the_store_of_the_command_whatever_their_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracking = {"uri": "${environment:MLFLOW_TRACKING_URI,sqlite:///mlflow.db}", "experiment": "it's mine"}
    config = OmegaConf.create({"tracking": tracking, "hydra": hydra_node(Path())})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://head:5000")
    assert with_store(config).hydra.overrides.hydra == [
        "tracking.uri='http://head:5000'",
        "tracking.experiment='it\\'s mine'",
    ]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert with_store(config).hydra.overrides.hydra[0] == f"tracking.uri='sqlite:///{home()}/mlflow.db'"


@pytest.mark.parametrize(
    ("store", "lacks"),
    [("sqlite:////here/mlflow.db", "has no sqlite"), (None, "nobody would find its records")],
)
def test_what_another_machine_could_not_bring_back_is_refused_with_what_to_start(
    tmp_path: Path, store: str | None, lacks: str
) -> None:
    shipment = Shipment(str(tmp_path / "multirun"), "mine")  # whose mark this machine does not see
    config = OmegaConf.create({"tracking": {"uri": store}})
    with pytest.raises(
        ConfigError, match=f"does not share .*/multirun with the command.*{lacks}.*mlflow server"
    ):
        PackTask.of(config, [], shipment)._unpack()
    assert PackTask.of(config, [])._unpack() == {}
