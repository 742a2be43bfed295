"""Tables → figures: heatmaps of every metric over the grid, loss curves of every run. No pyplot, no server."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from inversion.record.panels import INK, MUTED, PAPER
from sweeps.axes import Axis, arrange, is_grid, spell
from sweeps.summarize import Summary

LOWER_IS_BETTER = ("identity_distance", "w_distance", "loss", "seconds", "converged_step")
TITLES = {
    "quality": "quality [dB]",
    "psnr": "PSNR [dB]",
    "ssim": "SSIM",
    "identity_distance": "identity distance",
    "fit_psnr": "fit [dB]",
    "w_distance": "distance to the true w [w_std]",
    "converged_step": "converged at step",
    "steps_per_second": "steps per second",
}
TERMS = {"loss": "total loss"}
MARK, GRID, ABSENT = "#bc4c00", "#d0d7de", "#f0f2f4"
MOST_PANELS = 12  # of one figure; the report shows all
MOST_WRITTEN = 400  # cells of a figure that still has room for numbers
MOST_NAMED = 12  # curves with a name of their own


def title(metric: str) -> str:
    """PSNR [dB]; the loss terms by their own names."""
    return TITLES.get(metric, metric.replace("_", " "))


def heatmap(summary: Summary, metric: str) -> Figure:
    """One metric's mean over the two main axes, a panel per combination of the others.

    The best cell has a solid frame, the recommended one (if another) a dashed frame. Bright is good, for metrics in which lower is better too. Cells without a value are crossed out with the
    reason; where the runs are no grid (random search), they are drawn as points.
    """
    layout = arrange(summary.table.axes)
    cells = summary.cells
    keys = [axis.key for axis in layout.panels]
    panels = list(cells.groupby(keys, sort=False)) if keys and len(cells) else [((), cells)]
    shown = panels[:MOST_PANELS]
    columns = min(len(shown), 4)
    wide = len(layout.across.values) if layout.across else 1
    high = len(layout.down.values) if layout.down else 1
    grid = is_grid(summary.table.axes, len(cells))
    width, height = (1.6 + 0.85 * min(wide, 24), 1.1 + 0.6 * min(high, 24)) if grid else (6.0, 4.0)
    rows = math.ceil(len(shown) / columns)
    figure = _figure(max(columns * width, 4.0) + 1.0, rows * height + 1.0)
    figure.suptitle(title(metric), fontsize=11, color=INK)
    values = cells[metric].to_numpy(dtype=float) if metric in cells else np.empty(0)
    norm = _norm(values)
    drawn: Any = None
    for number, (point, part) in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        if norm is None:
            _say(axes, "no run has this figure" if len(cells) else "no runs")
        elif grid:
            drawn = _draw_cells(axes, summary, part, metric, layout.down, layout.across, norm)
        else:
            drawn = _draw_points(axes, summary, part, metric, layout.down, layout.across, norm)
        if keys:
            named = zip(layout.panels, point, strict=True)
            axes.set_title(
                ", ".join(f"{axis.label} {spell(value)}" for axis, value in named), fontsize=9, color=MUTED
            )
    if drawn is not None and len(np.unique(values[np.isfinite(values)])) > 1:
        bar = figure.colorbar(drawn, ax=figure.axes, shrink=0.85, aspect=18 * rows)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8, colors=MUTED)
    if len(panels) > len(shown):
        figure.supxlabel(f"{len(shown)} of {len(panels)} panels", fontsize=8, color=MUTED)
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
        figure.legend(
            handles=handles, title=by.label, fontsize=8, title_fontsize=8, frameon=False, loc="outside right"
        )
    return figure


def to_image(figure: Figure) -> Image.Image:
    """Draw it as RGB."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def _draw_cells(
    axes: Axes,
    summary: Summary,
    cells: pd.DataFrame,
    metric: str,
    down: Axis | None,
    across: Axis | None,
    norm: Normalize,
) -> Any:
    rows = down.values if down else ("",)
    columns = across.values if across else ("",)
    shape = (len(rows), len(columns))
    places = {
        index: (rows.index(cell[down.key]) if down else 0, columns.index(cell[across.key]) if across else 0)
        for index, cell in cells.iterrows()
    }
    values = np.full(shape, np.nan)
    for index, place in places.items():
        values[place] = cells.loc[index, metric]
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
    for index, (row, column) in places.items():
        if np.isnan(values[row, column]):
            status = str(cells.loc[index, "status"]).lower()
            _cross_out(axes, row, column, "" if not written else "–" if status == "finished" else status)
    for index, style in {summary.recommended: "--", summary.best: "-"}.items():  # the same cell once, solid
        if index in places:
            row, column = places[index]
            corner = (column + 0.04, row + 0.04)
            axes.add_patch(
                Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=MARK, linestyle=style, linewidth=2.5)
            )
    axes.set_xlabel(across.label if across else "", color=INK)
    axes.set_ylabel(down.label if down else "", color=INK)
    axes.tick_params(length=0, labelsize=9, colors=MUTED, labelrotation=0)
    return axes.collections[0]


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


def _draw_points(
    axes: Axes,
    summary: Summary,
    cells: pd.DataFrame,
    metric: str,
    down: Axis | None,
    across: Axis | None,
    norm: Normalize,
) -> Any:
    """A random search: the metric as colour where both axes are numbers, as height where one is."""
    across, down = (down, across) if across and down and not across.is_numeric else (across, down)
    x = cells[across.key] if across else pd.Series(0, index=cells.index)
    y = cells[down.key] if down else cells[metric]
    drawn = axes.scatter(
        x, y, c=cells[metric], cmap=_colour_map(metric), norm=norm, s=45, edgecolors=MUTED, linewidths=0.5
    )
    if summary.best in cells.index:
        axes.scatter(
            x[summary.best], y[summary.best], s=140, facecolors="none", edgecolors=MARK, linewidths=2.5
        )
    for axis, scale in ((across, axes.set_xscale), (down, axes.set_yscale)):
        if axis is not None and axis.is_numeric and _spans_decades(axis):
            scale("log")
    axes.set_xlabel(across.label if across else "", color=INK)
    axes.set_ylabel(down.label if down else title(metric), color=INK)
    _plain(axes)
    return drawn


def _spans_decades(axis: Axis) -> bool:
    first, last = float(axis.values[0]), float(axis.values[-1])
    return first > 0 and last / first > 50


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(min(width, 24), min(height, 24)), dpi=125, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)  # seaborn measures its labels
    return figure


def _norm(values: np.ndarray) -> Normalize | None:
    """Colours from the lowest to the highest value; by decades where values span more than two."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and high / low > 100:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1e-9)


def _colour_map(metric: str) -> str:
    lower = metric in LOWER_IS_BETTER or metric not in TITLES  # loss terms
    return "mako_r" if lower else "mako"


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
