"""Every way in which a file reaches the program, as the command line takes it: exit code, and what is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from inversion.checkpoints import load
from inversion.checkpoints.__main__ import main as checkpoints
from inversion.checkpoints.named_tensors import read_named_tensors
from inversion.checkpoints.sources import WEIGHTS
from inversion.degradations.inpaint import read_mask
from inversion.faces.landmarks import choose_face, find_faces
from inversion.features.dlib_file import read_layers
from inversion.generator.architecture import Architecture
from inversion.images import list_photos, read_photo
from inversion.inspection import inspect
from inversion.latents.latents_file import load_start

TINY = Architecture(img_resolution=32, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=2)


def checkpoint(path: Path) -> int:
    return checkpoints(["info", str(path)])


def start(path: Path) -> int:
    load_start(str(path), TINY)
    return 0


def mask(path: Path) -> int:
    read_mask(path, (10_000, 10_000))
    return 0


def landmarks(path: Path) -> int:
    find_faces(Image.new("RGB", (64, 64)), str(path))
    return 0


def photo(path: Path) -> int:
    choose_face(find_faces(read_photo(path)))
    return 0


def pixels(path: Path) -> int:
    read_photo(path)
    return 0


def damage(path: Path) -> int:
    inspect(path, read_photo(path))
    return 0


def folder(path: Path) -> int:
    for file in list_photos(path):
        read_photo(file)
    return 0


def weights(path: Path) -> int:
    read_named_tensors(path)
    return 0


def descriptor(path: Path) -> int:
    read_layers(path)
    return 0


READERS: dict[str, Callable[[Path], int]] = {
    reader.__name__: reader
    for reader in (checkpoint, start, mask, landmarks, photo, pixels, damage, folder, weights, descriptor)
}


def warm_up() -> None:
    """Import and build what every reader needs, so that a measured process pays for its file only."""
    find_faces(Image.new("RGB", (64, 64)))
    load(WEIGHTS / "portraits64.safetensors")


def run(reader: str, path: Path) -> int:
    """As run.py ends: refusals of ours are one line and exit code 1, anything else is a traceback."""
    try:
        return READERS[reader](path)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
