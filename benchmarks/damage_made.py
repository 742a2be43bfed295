"""Are enlargement, creases and tears found? `python -m benchmarks.damage_made PHOTOS`.

Whole photos of a folder are enlarged from fewer pixels, folded, or torn, each once, with settings drawn at random, and
looked at as they are, and after earlier compression and shrinking, which is no enlargement. Prints how often each is
surely found, how much of it, and the false alarms.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from inversion.damage.damage import SURE, find_damage
from inversion.images import list_photos, read_photo

METHODS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.NEAREST,
)
FACTORS = (2.0, 8.0)
LEVELS = (4, 128, 242, 250)  # of what is torn away
NEAR = 0.05  # of the factor


def enlarged(photo: Image.Image, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Brought down and enlarged again, a third with noise, 60 % compressed: [H, W, 3], and the factor."""
    factor = float(np.exp(rng.uniform(*np.log(FACTORS))))
    small = photo.resize((round(photo.width / factor), round(photo.height / factor)), Image.Resampling.BOX)
    pixels = np.asarray(small.resize(photo.size, METHODS[rng.integers(len(METHODS))])).astype(float)
    if rng.random() < 0.33:
        pixels += 255 * rng.uniform(0.005, 0.02) * rng.normal(size=pixels.shape)
    pixels = pixels.clip(0, 255).round().astype(np.uint8)
    return (compressed(pixels, int(rng.integers(50, 95))) if rng.random() < 0.6 else pixels), factor


def doubled(photo: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Brought down to half and enlarged exactly twice, by interpolation, uncompressed: [H, W, 3]."""
    half = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BOX)
    method = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)[rng.integers(3)]
    return np.asarray(half.resize((2 * half.width, 2 * half.height), method))


def shrunk(photo: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Compressed, brought down and mostly blurred: the blocks have a period, and nothing was enlarged. [h, w, 3]."""
    factor, sigma = rng.uniform(1.05, 2.5), rng.choice((0.0, 1.5, 4.0, 8.0))
    blocks = Image.fromarray(compressed(np.asarray(photo), int(rng.integers(60, 93))))
    small = blocks.resize(
        (round(photo.width / factor), round(photo.height / factor)), Image.Resampling.BICUBIC
    )
    pixels = ndimage.gaussian_filter(np.asarray(small).astype(float), (sigma, sigma, 0))
    return np.rint(pixels.clip(0, 255)).astype(np.uint8)


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return np.array(Image.open(file))


def creased(photo: Image.Image, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """In grey, with a line of paper across that wavers, its width and opacity varying; and where it is seen."""
    grey = np.asarray(photo.convert("L")) / 255
    turned = rng.random() < 0.5
    image = grey.T if turned else grey
    (height, width), side = image.shape, min(image.shape)

    def smooth(scale: float) -> np.ndarray:
        noise = ndimage.gaussian_filter1d(rng.normal(size=width), scale, mode="nearest")
        return np.asarray(noise / noise.std())

    first = rng.uniform(0.15, 0.85) * height
    last = np.clip(rng.uniform(0.15, 0.85) * height, first - 0.3 * height, first + 0.3 * height)
    middle = (
        np.linspace(first, last, width)
        + 0.004 * side * smooth(side / 40)
        + 0.0008 * side * smooth(side / 300)
    )
    wide = side * rng.uniform(0.003, 0.006) * np.exp(0.4 * smooth(side / 60))
    opacity = (rng.uniform(0.75, 1) + 0.3 * smooth(side / 50)).clip(0.2, 1)
    part = (1.3 - np.abs(np.arange(height)[:, None] - middle) / (wide / 2)).clip(0, 1) * opacity
    result = image * (1 - part) + rng.uniform(0.85, 0.97) * part
    seen = (part > 0.35) & (np.abs(result - image) > 0.06)
    result = (result + 0.01 * rng.normal(size=result.shape)).clip(0, 1)
    result, seen = (result.T, seen.T) if turned else (result, seen)
    return np.repeat(np.rint(255 * result).astype(np.uint8)[..., None], 3, axis=2), seen


def torn(photo: Image.Image, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A corner torn off, or a hole, of one level and with a jagged edge, noisy or compressed; and where."""
    side, (width, height) = min(photo.size), photo.size
    at = [(0, 0), (width, height), (rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height)][
        rng.integers(3)
    ]
    radius = side * (rng.uniform(0.04, 0.12) if 0 < at[0] < width else rng.uniform(0.15, 0.3))
    edge = radius * np.exp(0.15 * rng.normal(size=40))
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    gone = Image.new("L", photo.size)
    outline = [(at[0] + r * np.cos(a), at[1] + r * np.sin(a)) for r, a in zip(edge, angles, strict=True)]
    ImageDraw.Draw(gone).polygon(outline, fill=255)
    where = np.asarray(gone) > 0
    pixels = np.where(where[..., None], LEVELS[rng.integers(len(LEVELS))], np.asarray(photo)).astype(float)
    if rng.random() < 0.5:
        pixels += 2.5 * rng.normal(size=pixels.shape)
    pixels = pixels.clip(0, 255).round().astype(np.uint8)
    return (compressed(pixels, 80) if rng.random() < 0.66 else pixels), where


def share(part: np.ndarray, whole: np.ndarray) -> float:
    return float((part & whole).sum() / max(1, whole.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of whole photos")
    parser.add_argument("--limit", type=int, help="only the first photos")
    chosen = parser.parse_args()
    factors, twice, blocks, folds, tears, alarms = [], [], [], [], [], []
    for number, path in enumerate(list_photos(chosen.photos)[: chosen.limit]):
        photo, rng = read_photo(path), np.random.default_rng(number)
        whole = find_damage(np.array(photo))
        sure = [one.confidence >= SURE for one in (whole.enlargement, whole.creases, whole.torn)]
        alarms.append(sure)
        picture, factor = enlarged(photo, rng)
        found = find_damage(picture)
        if found.is_enlarged:
            factors.append(abs(found.enlargement.factor / factor - 1) < NEAR)
        more = np.random.default_rng([number, 1])  # of what came later: the other draws are as they were
        found = find_damage(doubled(photo, more))
        twice.append(found.is_enlarged and abs(found.enlargement.factor / 2 - 1) < NEAR)
        blocks.append(find_damage(shrunk(photo, more)).is_enlarged)
        picture, seen = creased(photo, rng)
        folds.append(share(find_damage(picture).creases.mask, seen))
        picture, gone = torn(photo, rng)
        tears.append(share(find_damage(picture).torn.mask, gone))
        print(f"{path.name}: {sure}, fold {folds[-1]:.2f}, tear {tears[-1]:.2f}", flush=True)
    print(f"{len(alarms)} photos; false alarms, enlarged, creased, torn: {np.sum(alarms, axis=0).tolist()}")
    print(f"surely enlarged: {len(factors)}, factor within {NEAR:.0%}: {sum(factors)}")
    print(f"enlarged exactly twice, uncompressed: {sum(twice)} of {len(twice)} found")
    print(f"compressed, then shrunk and blurred: {sum(blocks)} of {len(blocks)} taken for enlarged")
    for name, shares in (("creases", folds), ("tears", tears)):
        print(
            f"{name}: recall {np.mean(shares):.1%}, more than half found in {np.mean(np.array(shares) > 0.5):.0%}"
        )


if __name__ == "__main__":
    main()
