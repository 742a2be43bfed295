"""MLflow runs → tables. The only module that reads runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import pandas as pd

from inversion.errors import ConfigError
from inversion.record.mlflow_store import open_existing, patiently, search_runs, sqlite_path
from inversion.record.run_reader import tagged
from sweeps.execute.ledger import membership
from sweeps.results.planned import FAILURES_FILE, SWEEP_FILE, Plan, read_plan
from sweeps.results.table import Table, build, id_of, when
from sweeps.ui import run_link

if TYPE_CHECKING:
    from mlflow.entities import Run


class Store:
    """Read access to one MLflow store. Raises ConfigError when there is nothing to read."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = open_existing(uri)
        # run id → its artifacts' folder, None where a server has them
        self._roots: dict[str, Path | None] = {}
        self._experiments: dict[str, str] = {}  # run id → experiment id
        self._addresses: dict[str, str] = {}  # run id → of its artifacts
        self._downloads: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, Files] = {}  # run id → its files, where a server has them

    def read(self, name: str) -> list[Table]:
        """The tables, one per task, of an experiment or of one sweep.

        name: the experiment's, or the sweep's parent run id (or the start of it).
        """
        found = self._client.get_experiment_by_name(name)
        return self.sweep(self.parent(name)) if found is None else self.experiment(name)

    def parent(self, beginning: str) -> str:
        """The id of the one sweep whose id starts so."""
        sweeps = [run for run in self._all_runs({"kind": "sweep"}) if id_of(run).startswith(beginning)]
        if len(sweeps) == 1:
            return id_of(sweeps[0])
        known = [e.name for e in self._client.search_experiments()]
        what = "No experiment and no sweep has" if not sweeps else f"{len(sweeps)} sweeps have"
        raise ConfigError(
            f"{what} this name or id. Got {beginning!r}; the experiments here are {', '.join(known)}, and a "
            "sweep's id is printed when it starts and when it ends."
        )

    def sweep(self, parent_run_id: str) -> list[Table]:
        """The points of one parent run, those that an earlier sweep had finished already among them."""
        parent = self._client.get_run(parent_run_id)
        experiment = parent.info.experiment_id
        wanted = {"mlflow.parentRunId": parent_run_id, membership(parent_run_id): "yes"}
        runs = self._runs([experiment], wanted)
        name = self._client.get_experiment(experiment).name
        facts = {"experiment": name, "sweep": parent_run_id} | _facts(parent)
        title = parent.info.run_name or "sweep"
        in_order = sorted(runs, key=lambda run: run.info.start_time)
        return build(in_order, title, facts, self._plan(parent))

    def _plan(self, parent: Run) -> Plan:
        plan, failures = (self.file(id_of(parent), name) for name in (SWEEP_FILE, FAILURES_FILE))
        return read_plan(plan, failures, parent.data.tags)

    def experiment(self, name: str) -> list[Table]:
        """All jobs of an experiment; of its only sweep also what has no run."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            raise ConfigError(f"No experiment of this name. Got {name!r} in {self.uri}.")
        runs = self._runs([found.experiment_id], {"kind": "job"})
        sweeps = self._runs([found.experiment_id], {"kind": "sweep"})
        alone = len(sweeps) == 1 and all(membership(id_of(sweeps[0])) in run.data.tags for run in runs)
        return build(runs, name, {"experiment": name}, self._plan(sweeps[0]) if alone else Plan())

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

    def folder(self, run_id: str) -> Path | None:
        """Where a run's artifacts lie on this machine; None where a server keeps them."""
        return self._artifact_root(run_id) if run_id else None

    def link(self, run_id: str) -> str:
        """A run's page in MLflow; "" for a problem without a run."""
        if not run_id:
            return ""
        self._artifact_root(run_id)
        return run_link(self.uri, self._experiments[run_id], run_id)

    def _artifact_root(self, run_id: str) -> Path | None:
        if run_id not in self._roots:
            self._remember(self._client.get_run(run_id))
        return self._roots[run_id]

    def _remember(self, run: Run) -> None:
        uri = urlparse(run.info.artifact_uri)
        self._experiments[id_of(run)] = str(run.info.experiment_id)
        self._addresses[id_of(run)] = str(run.info.artifact_uri)
        self._roots[id_of(run)] = Path(unquote(uri.path)) if uri.scheme in ("file", "") else None

    def _download(self, run_id: str, name: str) -> Path | None:
        """From a server, into a folder that goes with this object."""
        self._downloads = self._downloads or tempfile.TemporaryDirectory(prefix="sweeps-")
        if run_id not in self._files:
            self._files[run_id] = Files(self._addresses[run_id], self.uri)
        return self._files[run_id].get(name, Path(self._downloads.name) / run_id)

    def _all_runs(self, wanted: Mapping[str, str]) -> list[Run]:
        return self._runs([e.experiment_id for e in self._client.search_experiments()], wanted)

    def _runs(self, experiments: Sequence[str], wanted: Mapping[str, str]) -> list[Run]:
        """Every run that has any of these tags, oldest first."""
        database = sqlite_path(self.uri)
        if database is None:
            order = ["attributes.start_time ASC"]
            filters = [f"tags.`{tag}` = '{value}'" for tag, value in wanted.items()]  # MLflow knows no OR
            found = [search_runs(self._client, experiments, one, order) for one in filters]
            runs = list({id_of(run): run for each in found for run in each}.values())
        else:
            runs = patiently(lambda: tagged(database, experiments, wanted))
        for run in runs:
            self._remember(run)
        return runs


class Files:
    """One run's files on a server: one request lists them, and one more fetches each.

    MLflow's client takes five per file: it asks for the run twice, for logged models and for a list.
    """

    def __init__(self, address: str, store: str) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._repository = get_artifact_repository(address, tracking_uri=store)
        self._names: set[str] | None = None

    def get(self, name: str, folder: Path) -> Path | None:
        """A file, in a folder of this machine; None when there is none of that name, or it does not come."""
        from mlflow.exceptions import MlflowException

        path = folder / name
        try:
            if self._names is None:
                self._names = {file.path for file in self._repository.list_artifacts() if not file.is_dir}
            if name in self._names and not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._repository._download_file(name, str(path))  # type: ignore[no-untyped-call]
        except (MlflowException, OSError):
            path.unlink(missing_ok=True)
        return path if path.is_file() else None


def _facts(parent: Run) -> dict[str, str]:
    """What a reader wants to know of a sweep besides its figures."""
    tags, info = parent.data.tags, parent.info
    facts = {"command": tags.get("command", ""), "git commit": tags.get("git_commit", "")}
    facts |= {"status": info.status, "started": f"{when(info.start_time):%Y-%m-%d %H:%M}"}
    if info.end_time:
        facts["took"] = f"{(info.end_time - info.start_time) / 60_000:.1f} minutes"
    return {name: text for name, text in facts.items() if text}
