"""How unlikely a latent is under the Gaussian that the mapping network's codes nearly follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.generator.statistics import gaussianize, gaussianized_statistics
from inversion.generator.stylegan2 import MappingNetwork

FLOOR = 0.01  # of the largest variance; see GaussianizedDistance.measure


@dataclass(frozen=True)
class GaussianizedDistance:
    """Squared Mahalanobis distance of the gaussianized mean code, 1.0 = a typical random face on any checkpoint.

    Zhu et al. 2020, Improved StyleGAN Embedding: Where are the Good Latents?, P_N space, and Wulff & Torralba 2020,
    Improving Inversion and Generation Diversity in StyleGAN using a Gaussianized Latent Space. They take each layer's
    code for itself in W+, as if layers had nothing to do with each other; but a random face has the same code in all
    layers. Here the layers' mean is what the Gaussian judges, and how far they stray from it is weighed as
    losses/latent_distance.py does: both terms add up to that one if the Gaussian's is replaced by the mean code's
    squared distance to w_avg.
    """

    mean: Tensor  # [w_dim], of gaussianized codes
    whitening: Tensor  # [w_dim, w_dim], to principal components whose squares add up to 1 on average
    w_variance: float  # mean squared distance of random codes to w_avg, summed over w_dim

    @classmethod
    def measure(cls, mapping: MappingNetwork, w_variance: float) -> GaussianizedDistance:
        """From 10,000 random codes, about a second for 8 layers of 512.

        Variances below FLOOR of the largest are taken as that, and no component is dropped. Codes lie near a curved
        surface, so that even the mean face is far away along components in which random codes hardly vary: the
        embedded network's smallest of 128 variances is 1e-7 of the largest, and its w_avg has the value 54 without
        a floor, 0.5 with it (the test says so).
        """
        mean, covariance = gaussianized_statistics(mapping)
        variances, components = torch.linalg.eigh(covariance)
        floored = variances.clamp(min=FLOOR * variances.max())
        whitening = components / (floored * (variances / floored).sum()).sqrt()
        return cls(mean.to(mapping.w_avg), whitening.to(mapping.w_avg), w_variance)

    def __call__(self, ws: Tensor) -> Tensor:
        """ws: [B, num_ws, (channels,) w_dim] -> [B]."""
        codes = ws.flatten(1, -2)  # [B, N, w_dim]
        middle = codes.mean(dim=1, keepdim=True)
        likelihood = ((gaussianize(middle[:, 0]) - self.mean) @ self.whitening).square().sum(dim=1)
        straying = (codes - middle).square().sum(dim=2).mean(dim=1) / self.w_variance
        return likelihood + straying
