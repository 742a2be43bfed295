"""What random codes look like: where a search starts, and the units in which it measures how unlikely a code is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator.ops import LRELU_SLOPE
from inversion.generator.stylegan2 import MappingNetwork

SAMPLES, SEED = 10_000, 123  # as NVlabs/stylegan2-ada-pytorch, projector.py


@torch.no_grad()
def w_statistics(mapping: MappingNetwork, samples: int = SAMPLES, seed: int = SEED) -> tuple[Tensor, float]:
    """w_avg [w_dim] and w_std, the root mean squared distance of w to it (a scalar over all of w_dim).

    Source: NVlabs/stylegan2-ada-pytorch, projector.py (10,000 z, seed 123); the same z, so that a search begins at
    the same code. Conditional nets: random classes.
    """
    z = torch.from_numpy(np.random.RandomState(seed).randn(samples, mapping.architecture.z_dim))
    w = torch.cat(list(_mapped(mapping, z, torch.Generator().manual_seed(seed))))
    w_avg = w.mean(dim=0)
    return w_avg, math.sqrt((w - w_avg).square().sum(dim=1).mean().item())


@torch.no_grad()
def gaussianized_statistics(
    mapping: MappingNetwork, samples: int = SAMPLES, seed: int = SEED
) -> tuple[Tensor, Tensor]:
    """Mean [w_dim] and covariance [w_dim, w_dim] of the gaussianized codes, in float64 on the CPU."""
    codes = torch.cat([gaussianize(w.cpu().double()) for w in random_codes(mapping, samples, seed)])
    return codes.mean(dim=0), torch.cov(codes.T, correction=0)


def gaussianize(w: Tensor) -> Tensor:
    """Undo the mapping network's last leaky ReLU, all but its gain, so that random codes are nearly Gaussian.

    Wulff & Torralba 2020, Improving Inversion and Generation Diversity in StyleGAN using a Gaussianized Latent
    Space, section 3; the P space of Zhu et al. 2020, Improved StyleGAN Embedding. w: [..., w_dim], not truncated.
    """
    return F.leaky_relu(w, 1 / LRELU_SLOPE)


def random_codes(mapping: MappingNetwork, samples: int, seed: int) -> Iterator[Tensor]:
    """w of seeded z, a thousand at a time: [up to 1000, w_dim]. Conditional nets: random classes."""
    rng = torch.Generator().manual_seed(seed)
    return _mapped(mapping, torch.randn([samples, mapping.architecture.z_dim], generator=rng), rng)


def _mapped(mapping: MappingNetwork, z: Tensor, rng: torch.Generator) -> Iterator[Tensor]:
    """w of z [N, z_dim], a thousand at a time. rng: of the classes of conditional nets."""
    c_dim, z, c = mapping.architecture.c_dim, z.to(mapping.w_avg), None
    if c_dim > 0:
        c = F.one_hot(torch.randint(c_dim, [len(z)], generator=rng), c_dim).to(mapping.w_avg)
    for i in range(0, len(z), 1000):
        yield mapping(z[i : i + 1000], None if c is None else c[i : i + 1000])[:, 0]
