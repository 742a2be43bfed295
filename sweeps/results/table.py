"""MLflow runs → one tidy table, a row per problem. The only module that reads runs."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import pandas as pd

from inversion.errors import ConfigError
from inversion.record.mlflow_store import open_existing
from sweeps.execute.ledger import membership
from sweeps.results.axes import CHECKPOINT, NO_AXES, Axis, column, find_axes, is_grid, parse

if TYPE_CHECKING:
    from mlflow.entities import Run

PLAN = "sweep.json"  # of the parent run: what the sweep set out to do
PAGE = 1000  # runs per request
NOT_RESULTS = {"learning_rate"}  # logged per step, and no outcome
FIGURES = (
    "psnr",
    "ssim",
    "identity_distance",
    "fit_psnr",
    "fit_sharpness",
    "w_distance",
    "loss",
)  # shown first, in this order
FOUND = {"found_kernel_size", "found_sigma"}  # settings that a photo told
ONLY_FINAL = {
    *FIGURES[:-1],
    *FOUND,
    "converged_step",
    "seconds",
    "steps_per_second",
}  # of these there is no history
CONSISTENT = "consistent_"  # a figure of the restoration that was made to agree with the photo
FINAL_BY_PREFIX = ("found_", "phase_", "samples_", "untuned_", "tuning_")  # nor of these, none of the search
PENALTIES = {"latent", "noise"}  # terms of the loss that do not look at the picture
DETAILS = ("run_id", "name", "photo", "photo_sha256", "seed", "status", "reason", "started")


@dataclass(frozen=True)
class Table:
    """What a sweep, or a whole experiment, came to."""

    rows: pd.DataFrame  # columns: DETAILS, each axis's key, each metric; status MISSING where no run exists
    axes: tuple[Axis, ...]
    metrics: tuple[str, ...]  # final figures; NaN where a run has none
    title: str
    facts: dict[str, str] = field(default_factory=dict)  # about the sweep, for people
    constants: dict[str, str] = field(default_factory=dict)  # params that are the same in all runs

    @property
    def keys(self) -> list[str]:
        """The axes' columns."""
        return [axis.key for axis in self.axes]

    @property
    def repeats(self) -> int:
        """Problems per cell: photos times seeds."""
        return len(self.rows[["photo", "seed"]].drop_duplicates())

    @property
    def terms(self) -> list[str]:
        """The terms of the loss that tell most: how unlike the pictures are, and the sum of all."""
        known = ONLY_FINAL | PENALTIES | {"loss"}
        pictures = [
            name
            for name in self.metrics
            if name.removeprefix(CONSISTENT) not in known and not name.startswith(FINAL_BY_PREFIX)
        ]
        return [*pictures, *(["loss"] if "loss" in self.metrics else [])]

    def tidy(self) -> pd.DataFrame:
        """For people and spreadsheets: settings first, then figures, then where it all lies."""
        settings = ["photo", "seed", "status", "reason"]
        where = [name for name in DETAILS if name not in settings]
        return self.rows[[*self.keys, *settings[:3], *self.metrics, settings[3], *where]]


