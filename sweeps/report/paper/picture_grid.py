"""The restorations in the places of the grid, as a figure: pictures at 300 dpi, all words as texts."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from inversion.pictures.drawing import INK, MUTED
from sweeps.report.figures.heatmap import STYLES
from sweeps.report.figures.style import ABSENT, MARK, literal, new_figure
from sweeps.report.sheets.cell import Picture, final_picture
from sweeps.report.sheets.contact_sheet import Block, blocks_of
from sweeps.report.sheets.head import given_pictures
from sweeps.report.sheets.sizes import Sizes
from sweeps.report.sheets.texts import caption
from sweeps.results.axes import describe, spell
from sweeps.results.cells import status_of
from sweeps.results.gaps import PHOTO
from sweeps.results.summarize import Summary

WIDTH, LARGEST = 6.7, 1.5  # inches: of the text, of a cell
MOST_LETTERS = 0.24  # inches of a cell below which captions are left out
SIDE = 256  # px of a picture


@dataclass(frozen=True)
class PictureCell:
    """One place of the grid."""

    row: float
    column: int
    picture: Image.Image | None
    status: str  # where there is no picture
    caption: str
    mark: str


@dataclass(frozen=True)
class PictureGrid:
    """One block of cells, or the photos as they were given."""

    title: str
    down: tuple[str, tuple[str, ...]] | None  # label and values
    across: tuple[str, tuple[str, ...]] | None
    cells: tuple[PictureCell, ...]
    rows: int
    columns: int
    is_given: bool = False


def grid_numbers(summary: Summary, picture: Picture, photo: str) -> list[PictureGrid]:
    """What is given of one photo, then every block of the contact sheet with this photo and its figures."""
    rows = summary.table.rows
    own = replace(summary, table=replace(summary.table, rows=rows[rows["photo"] == photo]))
    given = given_pictures(own, picture, Sizes(SIDE, 1))
    first = tuple(PictureCell(0, i, image, "", name, "") for i, (name, image) in enumerate(given))
    grids = [PictureGrid("", None, None, first, 1, len(first), True)] if first else []
    blocks = [block for block in blocks_of(summary) if _shows(summary, block, photo)]
    return grids + [_block(summary, picture, block, photo) for block in blocks]


def _shows(summary: Summary, block: Block, photo: str) -> bool:
    """Whether a block has cells of this photo: a table's photos each have a block of their own."""
    return any(photo in set(summary.problems(i)["photo"]) for i in block.cells.index.tolist())


def draw_grid(grid: PictureGrid, columns: int | None = None) -> Figure:
    """columns: as many as the widest grid of the document has, so that all pictures are of one size."""
    side = min(LARGEST, (WIDTH - 0.7) / max(columns or grid.columns, 1))
    captioned = side > MOST_LETTERS and any(cell.caption for cell in grid.cells)
    tall = side + (0.36 if captioned else 0.04)
    top = 0.55 if grid.across else 0.25
    figure = new_figure(WIDTH, top + grid.rows * tall + 0.1)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    left = max(0.7 if grid.down else 0, (WIDTH - grid.columns * side) / 2)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(top + grid.rows * tall + 0.1, 0)
    size = float(np.clip(side * 6.5, 4, 9))
    for cell in grid.cells:
        _draw(axes, cell, (left + cell.column * side, top + cell.row * tall), side, size if captioned else 0)
    if grid.title:
        axes.text(left, 0.12, literal(grid.title), fontsize=9, color=INK, va="center")
    if grid.across:
        label, values = grid.across
        axes.text(left + grid.columns * side / 2, 0.22, literal(label), ha="center", color=MUTED, fontsize=9)
        for i, value in enumerate(values):
            at = left + (i + 0.5) * side
            axes.text(at, top - 0.06, literal(value), ha="center", fontsize=size + 1, color=INK)
    if grid.down:
        label, values = grid.down
        axes.text(left - 0.1, top - 0.06, literal(label), ha="right", color=MUTED, fontsize=9)
        for i, value in enumerate(values):
            y = top + i * tall + side / 2
            axes.text(left - 0.1, y, literal(value), ha="right", va="center", fontsize=size + 1, color=INK)
    return figure


def _block(summary: Summary, picture: Picture, block: Block, photo: str) -> PictureGrid:
    down, across, cells = block.down, block.across, []
    settings = [axis for axis in summary.table.axes if axis.key != PHOTO]
    for number, i in enumerate(block.cells.index.tolist()):
        cell = summary.cells.iloc[i]
        row = down.values.index(cell[down.key]) if down else number // block.columns
        column = across.values.index(cell[across.key]) if across else number % block.columns
        problems = summary.problems(i)
        problems = problems[problems["photo"] == photo]
        shown = (final_picture(picture, run) for run in problems["run_id"] if run)
        found = next((one for one in shown if one is not None), None)
        finished = problems[problems["status"] == "FINISHED"]
        means = finished[list(summary.table.metrics)].mean()
        means["n"] = len(finished)
        words = caption(means, summary.criterion).replace(" · ", "\n")
        if not (down or across):
            words = f"{describe(cell, settings)}\n{words}"
        status = status_of(problems["status"]).lower() if len(problems) else "missing"
        cells.append(PictureCell(row, column, found, status, words, summary.mark(i)))
    return PictureGrid(
        "" if PHOTO in summary.table.keys else block.title,  # the caption names the photo
        (down.label, tuple(map(spell, down.values))) if down else None,
        (across.label, tuple(map(spell, across.values))) if across else None,
        tuple(cells),
        block.rows,
        block.columns,
    )


def _draw(axes: Axes, cell: PictureCell, place: tuple[float, float], side: float, size: float) -> None:
    """size: of letters in points; 0 for none."""
    (x, y), gap = place, min(0.04, side / 12)
    box = (x + gap / 2, x + side - gap / 2, y + side - gap / 2, y + gap / 2)
    if cell.picture is not None:
        axes.imshow(
            np.asarray(cell.picture.convert("RGB")), extent=box, aspect="auto", interpolation="nearest"
        )
    else:
        axes.add_patch(
            Rectangle((x + gap / 2, y + gap / 2), side - gap, side - gap, facecolor=ABSENT, edgecolor="none")
        )
        axes.text(x + side / 2, y + side / 2, cell.status, ha="center", va="center", fontsize=7, color=MUTED)
    if style := STYLES.get(cell.mark):
        edge = Rectangle((x + gap / 2, y + gap / 2), side - gap, side - gap, fill=False, edgecolor=MARK)
        edge.set(linestyle=style, linewidth=1.0 if style == ":" else 1.8)
        axes.add_patch(edge)
    if size:
        room = max(8, int(side * 72 / (0.6 * size)))  # letters abreast
        lines = [part for line in cell.caption.split("\n") for part in textwrap.wrap(line, room)]
        words = "\n".join(lines[:2])
        axes.text(
            x + side / 2, y + side + 0.02, literal(words), ha="center", va="top", fontsize=size, color=INK
        )
