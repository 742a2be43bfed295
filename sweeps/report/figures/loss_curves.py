"""Every run's loss against the step, coloured by one axis of the grid per panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from inversion.metrics import catalogue
from inversion.pictures.drawing import INK
from sweeps.report.figures.style import (
    GRID,
    MOST_NAMED,
    colours_of,
    labelled,
    literal,
    logarithmic,
    new_figure,
    plain,
    say,
)
from sweeps.results.axes import Axis, Value, arrange, spell
from sweeps.results.summarize import Summary

MOST_AXES = 3  # of which each has a panel
Scale = Literal["log", "linear"]


@dataclass(frozen=True)
class Curve:
    """One run."""

    value: Value | None  # of the panel's axis
    steps: np.ndarray  # [points]
    losses: np.ndarray  # [points], NaN where it cannot be drawn
    is_finished: bool


@dataclass(frozen=True)
class CurvePanel:
    """All runs of one term, coloured by one axis."""

    term: str
    axis: Axis | None
    scale: Scale
    curves: tuple[Curve, ...]


def main_axes(summary: Summary) -> list[Axis]:
    """By which curves are coloured: down, across, then the others."""
    layout = arrange(summary.table.axes)
    return [axis for axis in (layout.down, layout.across, *layout.panels) if axis is not None][:MOST_AXES]


def curve_numbers(
    summary: Summary, losses: Mapping[str, pd.Series], term: str, axis: Axis | None, scale: Scale = "log"
) -> CurvePanel:
    """losses: run id → value per step. On a logarithmic scale values that have no logarithm are left out."""
    rows = summary.table.rows
    coloured = list(rows[axis.key]) if axis else [None] * len(rows)
    curves = []
    for run_id, status, value in zip(rows["run_id"], rows["status"], coloured, strict=True):
        series = losses.get(run_id)
        if series is not None and len(series):
            numbers = series.to_numpy(dtype=float)
            drawable = np.isfinite(numbers) & ((numbers > 0) | (scale == "linear"))
            shown = np.where(drawable, numbers, np.nan)
            curves.append(Curve(value, series.index.to_numpy(), shown, status == "FINISHED"))
    return CurvePanel(term, axis, scale, tuple(curves))


def draw_curves(panels: Sequence[CurvePanel], size: tuple[float, float] = (6.4, 4.6)) -> Figure:
    """Panels side by side; neighbours of one axis share a legend; unfinished runs are dotted.

    size: of one panel, in inches.
    """
    figure = new_figure(size[0] * max(len(panels), 1), size[1])
    if not any(panel.curves for panel in panels):
        say(figure.add_subplot(), "no run has recorded a loss")
        return figure
    for number, panel in enumerate(panels):
        last = number + 1 == len(panels) or panels[number + 1].axis != panel.axis
        _draw_panel(figure.add_subplot(1, len(panels), number + 1), panel, last)
    return figure


def _draw_panel(axes: Axes, panel: CurvePanel, with_legend: bool) -> None:
    colours = colours_of(panel.axis)
    opacity = 0.9 if len(panel.curves) <= 30 else max(0.15, 5 / math.sqrt(len(panel.curves)))
    for is_finished, style in ((True, "-"), (False, ":")):
        curves = [curve for curve in panel.curves if curve.is_finished is is_finished]
        lines = LineCollection(  # one artist: thousands of them take a minute
            [np.column_stack([curve.steps, curve.losses]) for curve in curves],
            colors=[INK if curve.value is None else colours[curve.value] for curve in curves],
            alpha=opacity,
            linewidths=1.2,
            linestyles=style,
        )
        axes.add_collection(lines, autolim=False)
    axes.set_yscale(panel.scale)
    last = max((int(curve.steps[-1]) for curve in panel.curves), default=0)
    values = np.concatenate([curve.losses for curve in panel.curves] or [np.empty(0)])
    values = values[~np.isnan(values)]
    if values.size:
        # A term that starts at zero, or a spike, must not squeeze all curves into one line.
        lowest, highest = np.quantile(values, [0.001, 0.999])
        if panel.scale == "log":
            axes.set_ylim(lowest / 1.2, max(highest, lowest * 1.01) * 1.2)
            logarithmic(axes.yaxis, *axes.get_ylim())
        else:
            axes.set_ylim(min(0.0, lowest), max(highest, 1e-12) * 1.05)
    axes.set_xlim(0, max(last, 1) * 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    labelled(axes, "step", f"{catalogue.metric(panel.term).title} ({panel.scale} scale)")
    axes.grid(True, which="major", color=GRID, linewidth=0.6)
    plain(axes)
    if panel.axis is not None and with_legend:
        values_named = panel.axis.values
        every = math.ceil(len(values_named) / MOST_NAMED)
        named = dict.fromkeys([*values_named[::every], values_named[-1]])
        handles = [
            Line2D([], [], color=colours[value], linewidth=2, label=literal(spell(value))) for value in named
        ]
        axes.legend(
            handles=handles,
            title=panel.axis.label,
            fontsize=8,
            title_fontsize=9,
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )
