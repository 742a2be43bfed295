"""Tables without a store: what `sweeps.results.table` would have read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from PIL import Image

from sweeps.results.axes import Axis, order
from sweeps.results.table import Table
from sweeps.results.task import Task
from tests.sweeps.recorded import face, quality_of

BLUR = Task("blur")
Figures = Callable[[Mapping[str, Any], int], dict[str, float] | None]  # (point, problem's number) → figures


def by_formula(point: Mapping[str, Any], problem: int) -> dict[str, float]:
    return quality_of(point.get("reg", 0.1), point.get("steps", 100))


def table(
    axes: Mapping[str, Sequence[Any]],
    figures: Figures = by_formula,  # None: that run failed
    photos: Sequence[str] = ("hopper",),
    seeds: Sequence[str] = ("0",),
    points: Sequence[tuple[Any, ...]] | None = None,  # instead of the whole product
    task: Task = BLUR,
) -> Table:
    """A row per combination, photo and seed."""
    rows = []
    problems = list(itertools.product(photos, seeds))
    for number, values in enumerate(points if points is not None else itertools.product(*axes.values())):
        point = dict(zip(axes, values, strict=True))
        for i, (photo, seed) in enumerate(problems):
            found = figures(point, i)
            row = {
                "run_id": f"run{number}-{i}",
                "name": photo,
                "photo": photo,
                "photo_sha256": photo,
                "seed": seed,
            }
            row |= {
                "status": "FINISHED" if found is not None else "FAILED",
                "reason": "" if found else "no <face>",
            }
            rows.append(row | {"started": datetime(2026, 1, 1), "folder": ""} | point | (found or {}))
    frame = pd.DataFrame(rows)
    known = set(frame.columns) - {
        "run_id",
        "name",
        "photo",
        "photo_sha256",
        "seed",
        "status",
        "reason",
        "started",
        "folder",
    }
    metrics = tuple(name for name in frame.columns if name in known and name not in axes)
    values_of = {key: order(set(frame[key])) for key in axes}
    varied = tuple(Axis(key, values) for key, values in values_of.items())
    return Table(frame, varied, metrics, "a <b>sweep</b>", task=task)


def picture(run_id: str, name: str) -> Image.Image | None:
    """Every run has every picture."""
    return face(32, 60 + sum(run_id.encode()) % 180, sum(name.encode()) % 50)


def losses(made: Table, steps: int = 50) -> dict[str, dict[str, pd.Series]]:
    falling = pd.Series([0.9**i + 0.001 for i in range(steps)])
    return {"loss": {run_id: falling * (1 + i) for i, run_id in enumerate(made.rows["run_id"])}}
