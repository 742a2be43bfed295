"""The prior `gaussianized`: how unlikely codes are under the Gaussian that random codes nearly follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from inversion.generator.statistics import gaussianize, gaussianized_statistics
from inversion.generator.stylegan2 import MappingNetwork
from inversion.priors.prior import Prior

if TYPE_CHECKING:
    from inversion.model import Model

FLOOR = 0.01  # of the largest variance; see GaussianizedDistance.measure


def gaussianized_distance(model: Model) -> Prior:
    """`GaussianizedDistance` of this model's mapping network."""
    return GaussianizedDistance.measure(model.generator.mapping, model.w_std**2)


@dataclass(frozen=True)
class GaussianizedDistance:
    """Squared Mahalanobis distance of the gaussianized mean code, 1.0 = a typical random face on any checkpoint.

    Zhu et al. 2020, Improved StyleGAN Embedding: Where are the Good Latents?, P_N space, and Wulff & Torralba 2020,
    Improving Inversion and Generation Diversity in StyleGAN using a Gaussianized Latent Space. They apply the Gaussian
    to each layer's code on its own, as if layers were independent; but a random face has the same code in all layers.
    Here the Gaussian is applied to the mean over layers, and the codes' mean squared distance to their mean is added in
    the units of priors/latent_distance.py: with the mean code's squared distance to w_avg in place of the Gaussian
    term, the sum would be that prior.
    """

    mean: Tensor  # [w_dim], of gaussianized codes
    whitening: Tensor  # [w_dim, w_dim], to principal components whose squares add up to 1 on average
    w_variance: float  # mean squared distance of random codes to w_avg, summed over w_dim

    @classmethod
    def measure(cls, mapping: MappingNetwork, w_variance: float) -> GaussianizedDistance:
        """Measure the Gaussian on 10,000 random codes; takes about a second for 8 layers of 512.

        Variances below FLOOR times the largest are raised to that, and no component is dropped. Codes lie near a curved
        surface, so that even the mean face is far from the centre along components in which random codes hardly vary:
        the embedded network's smallest of 128 variances is 1e-7 of the largest, and its w_avg has the value 54 without
        a floor, 0.5 with it (tests/inversion/priors/test_gaussianized_distance.py).
        """
        mean, covariance = gaussianized_statistics(mapping)
        variances, components = torch.linalg.eigh(covariance)
        floored = variances.clamp(min=FLOOR * variances.max())
        whitening = components / (floored * (variances / floored).sum()).sqrt()
        return cls(mean.to(mapping.w_avg), whitening.to(mapping.w_avg), w_variance)

    def __call__(self, ws: Tensor) -> Tensor:
        """ws: [B, num_ws, (channels,) w_dim] -> [B]."""
        codes = ws.flatten(1, -2)  # [B, N, w_dim]
        mean_code = codes.mean(dim=1, keepdim=True)
        mahalanobis = ((gaussianize(mean_code[:, 0]) - self.mean) @ self.whitening).square().sum(dim=1)
        spread = (codes - mean_code).square().sum(dim=2).mean(dim=1) / self.w_variance
        return mahalanobis + spread
