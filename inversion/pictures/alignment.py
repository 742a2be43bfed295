"""alignment.png: the face as it was found in the photo, beside what was cut out."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from inversion.faces.found import Found
from inversion.pictures.drawing import PAPER, readable

SIDE, GAP = 320, 12  # px of each picture, between them
COLOURS = 256  # of the file, a third as large as with all of them: every point of a sweep has one
FINE = 2  # drawn so many times larger, for smooth lines
DOT, SQUARE = "#ffd33d", "#bc4c00"


def alignment_picture(found: Found, aligned: Image.Image) -> Image.Image:
    """The photo with the 68 landmarks and FFHQ's square, and the aligned crop; beyond the photo's edge is paper."""
    photo, crop = drawn(found), readable(aligned, SIDE).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (photo.width + GAP + SIDE, SIDE), PAPER)
    sheet.paste(photo, (0, (SIDE - photo.height) // 2))
    sheet.paste(crop, (photo.width + GAP, 0))
    return sheet.quantize(COLOURS)


def drawn(found: Found) -> Image.Image:
    """The longer side is SIDE px."""
    low = np.floor(np.minimum(found.corners.min(axis=0), 0)).astype(int)
    high = np.ceil(np.maximum(found.corners.max(axis=0), found.view.size)).astype(int)
    canvas = Image.new("RGB", (int(high[0] - low[0]), int(high[1] - low[1])), PAPER)
    canvas.paste(found.view, (int(-low[0]), int(-low[1])))
    scale = FINE * SIDE / max(canvas.size)
    size = (max(1, round(canvas.width * scale)), max(1, round(canvas.height * scale)))
    canvas = canvas.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    corners = [tuple(corner) for corner in ((found.corners - low) * scale).tolist()]
    draw.line([*corners, *corners[:2]], SQUARE, 3 * FINE, joint="curve")
    radius = 2 * FINE
    for x, y in ((found.landmarks - low) * scale).tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), DOT, "#000000")
    return canvas.resize((round(size[0] / FINE), round(size[1] / FINE)), Image.Resampling.LANCZOS)
