"""What was to be run and has no run: the empty cells of a grid, the lines of a table, and why."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from sweeps.plan.config import rounded
from sweeps.results.axes import REPEATS, Axis, Value, is_grid, order, spell
from sweeps.results.photos import Photo
from sweeps.results.planned import Plan, PlannedRun
from sweeps.results.task import OF_TASK, Task

IMAGE = ("image", "input.image")  # where a point's photos lie
PHOTO = "photo"  # the axis of a table whose photos have settings of their own


def of_task(plan: Plan, task: Task) -> tuple[PlannedRun, ...]:
    """The runs that a sweep planned for one task."""
    return tuple(run for run in plan.runs if task.at(run.point) == task)


def with_planned_values(
    axes: Sequence[Axis], settings: Collection[str], planned: Sequence[PlannedRun], declared: Sequence[str]
) -> tuple[Axis, ...]:
    """The axes with the numbers that no run has come to yet, and those of which one number alone has runs.

    settings: all that runs have recorded. What chooses a group, such as loss=pixel, is recorded by what it builds, and
    texts in another spelling: of these the runs alone tell the values.
    """
    found = {axis.key: axis for axis in axes}
    for key in dict.fromkeys(key for run in planned for key in run.point):
        values = {_value(run, key) for run in planned if key in run.point}
        if key not in settings or key in REPEATS or any(isinstance(value, str) for value in values):
            continue
        if key in found:
            found[key] = replace(found[key], values=order({*found[key].values, *values}))
        elif len(values) > 1:
            found[key] = Axis(key, order(values))
    return tuple(
        sorted(
            found.values(),
            key=lambda axis: declared.index(axis.setting) if axis.setting in declared else len(declared),
        )
    )


def points_of(planned: Sequence[PlannedRun]) -> int:
    """How many cells a sweep planned."""
    other = {*REPEATS, *OF_TASK}
    return len({tuple((k, v) for k, v in run.point.items() if k not in other) for run in planned})


def label_of(run: PlannedRun, labels: Mapping[Photo, str]) -> str:
    """Of the photo that a run was to restore; "" for a synthetic face of which the point does not say the seed."""
    if run.photo.name:
        return labels[run.photo]
    return f"seed{run.point['input.seed']}" if "input.seed" in run.point else ""


def unseen(
    labels: Mapping[Photo, str], rows: pd.DataFrame, planned: Sequence[PlannedRun]
) -> list[tuple[str, str]]:
    """Photos and seeds that every point was to be run with. rows: what has runs."""
    names, seeds = list(rows["photo"].unique()), sorted(set(rows["seed"]))
    found: dict[tuple[str, str], None] = {}
    for run in planned:
        name = label_of(run, labels)
        own = [spell(run.point["seed"])] if "seed" in run.point else seeds
        found |= dict.fromkeys(itertools.product([name] if name else names, own))
    return list(found)


def with_empty_cells(
    rows: pd.DataFrame, axes: Sequence[Axis], repeats: Sequence[tuple[str, str]], planned_points: int = 0
) -> pd.DataFrame:
    """Rows in the order of the axes, with the problems of a grid that have no run.

    repeats: photos and seeds, beside those of the rows, that every cell was to have. planned_points: as from
    points_of; where half of all combinations neither have runs nor were planned, the rest is not missing.
    """
    keys = [axis.key for axis in axes]
    points = len(rows[keys].drop_duplicates()) if keys else 1
    if not is_grid(axes, max(points, planned_points)):
        return in_order(rows, axes)
    problems = rows[["photo", "seed"]].drop_duplicates()
    extra = pd.DataFrame(list(repeats), columns=["photo", "seed"])
    problems = pd.concat([problems, extra]).astype(object).drop_duplicates()
    product = list(itertools.product(*(axis.values for axis in axes)))
    grid = pd.DataFrame(product, columns=keys, index=range(len(product))).astype(rows[keys].dtypes.to_dict())
    return _marked(grid.merge(problems, how="cross").merge(rows, how="left", on=[*keys, "photo", "seed"]))


def with_missing_lines(
    rows: pd.DataFrame, axes: Sequence[Axis], planned: Sequence[PlannedRun], labels: Mapping[Photo, str]
) -> tuple[pd.DataFrame, tuple[Axis, ...]]:
    """Rows with the lines of a table that have no run, and the axes, the photos before them where there are several."""
    first, settings = rows.iloc[0], [axis.key for axis in axes]
    done = {(row["photo"], str(row["seed"]), *row[settings]) for _, row in rows.iterrows()}
    missing = []
    for run in planned:
        seed = spell(run.point["seed"]) if "seed" in run.point else str(first["seed"])
        point = {
            axis.key: _value(run, axis.setting) if axis.setting in run.point else first[axis.key]
            for axis in axes
        }
        name = label_of(run, labels) or first["photo"]
        if (name, seed, *point.values()) not in done:
            missing.append({"photo": name, "seed": seed, **point})
    rows = _marked(pd.concat([rows, pd.DataFrame(missing)], ignore_index=True))
    photos = tuple(dict.fromkeys(name for run in planned if (name := label_of(run, labels))))
    photos += tuple(name for name in rows["photo"].unique() if name not in photos)
    axes = (Axis(PHOTO, photos), *axes) if len(photos) > 1 else tuple(axes)
    return in_order(rows, axes), axes


def in_order(rows: pd.DataFrame, axes: Sequence[Axis]) -> pd.DataFrame:
    """By the places of their values on the axes; every cell has its photos and seeds in one order."""
    ranks = pd.DataFrame({axis.key: rows[axis.key].map(axis.values.index) for axis in axes}, rows.index)
    for key in ("photo", "seed"):
        ranks[f"by {key}"] = pd.factorize(rows[key])[0]
    return rows.loc[ranks.sort_values(list(map(str, ranks)), kind="stable").index].reset_index(drop=True)


def with_reasons(
    rows: pd.DataFrame, axes: Sequence[Axis], plan: Plan, task: Task, labels: Mapping[Photo, str]
) -> pd.DataFrame:
    """Rows without a run get the reason that the sweep knows: a photo without a face has no run to carry it."""
    known = {(run.photo.name, _path(run.point)): label_of(run, labels) for run in plan.runs}
    for failure in plan.failures:
        if task.at(failure.point) != task:
            continue
        here = rows["status"] == "MISSING"
        for axis in axes:
            if axis.setting in failure.point:
                here &= rows[axis.key] == failure.point[axis.setting]
        if failure.photo:  # a table's photos, of which two may have one name, are told apart by their paths
            here &= rows["photo"] == known.get((failure.photo, _path(failure.point)), failure.photo)
        rows.loc[here, "status"] = "FAILED"
        rows.loc[here, "reason"] = failure.reason
    return rows


def _marked(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without a run are MISSING."""
    rows["status"] = rows["status"].fillna("MISSING")
    for name in ("run_id", "name", "photo_sha256", "reason", "folder"):
        rows[name] = rows[name].fillna("")
    return rows


def _path(point: Mapping[str, object]) -> object:
    return next((point[key] for key in IMAGE if key in point), None)


def _value(run: PlannedRun, key: str) -> Value:
    """As it is recorded: without the last digits."""
    value: Value = rounded(run.point[key])
    return value
