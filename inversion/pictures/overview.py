"""Many photos, each beside what came of it, on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from inversion.pictures.drawing import INK, MUTED, PAPER, cut, fit, font, wrap

MISSING = "#f0f2f4"
SIDES = ((12, 256), (60, 160), (math.inf, 96))  # up to so many photos, pictures of so many pixels
WIDEST = 1800  # px of the sheet


@dataclass(frozen=True)
class Entry:
    """One photo. before, after: None where there is no such picture."""

    name: str
    before: Image.Image | None
    after: Image.Image | None
    reason: str = ""  # why there is none


def overview(entries: Sequence[Entry]) -> Image.Image:
    """Pairs of pictures in rows, each pair above the photo's name; a reason stands where a result is missing."""
    if not entries:
        raise ValueError("An overview needs at least one photo. Got none.")
    side = next(side for most, side in SIDES if len(entries) <= most)
    margin, gap, used = 20, side // 10, font(max(11, side // 16))
    line = round(used.size * 1.5)
    pair, tall = 2 * side + 2, side + line + gap
    columns = max(
        1, min(len(entries), round(math.sqrt(len(entries) / 2)) + 1, (WIDEST - margin) // (pair + gap))
    )
    rows = math.ceil(len(entries) / columns)
    size = (2 * margin + columns * pair + (columns - 1) * gap, 2 * margin + rows * tall - gap)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, entry in enumerate(entries):
        left = margin + number % columns * (pair + gap)
        top = margin + number // columns * tall
        for offset, picture in ((0, entry.before), (side + 2, entry.after)):
            x = left + offset
            if picture is not None:
                shown = fit(picture, side)
                sheet.paste(shown, (x + (side - shown.width) // 2, top + (side - shown.height) // 2))
            else:
                draw.rectangle((x, top, x + side - 1, top + side - 1), fill=MISSING)
        if entry.after is None:
            start = left if entry.before is None else left + side + 2
            width = left + pair - start
            for row, text in enumerate(wrap(entry.reason, used, width - gap)[: side // line]):
                draw.text((start + gap / 2, top + gap / 2 + row * line), text, INK, used)
        draw.text((left + pair / 2, top + side + 4), cut(entry.name, used, pair), MUTED, used, anchor="ma")
    return sheet
