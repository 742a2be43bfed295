"""Launchers that start processes get packs; every point's result comes back in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus

from inversion.record.record import Ending
from sweeps.execute import endings, rounds
from sweeps.execute.batched import Point
from sweeps.execute.job import Awaited, Job, PhotoResult
from sweeps.execute.launching import pack_size, results_of
from sweeps.execute.ledger import Elsewhere
from sweeps.execute.rounds import run_until_done
from sweeps.plan.config import Config
from tests.sweeps.execute.test_batched import BASE

FINISHED = Ending("FINISHED", "", {})


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
    assert [line.fingerprint for line in endings.Reader(tmp_path).new()] == ["f1"]


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
