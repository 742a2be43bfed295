"""Everything that a sweep or an experiment recorded, as one tidy DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from inversion.record.open import absolute_uri
from sweeps.results.store import Store
from sweeps.results.table import DETAILS, Table

PROJECT = Path(__file__).resolve().parents[2]
STORE = "sqlite:///mlflow.db"  # of the project


def runs_frame(name: str = "inversion", uri: str = STORE) -> pd.DataFrame:
    """A row per problem: task, settings that vary, photo, seed, status, figures, and where it all lies.

    name: an experiment's, or a sweep's run id (or the start of it). Raises ConfigError when there is nothing to read.
    """
    return joined(Store(absolute_uri(uri, PROJECT)).read(name))


def joined(tables: Sequence[Table]) -> pd.DataFrame:
    """Several tasks' rows below one another; a setting that a task does not vary has the task's one value."""
    frames = []
    keys = list(dict.fromkeys(key for table in tables for key in table.keys if key not in DETAILS))
    for table in tables:
        frame = table.tidy()
        for key in keys:
            if key not in frame:
                frame[key] = table.constants.get(key, "")
        frame.insert(0, "task", table.task.title)
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True)
    last = [name for name in DETAILS if name in whole and name not in ("photo", "seed", "status")]
    first = ["task", *keys, "photo", "seed", "status"]
    return whole[[*first, *(name for name in whole.columns if name not in (*first, *last)), *last]]
