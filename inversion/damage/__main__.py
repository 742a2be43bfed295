"""What has happened to a photo? `python -m inversion.damage PHOTO [--drawn damage.png] [--mask mask.png]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from inversion.damage.compression import tables_of
from inversion.damage.damage import find_damage
from inversion.damage.drawing import drawn_over
from inversion.damage.table import text
from inversion.errors import ConfigError
from inversion.images import read_photo


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m inversion.damage", description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument(
        "--drawn", type=Path, help="the photo, with what hides it drawn over it, as a new picture"
    )
    parser.add_argument("--mask", type=Path, help="white = hidden, as degradation.mask takes it")
    chosen = parser.parse_args()
    wanted = [path for path in (chosen.drawn, chosen.mask) if path is not None]
    for path in wanted:
        if os.path.lexists(path) or wanted.count(path) > 1:
            sys.exit(
                f"Nothing is overwritten. Got {path}, which exists or is named twice; another name would work."
            )
    try:
        photo = read_photo(chosen.photo)
    except ConfigError as error:
        sys.exit(str(error))
    pixels = np.array(photo)
    damage = find_damage(pixels, tables_of(chosen.photo))
    print(text(damage))
    if chosen.drawn is not None:
        save(drawn_over(pixels, damage.hidden), chosen.drawn)
    if chosen.mask is not None:
        save(255 * damage.hidden.astype(np.uint8), chosen.mask)


def save(pixels: np.ndarray, path: Path) -> None:
    """A new file, or one line that says why there is none."""
    try:
        Image.fromarray(pixels).save(path)
    except (OSError, ValueError) as error:  # no such folder; no such format
        sys.exit(
            f"The picture could not be written. Got {path} ({error}); {path.stem}.png would work in this folder."
        )


if __name__ == "__main__":
    main()
