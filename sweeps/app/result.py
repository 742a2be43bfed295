"""What the page shows beside a record's own pictures: the face before, and the photo with any alternative in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from hydra.utils import instantiate
from PIL import Image

from inversion.errors import ConfigError
from inversion.fullsize.save import png_like
from inversion.inspection import recorded
from inversion.photo import Photo, with_faces
from inversion.photos import Photos
from inversion.reading.json_object import read_object
from inversion.record.folder_recorder import SUMMARY
from inversion.record.write import sample_files
from inversion.runtime.atomic import png, write_file
from sweeps.app.searches import MOST_SAMPLES, Search
from sweeps.app.uploads import Uploads, one_photo
from sweeps.plan.config import Config

# Of values that became black or white: 0.02 and 0.03 in photos that were blurred, 0.29 to 0.49 in a sharp one that was
# sharpened as if it were (Grace Hopper; kernel found, 3 % and 5 %).
OVERSHOT = 0.1
RESULT, DRAWN, PASTED = "result.png", "restored.png", "photo_restored.png"


def choices(search: Search) -> list[str]:
    """Pictures of the face that a person may take home: the finished one, or all finished ones, then the drawn one."""
    there = search.files()
    if search.is_whole:
        return [name for name in (PASTED,) if name in there]
    samples = [name for name in sample_files(MOST_SAMPLES) if name in there]
    finished = samples or [name for name in (RESULT, "consistent.png") if name in there][:1]
    return [*finished, *(name for name in (DRAWN,) if name in there)]


def best(search: Search) -> str | None:
    """Which of the choices the record itself has finished. None: there is no picture."""
    names = choices(search)
    result = search.folder / RESULT
    if len(names) > 2 and result.is_file():  # it is one of the samples
        content = result.read_bytes()
        names = [name for name in names if (search.folder / name).read_bytes() == content] or names
    return names[0] if names else None


def overshoots(search: Search) -> bool:
    """Whether the finished face is black and white stripes: what sharpens a blurred photo ruins one that is sharp.

    Black or white are then far more channels of its pixels than of the photo's.
    """
    pictures = [search.folder / name for name in (RESULT, "degraded.png")]
    if not all(path.is_file() for path in pictures):
        return False
    result, given = (_extreme(path) for path in pictures)
    return result - given > OVERSHOT


def in_photo(search: Search, name: str, uploads: Uploads) -> Path:
    """The whole photo with one of the choices in it, a PNG like photo_restored.png.

    Raises ConfigError without one, and where the photo has made room for later ones.
    """
    if name not in choices(search) or search.upload.is_aligned:
        raise ConfigError("This restoration has no such picture.")
    if name == best(search) and PASTED in search.files():  # a point of a sweep has none
        return search.folder / PASTED
    with uploads.hold(search.upload.id) as upload, one_photo:
        path = upload.folder / f"{search.id}_{name}"
        if not path.exists():
            write_file(path, png_like(upload.path, _pasted(search, name)))
        return path


def before(search: Search, uploads: Uploads) -> Path:
    """The photo's face in the framing, and in the size, of result.png.

    Raises ConfigError before the search is over, and where the photo has made room for later ones.
    """
    if DRAWN not in search.files():
        raise ConfigError("This restoration has no picture yet.")
    with uploads.hold(search.upload.id) as upload, one_photo:
        path = upload.folder / f"{search.id}_before.png"
        if not path.exists():
            write_file(path, png(_photo(search, _config(search)).given))
        return path


def _extreme(path: Path) -> float:
    """The share of a picture's values that are 0 or 255."""
    with Image.open(path) as picture:
        values = np.asarray(picture.convert("RGB"))
    return float(((values == 0) | (values == 255)).mean())


def _config(search: Search) -> Config:
    return Config.of(yaml.safe_load((search.folder / "config.yaml").read_text(encoding="utf-8")))


def _photo(search: Search, config: Config, whole: bool = False) -> Photo:
    """As the search has seen it: aligned, and at its own size. whole: with what is hidden of the whole photo."""
    source: Photos = instantiate(config.input)
    with Image.open(search.folder / DRAWN) as small:
        resolution = small.width
    source = source if whole else replace(source, mask=None)
    (photo,) = source.load_file(search.upload.path, resolution)
    return photo


def _pasted(search: Search, name: str) -> Image.Image:
    """As Restoration.in_photo does, from what the record says of its photo."""
    config = _config(search)
    photo = _photo(search, config, whole=True)
    with Image.open(search.folder / name) as opened:
        face = opened.convert("RGB")
    metrics = read_object(search.folder / SUMMARY)  # a record that could not be finished has none
    return with_faces([recorded(photo, face, instantiate(config.degradation), config.degraded, metrics)])
