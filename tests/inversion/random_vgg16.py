"""VGG16 and LPIPS heads with random numbers: the shapes of the real files, which tests may not download."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

PLAN = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


@lru_cache(maxsize=1)
def tensors(seed: int = 0) -> dict[str, Tensor]:
    """`features.N.weight`, `features.N.bias` and `linN.model.1.weight`; numpy keeps this stream for ever."""
    rng, number, inputs = np.random.RandomState(seed), 0, 3
    arrays: dict[str, np.ndarray] = {}
    for outputs in PLAN:
        if not isinstance(outputs, int):  # a max-pool has a number, too
            number += 1
            continue
        scale = np.sqrt(2 / (9 * inputs))
        arrays[f"features.{number}.weight"] = rng.standard_normal((outputs, inputs, 3, 3)) * scale
        arrays[f"features.{number}.bias"] = rng.standard_normal(outputs) * 0.1
        number, inputs = number + 2, outputs
    for head, channels in enumerate((64, 128, 256, 512, 512)):
        arrays[f"lin{head}.model.1.weight"] = rng.random_sample((1, channels, 1, 1))
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
