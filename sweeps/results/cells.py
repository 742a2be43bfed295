"""Problems → cells: a row per point of the grid, with the mean, interval and number of what was measured there."""

from __future__ import annotations

from collections.abc import Iterable

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
    statuses, photos = rows["status"].to_numpy(), rows["photo"].to_numpy()
    figures = rows[metrics].to_numpy(dtype=float)  # [problems, metrics]
    points = list(zip(*(rows[key] for key in table.keys), strict=True)) if table.keys else [()] * len(rows)
    cells = []
    for places in places_of(rows, table.keys):
        finished = places[statuses[places] == "FINISHED"]
        cell = dict(zip(table.keys, points[places[0]], strict=True))
        cell |= {"status": status_of(statuses[places]), "n": len(finished), "expected": len(places)}
        # With several photos, a photo's seeds are no independent evidence: they count as their mean.
        several = len(set(photos[places])) > 1
        values = (
            rows.iloc[finished].groupby("photo")[metrics].mean().to_numpy() if several else figures[finished]
        )
        for name, column in zip(metrics, values.T, strict=True):
            known = column[~np.isnan(column)]
            cell[name] = known.mean() if len(known) else np.nan
            cell[f"{name}_low"], cell[f"{name}_high"] = bootstrap_interval(known)
        cells.append(cell)
    return pd.DataFrame(cells, columns=None if cells else [*table.keys, "status", "n", "expected"])


def places_of(rows: pd.DataFrame, keys: list[str]) -> list[np.ndarray]:
    """Each cell's problems as places among the rows, in the order of the rows."""
    if not len(rows):
        return []
    if not keys:
        return [np.arange(len(rows))]
    numbers = rows.groupby(keys, sort=False).ngroup().to_numpy()
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    return [places for places in np.split(order, starts)[1:] if len(places)]


def status_of(found: Iterable[str]) -> str:
    """FINISHED when all are, PARTIAL when some are, else what kept the cell empty. found: its problems' statuses."""
    statuses = set(found)
    if "FINISHED" in statuses:
        return "FINISHED" if len(statuses) == 1 else "PARTIAL"
    return next((status for status in UNFINISHED if status in statuses), "MISSING")
