"""What is minimized: how unlike the photo the degraded image is, how unlikely the latent, how structured the noise."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.hyperparameters import Hyperparameters
from inversion.losses.latent_distance import latent_distance
from inversion.losses.noise_regularizer import noise_regularizer
from inversion.stacked import select


class PerceptualLoss(Protocol):
    """A distance between images through features, so that those of the target are computed once."""

    name: str
    resolution: int  # largest side it looks at, in pixels

    def features(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor: ...


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

        self.loss = loss
        self.degradation = degradation
        self.reg = column("reg")
        self.noise_weight = column("noise_weight")
        self.w_avg = w_avg
        self.w_variance = w_std**2
        with torch.no_grad():
            self.target_features = loss.features(degradation.target(targets, loss.resolution))

    def __call__(self, images: Tensor, ws: Tensor, noises: Sequence[Tensor]) -> dict[str, Tensor]:
        features = self.loss.features(self.degradation.compared(images, self.loss.resolution))
        return {
            self.loss.name: self.loss(features, self.target_features),
            "latent": self.reg * latent_distance(ws, self.w_avg, self.w_variance),
            "noise": self.noise_weight * noise_regularizer(noises),
        }

    def select(self, rows: Sequence[int]) -> Objective:
        """The same objective for some of the problems."""
        chosen = copy(self)
        chosen.degradation = select(self.degradation, rows)
        chosen.reg, chosen.noise_weight = self.reg[rows], self.noise_weight[rows]
        chosen.target_features = [feature[rows] for feature in self.target_features]
        return chosen
