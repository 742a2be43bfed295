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

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")
EXTENSIONS = frozenset(".jpg .jpeg .jpe .jfif .png .webp .avif .tif .tiff .bmp .gif .ppm .pgm".split())
MAX_PIXELS = 100_000_000


def read_photo(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a photo as upright 8-bit RGB.

    The EXIF orientation is applied. Transparent pixels become black, so that a rectangle erased in an editor
    arrives as the blank that inpainting looks for. 16-bit grey is divided by 257, animations give
    their first frame.
    max_pixels: width times height above which nothing is decoded.
    Errors: ConfigError for a missing, empty, truncated, unreadable, too large or non-image file.
    """
    path = Path(path)
    status = _status(path)
    if stat.S_ISDIR(status.st_mode):
        raise ConfigError(
            f"A photo must be one file. Got the folder {path}; list_photos finds the photos in it."
        )
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"A photo must be a regular file. Got {path}, which is a device, pipe or socket.")
    if status.st_size == 0:
        raise ConfigError(f"Photo is an empty file. Got {path}, 0 bytes; copy or download it again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's advice about odd files; what matters is raised below
        photo = _open(path, max_pixels)
        with photo:
            try:
                photo.load()
            except Exception as error:  # Pillow's decoders raise nearly everything
                raise ConfigError(
                    f"Photo is truncated or damaged. Got {path}, {photo.format}, {status.st_size} bytes "
                    f"({error}); copy or download it again."
                ) from error
            return _to_rgb(_upright(photo, path), path)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise ConfigError(
            f"Photo or folder not found. Got {path} ({getattr(error, 'strerror', error)}; "
            f"looked in {Path.cwd()}); check the path."
        ) from error


def _open(path: Path, max_pixels: int) -> Image.Image:
    """Read the header only, and refuse what is too large or not an image."""
    try:
        photo = Image.open(path, formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise ConfigError(
            f"File is not an image that can be read. Got {path}; {', '.join(FORMATS)} work, convert others."
        ) from error
    except Image.DecompressionBombError as error:
        raise ConfigError(f"Photo is too large. Got {path} ({error}); scale it down first.") from error
    except Exception as error:  # a damaged header raises nearly everything
        raise ConfigError(
            f"Photo cannot be opened. Got {path} ({error}); check the file and its rights."
        ) from error
    width, height = photo.size
    if width * height > max_pixels:
        photo.close()
        raise ConfigError(
            f"Photo is too large. Got {path}, {width}x{height} = {width * height / 1e6:.1f} megapixels; "
            f"at most {max_pixels / 1e6:.1f} are read, scale it down first."
        )
    return photo


def _upright(photo: Image.Image, path: Path) -> Image.Image:
    try:
        return ImageOps.exif_transpose(photo)
    except (
        Exception
    ) as error:  # EXIF is written by anyone's software: a damaged block must not cost the photo
        log.warning("%s: EXIF data is damaged (%s); the photo is taken as it is stored.", path, error)
        return photo


def _to_rgb(photo: Image.Image, path: Path) -> Image.Image:
    if photo.mode.startswith("I"):  # I;16, I;16B, I: one channel, 16 bits in files that are photos
        grey = np.asarray(photo).astype(np.float64)
        if grey.min() < 0 or grey.max() > 65535:
            raise ConfigError(
                f"Grey levels beyond 16 bits are not supported. Got {path} with {grey.min():.0f} to "
                f"{grey.max():.0f}; save it with 8 bits per channel."
            )
        return Image.fromarray(np.rint(grey / 257).astype(np.uint8)).convert("RGB")
    if photo.mode == "F":
        raise ConfigError(
            f"Floating-point pixels have no agreed range. Got {path} in mode F; save it with 8 bits."
        )
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        black = Image.new("RGBA", photo.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, photo).convert("RGB")
    try:
        # copy(): for an RGB file convert() is not guaranteed to detach the pixels from the open file
        return photo.convert("RGB") if photo.mode != "RGB" else photo.copy()
    except ValueError as error:
        raise ConfigError(
            f"Colour mode cannot be turned into RGB. Got {path} in mode {photo.mode}; save it as RGB."
        ) from error


def save_png(image: Image.Image, path: str | Path) -> None:
    """Write a PNG under a temporary name in the same folder, then rename it: no reader sees half a picture.

    Errors: OSError (disk full, folder missing); the temporary file is removed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        image.save(temporary, format="PNG")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def list_photos(path: str | Path) -> list[Path]:
    """List the photos that `path` stands for: the file itself, or the images inside the folder, sorted.

    Hidden files, sub-folders and files without an image extension are passed over.
    Errors: ConfigError when nothing is there.
    """
    path = Path(path)
    if not stat.S_ISDIR(_status(path).st_mode):
        return [path]
    try:
        inside = list(path.iterdir())
    except OSError as error:
        raise ConfigError(f"Folder cannot be read. Got {path} ({error}); check its rights.") from error
    photos = sorted(
        file
        for file in inside
        if file.suffix.lower() in EXTENSIONS and not file.name.startswith(".") and file.is_file()
    )
    if not photos:
        raise ConfigError(
            f"Folder holds no photo. Got {path} with {len(inside)} other entries; "
            f"files named {' '.join(sorted(EXTENSIONS))} are taken."
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
            f"With align=false the photo must be square. Got {width}x{height}; "
            f"align=true finds the face and crops it."
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
