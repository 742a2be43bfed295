"""Table and pictures → one contact sheet, laid out by the grid's axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
from PIL import Image, ImageDraw

from inversion.pictures.drawing import INK, MUTED, PAPER, font
from sweeps.report.sheets.cell import Picture, draw_cell
from sweeps.report.sheets.head import draw_head
from sweeps.report.sheets.sizes import MOST_PHOTOS, Sizes, abreast, fitting
from sweeps.report.sheets.texts import note
from sweeps.results.axes import Axis, arrange, describe, spell
from sweeps.results.criterion import QUALITY
from sweeps.results.gaps import PHOTO
from sweeps.results.summarize import Summary

GALLERY = 8  # columns, where the runs are no grid
MOST_LISTED = 400  # cells of such a sheet, as many as a person looks at; one block of them is a square


@dataclass(frozen=True)
class Block:
    """Cells in rows and columns below one title."""

    title: str
    cells: pd.DataFrame
    down: Axis | None
    across: Axis | None
    columns: int

    @property
    def rows(self) -> int:
        return len(self.down.values) if self.down else -(-len(self.cells) // self.columns)


def blocks_of(summary: Summary) -> list[Block]:
    """A grid's panels; runs that are no grid follow one another in one block, the best first."""
    cells, layout = summary.cells, arrange(summary.table.axes)
    if summary.table.is_list:
        return _lists(summary)
    if not summary.table.is_grid:
        ranked = cells.sort_values(QUALITY, ascending=False, kind="stable", na_position="last")
        return [Block("", ranked, None, None, min(GALLERY, len(cells)))]
    columns = len(layout.across.values) if layout.across else 1
    keys = [axis.key for axis in layout.panels]
    parts = [part for _, part in cells.groupby(keys, sort=False)] if keys else [cells]
    titles = [describe(part.iloc[0], layout.panels) if keys else "" for part in parts]
    return [
        Block(title, part, layout.down, layout.across, columns)
        for title, part in zip(titles, parts, strict=True)
    ]


def _lists(summary: Summary) -> list[Block]:
    """A table's lines in their order, in a block per photo."""
    cells = summary.cells
    if PHOTO not in summary.table.keys:
        return [Block("", cells, None, None, min(GALLERY, len(cells)))]
    parts = [(str(photo), part) for photo, part in cells.groupby(PHOTO, sort=False)]
    widest = min(GALLERY, max(len(part) for _, part in parts))
    return [Block(photo, part, None, None, widest) for photo, part in parts]


def bounded(summary: Summary, blocks: Sequence[Block]) -> tuple[list[Block], str]:
    """At most MOST_LISTED cells, the first of all blocks, where cells have no places; and what the sheet says of it."""
    cells = sum(len(block.cells) for block in blocks)
    if summary.table.is_grid or cells <= MOST_LISTED:
        return list(blocks), ""
    largest = min(MOST_LISTED, max(len(block.cells) for block in blocks))
    columns = max(blocks[0].columns, math.isqrt(largest))
    kept, left = [], MOST_LISTED
    for block in blocks:
        if left > 0:
            kept.append(replace(block, cells=block.cells.head(left), columns=columns))
            left -= len(block.cells)
    which = "first" if summary.table.is_list else "best"
    return kept, f"Shown are the {which} {MOST_LISTED} of {cells:,} settings; report.html has all of them."


def contact_sheet(summary: Summary, picture: Picture) -> Image.Image:
    """One picture per cell, the one that a person takes home, with its metrics below; the chosen cells framed.

    Rows and columns are the two main axes, the others make further blocks. The photo as it is given, and its original,
    lead the sheet. Of several photos a cell shows up to four. Cells without a restoration are drawn as failed, killed,
    running or missing. Of thousands of cells that are no grid the best MOST_LISTED are shown.
    """
    if summary.cells.empty:
        return note("no runs")
    blocks, said = bounded(summary, blocks_of(summary))
    shown = [int(i) for block in blocks for i in block.cells.index]
    runs = [int((summary.problems(i)["run_id"] != "").sum()) for i in shown]
    photos = min(max(1, *runs), MOST_PHOTOS)  # one that could not be aligned has no run, and takes no place
    sizes = fitting(blocks[0].columns, sum(block.rows for block in blocks) + 1, photos)
    drawn = [_draw_block(summary, picture, sizes, block) for block in blocks]
    beside = abreast(len(drawn), drawn[0].width / drawn[0].height)
    lines = [_row(drawn[start : start + beside], sizes) for start in range(0, len(drawn), beside)]
    return stack([draw_head(summary, picture, sizes, lines[0].width, said), *lines], sizes)


def _draw_block(summary: Summary, picture: Picture, sizes: Sizes, block: Block) -> Image.Image:
    """One grid of cells with its headings."""
    (width, height), (down, across) = sizes.cell, (block.down, block.across)
    bold, small = font(sizes.text + 2), font(sizes.text)
    rows = [spell(value) for value in down.values] if down else []
    widest = max((bold.getlength(text) for text in [*rows, down.label] if down), default=0) if down else 0
    left = round(widest) + 2 * sizes.gap if down else sizes.gap // 2  # of a frame
    top = sizes.line * (2 * bool(across) + bool(block.title)) + sizes.gap
    image = Image.new("RGB", (left + block.columns * width, top + block.rows * height), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((0, 0), block.title, INK, bold)
    if across:
        at = sizes.line * bool(block.title)
        draw.text((left + block.columns * width / 2, at), across.label, MUTED, small, anchor="ma")
        for column, value in enumerate(across.values):
            x = left + column * width + sizes.area[0] / 2
            draw.text((x, at + sizes.line), spell(value), INK, bold, anchor="ma")
    if down:
        draw.text((left - sizes.gap, top - sizes.gap), down.label, MUTED, small, anchor="rs")
        for row, text in enumerate(rows):
            y = top + row * height + sizes.area[1] / 2
            draw.text((left - 2 * sizes.gap, y), text, INK, bold, anchor="rm")
    for number, (index, cell) in enumerate(block.cells.iterrows()):
        row = down.values.index(cell[down.key]) if down else number // block.columns
        column = across.values.index(cell[across.key]) if across else number % block.columns
        place = (left + column * width, top + row * height)
        settings = [axis for axis in summary.table.axes if axis.key != PHOTO]
        named = "" if down or across else describe(cell, settings)
        draw_cell(image, summary, picture, sizes, int(index), place, named)  # type: ignore[call-overload]
    return image


def stack(pieces: Sequence[Image.Image], sizes: Sizes) -> Image.Image:
    """Below one another, with a margin around all."""
    margin = 2 * sizes.gap
    width = max(piece.width for piece in pieces) + 2 * margin
    height = sum(piece.height + 2 * sizes.gap for piece in pieces) + 2 * margin - 2 * sizes.gap
    sheet = Image.new("RGB", (width, height), PAPER)
    y = margin
    for piece in pieces:
        sheet.paste(piece, (margin, y))
        y += piece.height + 2 * sizes.gap
    return sheet


def _row(pieces: Sequence[Image.Image], sizes: Sizes) -> Image.Image:
    gap = 4 * sizes.gap
    row = Image.new("RGB", (sum(p.width + gap for p in pieces) - gap, max(p.height for p in pieces)), PAPER)
    x = 0
    for piece in pieces:
        row.paste(piece, (x, 0))
        x += piece.width + gap
    return row
