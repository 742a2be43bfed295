"""What has happened to a photo of the page: looked at as degradation=auto does, shown so that it can be corrected."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from inversion.damage.damage import PROBABLE, Damage
from inversion.damage.drawing import COLOUR
from inversion.damage.noise import IN_LUMA
from inversion.damage.table import rows
from inversion.images import read_photo
from inversion.inspection import fills_in, inspect
from inversion.runtime.atomic import png, write_file
from sweeps.app.uploads import AREA, HIDDEN, Box, Upload, one_photo


def look(upload: Upload) -> dict[str, Any]:
    """What was found, and where its sliders begin. Raises ConfigError.

    rows: per kind of damage what, found, sure. blur: px of the photo, 0 for a sharp one or one that moved. grey.
    enlarged: times, 1 = not. noise: per cent of white. hides: something is filled in; then there are hidden.png, and
    hidden_0.png, … to be laid over the areas of the faces. nothing: there is nothing to mend.
    """
    with one_photo:
        damage = inspect(upload.path, read_photo(upload.path))
    hides = fills_in(damage)
    if hides:
        hidden = 255 * damage.surely_hidden.astype(np.uint8)
        write_file(upload.folder / HIDDEN, png(Image.fromarray(hidden)))
        for number, area in enumerate(upload.areas):
            write_file(upload.folder / f"hidden_{number}.png", png(drawn(damage, area)))
    noisy = damage.is_noisy and damage.noise.confidence >= PROBABLE
    return {
        "rows": [{"what": row.what, "found": row.found, "sure": row.sure} for row in rows(damage)],
        "blur": damage.blur.kernel_size if damage.is_blurred else 0.0,
        "grey": damage.colour.is_grey,
        "enlarged": damage.enlargement.factor if damage.is_enlarged else 1.0,
        "noise": 100 * damage.noise.sigma / IN_LUMA if noisy else 0.0,
        "hides": hides,
        "nothing": damage.is_none,
    }


def drawn(damage: Damage, area: Box) -> Image.Image:
    """What is filled in, as large as the picture of that area: red, transparent elsewhere."""
    left, top, right, bottom = area
    hidden = damage.surely_hidden[top:bottom, left:right]
    picture = np.zeros((*hidden.shape, 4), dtype=np.uint8)
    picture[hidden] = (*COLOUR, 190)
    shown = Image.fromarray(picture)
    shown.thumbnail((AREA, AREA), Image.Resampling.BOX)
    return shown
