"""Tables → figures: heatmaps of every metric over the grid, loss curves of every run. No pyplot, no server."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from inversion.pictures.panels import INK, MUTED, PAPER
from sweeps.results.axes import Axis, Layout, arrange, describe, is_grid, spell
from sweeps.results.summarize import Summary
from sweeps.results.table import CONSISTENT

LOWER_IS_BETTER = ("identity_distance", "w_distance", "loss", "seconds", "converged_step")
NEAREST_ZERO = ("fit_sharpness",)
TITLES = {
    "quality": "quality [dB]",
    "psnr": "PSNR [dB]",
    "ssim": "SSIM",
    "identity_distance": "identity distance",
    "fit_psnr": "fit [dB]",
    "fit_sharpness": "sharpness beside the photo [dB]",
    "w_distance": "distance to the true w [w_std]",
    "found_kernel_size": "kernel found [px]",
    "found_sigma": "sigma of the kernel found [px]",
    "converged_step": "converged at step",
    "steps_per_second": "steps per second",
}
VARIANTS = {CONSISTENT: "agreeing with the photo", "samples_mean_": "mean of the samples"}  # by prefix
TERMS = {"loss": "total loss"}
MARK, GRID, ABSENT, POINT = "#bc4c00", "#d0d7de", "#f0f2f4", "#348fa7"
MOST_PANELS = 12  # of one figure; the report shows all
MOST_WRITTEN = 400  # cells of a figure that still has room for numbers
MOST_NAMED = 12  # curves with a name of their own


def title(metric: str) -> str:
    """PSNR [dB]; the loss terms by their own names."""
    own, variant = split(metric)
    words = TITLES.get(own, own.replace("_", " "))
    return f"{words}, {variant}" if variant else words


def split(metric: str) -> tuple[str, str]:
    """consistent_psnr -> psnr, agreeing with the photo; "" for the restoration itself."""
    for prefix, variant in VARIANTS.items():
        if metric.startswith(prefix):
            return metric.removeprefix(prefix), variant
    return metric, ""


def lower_is_better(metric: str) -> bool:
    own, _ = split(metric)
    return own in LOWER_IS_BETTER or own not in TITLES  # what has no title is a term of the loss


def heatmap(summary: Summary, metric: str) -> Figure:
    """One metric's mean over the two main axes, a panel per combination of the others.

    The best cell has a solid frame, the recommended one (if another) a dashed frame. Bright is good, for metrics in
    which lower is better too. Cells without a value are crossed out with the reason. Where the runs are no grid
    (random search) the metric is drawn against each axis.
    """
    cells = summary.cells
    values = cells[metric].to_numpy(dtype=float) if metric in cells else np.empty(0)
    norm = _norm(metric, values)
    if norm is None:
        figure = _figure(5.0, 3.0)
        _say(figure.add_subplot(), "no run has this figure" if len(cells) else "no runs")
    elif is_grid(summary.table.axes, len(cells)):
        figure = _draw_grid(summary, metric, norm)
    else:
        figure = _draw_search(summary, metric)
    figure.suptitle(title(metric), fontsize=11, color=INK)
    return figure


def loss_curves(summary: Summary, losses: Mapping[str, Mapping[str, pd.Series]]) -> Figure:
    """Every run's loss against the step on a log scale, coloured by the axis that goes down in the grid.

    losses: term → run id → value per step; a panel per term. Unfinished runs are dotted.
    """
    layout = arrange(summary.table.axes)
    by = layout.down or layout.across
    figure = _figure(6.0 * max(len(losses), 1) + 1.0, 4.6)
    if not any(len(series) for runs in losses.values() for series in runs.values()):
        _say(figure.add_subplot(), "no run has recorded a loss")
        return figure
    colours = _colours(by)
    for number, (term, runs) in enumerate(losses.items()):
        axes = figure.add_subplot(1, len(losses), number + 1)
        _draw_curves(axes, summary, runs, by, colours)
        axes.set_title(TERMS.get(term, term), fontsize=10, color=INK)
    if by is not None:
        step = max(1, math.ceil(len(by.values) / MOST_NAMED))
        named = dict.fromkeys([*by.values[::step], by.values[-1]])
        handles = [Line2D([], [], color=colours[value], label=spell(value)) for value in named]
        figure.legend(handles=handles, title=by.label, fontsize=8, frameon=False, loc="outside right upper")
    return figure


def _draw_grid(summary: Summary, metric: str, norm: Normalize) -> Figure:
    layout, cells = arrange(summary.table.axes), summary.cells
    keys = [axis.key for axis in layout.panels]
    panels = [part for _, part in cells.groupby(keys, sort=False)] if keys else [cells]
    shown = panels[:MOST_PANELS]
    columns = min(len(shown), 4)
    rows = math.ceil(len(shown) / columns)
    wide = len(layout.across.values) if layout.across else 1
    high = len(layout.down.values) if layout.down else 1
    width, height = 1.6 + 0.85 * min(wide, 24), 1.1 + 0.6 * min(high, 24)
    figure = _figure(max(columns * width, 4.0) + 1.0, rows * height + 1.0)
    for number, part in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        _draw_cells(axes, summary, part, metric, layout, norm)
        if keys:
            axes.set_title(describe(part.iloc[0], layout.panels), fontsize=9, color=MUTED)
    if norm.vmin != norm.vmax:
        bar = figure.colorbar(figure.axes[0].collections[0], ax=figure.axes, shrink=0.85, aspect=18 * rows)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8, colors=MUTED)
    if len(panels) > len(shown):
        figure.supxlabel(f"{len(shown)} of {len(panels)} panels", fontsize=8, color=MUTED)
    return figure


def _draw_cells(
    axes: Axes, summary: Summary, cells: pd.DataFrame, metric: str, layout: Layout, norm: Normalize
) -> None:
    down, across = layout.down, layout.across
    rows: tuple[Any, ...] = down.values if down else ("",)
    columns: tuple[Any, ...] = across.values if across else ("",)
    places = {
        i: (
            rows.index(cells[down.key].loc[i]) if down else 0,
            columns.index(cells[across.key].loc[i]) if across else 0,
        )
        for i in cells.index.tolist()
    }
    values = np.full((len(rows), len(columns)), np.nan)
    for i, place in places.items():
        values[place] = cells[metric].loc[i]
    written = len(summary.cells) <= MOST_WRITTEN
    sns.heatmap(
        values,
        ax=axes,
        norm=norm,
        cmap=_colour_map(metric),
        cbar=False,
        annot=written,
        fmt=_format(values),
        annot_kws={"fontsize": 9 if values.size <= 100 else 6},
        linewidths=1 if written else 0,
        linecolor=PAPER,
        xticklabels=_ticks(columns) if across else False,
        yticklabels=_ticks(rows) if down else False,
    )
    for i, place in places.items():
        if np.isnan(values[place]):
            status = str(cells["status"].loc[i]).lower()
            _cross_out(axes, *place, "" if not written else "–" if status == "finished" else status)
    for chosen, style in {summary.recommended: "--", summary.best: "-"}.items():  # the same cell once, solid
        if chosen in places:
            row, column = places[chosen]
            frame = Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False, edgecolor=MARK)
            frame.set(linestyle=style, linewidth=2.5)
            axes.add_patch(frame)
    axes.set_xlabel(across.label if across else "", color=INK)
    axes.set_ylabel(down.label if down else "", color=INK)
    axes.tick_params(length=0, labelsize=9, colors=MUTED, labelrotation=0)


def _draw_search(summary: Summary, metric: str) -> Figure:
    """Random search: the metric against each axis, as points."""
    cells = summary.cells
    figure = _figure(4.0 * len(summary.table.axes) + 0.5, 3.6)
    for number, axis in enumerate(summary.table.axes):
        axes = figure.add_subplot(1, len(summary.table.axes), number + 1)
        x = cells[axis.key] if axis.is_numeric else cells[axis.key].map(spell)
        axes.scatter(x, cells[metric], s=40, color=POINT, edgecolors=PAPER, linewidths=0.5)
        if summary.best is not None:
            at = [x.iloc[summary.best]], [cells[metric].iloc[summary.best]]
            axes.scatter(*at, s=130, facecolors="none", edgecolors=MARK, linewidths=2.5)
        if axis.is_numeric and _spans_decades(axis):
            axes.set_xscale("log")
        axes.set_xlabel(axis.label, color=INK)
        _plain(axes)
    return figure


def _draw_curves(
    axes: Axes, summary: Summary, runs: Mapping[str, pd.Series], by: Axis | None, colours: Mapping[Any, Any]
) -> None:
    rows = summary.table.rows
    opacity = 0.9 if len(rows) <= 30 else max(0.15, 5 / math.sqrt(len(rows)))
    found = [np.empty(0)]
    for _, row in rows.iterrows():
        series = runs.get(row["run_id"])
        if series is None or not len(series):
            continue
        drawable = series.where(np.isfinite(series) & (series > 0))
        axes.plot(
            drawable.index,
            drawable,
            color=colours[row[by.key]] if by else INK,
            alpha=opacity,
            linewidth=1.1,
            linestyle="-" if row["status"] == "FINISHED" else ":",
        )
        found.append(drawable.dropna().to_numpy())
    values = np.concatenate(found)
    axes.set_yscale("log")
    if values.size:
        # A term that starts at zero, or a spike, must not squeeze all curves into one line.
        lowest, highest = np.quantile(values, [0.001, 0.999])
        axes.set_ylim(lowest / 1.5, max(highest, lowest * 1.01) * 1.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("step", color=INK)
    axes.grid(True, which="major", color=GRID, linewidth=0.6)
    _plain(axes)


def _spans_decades(axis: Axis) -> bool:
    first, last = float(axis.values[0]), float(axis.values[-1])
    return first > 0 and last / first > 50


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(min(width, 24), min(height, 24)), dpi=125, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)  # seaborn measures its labels
    return figure


def _norm(metric: str, values: np.ndarray) -> Normalize | None:
    """Colours from the lowest to the highest value; by decades where values span more than two."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    if metric in NEAREST_ZERO:
        reach = float(np.abs(finite).max()) or 1.0
        return Normalize(-reach, reach)
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and high / low > 100:
        return LogNorm(low, high)
    return Normalize(low, high)


