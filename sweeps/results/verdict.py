"""Which cell to use, and whether the figures can say so.

Cells that solve the same problem compete: where the original is known, other degradations and other faces are other
problems. Of the cells that cannot be told apart from the best one, the cheapest is recommended: the fewest steps, and
of those the one in the middle, which small changes of the figures move least. For a photo that arrived degraded: of
the cells with the best degradation that fit it as well, the largest reg, which keeps the face most likely, then the
fewest steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from inversion.metrics import catalogue
from sweeps.results.axes import Axis, describe, overrides, spell
from sweeps.results.criterion import DEGRADATION, QUALITY, Criterion, final_name
from sweeps.results.gaps import PHOTO
from sweeps.results.noise import SMALLEST, Noise, can_be_told_apart

# Axes that change what is to be restored, where the original is known.
OTHER_PROBLEMS = (
    DEGRADATION,
    "input.",
)
COSTS = ("steps", "feature_steps", "tuning_steps", "samples")  # axes whose smaller values take less time


@dataclass(frozen=True)
class Verdict:
    """What the cells of one problem say."""

    problem: str  # kernel size 5; "" where all cells of the table solve the same one
    cells: tuple[int, ...]  # rows of the summary's cells
    best: int | None  # the highest mean quality; None when nothing finished
    recommended: int | None
    alike: tuple[int, ...]  # cells that cannot be told apart from the best one, which is among them
    reason: str  # whole sentences
    command: str  # overrides that set the recommended cell, "" without axes


def told_by(axes: Sequence[Axis], criterion: Criterion) -> list[Axis]:
    """The axes whose values are other problems, and not other settings of one."""
    other = OTHER_PROBLEMS if criterion.original_known else ()
    return [axis for axis in axes if axis.key == PHOTO or axis.key.startswith(other)]


def problems_of(
    cells: pd.DataFrame, axes: Sequence[Axis], criterion: Criterion
) -> list[tuple[str, list[int]]]:
    """The problems that cells solve: in words, and each one's cells."""
    named = told_by(axes, criterion)
    if not named:
        return [("", cells.index.tolist())]
    groups = cells.groupby([axis.key for axis in named], sort=False)
    return [(describe(group.iloc[0], named), group.index.tolist()) for _, group in groups]


def judge(
    problem: str,
    cells: pd.DataFrame,  # of this problem
    values: dict[int, pd.Series],  # cell → its independent values, as from noise.units
    axes: tuple[Axis, ...],
    criterion: Criterion,
    noise: Noise,
) -> Verdict:
    """Best, recommended, and why."""
    numbers = tuple(cells.index.tolist())
    best = best_cell(cells)
    if best is None:
        return Verdict(problem, numbers, None, None, (), "No cell has finished: nothing to recommend.", "")
    rivals = cells[cells["n"] == row_of(cells, best)["n"]]
    floor = noise.floor(int(row_of(cells, best)["n"]), len(rivals))
    alike = rivals[[not can_be_told_apart(values[best], values[i], floor) for i in rivals.index]]
    chosen = recommended_cell(alike, best, cells, axes, criterion)
    reason = explain(problem, cells, best, chosen, alike.index.tolist(), axes, criterion, floor)
    command = overrides(row_of(cells, chosen), axes)
    return Verdict(problem, numbers, best, chosen, tuple(alike.index.tolist()), reason, command)


def best_cell(cells: pd.DataFrame) -> int | None:
    """The highest mean quality among the cells with the most finished problems: others saw other photos."""
    finished = cells[cells[QUALITY].notna()] if len(cells) else cells
    if finished.empty:
        return None
    return int(finished[finished["n"] == finished["n"].max()][QUALITY].idxmax())


def recommended_cell(
    alike: pd.DataFrame,  # cells that cannot be told apart
    best: int,
    cells: pd.DataFrame,  # all of the problem
    axes: Sequence[Axis],
    criterion: Criterion,
) -> int:
    """The cheapest of the cells that cannot be told apart; see above."""
    numeric = {axis.key for axis in axes if axis.is_numeric}
    if not criterion.original_known:
        for axis in (axis for axis in axes if axis.key.startswith(DEGRADATION)):
            alike = alike[alike[axis.key] == row_of(alike, best)[axis.key]]
        if criterion.by_misfit:  # which says nothing of how the search went
            alike = alike[alike["fit_psnr"] >= alike["fit_psnr"].max() - SMALLEST["dB"]]
        if "reg" in numeric:
            alike = alike[alike["reg"] == alike["reg"].max()]
    for key in COSTS:
        if key in numeric:
            alike = alike[alike[key] == alike[key].min()]
    return in_the_middle(alike, cells, axes)


def row_of(cells: pd.DataFrame, number: int) -> pd.Series:
    """One cell, by its number in the summary's cells."""
    return cells.loc[[number]].iloc[0]


def in_the_middle(alike: pd.DataFrame, cells: pd.DataFrame, axes: Sequence[Axis]) -> int:
    """The one of `alike` nearest to all others there, counted in places along the axes.

    cells: all of the problem, whose values make the places. Of several the nearest to the middle of them, which stays
    the same when a cell further out is told apart from the best under one launcher and not under another.
    """
    places, middle = np.zeros([len(alike), len(axes)]), np.zeros(len(axes))
    for i, axis in enumerate(axes):
        occurring = sorted({axis.values.index(value) for value in cells[axis.key]})
        places[:, i] = [occurring.index(axis.values.index(value)) for value in alike[axis.key]]
        middle[i] = (len(occurring) - 1) / 2
    others = sum((_distances(column) for column in places.T), np.zeros(len(alike))).tolist()
    off = np.abs(places - middle).sum(axis=1).tolist()
    nearest = min(range(len(places)), key=lambda i: (others[i], off[i]))
    return int(alike.index[nearest])


