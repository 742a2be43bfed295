"""Files <-> photos <-> tensors: the only place where pixel ranges change.

photo: PIL image, RGB, 8 bits.  tensor: float [..., 3, H, W], RGB, in [-1, 1].
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from inversion.errors import ConfigError
from inversion.reading.photo_modes import to_rgb
from inversion.reading.picture_kinds import FORMATS, is_picture, what_it_is
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

MAX_PIXELS = 100_000_000
MAX_SIDE = 1_000_000  # px; every row costs a decoder time and memory of its own


def read_photo(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a photo as upright 8-bit RGB.

    The EXIF orientation is applied, and the colour profile: other RGB than sRGB becomes sRGB (colour_profile.py,
    whose source_profile gives back what the file had). Transparent pixels become black, so that a rectangle erased
    in an editor arrives as the blank that inpainting looks for. 16-bit grey is divided by 257, animations give
    their first frame.
    max_pixels: width times height above which nothing is decoded.
    Errors: ConfigError for a missing, empty, truncated, unreadable, too large or non-image file.
    """
    path = Path(path)
    shown = printable(path)
    status = _status(path)
    if stat.S_ISDIR(status.st_mode):
        raise ConfigError(
            f"A photo must be one file. Got the folder {shown}; list_photos finds the photos in it."
        )
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"A photo must be a regular file. Got {shown}, which is a device, pipe or socket.")
    if status.st_size == 0:
        raise ConfigError(f"Photo is an empty file. Got {shown}, 0 bytes; copy or download it again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's advice about odd files; what matters is raised below
        photo = _open(path, max_pixels)
        with photo:
            try:
                photo.load()
            except Exception as error:  # Pillow's decoders raise nearly everything
                raise ConfigError(
                    f"Photo is truncated or damaged. Got {shown}, {photo.format}, {status.st_size} bytes "
                    f"({printable(error, 200)}); copy or download it again."
                ) from error
            turn_upright(photo, path)
            return to_rgb(photo, path)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise ConfigError(
            f"Photo or folder not found. Got {printable(path)} ({getattr(error, 'strerror', error)}; "
            f"looked in {printable(Path.cwd())}); check the path."
        ) from error


def _open(path: Path, max_pixels: int) -> Image.Image:
    """Read the header only, and refuse what is too large or not an image."""
    shown = printable(path)
    try:
        photo = Image.open(path, formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise ConfigError(
            f"File is not an image that can be read. Got {shown}, {what_it_is(path)}; {', '.join(FORMATS)} work, "
            "convert others."
        ) from error
    except Image.DecompressionBombError as error:
        raise ConfigError(
            f"Photo is too large. Got {shown} ({printable(error)}); scale it down first."
        ) from error
    except Exception as error:  # a damaged header raises nearly everything
        raise ConfigError(
            f"Photo cannot be opened. Got {shown} ({printable(error, 200)}); check the file and its rights."
        ) from error
    width, height = photo.size
    if max(width, height) > MAX_SIDE:
        photo.close()
        raise ConfigError(
            f"Photo is too long. Got {shown}, {width}x{height}; at most {MAX_SIDE} px a side are read, cut it up first."
        )
    if width * height > max_pixels:
        photo.close()
        raise ConfigError(
            f"Photo is too large. Got {shown}, {width}x{height} = {width * height / 1e6:.1f} megapixels; "
            f"at most {max_pixels / 1e6:.1f} are read, scale it down first."
        )
    return photo


def turn_upright(photo: Image.Image, path: Path) -> None:
    """In place, as its EXIF orientation says; path: named in the log where that is damaged."""
    try:
        ImageOps.exif_transpose(photo, in_place=True)
    except Exception as error:  # anyone's software writes EXIF: a damaged block must not cost the photo
        log.warning(
            "%s: EXIF data is damaged (%s); the photo is taken as it is stored.",
            printable(path),
            printable(error, 200),
        )


def list_photos(path: str | Path) -> list[Path]:
    """List the photos that `path` stands for: the file itself, or the pictures inside the folder, sorted.

    A picture is known by its content or by its name, also in a format that cannot be read here: reading it then
    says so, by name. Hidden files and sub-folders are passed over; files of other kinds too, in one line of the log.
    Errors: ConfigError when nothing is there.
    """
    path = Path(path)
    if not stat.S_ISDIR(_status(path).st_mode):
        return [path]
    try:
        inside = sorted(
            file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir()
        )
    except OSError as error:
        raise ConfigError(
            f"Folder cannot be read. Got {printable(path)} ({printable(error)}); check its rights."
        ) from error
    photos = [file for file in inside if is_picture(file)]
    others = [file.name for file in inside if file not in set(photos)]
    if not photos:
        raise ConfigError(
            f"Folder holds no photo. Got {printable(path)} with {len(others)} other entries; "
            f"{', '.join(FORMATS)} are read, whatever the files' names."
        )
    if others:
        named = printable(", ".join(others[:5]), 200) + (", ..." if len(others) > 5 else "")
        log.warning(
            "%s: %d files are no pictures and are passed over: %s", printable(path), len(others), named
        )
    return photos


def sha256_of(path: str | Path) -> str:
    """Hash a file's bytes: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def resize_to_square(photo: Image.Image, resolution: int) -> Image.Image:
    """Scale a photo that is aligned already to resolution x resolution (Lanczos).

    Errors: ConfigError unless the photo is square to within one pixel.
    """
    width, height = photo.size
    if abs(width - height) > 1:
        raise ConfigError(
            f"With align=false the photo must be square. Got {width}x{height}; crop it to a square around the face, "
            "from above the hair to the chin, or leave align=false out where the face can be seen: it is then found."
        )
    return photo.resize((resolution, resolution), Image.Resampling.LANCZOS)


def to_tensor(photo: Image.Image) -> Tensor:
    """[3, H, W] in [-1, 1], float32: 0 -> -1, 255 -> 1."""
    pixels = torch.from_numpy(np.array(photo.convert("RGB")))
    return pixels.permute(2, 0, 1).float().div(127.5).sub(1).contiguous()


def to_pil(image: Tensor) -> Image.Image:
    """Turn [3, H, W] in [-1, 1] into RGB, clamped and rounded to 8 bits; NaN has no colour and becomes black.

    Errors: ConfigError for another shape.
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ConfigError(
            f"An image must be [3, H, W]. Got {list(image.shape)}; take one image of the batch."
        )
    pixels = to_255(image.detach().float()).nan_to_num(nan=0.0).clamp(0, 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def quantize(x: Tensor) -> Tensor:
    """Round [-1, 1] to the 256 levels of a photo file, clamped."""
    return ((x + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


def to_unit(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], clamped: the colours that a file or a screen can show."""
    return ((x + 1) / 2).clamp(0, 1)


def from_unit(x: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return x * 2 - 1


def to_255(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 255], not clamped: VGG's input keeps its gradient where the generator overshoots."""
    return (x + 1) * 127.5


def downsample_area(x: Tensor, resolution: int) -> Tensor:
    """Average [B, 3, R, R] down to [B, 3, resolution, resolution]; unchanged when R <= resolution."""
    if x.shape[-1] <= resolution:
        return x
    return F.interpolate(x, size=(resolution, resolution), mode="area")
