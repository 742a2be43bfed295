"""Problems → cells: a row per point of the grid, with the mean, interval and number of what was measured there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sweeps.results.criterion import QUALITY
from sweeps.results.noise import bootstrap_interval
from sweeps.results.table import Table

# The first that occurs names an empty cell.
UNFINISHED = ("FAILED", "KILLED", "RUNNING", "SCHEDULED", "MISSING")


def cells_of(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """One row per cell, in the table's order: axes, status, n, expected, then NAME, NAME_low, NAME_high per metric.

    rows: the table's, with their quality. Means are over finished problems, NaN where there is none.
    """
    metrics = [QUALITY, *table.metrics]
    cells = []
    for point, group in groups_of(rows, table.keys):
        finished = group[group["status"] == "FINISHED"]
        cell = dict(zip(table.keys, point, strict=True))
        cell |= {"status": status_of(group), "n": len(finished), "expected": len(group)}
        # With several photos, a photo's seeds are no independent evidence: they count as their mean.
        several = group["photo"].nunique() > 1
        values = finished.groupby("photo")[metrics].mean() if several else finished[metrics]
        for name in metrics:
            known = values[name].dropna().to_numpy()
            cell[name] = known.mean() if len(known) else np.nan
            cell[f"{name}_low"], cell[f"{name}_high"] = bootstrap_interval(known)
        cells.append(cell)
    return pd.DataFrame(cells, columns=None if cells else [*table.keys, "status", "n", "expected"])


def groups_of(rows: pd.DataFrame, keys: list[str]) -> list[tuple[tuple[object, ...], pd.DataFrame]]:
    """Each cell's point and problems, in the order of the rows."""
    if keys:
        return [(point, group) for point, group in rows.groupby(keys, sort=False)]
    return [((), rows)] if len(rows) else []


def status_of(group: pd.DataFrame) -> str:
    """FINISHED when all are, PARTIAL when some are, else what kept the cell empty."""
    statuses = set(group["status"])
    if "FINISHED" in statuses:
        return "FINISHED" if len(statuses) == 1 else "PARTIAL"
    return next((status for status in UNFINISHED if status in statuses), "MISSING")
