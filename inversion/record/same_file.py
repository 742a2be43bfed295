"""Whether a sqlite store is still the file that this process has opened."""

from __future__ import annotations

from pathlib import Path

from inversion.errors import ConfigError

_OPENED: dict[Path, tuple[int, int]] = {}  # device and number of each store's file


class Replaced(ConfigError):
    """The file of a store is another one by now, or gone."""


def check(database: Path) -> None:
    """Called before each use of a database. Raises Replaced where another file has its name by now, or none.

    Connections that are open, MLflow's own among them, still lead to the old file: what is written into one that was
    removed is lost without an error.
    """
    try:
        found = database.stat()
        number = (found.st_dev, found.st_ino)
    except OSError:
        number = None
    opened = _OPENED.get(database)
    if opened is None and number is not None:
        _OPENED[database] = number
    elif number != opened:
        raise Replaced(
            f"{database} was removed, moved or replaced since this process opened it, and only another start sees what "
            "is there now"
        )
