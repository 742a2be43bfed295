"""Curves over steps on a log scale, drawn with Pillow, as every point of a sweep has one: 8 ms, 50 with matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from inversion.pictures.drawing import INK, PAPER, font

SIZE = (1000, 562)  # px
LEFT, RIGHT, TOP, BELOW = 96, 20, 18, 56  # px beside the axes; BELOW without the legend
LINE = 28  # px of a row of the legend
COLUMNS = 5  # of the legend
FINE = 2  # lines are drawn so many times larger, and reduced
GRID, SHADE = "#d0d7de", 0.10  # colour of the grid; share of a band's colour
POINTS = 2000  # of a curve at most: two per pixel show its whole range


@dataclass(frozen=True)
class Curve:
    """Values per step; nan where nothing is drawn."""

    label: str
    values: np.ndarray  # [N]
    colour: str
    width: float  # px


@dataclass(frozen=True)
class Mark:
    """A dashed line at one step and a band from there to another one, with words beside them."""

    step: int
    end: int
    lines: tuple[str, ...]
    colour: str


def draw_chart(curves: Sequence[Curve], low: float, high: float, mark: Mark | None = None) -> Image.Image:
    """RGB, SIZE. curves: the first is on top, and first in the legend. low, high: limits of the values' axis."""
    legend = -(-len(curves) // COLUMNS)
    width, height = SIZE
    box = (LEFT, TOP, width - RIGHT, height - BELOW - legend * LINE)
    steps = max(curve.values.size for curve in curves)
    frame = _Frame(box, max(1, steps - 1), math.log10(low), math.log10(high))
    lines = Image.new("RGB", (width * FINE, height * FINE), PAPER)
    pen = ImageDraw.Draw(lines)
    if mark is not None:
        shade = _mixed(mark.colour, SHADE)
        pen.rectangle(_scaled([frame.x(mark.step), TOP, frame.x(mark.end), box[3]]), fill=shade)
    values, minor = _value_ticks(low, high)
    for value in values:
        pen.line(_scaled([box[0], frame.y(value), box[2], frame.y(value)]), GRID, 1)
    ticks = _step_ticks(frame.last)
    for step in ticks:
        pen.line(_scaled([frame.x(step), box[1], frame.x(step), box[3]]), GRID, 1)
    for value in minor:
        pen.line(_scaled([box[0] - 3, frame.y(value), box[0], frame.y(value)]), INK, 1)
    for curve in reversed(curves):
        _draw_curve(pen, frame, curve)
    if mark is not None:
        x = frame.x(mark.step)
        for top in range(box[1], box[3], 9):
            pen.line(_scaled([x, top, x, min(top + 5, box[3])]), mark.colour, 3)
    pen.line(_scaled([box[0], box[1], box[0], box[3], box[2], box[3]]), INK, 2)
    sheet = lines.reduce(FINE)
    _write(sheet, frame, curves, mark, values, ticks)
    return sheet


@dataclass(frozen=True)
class _Frame:
    """Where the axes are: left, top, right, bottom in px, the last step, the logarithms of the values' limits."""

    box: tuple[int, int, int, int]
    last: int
    low: float
    high: float

    def x(self, step: float) -> float:
        return self.box[0] + (self.box[2] - self.box[0]) * step / self.last

    def y(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.box[3] - (self.box[3] - self.box[1]) * min(1.0, max(0.0, part))


def _draw_curve(pen: ImageDraw.ImageDraw, frame: _Frame, curve: Curve) -> None:
    """Each stretch without gaps as a line, a lonely value as a dot."""
    width = round(curve.width * FINE)
    for stretch in _stretches(curve.values):
        places = [(frame.x(i) * FINE, frame.y(curve.values[i]) * FINE) for i in stretch]
        if len(places) == 1:
            ((x, y),) = places
            radius = 3 * FINE
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), curve.colour)
        else:
            pen.line(places, curve.colour, width, joint="curve")


