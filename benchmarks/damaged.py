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
from inversion.degradations.motion_blur import MotionBlur
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise
from inversion.images import quantize, to_pil, to_tensor

SEVERITIES = (1, 2, 3)
BLUR = {1: (0.008, 0.016), 2: (0.016, 0.032), 3: (0.032, 0.064)}  # kernel, of the shorter side
NOISE = {1: (0.01, 0.02), 2: (0.02, 0.04), 3: (0.04, 0.08)}  # sigma, white = 1
QUALITY = {1: (75, 95), 2: (50, 75), 3: (20, 50)}
STROKES = {1: (2, 4), 2: (4, 8), 3: (8, 12)}
WIDTH = (0.004, 0.01)  # of a scratch, of the side
LENGTH = {1: (0.012, 0.02), 2: (0.02, 0.035), 3: (0.035, 0.05)}  # of motion, of the shorter side
SPOTS = {1: (15, 25), 2: (25, 45), 3: (45, 70)}
RADIUS = (0.001, 0.005)  # of a spot, of the shorter side
SEEN = 0.15  # of white: a spot that differs less from what it hides is none
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
    moved: tuple[float, float] | None = None  # px, degrees
    dusty: np.ndarray | None = None  # [H, W] bool, where spots can be seen


def damaged(photo: Image.Image, severity: int, seed: int) -> Damaged:
    """Blur as the camera's, colour as the print's, its scratches and dust, the scanner's noise, the file's compression.

    Each happens to about half of the photos, motion to a third of those in focus, dust to a third, so that what is not
    there must be left alone, too.
    """
    rng, noise = np.random.default_rng([seed, severity]), torch.Generator().manual_seed(seed)
    more = np.random.default_rng([seed, severity, 1])  # of what came later: the other draws are as they were
    image, side = to_tensor(photo)[None], min(photo.size)
    kernel_size = sigma = quality = scratched = moved = dusty = None
    if rng.random() < 0.6:
        kernel_size = max(1.0, float(rng.uniform(*BLUR[severity])) * side)
        image = GaussianBlur(kernel_size).bind(image, False)(image)
    elif more.random() < 0.35:
        moved = float(more.uniform(*LENGTH[severity])) * side, float(more.uniform(0, 180))
        image = MotionBlur(*moved).bind(image, False)(image)
    colour, image = coloured(image, rng)
    if more.random() < 0.35:
        image, dusty = with_dust(image, int(more.integers(*SPOTS[severity], endpoint=True)), more)
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
    return Damaged(pixels, tables, colour, kernel_size, scratched, sigma, quality, moved, dusty)


def with_dust(image: Tensor, count: int, rng: np.random.Generator) -> tuple[Tensor, np.ndarray]:
    """Ellipses of one colour, black or paper-white, and where they can be seen: [H, W] bool."""
    height, width = image.shape[-2:]
    rows, columns = np.mgrid[:height, :width]
    level, where = (PAPER if rng.random() < 0.6 else -PAPER), np.zeros((height, width), dtype=bool)
    for _ in range(count):
        y, x, angle = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, np.pi)
        radius, flat = rng.uniform(*RADIUS) * min(height, width), rng.uniform(0.5, 1)
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
        where |= (along / radius) ** 2 + (across / radius / flat) ** 2 < 1
    before = Grayscale()(image)[0, 0].numpy()
    spoilt = torch.where(torch.from_numpy(where), level, image)
    return spoilt, where & (np.abs(before - level) / 2 > SEEN)


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
