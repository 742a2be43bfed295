"""One metric against each axis: how random search is seen, and how one setting acts alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from inversion.pictures.panels import INK, PAPER
from sweeps.report.figures.style import MARK, POINT, labelled, literal, new_figure, plain, say, spans_decades
from sweeps.results.axes import Axis, spell
from sweeps.results.summarize import Summary

MOST_AXES = 6
FRAMED = ("best", "recommended")


@dataclass(frozen=True)
class Slice:
    """All cells over one axis."""

    axis: Axis
    points: pd.DataFrame  # x, y, mark; a row per cell


def slice_numbers(summary: Summary, metric: str) -> list[Slice]:
    """One per axis; cells without the metric are left out."""
    cells = summary.cells
    if metric not in cells:
        return []
    marks = [summary.mark(i) for i in cells.index]
    known = cells[metric].notna()
    return [
        Slice(axis, pd.DataFrame({"x": cells[axis.key], "y": cells[metric], "mark": marks})[known])
        for axis in summary.table.axes[:MOST_AXES]
    ]


def draw_slices(slices: list[Slice], heading: str) -> Figure:
    """A panel per axis; the best and the recommended cell are ringed."""
    figure = new_figure(4.0 * max(len(slices), 1) + 0.5, 3.6)
    if not any(len(one.points) for one in slices):
        say(figure.add_subplot(), "no run has this metric")
    for number, one in enumerate(slices if figure.axes == [] else []):
        axes = figure.add_subplot(1, len(slices), number + 1)
        x = one.points["x"] if one.axis.is_numeric else one.points["x"].map(spell).map(literal)
        axes.scatter(x, one.points["y"], s=40, color=POINT, edgecolors=PAPER, linewidths=0.5)
        ringed = one.points["mark"].isin(FRAMED)
        axes.scatter(
            x[ringed], one.points["y"][ringed], s=130, facecolors="none", edgecolors=MARK, linewidths=2.5
        )
        if one.axis.is_numeric and spans_decades(map(float, one.axis.values)):
            axes.set_xscale("log")
        labelled(axes, one.axis.label, heading)
        plain(axes)
    figure.suptitle(heading, fontsize=11, color=INK)
    return figure
