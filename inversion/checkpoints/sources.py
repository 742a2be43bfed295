"""Where a generator comes from: embedded in the package, a published address, or a file. One function per YAML kind."""

from __future__ import annotations

from pathlib import Path

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.download import fetch
from inversion.checkpoints.load import load
from inversion.errors import CheckpointError
from inversion.images import sha256_of

WEIGHTS = Path(__file__).parent.parent / "weights"


def embedded(name: str) -> Checkpoint:
    """A net that ships with the package: inversion/weights/<name>.safetensors."""
    return file(str(WEIGHTS / f"{name}.safetensors"))


def download(url: str, sha256: str | None = None, size: int | None = None) -> Checkpoint:
    """A published net, fetched once into the cache folder.

    url: https address of the file
    sha256: of the file; None = not checked
    size: bytes; None = not known
    """
    return load(fetch(url, sha256, size))


def file(path: str, sha256: str | None = None) -> Checkpoint:
    """A net on disk. Raises CheckpointError when it is not there, or not the one that was meant.

    path: .pkl, .pt or .safetensors
    sha256: of the file; None = not checked
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise CheckpointError(
            f"no checkpoint file at {place}; give generator.path=FILE.pkl, .pt or .safetensors"
        )
    if sha256 is not None and (got := sha256_of(place)) != sha256:
        raise CheckpointError(f"{place} is not the checkpoint that was asked for: sha256 {sha256}. Got {got}")
    return load(place)
