"""Only points that differ in what a problem of a batch may differ in share a pass."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sweeps.execute.batches import PER_PROBLEM, alike
from sweeps.execute.point import Point

from inversion.search.hyperparameters import Hyperparameters

BASE: dict[str, Any] = {
    "generator": {"name": "portraits"},
    "loss": {"weight": 1.0},
    "device": "cpu",
    "space": "w+",
    "optimize_noise": True,
    "steps": 10,
    "degradation": {"_target_": "none"},
    "seed": 0,
    "tracking": {"uri": None},
}


def points(*changes: dict[str, Any]) -> list[Point]:
    return [Point(BASE | change, Path("out"), (), "blur") for change in changes]


@pytest.mark.parametrize(
    "change",
    [{"steps": 20}, {"reg": 0.5}, {"seed": 1}, {"degradation": {"_target_": "blur"}}, {"image": "a.jpg"}],
)
def test_points_that_differ_per_problem_share_a_pass(change: dict[str, Any]) -> None:
    assert len(alike(points({}, change))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"generator": {"name": "ffhq"}},
        {"loss": {"weight": 2.0}},
        {"space": "w"},
        {"optimize_noise": False},
        {"tracking": {"uri": "sqlite:///x.db"}},
    ],
)
def test_points_that_differ_in_what_a_pass_has_one_of_do_not(change: dict[str, Any]) -> None:
    first, second = points({}, change)
    assert alike([first, second]) == [[first], [second]]


def test_every_hyperparameter_is_either_per_problem_or_known_to_be_shared() -> None:
    names = {field.name for field in fields(Hyperparameters)}
    assert names - PER_PROBLEM == {"space", "phases", "optimizer", "prior", "optimize_noise", "samples"}
