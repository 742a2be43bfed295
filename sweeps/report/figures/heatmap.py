"""One metric's mean over the two main axes, a panel per combination of the others."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inversion.metrics import catalogue
from inversion.pictures.drawing import INK, MUTED, PAPER
from sweeps.report.figures.style import ABSENT, GRID, MARK, labelled, literal, name_ticks, new_figure, say
from sweeps.results.axes import Axis, arrange, describe
from sweeps.results.summarize import Summary

MOST_PANELS = 12  # of one figure; the report shows all
MOST_WRITTEN = 400  # cells of a figure that still has room for numbers
STYLES = {"best": "-", "recommended": "--", "alike": ":"}


@dataclass(frozen=True)
class Panel:
    """One block of cells; every array is [rows, columns]."""

    title: str
    values: np.ndarray  # means, NaN where there is none
    words: np.ndarray  # what a cell without a value is: failed, missing, …
    marks: np.ndarray  # best, recommended, alike or ""


@dataclass(frozen=True)
class Heatmap:
    """A metric over a grid."""

    heading: str
    better: catalogue.Better | None
    down: Axis | None
    across: Axis | None
    panels: tuple[Panel, ...]

    @property
    def all_values(self) -> np.ndarray:
        """Of all panels, in one row, NaN left out."""
        values = np.concatenate([panel.values.ravel() for panel in self.panels] or [np.empty(0)])
        return np.asarray(values[np.isfinite(values)])


def heatmap_numbers(summary: Summary, metric: str) -> Heatmap:
    """A summary's cells in their places."""
    layout, cells = arrange(summary.table.axes), summary.cells
    keys = [axis.key for axis in layout.panels]
    parts = [part for _, part in cells.groupby(keys, sort=False)] if keys and len(cells) else [cells]
    shape = (
        len(layout.down.values) if layout.down else 1,
        len(layout.across.values) if layout.across else 1,
    )
    panels = []
    for part in parts:
        values = np.full(shape, np.nan)
        words, marks = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
        rows, columns = _places(part, layout.down), _places(part, layout.across)
        if metric in part:
            values[rows, columns] = part[metric]
        lower = part["status"].str.lower()
        words[rows, columns] = lower.replace("finished", "–")
        marks[rows, columns] = [summary.mark(i) for i in part.index.tolist()]
        title = describe(part.iloc[0], layout.panels) if keys and len(part) else ""
        panels.append(Panel(title, values, words, marks))
    better = catalogue.metric(metric).better
    return Heatmap(summary.heading(metric), better, layout.down, layout.across, tuple(panels))


def _places(cells: pd.DataFrame, axis: Axis | None) -> list[int]:
    """Which row, or column, each cell is in."""
    place = {} if axis is None else {value: i for i, value in enumerate(axis.values)}
    return [0] * len(cells) if axis is None else [place[value] for value in cells[axis.key]]


def draw_heatmap(numbers: Heatmap, cell: tuple[float, float] = (0.85, 0.6)) -> Figure:
    """Bright is good, for metrics in which lower is better too. The best cell has a solid frame, the recommended one a
    dashed frame, those that cannot be told apart from the best a dotted one; cells without a value are crossed out.

    cell: its width and height in inches. Where there is no room for numbers there is a scale of colours in their place,
    and no dotted frame: of 10,000 cells most have one.
    """
    norm = _norm(numbers.all_values, numbers.better)
    if norm is None:
        figure = new_figure(5.0, 3.0)
        say(figure.add_subplot(), "no run has this metric")
        figure.suptitle(numbers.heading, fontsize=11, color=INK)
        return figure
    shown = numbers.panels[:MOST_PANELS]
    columns = min(len(shown), 4)
    rows = math.ceil(len(shown) / columns)
    high, wide = shown[0].values.shape
    width, height = 1.0 + cell[0] * min(wide, 24), 0.8 + cell[1] * min(high, 24)
    has_bar = norm.vmin != norm.vmax and not _is_written(numbers)
    figure = new_figure(max(columns * width, 2.4) + has_bar, rows * height + 0.3)
    for number, panel in enumerate(shown):
        axes = figure.add_subplot(rows, columns, number + 1)
        _draw_panel(axes, numbers, panel, norm)
        axes.set_title(literal(panel.title), fontsize=9, color=MUTED)
    if has_bar:
        bar = figure.colorbar(figure.axes[0].collections[0], ax=figure.axes, shrink=0.85, aspect=18 * rows)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8, colors=MUTED)
    if len(numbers.panels) > len(shown):
        figure.supxlabel(f"{len(shown)} of {len(numbers.panels)} panels", fontsize=8, color=MUTED)
    letters = int(figure.get_figwidth() * 72 / 6.2)  # abreast
    figure.suptitle("\n".join(textwrap.wrap(numbers.heading, letters)), fontsize=11, color=INK)
    return figure


