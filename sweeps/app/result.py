"""What the page shows beside a record's own pictures: the face before, and the photo with any alternative in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml
from hydra.utils import instantiate
from PIL import Image

from inversion.errors import ConfigError
from inversion.fullsize.save import png_like
from inversion.images import to_pil
from inversion.photo import Photo, Restored, with_faces
from inversion.photos import Photos
from inversion.runtime.atomic import png, write_file
from sweeps.app.searches import Search
from sweeps.plan.config import Config


def in_photo(search: Search, number: int) -> Path:
    """A PNG like photo_restored.png, kept beside the upload. number: of the alternative; 0: the record's own choice.

    Raises ConfigError where there is no such picture.
    """
    own = search.folder / "photo_restored.png"
    name = f"sample_{number}.png" if number else own.name
    if name not in search.files():
        raise ConfigError("This restoration has no such picture.")
    if not number:
        return own
    path = search.upload.folder / f"{search.id}_{number}.png"
    if not path.exists():
        write_file(path, png_like(search.upload.path, _pasted(search, search.folder / name)))
    return path


def before(search: Search) -> Path:
    """The photo's face in the framing, and in the size, of result.png. Raises ConfigError before the search is over."""
    if "restored.png" not in search.files():
        raise ConfigError("This restoration has no picture yet.")
    path = search.upload.folder / f"{search.id}_before.png"
    if not path.exists():
        photo = _photo(search, _config(search))
        write_file(path, png(to_pil(photo.image) if photo.full is None else photo.full.image))
    return path


def _config(search: Search) -> Config:
    return Config.of(yaml.safe_load((search.folder / "config.yaml").read_text(encoding="utf-8")))


def _photo(search: Search, config: Config) -> Photo:
    """As the search has seen it: aligned, and at its own size."""
    source: Photos = instantiate(config.input)
    with Image.open(search.folder / "restored.png") as small:
        resolution = small.width
    (photo,) = replace(source, mask=None).load_file(search.upload.path, resolution)
    return photo


def _pasted(search: Search, picture: Path) -> Image.Image:
    """As Restoration.in_photo does, from what the record says of its photo."""
    config = _config(search)
    photo = _photo(search, config)
    with Image.open(picture) as opened:
        face = opened.convert("RGB")
    coloured = config.degraded and config.degradation["_target_"].endswith(".Grayscale")
    given = photo.full.image if config.degraded and photo.full is not None else None
    return with_faces([Restored(photo, face, given)], coloured)
