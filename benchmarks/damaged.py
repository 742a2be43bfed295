"""Photos with known damage: chains of our own operators, sampled, at the photo's own size."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from inversion.damage.colour import Kind
from inversion.damage.noise import IN_LUMA
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise
from inversion.images import quantize, to_pil, to_tensor

SEVERITIES = (1, 2, 3)
BLUR = {1: (0.008, 0.016), 2: (0.016, 0.032), 3: (0.032, 0.064)}  # kernel, of the shorter side
NOISE = {1: (0.01, 0.02), 2: (0.02, 0.04), 3: (0.04, 0.08)}  # sigma, white = 1
QUALITY = {1: (75, 95), 2: (50, 75), 3: (20, 50)}
STROKES = {1: (2, 4), 2: (4, 8), 3: (8, 12)}
WIDTH = (0.004, 0.01)  # of a scratch, of the side
KINDS: tuple[Kind, Kind, Kind] = ("colour", "grey", "sepia")
PAPER = 0.95  # white of a print, in [-1, 1]


@dataclass(frozen=True)
class Damaged:
    """One photo, and what was done to it; None: nothing of that kind."""

    photo: np.ndarray  # [H, W, 3], uint8
    tables: dict[int, list[int]] | None  # of the file, where it is a JPEG
    colour: Kind
    kernel_size: float | None  # px
    scratched: np.ndarray | None  # [H, W] bool
    sigma: float | None  # of the noise in luma, white = 1
    quality: int | None


def damaged(photo: Image.Image, severity: int, seed: int) -> Damaged:
    """Blur as the camera's, colour as the print's, its scratches, the scanner's noise, the file's compression.

    Each happens to about half of the photos, so that what is not there must be left alone, too.
    """
    rng, noise = np.random.default_rng([seed, severity]), torch.Generator().manual_seed(seed)
    image, side = to_tensor(photo)[None], min(photo.size)
    kernel_size = sigma = quality = scratched = None
    if rng.random() < 0.6:
        kernel_size = max(1.0, float(rng.uniform(*BLUR[severity])) * side)
        image = GaussianBlur(kernel_size).bind(image, False)(image)
    colour, image = coloured(image, rng)
    if rng.random() < 0.5:
        strokes, width = int(rng.integers(*STROKES[severity], endpoint=True)), float(rng.uniform(*WIDTH))
        operator = Scratches(strokes, width, seed).bind(image, False)
        assert operator.known is not None
        scratched = (operator.known == 0)[0, 0].numpy()
        image = torch.where(operator.known > 0, image, PAPER) if rng.random() < 0.5 else operator(image)
    if rng.random() < 0.6:
        channels = float(rng.uniform(*NOISE[severity]))
        sigma, image = channels * IN_LUMA, SensorNoise(channels).observe(image, noise)
    pixels, tables = np.array(to_pil(quantize(image)[0])), None
    if rng.random() < 0.7:
        quality = int(rng.integers(*QUALITY[severity], endpoint=True))
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="JPEG", quality=quality, subsampling="4:2:0")
        stored = Image.open(file)
        pixels = np.array(stored)
        saved_again = rng.random() < 0.5
        tables = None if saved_again else stored.quantization  # type: ignore[attr-defined]
    return Damaged(pixels, tables, colour, kernel_size, scratched, sigma, quality)


def coloured(image: Tensor, rng: np.random.Generator) -> tuple[Kind, Tensor]:
    """In colour, in grey, or toned from a dark brown to a yellow paper."""
    kind: Kind = KINDS[int(rng.choice(3, p=(0.4, 0.3, 0.3)))]
    if kind == "colour":
        return kind, image
    image = Grayscale()(image)
    if kind == "grey":
        return kind, image
    dark, light = (
        torch.from_numpy(rng.uniform(*bounds)).float()[:, None, None]
        for bounds in (((0.1, 0.05, 0.0), (0.2, 0.1, 0.05)), ((0.9, 0.8, 0.6), (1, 0.9, 0.75)))
    )
    return kind, (dark + (light - dark) * (image + 1) / 2) * 2 - 1
