"""A restored photo as a file: its pixels, and what belonged to the photo that it was made from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps

from inversion.reading.colour_profile import in_profile, source_profile

FAST = 1  # zlib's level: 24 megapixels in two seconds, not twenty, and a tenth larger


def png_like(original: Path, photo: Image.Image, restored: Image.Image) -> bytes:
    """PNG with the original's colour profile, dots per inch and EXIF.

    original: the file. photo: what read_photo made of it, upright sRGB. restored: of the same size; wherever it is the
    photo, the file's own pixels are kept to the bit, and the rest is converted into the file's profile. The pixels are
    upright, so EXIF says so; its thumbnail, which shows the photo before, goes. Raises OSError.
    """
    profile = source_profile(photo)
    with Image.open(original) as stored:
        dots, exif = stored.info.get("dpi"), stored.getexif()
        if profile is not None:
            restored = _in_its_own(stored, photo, restored, profile)
    options: dict[str, Any] = {}
    if "icc_profile" in restored.info:
        options["icc_profile"] = restored.info["icc_profile"]
    if dots and all(float(d) > 0 for d in dots):
        options["dpi"] = tuple(float(d) for d in dots)
    if len(exif):
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount):
            exif.pop(tag, None)
        options["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    restored.save(buffer, format="PNG", compress_level=FAST, **options)
    return buffer.getvalue()


def _in_its_own(
    stored: Image.Image, photo: Image.Image, restored: Image.Image, profile: bytes
) -> Image.Image:
    turned = in_profile(restored, profile)
    if "icc_profile" not in turned.info:  # of CMYK or grey: it describes other numbers than RGB
        return restored
    same = (np.asarray(photo) == np.asarray(restored)).all(axis=2, keepdims=True)
    upright = ImageOps.exif_transpose(stored).convert("RGB")
    kept = Image.fromarray(np.where(same, np.asarray(upright), np.asarray(turned)))
    kept.info["icc_profile"] = profile
    return kept
