"""Start the restarts of one photo at different faces, so that they do not all end at the same one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from inversion.generator.stylegan2 import MappingNetwork

TRUNCATION_PSI = 0.7  # of random faces: without truncation many do not look like faces


def sample_seed(seed: int, sample: int) -> int:
    """The seed of a photo's restart number `sample`; restart 0 has the photo's own.

    32 bits, since torch's CPU generator reads no more of a seed.
    """
    return int(np.random.SeedSequence([seed % 2**64, sample]).generate_state(1)[0]) if sample else seed


@torch.no_grad()
def starting_points(
    mapping: MappingNetwork, start_ws: Tensor, seeds: Sequence[int], samples: Sequence[int]
) -> Tensor:
    """Codes from which B searches start: restart 0 of a photo at `start_ws`, each other one at a random face.

    start_ws: [B, num_ws, w_dim]. seeds: of the restarts. samples: each row's restart number, from 0.
    Returns [B, num_ws, w_dim]. Conditional nets: a random class for each random face.
    """
    a = mapping.architecture
    points = []
    for ws, seed, sample in zip(start_ws, seeds, samples, strict=True):
        if sample == 0:
            points.append(ws)
            continue
        rng = torch.Generator().manual_seed(seed)
        z = torch.randn([1, a.z_dim], generator=rng).to(start_ws)
        label = torch.randint(max(a.c_dim, 1), [1], generator=rng)
        c = torch.eye(a.c_dim)[label].to(start_ws) if a.c_dim else None
        points.append(mapping(z, c, TRUNCATION_PSI)[0])
    return torch.stack(points)
