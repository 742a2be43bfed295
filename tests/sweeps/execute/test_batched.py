"""Only points that differ in what a problem of a batch may differ in share a pass."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from inversion.search.hyperparameters import Hyperparameters
from sweeps.execute import batched
from sweeps.execute.batched import PER_PROBLEM, alike
from sweeps.execute.job import Job, Point
from sweeps.plan.config import Config

BASE: dict[str, Any] = {
    "generator": {"_target_": "net", "name": "portraits"},
    "loss": {"_target_": "loss", "weight": 1.0},
    "device": "cpu",
    "space": "w+",
    "optimize_noise": True,
    "steps": 10,
    "degradation": {"_target_": "none"},
    "seed": 0,
    "degraded": False,
    "paste": False,
    "start": None,
    "precision": "fp32",
    "rerun": False,
    "input": {"_target_": "photos"},
    "tracking": {"uri": None, "experiment": "e", "artifacts": None, "image_every": 0, "animation_frames": 0},
    "launcher": {},
}


def jobs(*changes: dict[str, Any]) -> list[Job]:
    return [Job(Config.of(BASE | change), Path("out"), (), "blur") for change in changes]


@pytest.mark.parametrize(
    "change",
    [{"steps": 20}, {"reg": 0.5}, {"seed": 1}, {"degradation": {"_target_": "blur"}}, {"image": "a.jpg"}],
)
def test_points_that_differ_per_problem_share_a_pass(change: dict[str, Any]) -> None:
    assert len(alike(jobs({}, change))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"generator": {"_target_": "net", "name": "ffhq"}},
        {"loss": {"_target_": "loss", "weight": 2.0}},
        {"space": "w"},
        {"optimize_noise": False},
        {"tracking": BASE["tracking"] | {"uri": "sqlite:///x.db"}},
    ],
)
def test_points_that_differ_in_what_a_pass_has_one_of_do_not(change: dict[str, Any]) -> None:
    first, second = jobs({}, change)
    assert alike([first, second]) == [[first], [second]]


def test_first_points_run_before_the_last_ones_are_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress within seconds, and memory that does not grow with the sweep."""
    happened: list[str] = []

    def compose(composer: object, sweep: Path, point: Point, here: object) -> Job:
        happened.append(f"composed {point.number}")
        return Job(Config.of(BASE), Path("out"), (), "blur", point.number, sweep)

    def run(group: list[Job]) -> list[tuple[Job, list[Any]]]:
        happened.append("ran " + " ".join(str(job.number) for job in group))
        return [(job, [job.number]) for job in group[::-1]]

    monkeypatch.setattr(batched, "AT_ONCE", 2)
    monkeypatch.setattr(batched, "Composer", MagicMock())
    monkeypatch.setattr(batched, "composed", compose)
    monkeypatch.setattr(batched, "run_group", run)
    points = [Point(number, []) for number in range(3)]
    found: list[Any] = batched.run_together(MagicMock(), points)
    assert found == [[0], [1], [2]]
    assert happened == ["composed 0", "composed 1", "ran 0 1", "composed 2", "ran 2"]


def test_every_hyperparameter_is_either_per_problem_or_known_to_be_shared() -> None:
    names = {field.name for field in fields(Hyperparameters)}
    assert names - PER_PROBLEM == {"space", "phases", "optimizer", "prior", "optimize_noise", "samples"}