def _draw_panel(axes: Axes, numbers: Heatmap, panel: Panel, norm: Normalize) -> None:
    written = _is_written(numbers)
    sns.heatmap(
        panel.values,
        ax=axes,
        norm=norm,
        cmap=_colour_map(numbers.better),
        cbar=False,
        annot=written,
        fmt=_format(numbers.all_values),
        annot_kws={"fontsize": 9 if panel.values.size <= 100 else 6},
        linewidths=1 if written else 0,
        linecolor=PAPER,
        xticklabels=False,
        yticklabels=False,
    )
    for axis, shown in ((axes.xaxis, numbers.across), (axes.yaxis, numbers.down)):
        if shown is not None:
            name_ticks(axis, shown.values)
    absent = np.argwhere(np.isnan(panel.values))
    if written:
        for row, column in absent:
            _cross_out(axes, (row, column), (1, 1), str(panel.words[row, column]))
    elif len(absent):
        _cross_out(axes, (0, 0), panel.values.shape, "", zorder=0)  # seen where no cell covers it
    marks = STYLES if written else {mark: style for mark, style in STYLES.items() if mark != "alike"}
    for row, column in np.argwhere(np.isin(panel.marks.astype(str), list(marks))):
        style = STYLES[panel.marks[row, column]]
        frame = Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False, edgecolor=MARK)
        frame.set(linestyle=style, linewidth=1.2 if style == ":" else 2.5)
        axes.add_patch(frame)
    labelled(axes, numbers.across.label if numbers.across else "", numbers.down.label if numbers.down else "")
    axes.tick_params(length=0, labelsize=9, colors=MUTED, labelrotation=0)


def _is_written(numbers: Heatmap) -> bool:
    """Whether every cell has room for its number."""
    return sum(panel.values.size for panel in numbers.panels) <= MOST_WRITTEN


def _norm(values: np.ndarray, better: catalogue.Better | None) -> Normalize | None:
    """Colours from the lowest to the highest value; by decades where values span more than two."""
    if not values.size:
        return None
    if better == "zero":
        reach = float(np.abs(values).max()) or 1.0
        return Normalize(-reach, reach)
    low, high = float(values.min()), float(values.max())
    return LogNorm(low, high) if low > 0 and high / low > 100 else Normalize(low, high)


def _colour_map(better: catalogue.Better | None) -> str | ListedColormap:
    if better == "zero":  # dark, bright, dark
        half = sns.color_palette("mako", 64)
        return ListedColormap([*half, *half[::-1]])
    return "mako_r" if better == "lower" else "mako"


def _format(values: np.ndarray) -> str:
    finite = np.abs(values)
    if finite.max() >= 1000 or 0 < finite.min() < 0.005:
        return ".3g"
    return ".0f" if finite.max() >= 100 else ".1f" if finite.max() >= 10 else ".2f"


def _cross_out(
    axes: Axes, place: tuple[int, int], shape: tuple[int, ...], text: str, zorder: float = 1
) -> None:
    (row, column), (high, wide) = place, shape
    box = Rectangle((column, row), wide, high, facecolor=ABSENT, edgecolor=GRID, hatch="////", linewidth=0)
    box.set_zorder(zorder)
    axes.add_patch(box)
    if text:
        back = {"facecolor": ABSENT, "edgecolor": "none", "pad": 1.5}
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=MUTED, bbox=back)
