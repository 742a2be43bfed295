"""What a report needs of the runs besides their metrics: losses, pictures, and where each run lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from inversion.record.folder_recorder import LOSSES, steps
from inversion.record.own_folder import read_manifest
from sweeps.results.store import Store
from sweeps.results.summarize import Study

Losses = Mapping[str, Mapping[str, pd.Series]]  # term → run id → value per step


@dataclass(frozen=True)
class Source:
    """Of one store, or made up by a test."""

    losses: Losses
    file: Callable[[str, str], Path | None]  # (run id, artifact's name) → local file
    link: Callable[[str], str] = lambda run_id: ""  # a run's page in MLflow
    folder: Callable[[str], Path | None] = lambda run_id: None  # a run's artifacts on this machine


def read_source(store: Store, study: Study) -> Source:
    """Every run's history of every telling term, and the store's files."""
    losses: dict[str, dict[str, pd.Series]] = {}
    for summary in study.summaries:
        terms, rows = summary.table.terms, summary.table.rows
        for run_id, folder in zip(rows["run_id"], rows["folder"], strict=True):
            if run_id:
                here = recorded_losses(folder, run_id, terms)
                for term in terms:
                    found = here[term] if term in here else store.losses(run_id, term)
                    losses.setdefault(term, {})[run_id] = found
    return Source(losses, store.file, store.link, store.folder)


def recorded_losses(folder: str, run_id: str, terms: Sequence[str]) -> dict[str, pd.Series]:
    """A run's losses from its own folder: 13 to 19 times as fast as from a sqlite store, at 1 step and at 300.

    {} where the folder is on another machine, has gone, is damaged, or holds another run by now.
    """
    path = Path(folder) / LOSSES
    if not folder or not path.is_file() or (read_manifest(path.parent).get("run") or {}).get("id") != run_id:
        return {}
    try:
        rows = [(step, values) for step, values in steps(path) if values]
    except (OSError, ValueError):
        return {}
    names = {name for _, values in rows for name in values}
    found = {}
    for term in terms:
        if term in names:
            known = [(step, v) for step, values in rows if math.isfinite(v := values.get(term, math.nan))]
            found[term] = pd.Series([v for _, v in known], [step for step, _ in known], dtype=float)
    return found