class Store:
    """Read access to one MLflow store. Raises ConfigError when there is nothing to read."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = open_existing(uri)
        self._roots: dict[
            str, Path | None
        ] = {}  # run id → its artifacts' folder, None where a server has them
        self._downloads: tempfile.TemporaryDirectory[str] | None = None

    def read(self, name: str) -> Table:
        """The table of an experiment (by its name) or of one sweep (by its parent run's id, or the start of it)."""
        found = self._client.get_experiment_by_name(name)
        return self.sweep(self.parent(name)) if found is None else self.experiment(name)

    def parent(self, beginning: str) -> str:
        """The id of the one sweep whose id starts so."""
        sweeps = [run for run in self._all_runs('tags.kind = "sweep"') if _id(run).startswith(beginning)]
        if len(sweeps) == 1:
            return _id(sweeps[0])
        known = [e.name for e in self._client.search_experiments()]
        what = "No experiment and no sweep has" if not sweeps else f"{len(sweeps)} sweeps have"
        raise ConfigError(
            f"{what} this name or id. Got {beginning!r}; the experiments here are {', '.join(known)}, and a "
            "sweep's id is printed when it starts and when it ends."
        )

    def sweep(self, parent_run_id: str) -> Table:
        """The points of one parent run, those that an earlier sweep had finished already among them."""
        parent = self._client.get_run(parent_run_id)
        experiment = parent.info.experiment_id
        children = self._runs([experiment], f"tags.`mlflow.parentRunId` = '{parent_run_id}'")
        members = self._runs([experiment], f"tags.`{membership(parent_run_id)}` = 'yes'")
        runs = {_id(run): run for run in [*children, *members]}
        name = self._client.get_experiment(experiment).name
        facts = {"experiment": name, "sweep": parent_run_id} | _facts(parent)
        plan = read_plan(self.file(parent_run_id, PLAN), parent.data.tags)
        title = parent.info.run_name or "sweep"
        return build(sorted(runs.values(), key=lambda run: run.info.start_time), title, facts, plan)

    def experiment(self, name: str) -> Table:
        """All jobs of an experiment."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            raise ConfigError(f"No experiment of this name. Got {name!r} in {self.uri}.")
        runs = self._runs([found.experiment_id], 'tags.kind = "job"')
        return build(runs, name, {"experiment": name}, Plan())

    def losses(self, run_id: str, key: str = "loss") -> pd.Series:
        """One metric's history: value per step, each step once."""
        history = self._client.get_metric_history(run_id, key)
        values = {metric.step: metric.value for metric in history}
        return pd.Series(values, name=key, dtype=float).sort_index()

    def file(self, run_id: str, name: str) -> Path | None:
        """A run's artifact as a local file; None when the run has none of that name."""
        if not run_id:
            return None
        root = self._artifact_root(run_id)
        if root is not None:
            return path if (path := root / name).is_file() else None
        return self._download(run_id, name)

    def _artifact_root(self, run_id: str) -> Path | None:
        if run_id not in self._roots:
            self._remember(self._client.get_run(run_id))
        return self._roots[run_id]

    def _remember(self, run: Run) -> None:
        uri = urlparse(run.info.artifact_uri)
        self._roots[_id(run)] = Path(unquote(uri.path)) if uri.scheme in ("file", "") else None

    def _download(self, run_id: str, name: str) -> Path | None:
        """From a server, into a folder that goes with this object."""
        from mlflow.exceptions import MlflowException

        self._downloads = self._downloads or tempfile.TemporaryDirectory(prefix="sweeps-")
        folder = Path(self._downloads.name) / run_id
        folder.mkdir(exist_ok=True)
        try:
            return Path(self._client.download_artifacts(run_id, name, str(folder)))
        except (MlflowException, OSError):
            return None

    def _all_runs(self, wanted: str) -> list[Run]:
        return self._runs([e.experiment_id for e in self._client.search_experiments()], wanted)

    def _runs(self, experiments: Sequence[str], wanted: str) -> list[Run]:
        """Every run that matches, oldest first, a page at a time."""
        runs: list[Run] = []
        token: str | None = None
        while True:
            page = self._client.search_runs(
                list(experiments),
                wanted,
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            runs += page
            for run in page:
                self._remember(run)
            token = page.token
            if not token:
                return runs


@dataclass(frozen=True)
class Plan:
    """What a sweep set out to do, as far as it says so."""

    axes: tuple[str, ...] = ()  # what it varies, as on the command line
    photos: tuple[str, ...] = ()  # names, those that no run ever got to among them
    failures: tuple[str, ...] = ()  # "reg=0.1 steps=500 photo.jpg: reason", of points that may have no run


def read_plan(file: Path | None, tags: Mapping[str, str]) -> Plan:
    """From the parent's sweep.json and tags."""
    cells = json.loads(file.read_text())["cells"] if file is not None else []
    photos = dict.fromkeys(Path(cell["photo"]).stem for cell in cells if cell["photo"])
    axes = tuple(filter(None, tags.get("axes", "").split(",")))
    return Plan(axes, tuple(photos), tuple(filter(None, tags.get("failed", "").split("\n"))))


def build(runs: Sequence[Run], title: str, facts: dict[str, str], plan: Plan) -> Table:
    """Runs, oldest first → table.

    Of several runs of one problem the last that finished counts, else the last. When the runs fill at least
    half of the product of all axes, the rest of it is added as MISSING, or as FAILED where the plan knows why.
    """
    if not runs:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in DETAILS})
        return Table(empty, (), (), title, facts)
    params = pd.DataFrame([_params(run) for run in runs])
    axes = find_axes(params, plan.axes)
    rows = pd.DataFrame([_details(run) for run in runs], columns=list(DETAILS))
    for axis in axes:
        rows[axis.key] = column(params[axis.key].fillna("null"))
    metrics = _metrics(runs, taken={axis.key for axis in axes})
    for name in metrics:
        rows[name] = [float(run.data.metrics.get(name, float("nan"))) for run in runs]
    keys = [axis.key for axis in axes]
    rows = _latest(_distinct_photos(rows, keys), keys)
    rows = _with_reasons(_with_missing(rows, axes, plan.photos), axes, plan.failures)
    same = params.columns[params.nunique(dropna=False) == 1]
    constants = {key: str(params[key].iloc[0]) for key in same if key.split(".")[0] not in NO_AXES}
    constants = {key: text for key, text in constants.items() if text != "null"}
    return Table(rows, axes, metrics, title, facts, constants)


