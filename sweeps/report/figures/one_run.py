"""One run's losses on a logarithmic scale beside a linear one, with the step at which it has converged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from inversion.metrics import catalogue
from inversion.pictures.curves import COLOURS, converged_step, safe_step
from sweeps.report.figures.style import GRID, MARK, labelled, logarithmic, new_figure, plain


@dataclass(frozen=True)
class RunLosses:
    """Terms by name, the total first."""

    terms: dict[str, pd.Series]
    converged: int | None  # step of the total
    safe: int | None  # with a margin


def run_numbers(terms: Mapping[str, pd.Series], total: str) -> RunLosses:
    """terms: name → value per step."""
    ordered = {name: terms[name] for name in sorted(terms, key=lambda name: name != total)}
    values = terms[total].to_list()
    converged = converged_step(values)
    return RunLosses(ordered, converged, None if converged is None else safe_step(converged, len(values)))


def draw_run(numbers: RunLosses) -> Figure:
    figure = new_figure(6.7, 3.0)
    for place, scale in enumerate(("log", "linear"), start=1):
        axes = figure.add_subplot(1, 2, place)
        for i, (name, series) in enumerate(numbers.terms.items()):
            drawable = series.where(np.isfinite(series) & ((series > 0) | (scale == "linear")))
            axes.plot(
                drawable.index,
                drawable,
                color=COLOURS[i % len(COLOURS)],
                linewidth=1.2,
                label=catalogue.metric(name).title,
            )
        if numbers.converged is not None and numbers.safe is not None:
            axes.axvspan(numbers.converged, numbers.safe, color=MARK, alpha=0.1, linewidth=0)
            axes.axvline(
                numbers.converged,
                color=MARK,
                linewidth=1,
                linestyle="--",
                label=f"converged at {numbers.converged}",
            )
        axes.set_yscale(scale)
        if scale == "log":
            logarithmic(axes.yaxis, *axes.get_ylim())
        axes.set_xlim(left=0)
        axes.grid(True, color=GRID, linewidth=0.6)
        labelled(axes, "step", f"loss ({scale} scale)")
        plain(axes)
        axes.tick_params(labelsize=7)
        if place == 1:
            axes.legend(fontsize=7, frameon=False)
    return figure
