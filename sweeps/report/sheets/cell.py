"""One cell of a contact sheet: its pictures or the reason for their absence, its caption, its frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from inversion.pictures.drawing import INK, MUTED, PAPER, cut, font, wrap
from sweeps.report.figures.style import ABSENT, GRID, MARK
from sweeps.report.sheets.sizes import MOST_PHOTOS, TILES, Sizes
from sweeps.report.sheets.texts import caption
from sweeps.results.summarize import Summary

Picture = Callable[[str, str], Image.Image | None]  # (run id, file name) → picture; None when there is none
FINAL = ("consistent.png", "restored.png")  # the first that a run has: result.png, as small as a cell
FRAMED = ("best", "recommended")


def final_picture(picture: Picture, run_id: str) -> Image.Image | None:
    """consistent.png, or restored.png where nothing was to be put back."""
    return next((found for name in FINAL if run_id and (found := picture(run_id, name)) is not None), None)


def draw_cell(
    image: Image.Image,
    summary: Summary,
    picture: Picture,
    sizes: Sizes,
    index: int,
    place: tuple[int, int],  # left and top
    named: str,
) -> None:
    """Onto the sheet."""
    cell, draw = summary.cells.iloc[index], ImageDraw.Draw(image)
    (x, y), (width, height) = place, sizes.area
    problems = summary.problems(index)
    shown = [
        found
        for run in problems["run_id"].head(MOST_PHOTOS)
        if (found := final_picture(picture, run)) is not None
    ]
    box = (x, y, x + width - 1, y + height - 1)
    if shown:
        image.paste(mosaic(shown, sizes), place)
    else:
        _draw_absence(draw, box, sizes, cell["status"], next(iter(filter(None, problems["reason"])), ""))
    mark = summary.mark(index)
    if mark in FRAMED:
        line = max(2, sizes.side // 48)
        draw.rectangle((x - line, y - line, box[2] + line, box[3] + line), outline=MARK, width=line)
    if sizes.captions:
        status = cell["status"].lower() if shown and cell["status"] != "FINISHED" else ""
        lines = [caption(cell, summary.criterion), " · ".join(filter(None, [mark, named, status]))]
        for number, text in enumerate(lines):
            at = (x + width / 2, y + height + sizes.gap / 2 + number * sizes.line)
            colour = MARK if number and mark else INK if not number else MUTED
            draw.text(
                at, cut(text, font(sizes.text), width + sizes.gap), colour, font(sizes.text), anchor="ma"
            )


def mosaic(pictures: Sequence[Image.Image], sizes: Sizes) -> Image.Image:
    """A cell's pictures, each at its place."""
    columns, _ = TILES[sizes.photos]
    sheet, side = Image.new("RGB", sizes.area, PAPER), sizes.picture
    gap = 0 if sizes.photos == 1 else 2
    for number, one in enumerate(pictures[: sizes.photos]):
        fitted = one.convert("RGB").resize((side - gap, side - gap), _filter(one, side))
        sheet.paste(fitted, ((number % columns) * side + gap // 2, (number // columns) * side + gap // 2))
    return sheet


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
            (cut(text, small, right - left - 8), MUTED, small)
            for text in wrap(" ".join(reason.split()), small, right - left - 12)[:5]
        ]
    y = (top + bottom) / 2 - sum(f.size * 1.3 for _, _, f in lines) / 2
    for text, colour, written in lines:
        half, tall = written.getlength(text) / 2 + 3, written.size * 1.3
        middle = (left + right) / 2
        draw.rectangle((middle - half, y, middle + half, y + tall), fill=ABSENT)
        draw.text((middle, y), text, colour, written, anchor="ma")
        y += tall


def _filter(picture: Image.Image, side: int) -> Image.Resampling:
    return Image.Resampling.BICUBIC if picture.width < side else Image.Resampling.LANCZOS