def _distances(places: np.ndarray) -> np.ndarray:
    """Of each place the sum of its distances to all."""
    values, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
    return np.asarray((np.abs(values[:, None] - values) @ counts)[inverse])


def explain(
    problem: str,
    cells: pd.DataFrame,
    best: int,
    chosen: int,
    alike: list[int],
    axes: tuple[Axis, ...],
    criterion: Criterion,
    floor: float,  # of the difference between two cells
) -> str:
    """The recommendation in words."""
    top = row_of(cells, best)
    named = told_by(axes, criterion) if problem else []
    own = [axis for axis in axes if axis not in named]  # what the problem's name does not say
    choice, figures = row_of(cells, chosen), in_figures(row_of(cells, chosen), criterion)
    if problem and len(cells) == 1:
        sentences = [
            f"Only one setting was tried: {', '.join([describe(choice, own)] * bool(own) + [figures])}."
        ]
    else:
        sentences = [f"Recommended: {describe(choice, own)} ({figures})."]
    varied = [axis for axis in axes if criterion.degradation_varies and axis.key.startswith(DEGRADATION)]
    if varied:
        found = " and ".join(f"{axis.label} {spell(top[axis.key])}" for axis in varied)
        sentences.append(
            f"{found[:1].upper()}{found[1:]} explains best which spatial frequencies the photo lacks."
            if criterion.by_misfit
            else f"With {found} the restored face, degraded again, comes nearest to the photo in fit and sharpness."
        )
    if len(alike) > 1:
        counted = f"{len(alike)} of {len(cells)} cells cannot" if len(alike) < len(cells) else "No cell can"
        is_told = chosen == top.name or criterion.by_misfit
        which = "" if is_told else f" ({describe(top, own)}: {in_figures(top, criterion)})"
        sentences.append(
            f"{counted} be told apart from the best by quality{which}; "
            + _choice(criterion, bool(varied), axes, len(alike))
        )
    elif int((cells["n"] == top["n"]).sum()) > 1:
        margin = f"{floor:.2g} {criterion.unit}"
        sentences.append(f"It is the best: the quality of all others is lower by more than {margin}.")
    ranking = [axis for axis in own if axis.key.startswith(DEGRADATION) or not criterion.by_misfit]
    edges = [axis for axis in ranking if _at_edge(top[axis.key], axis, set(cells[axis.key]))]
    if edges and len(alike) < len(cells):
        where = " and ".join(f"{axis.label} {spell(top[axis.key])}" for axis in edges)
        sentences.append(
            f"The best cell lies at the edge of the grid ({where}): a wider grid may hold a better one."
        )
    incomplete = int((cells["n"] < top["n"]).sum())
    if incomplete:
        verb = "is" if incomplete == 1 else "are"
        sentences.append(
            f"{incomplete} of {len(cells)} cells {verb} incomplete and not compared with the others."
        )
    if top["n"] < top["expected"]:
        sentences.append(f"Compared by the {top['n']} of {top['expected']} runs per cell that finished.")
    return " ".join(sentences)


def _choice(criterion: Criterion, degradation_varies: bool, axes: Sequence[Axis], alike: int) -> str:
    if not criterion.original_known:
        if all(axis.key.startswith(DEGRADATION) for axis in axes):
            return "it is the best of these."
        those = "those with the best degradation" if degradation_varies else "these"
        if criterion.by_misfit:
            those += f" and a fit within {SMALLEST['dB']:g} dB of the best"
        return f"of {those} it keeps the face most likely: the largest reg, then the fewest steps."
    if any(axis.key in COSTS for axis in axes):
        return "it is the cheapest of these: the fewest steps, then the middle of what is left."
    return "it lies in the middle of these, and all cost the same." if alike > 2 else "both cost the same."


def in_figures(cell: pd.Series, criterion: Criterion) -> str:
    """PSNR, consistent 24.1 dB, identity distance 0.31; with intervals where there are several problems."""
    parts = []
    for name in criterion.shown:
        known = final_name(cell, name)
        if known is not None:
            parts.append(
                f"{catalogue.metric(known).short or catalogue.metric(known).title} {with_interval(cell, known)}"
            )
    return ", ".join(parts) + (f", n = {cell['n']}" if cell["n"] > 1 else "")


def with_interval(cell: pd.Series, name: str) -> str:
    """24.1 dB, or 24.1 [23.2, 25.0] dB where there is an interval."""
    known = catalogue.metric(name)
    low, high = cell[f"{name}_low"], cell[f"{name}_high"]
    interval = "" if pd.isna(low) else f" [{known.number(low)}, {known.number(high)}]"
    return f"{known.number(cell[name])}{interval} {known.unit}".rstrip()


def _at_edge(value: object, axis: Axis, tried: set[object]) -> bool:
    """Whether a number is the first or last that was tried; more steps are always better, so theirs says nothing."""
    values = [one for one in axis.values if one in tried]
    return axis.is_numeric and axis.key not in COSTS and len(values) > 2 and value in (values[0], values[-1])
