"""A metric against an axis: how random search is seen, how one setting acts alone, and a sweep over one axis."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inversion.pictures.drawing import MUTED, PAPER
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
MOST_TICKS = 6  # values of an axis that are named where they have room
MOST_LINES, MOST_NAMED = 200, 6  # of a panel; whose ends are named
BESIDE = 0.75  # inches of a panel beside its axes
LETTER = 6.0  # points across a digit, and free around a number
TOGETHER = 0.04  # of what y spans: ends that are nearer share their text
FRAMED = ("best", "recommended")


@dataclass(frozen=True)
class Slice:
    """All cells over one axis."""

    axis: Axis
    heading: str  # of the metric
    points: pd.DataFrame  # a row per cell: x, y, low, high, mark, line (the values of all other settings)
    other: Axis | None = None  # the only other setting, whose values name the lines


@dataclass(frozen=True)
class End:
    """Of a line."""

    x: Any  # a number, or a text's
    y: float
    text: str


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
        others = [other for other in axes if other is not axis]
        points["line"] = list(zip(*(cells[other.key] for other in others), strict=True)) or [()] * len(cells)
        other = others[0] if len(others) == 1 and len(others[0].values) <= MOST_NAMED else None
        slices.append(Slice(axis, summary.heading(metric), points[known], other))
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
        _draw(figure.add_subplot(rows, columns, number + 1), one, size[0])
    return figure


def _draw_lines(axes: Axes, one: Slice, x: pd.Series) -> None:
    """Between cells that differ in this setting only; at each line's end the value of the only other one."""
    order = one.points["x"].map(one.axis.values.index)
    lines = [part for _, part in one.points.groupby("line", sort=False) if len(part) > 1]
    ends = []
    for part in lines if len(lines) <= MOST_LINES else ():
        cells = order[part.index].sort_values().index
        y = one.points["y"][cells]
        axes.plot(x[cells], y, color=MUTED if one.other else POINT, linewidth=0.8, alpha=0.8)
        ends.append(End(x[cells[-1]], float(y.iloc[-1]), spell(part["line"].iloc[0][0]) if one.other else ""))
    if one.other is not None:
        for end in together(ends, TOGETHER * float(np.ptp(one.points["y"]))):
            axes.annotate(
                literal(end.text),
                (end.x, end.y),
                (6, 0),
                textcoords="offset points",
                fontsize=6,
                color=MUTED,
                va="center",
            )
        axes.set_title(literal(f"ends: {one.other.label}"), fontsize=7, color=MUTED, loc="right")


def together(ends: Sequence[End], near: float) -> list[End]:
    """Ends at one x whose y differ by less than `near` get one text, as on paper they would stand on one another."""
    joined: list[End] = []
    for end in sorted(ends, key=lambda end: (str(end.x), end.y)):
        last = joined[-1] if joined else None
        if last is not None and last.x == end.x and end.y - last.y < near:
            joined[-1] = End(last.x, last.y, f"{last.text}, {end.text}")
        else:
            joined.append(end)
    return joined


def _draw(axes: Axes, one: Slice, width: float) -> None:
    """width: of the panel, in inches."""
    points = one.points
    x = points["x"] if one.axis.is_numeric else points["x"].map(spell).map(literal)
    if not one.axis.is_numeric:  # all of them in their order, also those that the first line lacks
        order = [literal(spell(value)) for value in one.axis.values]
        axes.xaxis.update_units(order)  # type: ignore[no-untyped-call]
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
    _draw_lines(axes, one, x)
    axes.scatter(x, points["y"], s=24, color=POINT, edgecolors=PAPER, linewidths=0.5, zorder=3)
    ringed = points["mark"].isin(FRAMED)
    axes.scatter(
        x[ringed], points["y"][ringed], s=80, facecolors="none", edgecolors=MARK, linewidths=1.8, zorder=4
    )
    if one.axis.is_numeric:
        if spans_decades(map(float, one.axis.values)):
            axes.set_xscale("log")
            logarithmic(axes.xaxis, *axes.get_xlim())
        if len(one.axis.values) <= MOST_TICKS:
            values = named(one.axis, 72 * (width - BESIDE))
            axes.set_xticks(values, [spell(value) for value in values])
    labelled(axes, one.axis.label, textwrap.fill(one.heading, LETTERS))
    plain(axes)


def named(axis: Axis, width: float) -> list[float]:
    """The values of a numeric axis that have room for their names, the last among them. width: of the axis, points."""
    values = [float(value) for value in axis.values]
    places = [math.log10(value) for value in values] if spans_decades(values) else values
    scale = width / ((places[-1] - places[0]) or 1.0)
    half = [LETTER * len(spell(value)) / 2 for value in values]
    kept = [len(values) - 1]
    for i in reversed(range(len(values) - 1)):
        if (places[kept[-1]] - places[i]) * scale >= half[i] + half[kept[-1]] + LETTER:
            kept.append(i)
    return [values[i] for i in reversed(kept)]
