"""How all drawings look: colours, axes, and a figure without pyplot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from inversion.pictures.drawing import INK, MUTED, PAPER
from sweeps.results.axes import Axis, spell

MARK, GRID, ABSENT, POINT = "#bc4c00", "#d0d7de", "#f0f2f4", "#348fa7"
RASTER_DPI = 300  # of pictures inside vector figures
PALEST = 0.88  # of viridis: its end vanishes on white paper
MOST_NAMED = 16  # entries of a legend


def new_figure(width: float, height: float) -> Figure:
    """In inches, at most 24 each way."""
    figure = Figure(figsize=(min(width, 24), min(height, 24)), dpi=125, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)  # seaborn measures its labels
    return figure


def save_vector(figure: Figure, path: Path) -> None:
    """As NAME.svg and NAME.pdf, with texts as texts and pictures at RASTER_DPI; the same bytes each time.

    path: without an ending.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # once for both files: it takes longer than drawing
    with rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": path.name}):
        figure.savefig(path.with_suffix(".svg"), dpi=RASTER_DPI, metadata={"Date": None})
        figure.savefig(path.with_suffix(".pdf"), dpi=RASTER_DPI, metadata={"CreationDate": None})


def plain(axes: Axes) -> None:
    """Left and bottom lines only."""
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, colors=MUTED)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)


def logarithmic(axis: XAxis | YAxis, low: float, high: float) -> None:
    """Few ticks with plain numbers on an axis with a log scale: 20, 50, 100 and not 2 × 10¹. low, high: its limits."""
    decades = math.log10(high / low) if high > low > 0 else 1.0
    subs = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0) if decades < 0.8 else (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def say(axes: Axes, text: str) -> None:
    """A sentence in the place of a drawing."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=MUTED)


def name_ticks(axis: XAxis | YAxis, values: Sequence[Any]) -> None:
    """In the middle of each cell of a heatmap; at most some thirty of them: 500 ticks take a second to draw."""
    every = math.ceil(len(values) / 30)
    places = range(0, len(values), every)
    texts = [literal(spell(values[i])) for i in places]
    axis.set_ticks([i + 0.5 for i in places], texts, va="center" if isinstance(axis, YAxis) else "top")


def colours_of(axis: Axis | None) -> dict[Any, Any]:
    """A colour per value: one scale from low to high for numbers, unlike colours for names."""
    if axis is None:
        return {}
    count = len(axis.values)
    palette = colormaps["viridis"](np.linspace(0, PALEST, count)) if axis.is_numeric else names(count)
    return dict(zip(axis.values, map(tuple, palette), strict=True))


def names(count: int) -> list[Any]:
    return list(sns.color_palette("colorblind" if count <= 10 else "husl", count))


def spans_decades(values: Iterable[float]) -> bool:
    """Whether numbers want a logarithmic axis."""
    values = list(values)
    return min(values) > 0 and max(values) / min(values) > 50


def literal(text: str) -> str:
    """A text that is drawn as it is: between two dollars matplotlib would read a formula.

    What the font has no letter for is drawn as a box.
    """
    known = _letters()
    text = "".join(letter if letter == "\n" or ord(letter) in known else "\u25a1" for letter in text)
    return text.replace("$", r"\$")


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """Code points of the font that figures are drawn in."""
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def labelled(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
