"""Table → table: each cell's mean, interval and n; the best cell, and the one to use.

Quality, where the original is known: PSNR in dB less 10 dB per unit of identity distance (dlib calls two faces
one person below 0.6, which costs 6 dB; 0.1 of it weighs as much as 1 dB). A restoration in which no face can
be found counts as distance 1; where a photo's runs all lack the distance, PSNR alone counts.

Quality, where the photo arrived degraded: how well the restored face, degraded again, fits it (fit_psnr, in dB).
Where the sweep varies the degradation itself, less the decibels by which that picture is sharper or less sharp than
the photo (fit_sharpness): the fit alone does not know a blur, because the generator draws what a narrow kernel
leaves out, and a wide one hides what the generator cannot draw (Levin et al. 2009, Understanding and evaluating
blind deconvolution algorithms). A fit tells what explains the photo, not what looks right: of the cells with the best
degradation and a quality within tolerance, the one with the largest reg is recommended, then the fewest steps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeps.results.axes import Axis, describe, overrides, spell
from sweeps.results.table import Table

log = logging.getLogger(__name__)

QUALITY = "quality"
IDENTITY_DB = 10.0  # dB of PSNR per unit of identity distance
NO_FACE = 1.0  # identity distance of a restoration without a face
TOLERANCE_DB = 0.5  # quality that fewer steps may cost
DRAWS = 2000
LEVEL = 0.95
DEGRADATION = "degradation."  # axes that say what happened to the photo, not how to search
UNFINISHED = (
    "FAILED",
    "KILLED",
    "RUNNING",
    "SCHEDULED",
    "MISSING",
)  # the first that occurs names an empty cell


@dataclass(frozen=True)
class Summary:
    """What the grid says."""

    table: Table
    # a row per cell: axes, status, n, expected, then NAME, NAME_low, NAME_high per metric
    cells: pd.DataFrame
    original_known: bool
    best: int | None  # row of `cells`; None when nothing finished
    recommended: int | None
    reason: str  # whole sentences
    command: str  # overrides that set the recommended cell, "" without axes

    @property
    def metrics(self) -> list[str]:
        """What the cells have means of, quality first."""
        return [QUALITY, *self.table.metrics]

    def describe(self, cell: int) -> str:
        """A cell in words."""
        return describe(self.cells.iloc[cell], self.table.axes)


def summarize(table: Table) -> Summary:
    """Means over photos and seeds per cell, and what follows from them."""
    known = "psnr" in table.metrics and bool(table.rows["psnr"].notna().any())
    cells = cells_of(with_quality(table.rows, known, table.axes), table)
    best = best_cell(cells)
    recommended = None if best is None else recommended_cell(cells, best, table.axes, known)
    reason = explain(cells, best, recommended, table.axes, known)
    command = "" if recommended is None else overrides(cells.iloc[recommended], table.axes)
    return Summary(table, cells, known, best, recommended, reason, command)


def with_quality(rows: pd.DataFrame, original_known: bool, axes: tuple[Axis, ...]) -> pd.DataFrame:
    """Rows with a column `quality`, NaN for problems that did not finish."""
    none = pd.Series(np.nan, index=rows.index)
    if original_known:
        distance = rows.get("identity_distance", none)
        has_face = distance.notna().groupby([rows["photo"], rows["seed"]]).transform("any")
        quality = rows["psnr"] - IDENTITY_DB * distance.fillna(NO_FACE).where(has_face, 0.0)
    else:
        quality = rows.get("fit_psnr", none)
        if _of_degradation(axes):
            quality = quality - rows.get("fit_sharpness", none).abs().fillna(0.0)
    return rows.assign(**{QUALITY: quality.where(rows["status"] == "FINISHED")})


def cells_of(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """One row per cell, in the table's order; means are over finished problems, NaN where there is none."""
    metrics = [QUALITY, *table.metrics]
    photos = rows["photo"].nunique()
    groups = rows.groupby(table.keys, sort=False) if table.keys else [((), rows)] if len(rows) else []
    cells = []
    for point, group in groups:
        finished = group[group["status"] == "FINISHED"]
        cell = dict(zip(table.keys, point, strict=True))
        cell |= {"status": _status(group), "n": len(finished), "expected": len(group)}
        # With several photos, a photo's seeds are no independent evidence: they count as their mean.
        units = finished.groupby("photo")[metrics].mean() if photos > 1 else finished[metrics]
        for name in metrics:
            values = units[name].dropna().to_numpy()
            cell[name] = values.mean() if len(values) else np.nan
            cell[f"{name}_low"], cell[f"{name}_high"] = bootstrap_interval(values)
        cells.append(cell)
    columns = [*table.keys, "status", "n", "expected"]
    return pd.DataFrame(cells, columns=None if cells else columns)


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[..., np.ndarray] = np.mean
) -> tuple[float, float]:
    """95 % percentile interval of the mean, or of another statistic of numpy's (Efron 1979). The same each time.

    NaN for fewer than two values.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    draws = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(statistic(values[draws], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def best_cell(cells: pd.DataFrame) -> int | None:
    """The highest mean quality among the cells with the most finished problems: others saw other photos."""
    finished = cells[cells[QUALITY].notna()] if len(cells) else cells
    if finished.empty:
        return None
    return int(finished[finished["n"] == finished["n"].max()][QUALITY].idxmax())


def recommended_cell(cells: pd.DataFrame, best: int, axes: tuple[Axis, ...], original_known: bool) -> int:
    """Of the cells within tolerance of the best: the fewest steps; for a photo that arrived degraded, see above."""
    complete = cells["n"] == cells["n"].iloc[best]
    near = cells[complete & (cells[QUALITY] >= float(cells[QUALITY].iloc[best]) - TOLERANCE_DB)]
    numeric = {axis.key for axis in axes if axis.is_numeric}
    strict = []
    if not original_known:
        for axis in _of_degradation(axes):
            near = near[near[axis.key] == cells[axis.key].iloc[best]]
        strict = [key for key in ("reg",) if key in numeric]
    few = ["steps"] if "steps" in numeric else []
    ascending = [False] * len(strict) + [True] * len(few) + [False]
    return int(near.sort_values([*strict, *few, QUALITY], ascending=ascending, kind="stable").index[0])


def explain(
    cells: pd.DataFrame,
    best: int | None,
    recommended: int | None,
    axes: tuple[Axis, ...],
    original_known: bool,
) -> str:
    """The recommendation in words."""
    if best is None or recommended is None:
        return "No cell has finished, so there is nothing to recommend."
    top, chosen = cells.iloc[best], cells.iloc[recommended]
    sentences = [f"Recommended: {describe(chosen, axes)} ({figures(chosen, original_known)})."]
    better = f"{describe(top, axes)} ({figures(top, original_known)})"
    if not original_known:
        varied = _of_degradation(axes)
        if varied:
            found = " and ".join(f"{axis.label} {spell(top[axis.key])}" for axis in varied)
            sentences.append(
                f"With {found} the restored face, degraded again, comes nearest to the photo in fit and sharpness."
            )
        if recommended != best:
            sentences.append(
                f"Of the cells {'with it ' if varied else ''}within {TOLERANCE_DB} dB of the best, {better}, this one "
                "keeps the face most likely: the largest reg, then the fewest steps."
            )
        elif not varied:
            sentences.append("It fits the photo best.")
        sentences.append(
            "The original is not known: a fit tells what explains the photo, not what looks right."
        )
    elif recommended != best:
        sentences.append(
            f"Of the cells within {TOLERANCE_DB} dB of the best quality, {better}, it takes the fewest steps."
        )
    elif len(cells) > 1:
        sentences.append("It has the best quality" + _no_cheaper(cells, top, axes) + ".")
    edges = [axis for axis in axes if _at_edge(top[axis.key], axis)]
    if edges:
        named = " and ".join(f"{axis.label} {spell(top[axis.key])}" for axis in edges)
        sentences.append(
            f"The best cell lies at the edge of the grid ({named}): a wider grid may hold a better one."
        )
    incomplete = int((cells["n"] < cells["expected"]).sum())
    if incomplete:
        verb = "is" if incomplete == 1 else "are"
        sentences.append(
            f"{incomplete} of {len(cells)} cells {verb} incomplete and not compared with the others."
        )
    return " ".join(sentences)


def _no_cheaper(cells: pd.DataFrame, top: pd.Series, axes: tuple[Axis, ...]) -> str:
    steps = "steps" in [axis.key for axis in axes] and (cells["steps"] < top["steps"]).any()
    return f", and no cell with fewer steps comes within {TOLERANCE_DB} dB of it" if steps else ""


def figures(cell: pd.Series, original_known: bool) -> str:
    """PSNR 24.1 dB, identity distance 0.31; with intervals where there are several problems."""
    names = {"psnr": "PSNR {} dB", "identity_distance": "identity distance {}"}
    if not original_known:
        names = {"fit_psnr": "fit {} dB", "fit_sharpness": "sharpness off by {} dB"}
    parts = []
    for name, text in names.items():
        if name in cell and pd.notna(cell[name]):
            digits = 2 if name == "identity_distance" else 1
            parts.append(text.format(with_interval(cell, name, digits)))
    return ", ".join(parts) + (f" (n = {cell['n']})" if cell["n"] > 1 else "")


def with_interval(cell: pd.Series, name: str, digits: int) -> str:
    """24.1, or 24.1 [23.2, 25.0] where there is an interval."""
    low, high = cell[f"{name}_low"], cell[f"{name}_high"]
    interval = "" if pd.isna(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{cell[name]:.{digits}f}{interval}"


def _of_degradation(axes: tuple[Axis, ...]) -> list[Axis]:
    return [axis for axis in axes if axis.key.startswith(DEGRADATION)]


def _status(group: pd.DataFrame) -> str:
    """FINISHED when all are, PARTIAL when some are, else what kept the cell empty."""
    statuses = set(group["status"])
    if "FINISHED" in statuses:
        return "FINISHED" if len(statuses) == 1 else "PARTIAL"
    return next((status for status in UNFINISHED if status in statuses), "MISSING")


def _at_edge(value: object, axis: Axis) -> bool:
    """Whether a number is an axis's first or last; more steps are always better, so theirs says nothing."""
    return (
        axis.is_numeric
        and axis.key != "steps"
        and len(axis.values) > 2
        and value in (axis.values[0], axis.values[-1])
    )
