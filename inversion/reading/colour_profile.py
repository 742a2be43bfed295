"""ICC profiles: photos in another RGB than sRGB (Display P3 of telephones, Adobe RGB of cameras) become sRGB.

Everything here works in sRGB, in which the generators' training photos were. Read as if they were sRGB, Display P3
photos come out pale and Adobe RGB photos bluish. The conversion is littlecms's (PIL.ImageCms), perceptual intent as
in browsers; a photo keeps the profile that it came with, so that a picture made from it can be given back in it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from inversion.reading.printable import printable

log = logging.getLogger(__name__)

SOURCE = "source_icc_profile"  # where a photo's info keeps it: under PIL's own name it would be saved with sRGB pixels
SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}  # ICC's names -> PIL's modes
MAX_PROFILE = 16 << 20  # bytes; profiles of CMYK presses have up to 3 MB
SAME = 1  # levels of 255 by which a profile may differ from sRGB and still be it

Convert = Callable[[Image.Image], Image.Image]  # from the profile's mode to sRGB


def source_profile(photo: Image.Image) -> bytes | None:
    """The profile that a photo read by read_photo came with; None: none, a broken one, or sRGB itself."""
    profile = photo.info.get(SOURCE)
    return profile if isinstance(profile, bytes) else None


def in_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """An sRGB picture as RGB of another profile, which is kept in its info, so that saving embeds it.

    profile: as source_profile gives it. What belongs to a CMYK or grey profile stays sRGB: the picture is RGB.
    """
    source = _opened(profile)
    if source is None or _space(source) != "RGB ":
        return image
    turned = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), source, outputMode="RGB")
    assert turned is not None  # only for inPlace=True
    turned.info["icc_profile"] = profile
    return turned


def to_srgb(mode: str, profile: bytes, name: str) -> Convert | None:
    """How pixels of a PIL mode become sRGB; None where nothing is to be done.

    mode: RGB, L, CMYK or LAB. name: of the file, for the one line in the log that a broken profile, or one of
    another kind of pixels, is left out.
    """
    source = _opened(profile)
    if source is None or SPACES.get(_space(source)) != mode:
        log.warning(
            "%s: its colour profile is broken or of another mode; its colours are taken as sRGB",
            printable(name),
        )
        return None
    try:
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        changes = mode != "RGB" or _differs(transform)
    except ImageCms.PyCMSError as error:
        log.warning("%s: its colour profile cannot be used (%s)", printable(name), printable(error, 100))
        return None

    def convert(part: Image.Image) -> Image.Image:
        turned = ImageCms.applyTransform(part, transform)
        assert turned is not None  # only for inPlace=True
        return turned

    return convert if changes else None


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    if len(profile) > MAX_PROFILE:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ImageCms.PyCMSError, ValueError, TypeError):
        return None


def _space(profile: ImageCms.ImageCmsProfile) -> str:
    """RGB, GRAY, …, four letters; "" where a damaged profile has bytes that are none."""
    try:
        return str(profile.profile.xcolor_space)
    except UnicodeDecodeError:
        return ""


def _differs(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform moves any of 17 x 17 x 17 colours: most profiles in photos are sRGB under some name."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17 * 17, 17, 3)
    turned = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return bool(np.abs(np.asarray(turned).astype(int) - cube).max() > SAME)
