"""What is written on a contact sheet, and how it is fitted in."""

from __future__ import annotations

import pandas as pd
from PIL import Image, ImageDraw

from inversion.metrics import catalogue
from inversion.pictures.drawing import MUTED, PAPER, font
from sweeps.results.criterion import Criterion, final_name

CAPTIONED = {
    "psnr": "",
    "hole_psnr": "",
    "identity_distance": "id ",
    "colour_error": "",
    "fit_psnr": "fit ",
    "blur_misfit": "misfit ",
}


def caption(cell: pd.Series, criterion: Criterion) -> str:
    """24.1 dB · id 0.31 · n 4; the fit where the original is not known; nothing without metrics."""
    parts = []
    for name in criterion.shown:
        known = final_name(cell, name)
        if known is not None and name in CAPTIONED:
            parts.append(f"{CAPTIONED[name]}{catalogue.metric(known).text(cell[known])}")
    if cell["n"] > 1:
        parts.append(f"n {cell['n']}")
    return " · ".join(parts)


def note(text: str) -> Image.Image:
    """A sentence in the place of a sheet."""
    image = Image.new("RGB", (400, 120), PAPER)
    ImageDraw.Draw(image).text((200, 60), text, MUTED, font(16), anchor="mm")
    return image
