"""Save a restored photo as the file it came from: format, colour profile, resolution, what the camera wrote."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from inversion.errors import ConfigError

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif"}  # that keep profile and EXIF
EXTENSIONS = {".jpeg": "JPEG", ".tiff": "TIFF"} | {suffix: name for name, suffix in FORMATS.items()}
OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}


def save_like(original: str | Path, image: Image.Image, out: str | Path) -> Path:
    """Write an upright RGB picture with what belongs to the photo it was made from; return where it was written.

    original: the photo's file. out: its extension says the format, .jpg, .png, .webp or .tif; without one the photo's
    format is taken, or PNG where that cannot hold what is kept. Only PNG, WebP and TIFF keep pixels to the bit.
    Kept: the ICC profile if it is one of RGB, dots per inch, EXIF. The pixels are upright, so EXIF says so; its
    thumbnail, which shows the photo before, goes.
    Errors: ConfigError for an extension of another format, OSError where `out` cannot be written.
    """
    out = Path(out)
    with Image.open(original) as photo:
        kind = EXTENSIONS.get(out.suffix.lower()) if out.suffix else photo.format
        profile, dots, exif = photo.info.get("icc_profile"), photo.info.get("dpi"), photo.getexif()
    if out.suffix and kind is None:
        raise ConfigError(
            f"A photo is saved as {', '.join(EXTENSIONS)}. Got {out}; {out.stem}.png would work."
        )
    if not out.suffix:
        kind = kind if kind in FORMATS else "PNG"
        out = out.with_suffix(FORMATS[kind])
    options: dict[str, Any] = dict(OPTIONS.get(str(kind), {}))
    if profile and profile[16:20] == b"RGB ":  # a profile of CMYK or grey describes other numbers
        options["icc_profile"] = profile
    if dots and all(float(d) > 0 for d in dots):
        options["dpi"] = tuple(float(d) for d in dots)
    if len(exif):
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount):
            exif.pop(tag, None)
        options["exif"] = exif.tobytes()
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        image.convert("RGB").save(temporary, format=kind, **options)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out
