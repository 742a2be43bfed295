"""Where a generator comes from: embedded in the package, a published address, or a file. One function per YAML kind."""

from __future__ import annotations

import logging
from pathlib import Path

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.download import fetch
from inversion.checkpoints.load import load
from inversion.errors import CheckpointError
from inversion.images import sha256_of

log = logging.getLogger(__name__)

PUBLISHED = 256  # px, the smallest of the nets that generator=file has presets for
WEIGHTS = Path(__file__).parent.parent / "weights"


def embedded(name: str) -> Checkpoint:
    """A net that ships with the package: inversion/weights/<name>.safetensors."""
    return small_file(str(WEIGHTS / f"{name}.safetensors"))


def download(url: str, sha256: str | None = None, size: int | None = None) -> Checkpoint:
    """A published net, fetched once into the cache folder.

    url: https address of the file
    sha256: of the file; None = not checked
    size: bytes; None = not known
    """
    return load(fetch(url, sha256, size))


def file(path: str, sha256: str | None = None) -> Checkpoint:
    """A net on disk, searched with the published nets' presets. Raises CheckpointError, see small_file.

    path: .pkl, .pt or .safetensors
    sha256: of the file; None = not checked
    """
    checkpoint = small_file(path, sha256)
    if (side := checkpoint.architecture.img_resolution) < PUBLISHED:
        log.warning(
            "%s draws %d px. generator=file has the presets of the published nets, of %d px and more; "
            "generator=small_file has those that were tuned on the embedded 64 px net.",
            path,
            side,
            PUBLISHED,
        )
    return checkpoint


def small_file(path: str, sha256: str | None = None) -> Checkpoint:
    """A net on disk, searched with the embedded net's presets.

    Raises CheckpointError when it is not there, or not the one that was meant.
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
