"""How good is a generator: `python -m training.evaluate WEIGHTS PICTURES` prints the figures of the model card.

Faces found by dlib's detector, Fréchet distances to the real pictures (Heusel et al. 2017, in the spaces of dlib's
face descriptor and of pixel principal components) beside their floor and an untrained net, and memorization.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from inversion.checkpoints import load
from inversion.faces.landmarks import load_detector
from inversion.generator.stylegan2 import Generator
from inversion.images import to_pil
from inversion.metrics.face_identity import descriptors
from training.data import load_pictures
from training.sheet import save_sheet

DETECTOR_SIZE = 256  # px, to which pictures are scaled before the detector looks
PIXEL_SIZE = 64  # px, at which pixel statistics are compared
COMPONENTS = 64  # principal components of the real pictures' pixels


@torch.no_grad()
def samples(generator: Generator, count: int, truncation_psi: float, seed: int = 0) -> Tensor:
    """[count, 3, R, R] in [-1, 1], each with its own noise."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, count, 50):
        z = torch.randn([min(50, count - start), generator.architecture.z_dim], generator=rng)
        sides = generator.synthesis.noise_resolutions
        noises = [torch.randn([len(z), 1, side, side], generator=rng) for side in sides]
        parts.append(generator.synthesis(generator.mapping(z, truncation_psi=truncation_psi), noises))
    return torch.cat(parts).clamp(-1, 1)


def share_with_face(images: Tensor) -> float:
    """Share of [N, 3, R, R] in which dlib's frontal detector finds a face."""
    detector = load_detector()
    size = (DETECTOR_SIZE, DETECTOR_SIZE)
    found = [
        len(detector(np.asarray(to_pil(image).resize(size, Image.Resampling.BICUBIC)), 0)) > 0
        for image in images
    ]
    return float(np.mean(found))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between the Gaussians fitted to a: [N, D] and b: [M, D]. Heusel et al. 2017, equation 6."""
    mean = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)).sum()
    return float(mean + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def nearest(a: np.ndarray, b: np.ndarray, skip_self: bool = False) -> np.ndarray:
    """Distance from each row of a to its nearest row of b."""
    distances = np.sqrt((np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T).clip(min=0))
    if skip_self:
        np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)


def described(images: Tensor) -> np.ndarray:
    """Descriptors of those that show a face: [<= N, 128]."""
    rows = descriptors(images)
    return rows[np.isfinite(rows).all(axis=1)]


class PixelComponents:
    """Principal components of the real pictures at 64 px, scaled to unit variance."""

    def __init__(self, real: Tensor) -> None:
        flat = self._flat(real)
        self.mean = flat.mean(axis=0)
        _, spread, axes = np.linalg.svd(flat - self.mean, full_matrices=False)
        self.axes = axes[:COMPONENTS].T / (spread[:COMPONENTS] / np.sqrt(len(flat)))

    def __call__(self, images: Tensor) -> np.ndarray:
        return (self._flat(images) - self.mean) @ self.axes

    def _flat(self, images: Tensor) -> np.ndarray:
        return F.interpolate(images, size=PIXEL_SIZE, mode="area").flatten(1).numpy().astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("pictures", type=Path, help="folder or zip that the net was trained on")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--faces", type=int, default=1000, help="samples shown to the face detector")
    parser.add_argument(
        "--sheets", type=Path, help="folder for sheets of 64 samples at truncation 0.7 and 1.0"
    )
    chosen = parser.parse_args()
    checkpoint = load(chosen.weights)
    trained, untrained = Generator(checkpoint.architecture), Generator(checkpoint.architecture)
    trained.load_state_dict(checkpoint.generator)
    for psi in (0.7, 1.0):
        if chosen.sheets:
            chosen.sheets.mkdir(parents=True, exist_ok=True)
            save_sheet(trained, chosen.sheets / f"samples_{psi}.png", psi)
        share = share_with_face(samples(trained, chosen.faces, psi))
        print(f"face found in samples, truncation {psi}: {share:.1%}", flush=True)
    real = load_pictures(chosen.pictures, checkpoint.architecture.img_resolution).float() / 127.5 - 1
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))
    halves = real[order[::2]], real[order[1::2]]
    fake = samples(trained, chosen.samples, 1.0)
    noise = samples(untrained, len(real), 1.0)

    pixels = PixelComponents(real)
    floor = frechet_distance(pixels(halves[0]), pixels(halves[1]))
    print(f"Fréchet distance, pixel components: {frechet_distance(pixels(fake), pixels(real)):.2f}")
    print(f"  two halves of the real pictures: {floor:.2f}")
    print(f"  untrained net: {frechet_distance(pixels(noise), pixels(real)):.2f}", flush=True)

    people, first, second = described(real), described(halves[0]), described(halves[1])
    faces, static = described(fake), described(noise)
    print(f"Fréchet distance, face descriptors: {frechet_distance(faces, people):.4f} ({len(faces)} faces)")
    print(f"  two halves of the real pictures: {frechet_distance(first, second):.4f}")
    if len(static) > 128:
        print(f"  untrained net: {frechet_distance(static, people):.4f}")
    else:
        print(f"  untrained net: a face in {len(static)} of {len(noise)} samples")
    between, to_real = nearest(people, people, skip_self=True), nearest(faces, people)
    print("distance to the nearest training picture's descriptor (minimum, 1 %, median):")
    for name, distances in (("real people", between), ("samples", to_real)):
        low, percent, median = np.quantile(distances, [0, 0.01, 0.5])
        print(f"  {name}: {low:.3f}, {percent:.3f}, {median:.3f}")


if __name__ == "__main__":
    main()