def _colour_map(metric: str) -> str | ListedColormap:
    if metric in NEAREST_ZERO:  # dark, bright, dark
        half = sns.color_palette("mako", 64)
        return ListedColormap([*half, *half[::-1]])
    return "mako_r" if lower_is_better(metric) else "mako"


def _format(values: np.ndarray) -> str:
    finite = np.abs(values[np.isfinite(values)])
    if not finite.size or (finite.max() >= 1000 or 0 < finite.min() < 0.005):
        return ".3g"
    return ".0f" if finite.max() >= 100 else ".1f" if finite.max() >= 10 else ".2f"


def _ticks(values: tuple[Any, ...]) -> list[str]:
    """At most some thirty names, the others blank."""
    every = math.ceil(len(values) / 30)
    return [spell(value) if i % every == 0 else "" for i, value in enumerate(values)]


def _colours(axis: Axis | None) -> dict[Any, Any]:
    if axis is None:
        return {}
    palette = sns.color_palette("viridis" if axis.is_numeric else "colorblind", len(axis.values))
    return dict(zip(axis.values, palette, strict=True))


def _cross_out(axes: Axes, row: int, column: int, text: str) -> None:
    box = Rectangle((column, row), 1, 1, facecolor=ABSENT, edgecolor=GRID, hatch="////", linewidth=0)
    axes.add_patch(box)
    if text:
        back = {"facecolor": ABSENT, "edgecolor": "none", "pad": 1.5}
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=MUTED, bbox=back)


def _plain(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, colors=MUTED)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)


def _say(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=MUTED)
