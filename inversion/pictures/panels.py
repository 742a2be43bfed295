"""Pictures side by side, with captions and a line of figures below."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SMALLEST, LARGEST = 256, 512  # px: side of a picture in the panel, whatever its own resolution
PAPER, INK, MUTED = "#ffffff", "#24292f", "#6e7781"


def panel(pictures: Sequence[tuple[str, Image.Image]], footer: str | None = None) -> Image.Image:
    """Show pictures in one row, each above its caption; small ones are enlarged, huge ones reduced.

    pictures: (caption, picture) from left to right, for instance original | degraded | restored |
              restored, degraded again. All get the size of the largest (256 to 512 px), and keep their shape.
    footer:   the figures; " · " separates them. What follows " — " is a remark, in the muted colour.

    Captions and footer wrap at spaces when they are too long for their place.
    """
    if not pictures:
        raise ValueError("A panel needs at least one picture. Got none.")
    side = min(max(SMALLEST, *(max(picture.size) for _, picture in pictures)), LARGEST)
    unit = side / 256
    margin, gutter, gap = round(20 * unit), round(12 * unit), round(9 * unit)
    caption_font, footer_font = _font(round(13 * unit)), _font(round(14 * unit))

    shown = [_fit(picture, side) for _, picture in pictures]
    captions = [
        _wrap(text, caption_font, image.width) for (text, _), image in zip(pictures, shown, strict=True)
    ]
    width = 2 * margin + sum(image.width for image in shown) + gutter * (len(shown) - 1)
    caption_line, footer_line = round(18 * unit), round(21 * unit)
    captions_at = margin + side + gap
    bottom = captions_at + caption_line * max(len(lines) for lines in captions)
    figures, _, remark = (footer or "").partition(" — ")
    footer_lines = _footer_lines(figures, remark, footer_font, width - 2 * margin)
    footer_at = bottom + gap
    height = (footer_at + footer_line * len(footer_lines) if footer_lines else bottom) + margin - gap // 2

    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    left = margin
    for image, lines in zip(shown, captions, strict=True):
        sheet.paste(image, (left, margin + (side - image.height) // 2))
        for row, line in enumerate(lines):
            centre = left + image.width / 2
            draw.text((centre, captions_at + row * caption_line), line, MUTED, caption_font, anchor="ma")
        left += image.width + gutter
    for row, pieces in enumerate(footer_lines):
        across = (width - sum(footer_font.getlength(text) for text, _ in pieces)) / 2
        for text, colour in pieces:
            draw.text((across, footer_at + row * footer_line), text, colour, footer_font, anchor="la")
            across += footer_font.getlength(text)
    return sheet


def readable(image: Image.Image, side: int = SMALLEST) -> Image.Image:
    """Enlarge a picture whose longer side is below `side` px to that side; others come back as they are."""
    return image.convert("RGB") if max(image.size) >= side else _fit(image, side)


def _fit(image: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at `side` px, in RGB."""
    image = image.convert("RGB")
    scale = side / max(image.size)
    if scale == 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Lanczos would ring around the hard edges of a mask when it enlarges.
    return image.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib (found without importing it)."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "matplotlib is not installed, and its font is missing: pip install matplotlib."
        )
    folder = Path(found.submodule_search_locations[0])
    return ImageFont.truetype(str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float, between: str = " ") -> list[str]:
    """Lines of whole words (or of what `between` parts) that fit; a single longer one is left as it is."""
    lines: list[str] = []
    for word in text.split(between):
        longer = f"{lines[-1]}{between}{word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def cut(text: str, used: ImageFont.FreeTypeFont, width: float) -> str:
    """The text on one line, or as much of it as fits and an ellipsis."""
    text = " ".join(text.split())
    if used.getlength(text) <= width:
        return text
    while text and used.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _footer_lines(
    figures: str, remark: str, font: ImageFont.FreeTypeFont, width: float
) -> list[list[tuple[str, str]]]:
    """Lines of (text, colour): on one line when all fits, else the remark below the figures."""
    if not figures and not remark:
        return []
    if remark and font.getlength(f"{figures}   {remark}") <= width:
        return [[(figures, INK), ("   ", INK), (remark, MUTED)]]
    lines = [[(line, INK)] for line in _wrap(figures, font, width, between=" · ")] if figures else []
    return lines + [[(line, MUTED)] for line in (_wrap(remark, font, width) if remark else [])]
