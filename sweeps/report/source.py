"""What a report needs of the runs besides their metrics: losses, pictures, and where each run lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

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
        runs = [run_id for run_id in summary.table.rows["run_id"] if run_id]
        for term in summary.table.terms:
            losses.setdefault(term, {}).update({run_id: store.losses(run_id, term) for run_id in runs})
    return Source(losses, store.file, store.link, store.folder)
