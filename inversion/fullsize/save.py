"""A restored photo as a file: its pixels, and what belonged to the photo that it was made from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from inversion.images import read_photo, turn_upright
from inversion.reading.colour_profile import in_profile, source_profile
from inversion.reading.printable import printable
from inversion.runtime.atomic import png

log = logging.getLogger(__name__)

MOST_DOTS = 1e6  # per inch: a PNG counts them per metre in 32 bits


def png_like(original: Path, restored: Image.Image) -> bytes:
    """PNG with the original's colour profile, dots per inch and EXIF.

    original: the file. restored: of its size, upright, sRGB; wherever it is the photo, the file's own pixels are kept
    to the bit, and the rest is converted into the file's profile. EXIF says that the pixels are upright; its thumbnail,
    which shows the photo before, goes, and damaged EXIF is left out. Raises OSError, ConfigError.
    """
    kept: dict[str, Any] = {}
    with Image.open(original) as stored:
        dots, exif = stored.info.get("dpi"), _exif(stored, original)
        has_profile = "icc_profile" in stored.info
    if has_profile:
        restored = _in_its_own(original, restored)
    if "icc_profile" in restored.info:
        kept["icc_profile"] = restored.info["icc_profile"]
    if dots and all(0 < float(d) < MOST_DOTS for d in dots):
        kept["dpi"] = tuple(float(d) for d in dots)
    if exif:
        kept["exif"] = exif
    return png(restored, **kept)


def _in_its_own(original: Path, restored: Image.Image) -> Image.Image:
    """In the file's own profile, where that is one of RGB and not sRGB itself."""
    photo = read_photo(original)
    profile = source_profile(photo)
    turned = restored if profile is None else in_profile(restored, profile)
    if "icc_profile" not in turned.info:
        return restored
    same = (np.asarray(photo) == np.asarray(restored)).all(axis=2, keepdims=True)
    with Image.open(original) as stored:
        turn_upright(stored, original)
        upright = np.asarray(stored.convert("RGB"))
    own = Image.fromarray(np.where(same, upright, np.asarray(turned)))
    own.info["icc_profile"] = profile
    return own


def _exif(stored: Image.Image, original: Path) -> bytes:
    """For an upright picture; nothing where there is none."""
    try:
        exif = stored.getexif()
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount):
            exif.pop(tag, None)
        return exif.tobytes() if len(exif) else b""
    except Exception as error:  # anyone's software writes EXIF: a damaged block must not cost the restoration
        log.warning(
            "%s: EXIF data is damaged (%s); it is left out.", printable(original), printable(error, 200)
        )
        return b""
