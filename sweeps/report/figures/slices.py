"""A metric against an axis: how random search is seen, how one setting acts alone, and a sweep over one axis."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inversion.pictures.drawing import PAPER
from sweeps.report.figures.style import (
    MARK,
    POINT,
    labelled,
    literal,
    logarithmic,
    new_figure,
    plain,
    say,
    spans_decades,
)
from sweeps.results.axes import Axis, spell
from sweeps.results.summarize import Summary

MOST_AXES, COLUMNS = 6, 3
LETTERS = 20  # of a heading on one line
MOST_TICKS = 6  # values of an axis that are all named
FRAMED = ("best", "recommended")


@dataclass(frozen=True)
class Slice:
    """All cells over one axis."""

    axis: Axis
    heading: str  # of the metric
    points: pd.DataFrame  # x, y, low, high, mark; a row per cell
    is_line: bool = False  # one cell per value, from the lowest to the highest


def slice_numbers(summary: Summary, metric: str) -> list[Slice]:
    """One per axis; cells without the metric are left out."""
    cells, axes = summary.cells, summary.table.axes
    if metric not in cells:
        return []
    marks = [summary.mark(i) for i in cells.index]
    known = cells[metric].notna()
    slices = []
    for axis in axes[:MOST_AXES]:
        points = pd.DataFrame({"x": cells[axis.key], "y": cells[metric], "mark": marks})
        points["low"], points["high"] = cells[f"{metric}_low"], cells[f"{metric}_high"]
        is_line = len(axes) == 1 and axis.is_numeric
        slices.append(Slice(axis, summary.heading(metric), points[known], is_line))
    return slices


def draw_slices(slices: Sequence[Slice], size: tuple[float, float] = (4.0, 3.4)) -> Figure:
    """A panel each, three abreast; the best and the recommended cell are ringed. size: of a panel, in inches."""
    columns = min(max(len(slices), 1), COLUMNS)
    rows = math.ceil(max(len(slices), 1) / columns)
    figure = new_figure(size[0] * columns, size[1] * rows)
    if not any(len(one.points) for one in slices):
        say(figure.add_subplot(), "no run has this metric")
        return figure
    for number, one in enumerate(slices):
        _draw(figure.add_subplot(rows, columns, number + 1), one)
    return figure


def _draw(axes: Axes, one: Slice) -> None:
    points = one.points
    x = points["x"] if one.axis.is_numeric else points["x"].map(spell).map(literal)
    spread = (points["y"] - points["low"], points["high"] - points["y"])
    has_interval = spread[0].notna() & spread[1].notna()
    if has_interval.any():
        errors = [side[has_interval].clip(lower=0) for side in spread]
        axes.errorbar(
            x[has_interval],
            points["y"][has_interval],
            errors,
            fmt="none",
            ecolor=POINT,
            elinewidth=1,
            capsize=2,
        )
    if one.is_line:
        axes.plot(x, points["y"], color=POINT, linewidth=1)
    axes.scatter(x, points["y"], s=24, color=POINT, edgecolors=PAPER, linewidths=0.5, zorder=3)
    ringed = points["mark"].isin(FRAMED)
    axes.scatter(
        x[ringed], points["y"][ringed], s=80, facecolors="none", edgecolors=MARK, linewidths=1.8, zorder=4
    )
    if one.axis.is_numeric:
        if spans_decades(map(float, one.axis.values)):
            axes.set_xscale("log")
            logarithmic(axes.xaxis, *axes.get_xlim())
        if len(one.axis.values) <= MOST_TICKS and not _crowded(one.axis):
            axes.set_xticks([float(value) for value in one.axis.values], [spell(v) for v in one.axis.values])
    labelled(axes, one.axis.label, textwrap.fill(one.heading, LETTERS))
    plain(axes)


def _crowded(axis: Axis) -> bool:
    """Whether two values' names would stand on one another."""
    values = [float(value) for value in axis.values]
    if spans_decades(values):
        values = [math.log10(value) for value in values]
    reach = values[-1] - values[0]
    return reach <= 0 or min(b - a for a, b in zip(values, values[1:], strict=False)) < reach / 12
