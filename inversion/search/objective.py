"""What is minimized: how unlike the photo the degraded image is, how unlikely the latent, how structured the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.images import downsample_area
from inversion.losses.absolute import AbsoluteLoss
from inversion.losses.identity import IdentityLoss
from inversion.losses.noise_regularizer import noise_regularizer
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.stacked import select


class Comparison(Protocol):
    """A distance between images through features, so that those of the target are computed once."""

    @property
    def name(self) -> str: ...

    @property
    def resolution(self) -> int: ...  # largest side it looks at, in pixels

    def features(self, images: Tensor) -> list[Tensor]: ...

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor: ...


class Prior(Protocol):
    """How unlikely latents are, in units of a typical random face: [B, num_ws, w_dim] -> [B]."""

    def __call__(self, ws: Tensor) -> Tensor: ...


class PerceptualLoss(Comparison, Protocol):
    """What the group `loss` chooses."""

    def bind(self, discriminator: Any, device: torch.device, dtype: torch.dtype) -> PerceptualLoss: ...

    @property
    def weight(self) -> float: ...

    @property
    def identity(self) -> float: ...  # weight of the identity term beside it; 0 = none, and no network for it

    @property
    def l1(self) -> float: ...  # weight of the absolute difference beside it; 0 = none


def checked(loss: PerceptualLoss) -> PerceptualLoss:
    """Refuse weights that cannot work, before anything is loaded. Raises ConfigError."""
    for name in ("weight", "identity", "l1"):
        value = getattr(loss, name)
        if not 0 <= value < math.inf:
            raise ConfigError(f"loss.{name} must be a finite number of at least 0. Got {value}.")
    return loss


def comparisons(loss: PerceptualLoss, device: torch.device) -> list[Comparison]:
    """The loss, and what has a weight beside it. Raises ConfigError, for identity also without dlib's network."""
    beside: list[Comparison] = [AbsoluteLoss(loss.l1)] if loss.l1 else []
    if loss.identity:
        beside.append(IdentityLoss.load(loss.identity, device))
    return [loss, *beside]


class Objective:
    """images, ws, noise maps -> weighted terms by name, one value per problem: {name: [B]}."""

    def __init__(
        self,
        loss: PerceptualLoss,
        degradation: Degradation,
        targets: Tensor,  # [B, 3, R, R] in [-1, 1], degraded as observed
        settings: Sequence[Hyperparameters],
        prior: Prior,  # what the settings' reg is the weight of
    ) -> None:
        def column(name: str) -> Tensor:
            return torch.tensor(
                [getattr(s, name) for s in settings], device=targets.device, dtype=targets.dtype
            )

        self.comparisons = comparisons(loss, targets.device)
        self.side = targets.shape[-1]
        self.degradation = degradation
        self.reg = column("reg")
        self.noise_weight = column("noise_weight")
        self.moves_noise = any(s.moves_noise() for s in settings)
        self.prior = prior
        with torch.no_grad():
            self.target_features = [
                comparison.features(degradation.target(targets, comparison.resolution))
                for comparison in self.comparisons
            ]

    def __call__(self, images: Tensor, ws: Tensor, noises: Sequence[Tensor]) -> dict[str, Tensor]:
        terms = self.compare(images)
        terms["latent"] = self.reg * self.prior(ws)
        if self.moves_noise:
            terms["noise"] = self.noise_weight * noise_regularizer(noises)
        return terms

    def compare(self, images: Tensor) -> dict[str, Tensor]:
        """How unlike their photos the degraded images are."""
        terms = {}
        for comparison, target in zip(self.comparisons, self.target_features, strict=True):
            seen = self.degradation.compared(images, comparison.resolution)
            terms[comparison.name] = comparison(comparison.features(seen), target)
        return terms

    def between(self, images: Tensor, others: Tensor) -> Tensor:
        """How unlike other images images are, with nothing degraded: [B, 3, R, R] each -> [B]."""
        total = images.new_zeros(len(images))
        for comparison in self.comparisons:
            seen, target = (
                comparison.features(downsample_area(x, comparison.resolution)) for x in (images, others)
            )
            total = total + comparison(seen, target)
        return total

    @cached_property
    def small(self) -> tuple[int, Objective] | None:
        """The side, in pixels, of the smallest image that tells the loss all it looks at, and the objective for those.

        None where that is the whole image, or the degradation has no form for smaller ones.
        """
        side = max(comparison.resolution for comparison in self.comparisons)
        degradation = self.degradation.shrunk(self.side // side) if side < self.side else None
        if degradation is None:
            return None
        objective = copy(self)
        objective.degradation = degradation
        return side, objective

    def select(self, rows: Sequence[int]) -> Objective:
        """The same objective for some of the problems."""
        chosen = copy(self)
        chosen.__dict__.pop("small", None)
        chosen.degradation = select(self.degradation, rows)
        chosen.reg, chosen.noise_weight = self.reg[rows], self.noise_weight[rows]
        chosen.target_features = [[feature[rows] for feature in target] for target in self.target_features]
        return chosen
