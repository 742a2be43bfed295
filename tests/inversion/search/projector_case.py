"""A search small enough to repeat NVIDIA's in a test: its net, feature network, photo and settings.

tests/reference/README.md says how their losses were taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.same_search import reference
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.deduce import generator_architecture
from inversion.model import Model, build
from inversion.search.hyperparameters import Hyperparameters

REFERENCE = Path(__file__).parents[2] / "reference"
STEPS = 100


@dataclass(frozen=True)
class SmallFeatures:
    """Two convolutions with ReLU, the second at half the size; squared differences are averaged over places."""

    kernels: tuple[Tensor, Tensor] = field(repr=False, compare=False)  # [8, 3, 3, 3], [8, 8, 3, 3]
    weight: float = 1.0
    identity: float = 0.0
    l1: float = 0.0
    robust: float = 0.0
    name: str = "small"
    resolution: int = 256

    @classmethod
    def made(cls) -> SmallFeatures:
        rng = np.random.RandomState(2)  # numpy keeps this stream for ever
        kernels = [rng.standard_normal((8, channels, 3, 3)) / (9 * channels) ** 0.5 for channels in (3, 8)]
        first, second = (torch.from_numpy(kernel.astype(np.float32)) for kernel in kernels)
        return cls((first, second))

    def bind(self, discriminator: object, device: torch.device, dtype: torch.dtype) -> SmallFeatures:
        return self

    def features(self, images: Tensor) -> list[Tensor]:
        first = F.relu(F.conv2d(images, self.kernels[0], padding=1))
        return [first, F.relu(F.conv2d(F.avg_pool2d(first, 2), self.kernels[1], padding=1))]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        pairs = zip(features, target, strict=True)
        return torch.stack([(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in pairs]).sum(dim=0)


def net() -> Model:
    """The 16 px net of nvidia_skip.npz, its statistics measured as both searches do."""
    with np.load(REFERENCE / "nvidia_skip.npz") as file:
        tensors = {key[2:]: torch.from_numpy(file[key]) for key in file.files if key.startswith("G.")}
    return build(Checkpoint(generator_architecture(tensors, None), tensors), torch.device("cpu"))


def photo(model: Model) -> Tensor:
    """A picture that the net can draw, in 8 bits: [1, 3, 16, 16]."""
    with np.load(REFERENCE / "nvidia_skip.npz") as file:
        z = torch.from_numpy(file["z"])[:1]
    with torch.no_grad():
        drawn = model.generator(z)
    return ((drawn.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def settings() -> Hyperparameters:
    """hyperparameters=reference, whole, in STEPS steps."""
    return reference(STEPS)
