"""The head of a contact sheet: what all cells started from, beside title and recommendation."""

from __future__ import annotations

import pandas as pd
from PIL import Image, ImageDraw

from inversion.pictures.drawing import INK, MUTED, PAPER, cut, font, wrap
from sweeps.report.sheets.cell import Picture, mosaic
from sweeps.report.sheets.sizes import MOST_PHOTOS, Sizes
from sweeps.results.axes import describe
from sweeps.results.summarize import Summary

MOST_GIVEN = 6  # degraded versions of one photo
START = (("mean face", "mean_face.png"), ("first picture", "first.png"))  # of a synthetic face's search
GIVES = ("degradation.", "input.")  # axes that change the photo as it is given


def given_pictures(summary: Summary, picture: Picture, sizes: Sizes) -> list[tuple[str, Image.Image]]:
    """(caption, pictures of all photos): the original once, what a synthetic face's search started from,
    then each degraded version that the cells saw."""
    known, task = summary.criterion.original_known, summary.table.task
    varied = [axis for axis in summary.table.axes if known and axis.key.startswith(GIVES)]
    rows = summary.table.rows[summary.table.rows["run_id"] != ""]
    groups = [("", rows)]
    if varied and len(rows):
        parts = rows.groupby([axis.key for axis in varied], sort=False)
        groups = [(describe(part.iloc[0], varied), part) for _, part in parts][:MOST_GIVEN]
    word = "degraded" if known else "photo as given"
    found = [("original", _of_all(picture, rows, "original.png", sizes))] if known else []
    if task.is_synthetic:
        found += [(text, _of_all(picture, rows, name, sizes)) for text, name in START]
    if not known or task.degradation != "none":  # else it is the original once more
        found += [
            (f"{word}, {name}" if name else word, _of_all(picture, part, "degraded.png", sizes))
            for name, part in groups
        ]
    return [(name, image) for name, image in found if image is not None]


def draw_head(summary: Summary, picture: Picture, sizes: Sizes, room: int, said: str = "") -> Image.Image:
    """room: the width of what stands below, in px. said: what is left out there."""
    with_runs = summary.table.rows[summary.table.rows["run_id"] != ""]
    photos = min(max(1, with_runs["photo"].nunique()), MOST_PHOTOS)
    sizes = Sizes(sizes.side, photos)  # a photo's seeds were all given the same picture
    samples = given_pictures(summary, picture, sizes)
    width = max(room, (min(len(samples), 2) + 2) * sizes.cell[0])
    per_row = max(1, min(len(samples), int(0.6 * width) // sizes.cell[0]))
    beside = per_row * sizes.cell[0] if samples else 0
    tall_pictures = -(-len(samples) // per_row) * (sizes.area[1] + sizes.line + sizes.gap) if samples else 0
    large = max(sizes.text, width // 150)  # read first, and from further away
    title, task = summary.table.title, summary.table.task.title
    title = title if title.startswith(task) else f"{title} · {task}"
    texts = [
        (title, INK, font(round(1.5 * large))),
        (summary.reason, MUTED, font(large)),
        (summary.criterion.formula, MUTED, font(large)),
        *([(said, INK, font(large))] if said else []),
    ]
    left = max(width - beside - 2 * sizes.gap, 200)
    lines = [
        (line, colour, used)
        for text, colour, used in texts
        for line in wrap(" ".join(text.split()), used, min(left, 50 * large))  # some hundred letters
    ]
    tall = sizes.gap + sum(round(used.size * 1.4) for _, _, used in lines)
    image = Image.new("RGB", (width, max(tall, tall_pictures) + 2 * sizes.gap), PAPER)
    draw, small = ImageDraw.Draw(image), font(sizes.text)
    for number, (word, sample) in enumerate(samples):
        x = number % per_row * sizes.cell[0]
        y = number // per_row * (sizes.area[1] + sizes.line + sizes.gap)
        image.paste(sample, (x, y))
        at = (x + sizes.area[0] / 2, y + sizes.area[1] + sizes.gap / 2)
        draw.text(at, cut(word, small, sizes.area[0]), MUTED, small, anchor="ma")
    y = 0
    for line, colour, used in lines:
        draw.text((beside + sizes.gap * bool(samples), y), line, colour, used)
        y += round(used.size * 1.4)
    return image


def _of_all(picture: Picture, rows: pd.DataFrame, name: str, sizes: Sizes) -> Image.Image | None:
    """One picture per photo."""
    first = rows.drop_duplicates("photo")["run_id"].head(MOST_PHOTOS)
    found = [one for run in first if (one := picture(run, name)) is not None]
    return mosaic(found, sizes) if found else None
