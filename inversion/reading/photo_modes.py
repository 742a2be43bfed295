"""Any colour mode of a file -> 8-bit sRGB, a strip at a time: 100 megapixels fit beside one copy of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inversion.errors import ConfigError
from inversion.reading.colour_profile import SOURCE, Convert, to_srgb
from inversion.reading.printable import printable

STRIP = 4_000_000  # pixels converted at a time; 8 bytes for each in the widest mode


def to_rgb(photo: Image.Image, path: Path) -> Image.Image:
    """Upright pixels as RGB. Transparent ones become black, 16-bit grey is divided by 257.

    The colour profile is applied, and kept under SOURCE. Raises ConfigError for pixels without an agreed range.
    """
    profile = photo.info.get("icc_profile")
    convert: Convert = _plain
    mode = _mode_of_profile(photo)
    if isinstance(profile, bytes) and profile:
        turn = to_srgb(mode, profile, path.name)
        convert = _plain if turn is None else _through(mode, turn)
    else:
        turn = None
    if photo.mode.startswith("I"):
        convert = _deep_grey(path, turn)
    elif photo.mode == "F":
        raise ConfigError(
            f"Floating-point pixels have no agreed range. Got {printable(path)} in mode F; save it with 8 bits."
        )
    elif photo.has_transparency_data:
        convert = _on_black(convert)
    try:
        rgb = photo.copy() if photo.mode == "RGB" and convert is _plain else _by_strips(photo, convert)
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"Colour mode cannot be turned into RGB. Got {printable(path)} in mode {photo.mode}; save it as RGB."
        ) from error
    rgb.info = {} if turn is None else {SOURCE: profile}
    return rgb


def _mode_of_profile(photo: Image.Image) -> str:
    """In which mode a profile's numbers are: palettes hold RGB, 16-bit grey becomes 8-bit grey first."""
    if photo.mode in ("L", "LA", "La", "1") or photo.mode.startswith("I"):
        return "L"
    return photo.mode if photo.mode in ("CMYK", "LAB") else "RGB"


def _by_strips(photo: Image.Image, convert: Convert) -> Image.Image:
    rgb = Image.new("RGB", photo.size)
    width, height = photo.size
    columns = min(width, STRIP)
    rows = max(1, STRIP // columns)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            box = (left, top, min(left + columns, width), min(top + rows, height))
            rgb.paste(convert(photo.crop(box)), box)
    return rgb


def _plain(part: Image.Image) -> Image.Image:
    return part.convert("RGB")


def _through(mode: str, turn: Convert) -> Convert:
    return lambda part: turn(part if part.mode == mode else part.convert(mode))


def _on_black(convert: Convert) -> Convert:
    """Transparent pixels become black: a rectangle erased in an editor is the blank that inpainting looks for."""

    def composed(part: Image.Image) -> Image.Image:
        layers = part if part.mode in ("RGBA", "LA") else part.convert("RGBA")
        if layers.mode == "LA":
            colours = layers.getchannel("L")
        else:  # a colour that a file declares transparent leaves its pixels as they are
            colours = part if part.mode in ("L", "RGB") else layers.convert("RGB")
        black = Image.new("RGB", part.size)
        black.paste(convert(colours), mask=layers.getchannel("A"))
        return black

    return composed


def _deep_grey(path: Path, turn: Convert | None) -> Convert:
    def scaled(part: Image.Image) -> Image.Image:
        levels = np.asarray(part)
        if levels.min() < 0 or levels.max() > 65535:
            raise ConfigError(
                f"Grey levels beyond 16 bits are not supported. Got {printable(path)} with {levels.min()} to "
                f"{levels.max()}; save it with 8 bits per channel."
            )
        grey = Image.fromarray(np.rint(levels / np.float32(257)).astype(np.uint8))
        return grey.convert("RGB") if turn is None else turn(grey)

    return scaled
