"""Where the restarts of one photo begin, so that they do not all end at the same face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from inversion.generator.stylegan2 import MappingNetwork

TRUNCATION_PSI = 0.7  # random faces that look like faces


def sample_seed(seed: int, sample: int) -> int:
    """A restart's own seed, of 32 bits: torch's generator on the CPU looks at no more. The first has the photo's."""
    return int(np.random.SeedSequence([seed % 2**64, sample]).generate_state(1)[0]) if sample else seed


@torch.no_grad()
def starting_points(
    mapping: MappingNetwork, first: Tensor, seeds: Sequence[int], samples: Sequence[int]
) -> Tensor:
    """[B, num_ws, w_dim]: as given for a photo's first restart, a random face for each other one.

    first: [B, num_ws, w_dim]. seeds: of the restarts. samples: which restart of its photo each row is, from 0.
    Conditional nets: a random class.
    """
    a = mapping.architecture
    points = []
    for own, seed, sample in zip(first, seeds, samples, strict=True):
        if sample == 0:
            points.append(own)
            continue
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn([1, a.z_dim], generator=rng).to(first)
        label = torch.randint(max(a.c_dim, 1), [1], generator=rng)
        c = torch.eye(a.c_dim)[label].to(first) if a.c_dim else None
        points.append(mapping(z, c, TRUNCATION_PSI)[0])
    return torch.stack(points)
