"""Where a generator comes from: embedded in the package, a published address, or a file. One function per YAML kind."""

from __future__ import annotations

import logging
from pathlib import Path

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.download import fetch
from inversion.checkpoints.load import load
from inversion.checkpoints.one_class import choose_class
from inversion.errors import CheckpointError
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

PUBLISHED = 256  # px, the smallest of the nets that generator=file has presets for
WEIGHTS = Path(__file__).parent.parent / "weights"


def embedded(name: str, class_index: int | None = None) -> Checkpoint:
    """A net that ships with the package: inversion/weights/<name>.safetensors.

    name: of the file
    class_index: of a conditional net, from 0; None = codes of all classes
    """
    return small_file(str(WEIGHTS / f"{name}.safetensors"), class_index=class_index)


def download(
    url: str, sha256: str | None = None, size: int | None = None, class_index: int | None = None
) -> Checkpoint:
    """A published net, fetched once into the cache folder.

    url: https address of the file
    sha256: of the file; None = not checked
    size: bytes; None = not known
    class_index: of a conditional net, from 0; None = codes of all classes
    """
    return choose_class(load(fetch(url, sha256, size)), class_index)


def file(path: str, sha256: str | None = None, class_index: int | None = None) -> Checkpoint:
    """A net on disk, searched with the published nets' presets. Raises CheckpointError, see small_file.

    path: .pkl, .pt or .safetensors
    sha256: of the file; None = not checked
    class_index: of a conditional net, from 0; None = codes of all classes
    """
    checkpoint = small_file(path, sha256, class_index)
    if (side := checkpoint.architecture.img_resolution) < PUBLISHED:
        log.warning(
            "%s draws %d px. generator=file has the presets of the published nets, of %d px and more; "
            "generator=small_file has those that were tuned on the embedded 64 px net.",
            printable(path),
            side,
            PUBLISHED,
        )
    return checkpoint


def small_file(path: str, sha256: str | None = None, class_index: int | None = None) -> Checkpoint:
    """A net on disk, searched with the embedded net's presets.

    Raises CheckpointError when it is not there, or not the one that was meant.
    path: .pkl, .pt or .safetensors
    sha256: of the file; None = not checked
    class_index: of a conditional net, from 0; None = codes of all classes
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise CheckpointError(
            f"no checkpoint file at {printable(place)}; give generator.path=FILE.pkl, .pt or .safetensors"
        )
    return choose_class(load(place, sha256), class_index)
