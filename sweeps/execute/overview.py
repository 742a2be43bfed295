"""What came of every photo of a folder, on one sheet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from PIL import Image

from inversion.console import plain_console
from inversion.errors import explain
from inversion.pictures.overview import Entry, overview
from inversion.reading.printable import one_line
from inversion.runtime.atomic import cannot_write, png, write_file
from sweeps.execute.job import PhotoResult

log = logging.getLogger(__name__)

OVERVIEW = "overview.png"


def write(folder: Path, results: Sequence[PhotoResult]) -> None:
    """One sheet of all photos, overview_2.png where there is one already; what cannot be drawn costs nothing else."""
    try:
        path = _keep(folder, png(overview([entry(result) for result in results])))
    except (ValueError, OSError) as error:
        log.warning("there is no %s of all photos: %s", OVERVIEW, explain(error))
        return
    plain_console().print(f"{len(results)} photos at a glance: {path}")


def _keep(folder: Path, content: bytes) -> Path:
    """Write the file under the first name that nobody has taken. Raises OSError."""
    stem, _, ending = OVERVIEW.partition(".")
    for name in chain([OVERVIEW], (f"{stem}_{number}.{ending}" for number in count(2))):
        path = folder / name
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(path, error) from error
        write_file(path, content)
        return path
    raise AssertionError("names do not end")


def entry(result: PhotoResult) -> Entry:
    """A photo's pictures, as small as the sheet needs them."""
    pictures = [_small(result.folder / name) for name in ("degraded.png", "result.png")]
    why = "" if result.ending.status == "FINISHED" else f"{result.ending.status}: {result.ending.reason}"
    return Entry(one_line(result.photo), pictures[0], pictures[1], why)


def _small(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            picture.thumbnail((256, 256))
            return picture.convert("RGB")
    except OSError:
        return None
