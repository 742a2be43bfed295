"""What every drawn sheet shares: colours, the font, pictures brought to a size, texts brought to a width."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageFont

PAPER, INK, MUTED = "#ffffff", "#24292f", "#6e7781"
SMALLEST = 256  # px: smaller pictures are enlarged to it


def readable(image: Image.Image, side: int = SMALLEST) -> Image.Image:
    """Enlarge a picture whose longer side is below `side` px to that side; others come back as they are."""
    return image.convert("RGB") if max(image.size) >= side else fit(image, side)


def fit(image: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at `side` px, in RGB."""
    image = image.convert("RGB")
    scale = side / max(image.size)
    if scale == 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Lanczos would ring around the hard edges of a mask when it enlarges.
    return image.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib (found without importing it)."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "matplotlib is not installed, and its font is missing: pip install matplotlib."
        )
    folder = Path(found.submodule_search_locations[0])
    return ImageFont.truetype(str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def wrap(text: str, used: ImageFont.FreeTypeFont, width: float, between: str = " ") -> list[str]:
    """Lines of whole words (or of what `between` parts) that fit; a single longer one is left as it is."""
    lines: list[str] = []
    for word in text.split(between):
        longer = f"{lines[-1]}{between}{word}" if lines else word
        if lines and used.getlength(longer) <= width:
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
