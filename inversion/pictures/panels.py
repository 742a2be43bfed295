"""Pictures side by side, with captions and a line of figures below."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from inversion.pictures.drawing import INK, MUTED, PAPER, SMALLEST, fit, font, wrap

LARGEST = 512  # px: most of a picture's side in the panel


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
    caption_font, footer_font = font(round(13 * unit)), font(round(14 * unit))

    shown = [fit(picture, side) for _, picture in pictures]
    captions = [
        wrap(text, caption_font, image.width) for (text, _), image in zip(pictures, shown, strict=True)
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


def _footer_lines(
    figures: str, remark: str, used: ImageFont.FreeTypeFont, width: float
) -> list[list[tuple[str, str]]]:
    """Lines of (text, colour): on one line when all fits, else the remark below the figures."""
    if not figures and not remark:
        return []
    if remark and used.getlength(f"{figures}   {remark}") <= width:
        return [[(figures, INK), ("   ", INK), (remark, MUTED)]]
    lines = [[(line, INK)] for line in wrap(figures, used, width, between=" · ")] if figures else []
    return lines + [[(line, MUTED)] for line in (wrap(remark, used, width) if remark else [])]