def _params(run: Run) -> dict[str, str]:
    """With the checkpoint's hash, and the degradation by its config's name: two composed ones are of one class."""
    tags, params = run.data.tags, dict(run.data.params)
    if "checkpoint_sha256" in tags:
        params[CHECKPOINT] = tags["checkpoint_sha256"][:8]
    if "degradation" in tags:
        params["degradation._target_"] = tags["degradation"]
    return params


def _details(run: Run) -> dict[str, Any]:
    tags = run.data.tags
    datasets = run.inputs.dataset_inputs if run.inputs else []
    name = run.info.run_name or ""
    photo = Path(datasets[0].dataset.name).stem if datasets else name.split(" ")[0]
    return {
        "run_id": _id(run),
        "name": name,
        "photo": photo,
        "photo_sha256": tags.get("photo_sha256", ""),
        "seed": run.data.params.get("seed", ""),
        "status": run.info.status,
        "reason": tags.get("reason", ""),
        "started": _when(run.info.start_time),
    }


def _metrics(runs: Sequence[Run], taken: set[str]) -> tuple[str, ...]:
    """The names of all final figures, the telling ones first."""
    names = {name for run in runs for name in run.data.metrics} - NOT_RESULTS - taken - set(DETAILS)
    rank = {name: i for i, name in enumerate(FIGURES)}
    return tuple(sorted(names, key=lambda name: (rank.get(name, len(rank)), name)))


def _distinct_photos(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Two pictures of one name in one cell are two photos: their names get a piece of their hash."""
    shared = rows.groupby(["photo", "seed", *keys])["photo_sha256"].nunique()
    twofold = set(shared[shared > 1].index.get_level_values("photo"))
    marked = rows["photo"] + " " + rows["photo_sha256"].str[:6]
    return rows.assign(photo=rows["photo"].where(~rows["photo"].isin(twofold), marked))


def _latest(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row per problem, in the order in which the problems were first run."""
    problem = [*keys, "photo", "seed"]
    finished_last = rows.assign(done=rows["status"] == "FINISHED").sort_values(
        ["done", "started"], kind="stable"
    )
    kept = finished_last.drop_duplicates(problem, keep="last").drop(columns="done")
    return kept.sort_values("started", kind="stable").reset_index(drop=True)


def _with_missing(rows: pd.DataFrame, axes: tuple[Axis, ...], photos: Sequence[str]) -> pd.DataFrame:
    """Rows in the order of the axes, with the problems of a grid that have no run."""
    keys = [axis.key for axis in axes]
    if not is_grid(axes, len(rows[keys].drop_duplicates()) if keys else 1):
        ranks = pd.DataFrame({axis.key: rows[axis.key].map(axis.values.index) for axis in axes})
        return rows.loc[ranks.sort_values(keys, kind="stable").index].reset_index(drop=True)
    problems = rows[["photo", "seed"]].drop_duplicates()
    unseen = [photo for photo in photos if photo not in set(problems["photo"])]
    seeds = problems["seed"].unique()
    extra = pd.DataFrame(list(itertools.product(unseen, seeds)), columns=["photo", "seed"])
    problems = pd.concat([problems, extra]).astype(object)
    points = list(itertools.product(*(axis.values for axis in axes)))
    grid = pd.DataFrame(points, columns=keys, index=range(len(points))).astype(rows[keys].dtypes.to_dict())
    rows = grid.merge(problems, how="cross").merge(rows, how="left", on=[*keys, "photo", "seed"])
    rows["status"] = rows["status"].fillna("MISSING")
    for name in ("run_id", "name", "photo_sha256", "reason"):
        rows[name] = rows[name].fillna("")
    return rows


def _with_reasons(rows: pd.DataFrame, axes: tuple[Axis, ...], failures: Sequence[str]) -> pd.DataFrame:
    """Rows without a run get the reason that the sweep knows: a photo without a face has no run to carry it."""
    for failure in failures:
        point, _, reason = failure.partition(": ")
        words = point.split(" ")
        values = {key: parse(value) for key, _, value in (w.partition("=") for w in words if "=" in w)}
        photo = Path(" ".join(word for word in words if "=" not in word)).stem
        here = rows["status"] == "MISSING"
        for axis in axes:
            if axis.setting in values:
                here &= rows[axis.key] == values[axis.setting]
        if photo:
            here &= rows["photo"] == photo
        rows.loc[here, "status"] = "FAILED"
        rows.loc[here, "reason"] = reason
    return rows


def _facts(parent: Run) -> dict[str, str]:
    """What a reader wants to know of a sweep besides its figures."""
    tags, info = parent.data.tags, parent.info
    facts = {"command": tags.get("command", ""), "git commit": tags.get("git_commit", "")}
    facts |= {"status": info.status, "started": f"{_when(info.start_time):%Y-%m-%d %H:%M}"}
    if info.end_time:
        facts["took"] = f"{(info.end_time - info.start_time) / 60_000:.1f} minutes"
    return {name: text for name, text in facts.items() if text}


def _id(run: Run) -> str:
    return str(run.info.run_id)


def _when(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000)
