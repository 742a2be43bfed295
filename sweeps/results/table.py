"""Runs → one tidy table per task, a row per problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from inversion.metrics import catalogue
from sweeps.results import gaps, photos
from sweeps.results.axes import CHECKPOINT, NO_AXES, Axis, column, find_axes, is_grid, spell
from sweeps.results.planned import Plan, PlannedRun
from sweeps.results.task import OF_TASK, Task, task_of

if TYPE_CHECKING:
    from mlflow.entities import Run

DETAILS = ("run_id", "name", "photo", "photo_sha256", "seed", "status", "reason", "started", "folder")


@dataclass(frozen=True)
class Table:
    """What a sweep, or a whole experiment, came to in one task."""

    rows: pd.DataFrame  # columns: DETAILS, each axis's key, each metric; status MISSING where no run exists
    axes: tuple[Axis, ...]
    metrics: tuple[str, ...]  # final figures; NaN where a run has none
    title: str
    facts: dict[str, str] = field(default_factory=dict)  # about the sweep, for people
    constants: dict[str, str] = field(default_factory=dict)  # params that are the same in all runs
    task: Task = Task()
    is_list: bool = False  # its points were listed, not crossed: cells of other photos are not compared

    @property
    def is_grid(self) -> bool:
        """Whether its cells have places in rows and columns."""
        cells = len(self.rows[self.keys].drop_duplicates()) if self.keys else 1
        return not self.is_list and is_grid(self.axes, cells)

    @property
    def keys(self) -> list[str]:
        """The axes' columns."""
        return [axis.key for axis in self.axes]

    @property
    def repeats(self) -> int:
        """Problems per cell: photos times seeds."""
        own = ["seed"] if gaps.PHOTO in self.keys else ["photo", "seed"]
        return len(self.rows[own].drop_duplicates())

    @property
    def terms(self) -> list[str]:
        """The terms of the loss that tell most: how unlike the pictures are, and the sum of all."""
        return catalogue.terms(self.metrics)

    def tidy(self) -> pd.DataFrame:
        """For people and spreadsheets: settings first, then figures, then where it all lies; each column once."""
        problem = ["photo", "seed", "status"]
        where = [name for name in DETAILS if name not in (*problem, "reason")]
        settings = [key for key in self.keys if key not in problem]
        return self.rows[[*settings, *problem, *self.metrics, "reason", *where]]


def build(runs: Sequence[Run], title: str, facts: dict[str, str], plan: Plan) -> list[Table]:
    """Runs, oldest first → a table per task, in the order in which the tasks were first run; one at least.

    Of several runs of one problem the last that finished counts, else the last. When the runs of a task fill at
    least half of the product of its axes, the rest of it is added as MISSING, or as FAILED where the plan knows why.
    A task of the plan without any run follows with all that was to be run. A run without params has only been claimed,
    or was killed before they were sent: nothing says which cell it is, and its point counts as not run.
    """
    by_task: dict[Task, list[Run]] = {}
    for run in runs:
        if run.data.params:
            by_task.setdefault(task_of(run), []).append(run)
    tables = [_build_one(of_task, title, facts, plan, task) for task, of_task in by_task.items()]
    to_come: dict[Task, list[PlannedRun]] = {}
    known = next(iter(by_task), Task())
    for planned in plan.runs:
        if (task := known.at(planned.point)) not in by_task:
            to_come.setdefault(task, []).append(planned)
    tables += [_build_missing(of_task, title, facts, plan, task) for task, of_task in to_come.items()]
    if not tables:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in DETAILS})
        return [Table(empty, (), (), title, facts)]
    return tables


