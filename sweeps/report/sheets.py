"""Table and pictures → one contact sheet, laid out by the grid's axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from inversion.pictures.panels import INK, MUTED, PAPER
from inversion.pictures.panels import _font as font
from inversion.pictures.panels import _wrap as wrap
from sweeps.report.figures import ABSENT, GRID, MARK
from sweeps.results.axes import Axis, arrange, describe, is_grid, spell
from sweeps.results.summarize import Summary

Picture = Callable[[str, str], Image.Image | None]  # (run id, file name) → picture; None when there is none

LARGEST, SMALLEST = 256, 48  # px: side of a cell's picture
MOST_PIXELS = 24_000_000  # of the sheet
LEGIBLE = 96  # px: smaller cells have no room for captions
MOST_PHOTOS = 4  # per cell; several share it as a mosaic
GALLERY = 8  # columns, where the runs are no grid


@dataclass(frozen=True)
class Sizes:
    """Everything that scales with the cells, in pixels."""

    side: int  # of a picture

    @property
    def text(self) -> int:
        return max(11, round(self.side / 16))

    @property
    def line(self) -> int:
        return round(self.text * 1.35)

    @property
    def gap(self) -> int:
        return max(4, self.side // 24)

    @property
    def captions(self) -> int:
        """Lines below a picture."""
        return 0 if self.side < LEGIBLE else 2

    @property
    def cell(self) -> tuple[int, int]:
        """Width and height from one cell to the next."""
        return self.side + self.gap, self.side + self.gap + self.captions * self.line


def contact_sheet(summary: Summary, picture: Picture) -> Image.Image:
    """One picture per cell with PSNR and identity distance below it; the best cell framed.

    Rows and columns are the two main axes, the others make further blocks below one another. The photo (and its
    degraded version, when all cells saw the same) leads the sheet. Of several photos a cell shows up to four.
    Cells without a restoration are drawn as failed, killed, running or missing. Runs that are no grid follow
    one another, best first.
    """
    table, cells = summary.table, summary.cells
    if cells.empty:
        return _note("no runs")
    layout = arrange(table.axes)
    grid = is_grid(table.axes, len(cells))
    blocks: list[tuple[str, pd.DataFrame]] = [("", cells)]
    if grid and layout.panels:
        keys = [axis.key for axis in layout.panels]
        blocks = [
            (describe(part.iloc[0], layout.panels), part) for _, part in cells.groupby(keys, sort=False)
        ]
    if grid:
        columns = len(layout.across.values) if layout.across else 1
        rows = len(layout.down.values) if layout.down else 1
    else:
        ranked = cells.sort_values("quality", ascending=False, kind="stable", na_position="last")
        blocks, columns = [("", ranked)], min(GALLERY, len(cells))
        rows = -(-len(cells) // columns)
    sizes = fitting(columns, rows * len(blocks) + 1)
    down, across = (layout.down, layout.across) if grid else (None, None)
    drawn = [_block(summary, picture, sizes, part, title, down, across, columns) for title, part in blocks]
    beside = abreast(len(drawn), drawn[0].width / drawn[0].height)
    lines = [_row(drawn[start : start + beside], sizes) for start in range(0, len(drawn), beside)]
    return _stack([_head(summary, picture, sizes, lines[0].width), *lines], sizes)


def fitting(columns: int, rows: int) -> Sizes:
    """The largest cells with which a sheet of so many stays within MOST_PIXELS."""
    side = LARGEST
    while side > SMALLEST:
        width, height = Sizes(side).cell
        if columns * width * rows * height <= MOST_PIXELS:
            break
        side -= 8
    return Sizes(side)


def abreast(blocks: int, aspect: float) -> int:
    """How many blocks (width / height = aspect) stand side by side, so that the sheet is nearest to 3:2."""
    return min(range(1, blocks + 1), key=lambda n: abs(math.log(n * aspect / -(-blocks // n) / 1.5)))


def _block(
    summary: Summary,
    picture: Picture,
    sizes: Sizes,
    cells: pd.DataFrame,
    title: str,
    down: Axis | None,
    across: Axis | None,
    columns: int,
) -> Image.Image:
    """One grid of cells with its headings."""
    width, height = sizes.cell
    bold = font(sizes.text + 2)
    rows = [spell(value) for value in down.values] if down else []
    left = (
        round(max((bold.getlength(text) for text in [*rows, down.label] if down), default=0)) + 2 * sizes.gap
        if down
        else 0
    )
    top = sizes.line * (2 * bool(across) + bool(title)) + sizes.gap
    count = len(rows) or -(-len(cells) // columns)
    image = Image.new("RGB", (left + columns * width, top + count * height), PAPER)
    draw = ImageDraw.Draw(image)
    if title:
        draw.text((0, 0), title, INK, bold)
    if across:
        at = sizes.line * bool(title)
        draw.text((left + columns * width / 2, at), across.label, MUTED, font(sizes.text), anchor="ma")
        for column, value in enumerate(across.values):
            draw.text(
                (left + column * width + sizes.side / 2, at + sizes.line),
                spell(value),
                INK,
                bold,
                anchor="ma",
            )
    if down:
        draw.text((left - sizes.gap, top - sizes.gap), down.label, MUTED, font(sizes.text), anchor="rs")
        for row, text in enumerate(rows):
            draw.text(
                (left - 2 * sizes.gap, top + row * height + sizes.side / 2), text, INK, bold, anchor="rm"
            )
    for number, (index, cell) in enumerate(cells.iterrows()):
        row = down.values.index(cell[down.key]) if down else number // columns
        column = across.values.index(cell[across.key]) if across else number % columns
        place = (left + column * width, top + row * height)
        named = "" if down or across else describe(cell, summary.table.axes)
        _draw_cell(image, summary, picture, sizes, index, place, named)
    return image


def _draw_cell(
    image: Image.Image,
    summary: Summary,
    picture: Picture,
    sizes: Sizes,
    index: object,
    place: tuple[int, int],
    named: str,
) -> None:
    cell = summary.cells.loc[index]  # type: ignore[call-overload]
    draw = ImageDraw.Draw(image)
    x, y = place
    problems = problems_of(summary, cell)
    shown = [
        p for run in problems["run_id"].head(MOST_PHOTOS) if (p := picture(run, "restored.png")) is not None
    ]
    box = (x, y, x + sizes.side - 1, y + sizes.side - 1)
    if shown:
        image.paste(mosaic(shown, sizes.side), place)
    else:
        _draw_absence(draw, box, sizes, cell["status"], next(iter(filter(None, problems["reason"])), ""))
    if index in (summary.best, summary.recommended):
        line = max(2, sizes.side // 48)
        outside = (x - line, y - line, x + sizes.side - 1 + line, y + sizes.side - 1 + line)
        draw.rectangle(outside, outline=MARK, width=line)
    if sizes.captions:
        word = "best" if index == summary.best else "recommended" if index == summary.recommended else ""
        status = cell["status"].lower() if shown and cell["status"] != "FINISHED" else ""
        lines = [caption(cell, summary.original_known), " · ".join(filter(None, [word, named, status]))]
        for number, text in enumerate(lines):
            at = (x + sizes.side / 2, y + sizes.side + sizes.gap / 2 + number * sizes.line)
            colour = MARK if number and word else INK if not number else MUTED
            draw.text(
                at,
                _cut(text, font(sizes.text), sizes.side + sizes.gap),
                colour,
                font(sizes.text),
                anchor="ma",
            )


def problems_of(summary: Summary, cell: pd.Series) -> pd.DataFrame:
    """The table's rows that a cell stands for."""
    rows = summary.table.rows
    for key in summary.table.keys:
        rows = rows[rows[key] == cell[key]]
    return rows


