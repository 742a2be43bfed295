"""The mean code and its spread: where a search starts, and the unit in which it measures distance."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator.stylegan2 import MappingNetwork


@torch.no_grad()
def w_statistics(mapping: MappingNetwork, samples: int = 10_000, seed: int = 123) -> tuple[Tensor, float]:
    """w_avg [w_dim] and w_std, the root mean squared distance of w to it (a scalar over all of w_dim).

    Source: NVlabs/stylegan2-ada-pytorch, projector.py (10,000 z, seed 123). Conditional nets: random classes.
    """
    a = mapping.architecture
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn([samples, a.z_dim], generator=rng).to(mapping.w_avg)
    c = None
    if a.c_dim > 0:
        c = F.one_hot(torch.randint(a.c_dim, [samples], generator=rng), a.c_dim).to(mapping.w_avg)
    parts = [
        mapping(z[i : i + 1000], None if c is None else c[i : i + 1000])[:, 0]
        for i in range(0, samples, 1000)
    ]
    w = torch.cat(parts)
    w_avg = w.mean(dim=0)
    return w_avg, math.sqrt((w - w_avg).square().sum(dim=1).mean().item())