def _build_missing(
    runs: Sequence[PlannedRun], title: str, facts: dict[str, str], plan: Plan, task: Task
) -> Table:
    """What was to be run, and has no run yet."""
    params = pd.DataFrame([{key: spell(value) for key, value in run.point.items()} for run in runs])
    axes = find_axes(params.drop(columns=[key for key in OF_TASK if key in params]), plan.axes)
    labels = photos.labels([], [run.photo for run in plan.runs])
    rows = pd.DataFrame(
        [{name: "" for name in DETAILS} | {"photo": gaps.label_of(run, labels)} for run in runs]
    )
    rows["status"], rows["started"] = "MISSING", pd.NaT
    if "seed" in params:
        rows["seed"] = params["seed"]
    for axis in axes:
        rows[axis.key] = column(params[axis.key].fillna("null"))
    if plan.is_table:
        rows, axes = gaps.with_missing_lines(rows, axes, (), labels)
    else:
        rows = gaps.with_empty_cells(rows, axes, ())
    rows = gaps.with_reasons(rows, axes, plan, task, labels)
    return Table(rows, axes, (), title, facts, {}, task, plan.is_table)


def _build_one(runs: Sequence[Run], title: str, facts: dict[str, str], plan: Plan, task: Task) -> Table:
    params = pd.DataFrame([_params(run) for run in runs])
    planned = gaps.of_task(plan, task)
    axes = find_axes(params, plan.axes)
    rows = pd.DataFrame([_details(run) for run in runs], columns=list(DETAILS))
    recorded = [photos.photo_of(run) for run in runs]
    labels = photos.labels(recorded, [run.photo for run in plan.runs])
    rows["photo"] = [labels[photo] for photo in recorded]
    for axis in axes:
        rows[axis.key] = column(params[axis.key].fillna("null"))
    axes = gaps.with_planned_values(axes, params.columns, planned, plan.axes)
    for axis in axes:
        if axis.key not in rows:  # one of its values has runs
            rows[axis.key] = column(params[axis.key].fillna("null"))
    metrics = _metrics(runs, taken={axis.key for axis in axes})
    for name in metrics:
        rows[name] = [float(run.data.metrics.get(name, float("nan"))) for run in runs]
    repeats = gaps.unseen(labels, rows, planned)
    rows = _latest(rows, [axis.key for axis in axes])
    if plan.is_table:
        rows, axes = gaps.with_missing_lines(rows, axes, planned, labels)
    else:
        rows = gaps.with_empty_cells(rows, axes, repeats, gaps.points_of(planned))
    rows = gaps.with_reasons(rows, axes, plan, task, labels)
    same = params.columns[params.nunique(dropna=False) == 1]
    constants = {key: str(params[key].iloc[0]) for key in same if key.split(".")[0] not in NO_AXES}
    constants = {key: text for key, text in constants.items() if text != "null"}
    return Table(rows, axes, metrics, title, facts, constants, task, plan.is_table)


def _params(run: Run) -> dict[str, str]:
    """With the checkpoint's hash; the degradation is the task's."""
    params = {key: text for key, text in run.data.params.items() if key != "degradation._target_"}
    if "checkpoint_sha256" in run.data.tags:
        params[CHECKPOINT] = run.data.tags["checkpoint_sha256"][:8]
    return params


def _details(run: Run) -> dict[str, Any]:
    tags = run.data.tags
    return {
        "run_id": id_of(run),
        "name": run.info.run_name or "",
        "photo": "",  # its label, which says which of two of one name
        "photo_sha256": photos.sha256_of(run),
        "seed": run.data.params.get("seed", ""),
        "status": run.info.status,
        "reason": tags.get("reason", ""),
        "started": when(run.info.start_time),
        "folder": tags.get("folder", ""),
    }


def _metrics(runs: Sequence[Run], taken: set[str]) -> tuple[str, ...]:
    """The names of all final figures, the telling ones first."""
    names = {name for run in runs for name in run.data.metrics}
    return catalogue.in_order(names - catalogue.NO_RESULTS - taken - set(DETAILS))


def _latest(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row per problem, in the order in which the problems were first run."""
    problem = [*keys, "photo", "seed"]
    finished_last = rows.assign(done=rows["status"] == "FINISHED").sort_values(
        ["done", "started"], kind="stable"
    )
    kept = finished_last.drop_duplicates(problem, keep="last").drop(columns="done")
    return kept.sort_values("started", kind="stable").reset_index(drop=True)


def id_of(run: Run) -> str:
    return str(run.info.run_id)


def when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000)