def caption(cell: pd.Series, original_known: bool) -> str:
    """24.1 dB · identity 0.31 · n 4; the fit where the original is not known; nothing without figures."""
    parts = []
    if original_known and pd.notna(cell["psnr"]):
        parts.append(f"{cell['psnr']:.1f} dB")
    if original_known and "identity_distance" in cell and pd.notna(cell["identity_distance"]):
        parts.append(f"id {cell['identity_distance']:.2f}")
    if not original_known and "fit_psnr" in cell and pd.notna(cell["fit_psnr"]):
        parts.append(f"fit {cell['fit_psnr']:.1f} dB")
    if cell["n"] > 1:
        parts.append(f"n {cell['n']}")
    return " · ".join(parts)


def mosaic(pictures: Sequence[Image.Image], side: int) -> Image.Image:
    """One picture, or up to four in a square, at `side` px."""
    if len(pictures) == 1:
        return pictures[0].convert("RGB").resize((side, side), _filter(pictures[0], side))
    half = side // 2
    square = Image.new("RGB", (side, side), PAPER)
    for number, one in enumerate(pictures[:MOST_PHOTOS]):
        small = one.convert("RGB").resize((half - 1, half - 1), _filter(one, half))
        square.paste(small, ((number % 2) * (half + 1), (number // 2) * (half + 1)))
    return square


def _head(summary: Summary, picture: Picture, sizes: Sizes, room: int) -> Image.Image:
    """What all cells started from, beside the title and the recommendation."""
    rows = summary.table.rows[summary.table.rows["status"] == "FINISHED"].drop_duplicates("photo")
    samples: list[tuple[str, Image.Image]] = []
    for name, word in (("original.png", "original"), ("degraded.png", "degraded")):
        if name == "degraded.png" and not _one_degradation(summary):
            continue
        found = [p for run in rows["run_id"].head(MOST_PHOTOS) if (p := picture(run, name)) is not None]
        if found:
            samples.append((word if summary.original_known else "photo as given", mosaic(found, sizes.side)))
    width = max(room, (len(samples) + 2) * sizes.cell[0])
    beside = len(samples) * sizes.cell[0]
    large = max(sizes.text, width // 150)  # read first, and from further away
    texts = [(summary.table.title, INK, font(round(1.5 * large))), (summary.reason, MUTED, font(large))]
    beside_pictures = max(width - beside - 2 * sizes.gap, 200)
    lines = [
        (line, colour, used)
        for text, colour, used in texts
        for line in wrap(text, used, min(beside_pictures, 50 * large))  # some hundred letters
    ]
    tall = sizes.gap + sum(round(used.size * 1.4) for _, _, used in lines)
    image = Image.new(
        "RGB", (width, max(tall, (sizes.side + sizes.line) if samples else 0) + 2 * sizes.gap), PAPER
    )
    draw = ImageDraw.Draw(image)
    for number, (word, sample) in enumerate(samples):
        x = number * sizes.cell[0]
        image.paste(sample, (x, 0))
        draw.text(
            (x + sizes.side / 2, sizes.side + sizes.gap / 2), word, MUTED, font(sizes.text), anchor="ma"
        )
    y = 0
    for line, colour, used in lines:
        draw.text((beside + sizes.gap * bool(samples), y), line, colour, used)
        y += round(used.size * 1.4)
    return image


def _one_degradation(summary: Summary) -> bool:
    """Whether a photo was degraded alike in all cells."""
    return not any(axis.key.startswith(("degradation.", "input.")) for axis in summary.table.axes)


def _draw_absence(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], sizes: Sizes, status: str, reason: str
) -> None:
    left, top, right, bottom = box
    draw.rectangle(box, fill=ABSENT, outline=GRID, width=max(1, sizes.side // 128))
    draw.line((left, bottom, right, top), fill=GRID, width=max(1, sizes.side // 128))
    word = {"FINISHED": "no picture"}.get(status, status.lower())
    used = font(sizes.text + 1)
    lines = [(word, INK, used)]
    if reason and sizes.captions:
        small = font(max(10, sizes.text - 2))
        lines += [
            (_cut(text, small, sizes.side - 8), MUTED, small)
            for text in wrap(reason, small, sizes.side - 12)[:5]
        ]
    y = (top + bottom) / 2 - sum(f.size * 1.3 for _, _, f in lines) / 2
    for text, colour, written in lines:
        half, tall = written.getlength(text) / 2 + 3, written.size * 1.3
        middle = (left + right) / 2
        draw.rectangle((middle - half, y, middle + half, y + tall), fill=ABSENT)
        draw.text((middle, y), text, colour, written, anchor="ma")
        y += tall


def _stack(pieces: Sequence[Image.Image], sizes: Sizes) -> Image.Image:
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


def _note(text: str) -> Image.Image:
    image = Image.new("RGB", (400, 120), PAPER)
    ImageDraw.Draw(image).text((200, 60), text, MUTED, font(16), anchor="mm")
    return image


def _filter(picture: Image.Image, side: int) -> Image.Resampling:
    return Image.Resampling.BICUBIC if picture.width < side else Image.Resampling.LANCZOS


def _cut(text: str, used: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, or as much of it as fits and an ellipsis."""
    if used.getlength(text) <= width:
        return text
    while text and used.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
