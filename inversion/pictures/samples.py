"""How much of a restoration is a guess: several restorations of one photo, their mean and where they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from inversion.images import to_pil, to_unit
from inversion.pictures.drawing import PAPER, readable
from inversion.pictures.panels import panel

COLUMNS = 4
# standard deviation, of [0, 1], that gets the last colour: two faces that have nothing in common
BRIGHTEST = 0.25


def sample_pictures(samples: Tensor, fits: Sequence[float]) -> dict[str, Image.Image]:
    """File name -> picture: the samples as a sheet, their mean, and their spread as a heat map.

    samples: [N, 3, H, W] in [-1, 1]; fits: [N], dB, see `Restoration.fits`.
    """
    return {
        "samples.png": sheet([to_pil(sample) for sample in samples], fits),
        "samples_mean.png": to_pil(mean(samples)),
        "samples_spread.png": heat_map(spread(samples)),
    }


def mean(samples: Tensor) -> Tensor:
    """[N, 3, H, W] -> [3, H, W]: what all agree on; the rest blurs."""
    return samples.clamp(-1, 1).mean(dim=0)


def spread(samples: Tensor) -> Tensor:
    """Standard deviation of each pixel over the samples: [N, 3, H, W] in [-1, 1] -> [H, W], of colours in [0, 1].

    The root of the colours' mean variance; the samples are all that there are, N and not N - 1.
    """
    return to_unit(samples).var(dim=0, correction=0).mean(dim=0).sqrt()


def heat_map(values: Tensor) -> Image.Image:
    """[H, W] from 0 (black: all agree) to BRIGHTEST (pale yellow), in matplotlib's inferno, enlarged if small."""
    import matplotlib

    shades = (values / BRIGHTEST).clamp(0, 1).numpy()
    colours = matplotlib.colormaps["inferno"](shades)[..., :3]
    return readable(Image.fromarray(np.rint(colours * 255).astype(np.uint8)))


def sheet(pictures: Sequence[Image.Image], fits: Sequence[float]) -> Image.Image:
    """All samples in rows of four, each with how well what its codes draw fits the photo [dB]."""
    captions = [
        f"{number + 1}: codes fit {fit:.1f} dB" + (", the best" if fit == max(fits) else "")
        for number, fit in enumerate(fits)
    ]
    labelled = list(zip(captions, pictures, strict=True))
    rows = [panel(labelled[i : i + COLUMNS]) for i in range(0, len(labelled), COLUMNS)]
    whole = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), PAPER)
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole
