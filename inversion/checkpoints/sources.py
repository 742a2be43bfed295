"""Where a generator comes from: embedded in the package, a published address, or a file. One function per YAML kind."""

from __future__ import annotations

from pathlib import Path

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.download import fetch
from inversion.checkpoints.load import load
from inversion.checkpoints.one_class import choose_class
from inversion.errors import CheckpointError
from inversion.printable import printable

WEIGHTS = Path(__file__).parent.parent / "weights"

# class_index, everywhere: the class of a conditional net, from 0; None: codes of all classes.


def embedded(name: str, class_index: int | None = None) -> Checkpoint:
    """A net that ships with the package: inversion/weights/<name>.safetensors."""
    return file(str(WEIGHTS / f"{name}.safetensors"), class_index=class_index)


def download(
    url: str, sha256: str | None = None, size: int | None = None, class_index: int | None = None
) -> Checkpoint:
    """A published net, fetched once into the cache folder."""
    return choose_class(load(fetch(url, sha256, size)), class_index)


def file(path: str, sha256: str | None = None, class_index: int | None = None) -> Checkpoint:
    """A net on disk. Raises CheckpointError when it is not there, or not the one that was meant."""
    place = Path(path).expanduser()
    if not place.is_file():
        raise CheckpointError(
            f"no checkpoint file at {printable(place)}; give generator.path=FILE.pkl, .pt or .safetensors"
        )
    return choose_class(load(place, sha256), class_index)