def _stretches(values: np.ndarray) -> list[list[int]]:
    """Indices of neighbouring values that are there; of a long curve those of the extremes between two pixels."""
    there = np.flatnonzero(np.isfinite(values))
    if not there.size:
        return []
    parts = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    if values.size <= POINTS:
        return [part.tolist() for part in parts]
    return [_thinned(values, part) for part in parts]


def _thinned(values: np.ndarray, part: np.ndarray) -> list[int]:
    chosen = [part[0], part[-1]]
    for piece in np.array_split(part, min(part.size, POINTS // 2)):
        chosen += [piece[values[piece].argmin()], piece[values[piece].argmax()]]
    return sorted({int(index) for index in chosen})


def _write(
    sheet: Image.Image,
    frame: _Frame,
    curves: Sequence[Curve],
    mark: Mark | None,
    values: Sequence[float],
    steps: Sequence[int],
) -> None:
    """All words: numbers at the axes, their names, the mark's and the legend."""
    pen, large, small = ImageDraw.Draw(sheet), font(17), font(15)
    left, top, right, bottom = frame.box
    for value in values:
        pen.text((left - 8, frame.y(value)), f"{value:g}", INK, small, anchor="rm")
    for step in steps:
        pen.text((frame.x(step), bottom + 6), str(step), INK, small, anchor="ma")
    pen.text(((left + right) / 2, bottom + 26), "step", INK, large, anchor="ma")
    name = Image.new("L", (60, 26))
    ImageDraw.Draw(name).text((30, 13), "loss", 255, large, anchor="mm")
    turned = name.rotate(90, expand=True)
    sheet.paste(INK, (4, (top + bottom - turned.height) // 2), turned)
    if mark is not None:
        is_late = mark.step > 0.6 * frame.last  # keep the words inside the axes
        x = frame.x(mark.step) - 8 if is_late else frame.x(mark.end) + 8
        text, align = "\n".join(mark.lines), "right" if is_late else "left"
        pen.text((x, top + 10), text, mark.colour, small, anchor="ra" if is_late else "la", align=align)
    columns = min(len(curves), COLUMNS)
    for number, curve in enumerate(curves):
        row, column = divmod(number, COLUMNS)
        middle = (sheet.width / columns) * (column + 0.5)
        y = sheet.height - LINE * (-(-len(curves) // COLUMNS) - row) + LINE / 2 - 4
        start = middle - (pen.textlength(curve.label, small) + 34) / 2
        pen.line((start, y, start + 26, y), curve.colour, round(curve.width))
        pen.text((start + 34, y), curve.label, INK, small, anchor="lm")


def _value_ticks(low: float, high: float) -> tuple[list[float], list[float]]:
    """With a number, and without: powers of ten, all digits where there are few of those."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    powers = [10.0**n for n in decades if low <= 10.0**n <= high]
    digits = [d * 10.0**n for n in decades for d in range(2, 10) if low <= d * 10.0**n <= high]
    if len(powers) > 8:
        return powers[:: -(-len(powers) // 8)], powers
    if len(powers) >= 2:
        return powers, digits
    few = [v for v in digits if f"{v:.0e}"[0] in "25"] if len(digits) > 9 else digits
    return sorted([*powers, *few]), [v for v in digits if v not in few]


def _step_ticks(last: int) -> list[int]:
    """Whole steps, round ones, at most nine."""
    size = 10 ** max(0, math.floor(math.log10(last)) - 1)
    each = next(n * size for n in (1, 2, 5, 10, 20, 50, 100) if last / (n * size) <= 8)
    return list(range(0, last + 1, each))


def _scaled(places: Sequence[float]) -> list[float]:
    return [place * FINE for place in places]


def _mixed(colour: str, share: float) -> tuple[int, int, int]:
    """Of a colour on white."""
    red, green, blue = (round(255 + share * (int(colour[i : i + 2], 16) - 255)) for i in (1, 3, 5))
    return red, green, blue
