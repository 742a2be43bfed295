"""How good is a generator: `python -m training.evaluate WEIGHTS PICTURES…` prints the figures of the model card.

Fréchet and kernel distances to the real pictures in three spaces, beside their floor, two halves of the real
pictures; precision and recall; faces found by dlib's detector; memorization. Of the spaces, the recipe trains against
efficientnet-lite0 (at another picture size and in earlier layers), so that its figures may flatter; dlib's face
descriptors and the pixels' principal components are no part of any training.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
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
from training.distances import frechet_distance, kernel_distance, nearest, precision_recall
from training.features import load_feature_network, resized
from training.sheet import save_sheet

DETECTOR_SIZE = 256  # px, to which pictures are scaled before the detector looks
FEATURE_SIZE = 224  # px, at which efficientnet-lite0 was trained
PIXEL_SIZE = 64  # px, at which pixel statistics are compared
COMPONENTS = 64  # principal components of the real pictures' pixels

Describe = Callable[[Tensor], np.ndarray]


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


def shown_at(images: Tensor, side: int) -> Tensor:
    """A smaller net's pictures enlarged (bicubic), a larger one's shrunk (area), and rounded as a file would be."""
    if images.shape[-1] < side:
        images = F.interpolate(images, size=side, mode="bicubic", align_corners=False)
    images = resized(images.clamp(-1, 1), side)
    return ((images + 1) * 127.5).round() / 127.5 - 1


def share_with_face(images: Tensor) -> float:
    """Share of [N, 3, R, R] in which dlib's frontal detector finds a face."""
    detector = load_detector()
    size = (DETECTOR_SIZE, DETECTOR_SIZE)
    found = [
        len(detector(np.asarray(to_pil(image).resize(size, Image.Resampling.BICUBIC)), 0)) > 0
        for image in images
    ]
    return float(np.mean(found))


# Spaces: [N, 3, R, R] in [-1, 1] -> [N, D]


def face_descriptors(images: Tensor) -> np.ndarray:
    """Those that show a face: [<= N, 128]."""
    rows = descriptors(images)
    return rows[np.isfinite(rows).all(axis=1)]


@torch.no_grad()
def efficientnet_features(images: Tensor) -> np.ndarray:
    """[N, 1280]."""
    network = load_feature_network()
    parts = [network.pooled(resized(part, FEATURE_SIZE)) for part in images.split(50)]
    return torch.cat(parts).double().numpy()


class PixelComponents:
    """Principal components of the real pictures at 64 px, scaled to unit variance: [N, 64]."""

    def __init__(self, real: Tensor) -> None:
        flat = self._flat(real)
        self.mean = flat.mean(axis=0)
        flat = flat - self.mean
        # Of the pictures' inner products, which are fewer than the pixels'.
        squares, sides = np.linalg.eigh(flat @ flat.T / len(flat))
        squares, sides = squares[-COMPONENTS:], sides[:, -COMPONENTS:]
        # Unit axes over their standard deviations.
        self.axes = flat.T @ (sides / squares) / np.sqrt(len(flat))

    def __call__(self, images: Tensor) -> np.ndarray:
        return (self._flat(images) - self.mean) @ self.axes

    def _flat(self, images: Tensor) -> np.ndarray:
        return resized(images, PIXEL_SIZE).flatten(1).numpy().astype(np.float32)


def remembered(describe: Describe, images: Tensor, cache: Path | None, name: str) -> np.ndarray:
    """Features of the real pictures, which cost the same minutes every time; the cache belongs to one set of them."""
    path = None if cache is None else cache / f"{name}_{len(images)}_{images.shape[-1]}.npy"
    if path is not None and path.exists():
        return np.load(path)
    rows = describe(images)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rows)
    return rows


def halves(count: int) -> tuple[Tensor, Tensor]:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[::2], order[1::2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+", help="folders or zips of real faces")
    parser.add_argument("--size", type=int, default=128, help="px at which all pictures are compared")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--faces", type=int, default=1000, help="samples shown to the face detector")
    parser.add_argument(
        "--sheets", type=Path, help="folder for sheets of 64 samples at truncation 0.7 and 1.0"
    )
    parser.add_argument("--cache", type=Path, help="folder that keeps the real pictures' features")
    parser.add_argument("--spaces", nargs="*", default=["pixels", "efficientnet", "dlib"])
    chosen = parser.parse_args()
    checkpoint = load(chosen.weights)
    generator = Generator(checkpoint.architecture)
    generator.load_state_dict(checkpoint.generator)
    for psi in (0.7, 1.0):
        if chosen.sheets:
            chosen.sheets.mkdir(parents=True, exist_ok=True)
            save_sheet(generator, chosen.sheets / f"samples_{psi}.png", psi)
        if chosen.faces:
            share = share_with_face(shown_at(samples(generator, chosen.faces, psi), chosen.size))
            print(f"face found, {chosen.faces} samples, truncation {psi}: {share:.1%}", flush=True)
    real = load_pictures(chosen.pictures, chosen.size).float() / 127.5 - 1
    fake = shown_at(samples(generator, chosen.samples, 1.0), chosen.size)

    if "pixels" in chosen.spaces:
        components = PixelComponents(real)
        compare("pixel components", components(real), components(fake))
    if "efficientnet" in chosen.spaces:
        features = remembered(efficientnet_features, real, chosen.cache, "efficientnet")
        fakes = efficientnet_features(fake)
        compare("efficientnet features", features, fakes)
        precision, recall = precision_recall(features, fakes)
        floor = precision_recall(*(features[half] for half in halves(len(features))))
        print(
            f"  precision {precision:.3f}, recall {recall:.3f}; of the halves {floor[0]:.3f}, {floor[1]:.3f}"
        )
    if "dlib" in chosen.spaces:
        people = remembered(face_descriptors, real, chosen.cache, "dlib")
        faces = face_descriptors(fake)
        compare(f"face descriptors ({len(faces)} faces in {len(fake)})", people, faces)
        print("distance to the nearest training picture's descriptor (minimum, 1 %, median):")
        for name, distances in (
            ("real people", nearest(people, people, skip_self=True)),
            ("samples", nearest(faces, people)),
        ):
            low, percent, median = np.quantile(distances, [0, 0.01, 0.5])
            print(f"  {name}: {low:.3f}, {percent:.3f}, {median:.3f}")


def compare(name: str, real: np.ndarray, fake: np.ndarray) -> None:
    """Print both distances beside what two halves of the real pictures give."""
    first, second = (real[half] for half in halves(len(real)))
    print(
        f"{name}: Fréchet {frechet_distance(fake, real):.4f}, halves {frechet_distance(first, second):.4f}; "
        f"kernel x 1000 {1000 * kernel_distance(fake, real):.3f}, "
        f"halves {1000 * kernel_distance(first, second):.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
