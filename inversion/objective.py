"""What is minimized: how unlike the photo the degraded image is, how unlikely the latent, how structured the noise."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.hyperparameters import Hyperparameters
from inversion.losses.identity import IdentityLoss
from inversion.losses.latent_distance import latent_distance
from inversion.losses.noise_regularizer import noise_regularizer
from inversion.stacked import select


class Comparison(Protocol):
    """A distance between images through features, so that those of the target are computed once."""

    name: str
    resolution: int  # largest side it looks at, in pixels

    def features(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor: ...


class PerceptualLoss(Comparison, Protocol):
    """What the group `loss` chooses."""

    identity: float  # weight of the identity term beside it; 0 = none, and no network for it


def comparisons(loss: PerceptualLoss, device: torch.device) -> list[Comparison]:
    """The loss, and the identity term where it has a weight. Raises ConfigError without dlib's network."""
    return [loss, IdentityLoss.load(loss.identity, device)] if loss.identity else [loss]


class Objective:
    """images, ws, noise maps -> weighted terms by name, one value per problem: {name: [B]}."""

    def __init__(
        self,
        loss: PerceptualLoss,
        degradation: Degradation,
        targets: Tensor,  # [B, 3, R, R] in [-1, 1], degraded as observed
        settings: Sequence[Hyperparameters],
        w_avg: Tensor,  # [w_dim]
        w_std: float,  # root mean squared distance of w to w_avg
    ) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor(
                [getattr(s, name) for s in settings], device=targets.device, dtype=targets.dtype
            )

        self.comparisons = comparisons(loss, targets.device)
        self.degradation = degradation
        self.reg = column("reg")
        self.noise_weight = column("noise_weight")
        self.w_avg = w_avg
        self.w_variance = w_std**2
        with torch.no_grad():
            self.target_features = [
                comparison.features(degradation.target(targets, comparison.resolution))
                for comparison in self.comparisons
            ]

    def __call__(self, images: Tensor, ws: Tensor, noises: Sequence[Tensor]) -> dict[str, Tensor]:
        terms = {}
        for comparison, target in zip(self.comparisons, self.target_features, strict=True):
            seen = self.degradation.compared(images, comparison.resolution)
            terms[comparison.name] = comparison(comparison.features(seen), target)
        return {
            **terms,
            "latent": self.reg * latent_distance(ws, self.w_avg, self.w_variance),
            "noise": self.noise_weight * noise_regularizer(noises),
        }

    def select(self, rows: Sequence[int]) -> Objective:
        """The same objective for some of the problems."""
        chosen = copy(self)
        chosen.degradation = select(self.degradation, rows)
        chosen.reg, chosen.noise_weight = self.reg[rows], self.noise_weight[rows]
        chosen.target_features = [[feature[rows] for feature in target] for target in self.target_features]
        return chosen
