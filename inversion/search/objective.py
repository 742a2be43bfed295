"""What a search minimizes: the image's difference to the photo, the prior of its codes, the structure of its noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from functools import cached_property

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.images import downsample_area
from inversion.losses.absolute import AbsoluteLoss
from inversion.losses.identity import IdentityLoss
from inversion.losses.noise_regularizer import noise_regularizer
from inversion.losses.perceptual_loss import FeatureDistance, PerceptualLoss
from inversion.losses.robust import reweighted
from inversion.priors.prior import Prior
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.stacked import select


def checked(loss: PerceptualLoss) -> PerceptualLoss:
    """The loss itself. Raises ConfigError for weights that cannot work and files that are missing; loads nothing."""
    for name in ("weight", "identity", "l1", "robust"):
        value = getattr(loss, name)
        if not 0 <= value < math.inf:
            raise ConfigError(f"loss.{name} must be a finite number of at least 0. Got {value}.")
    loss.check()
    return loss


def feature_distances(loss: PerceptualLoss, device: torch.device) -> list[FeatureDistance]:
    """The loss, and the terms beside it whose weight is not 0.

    Raises ConfigError, for the identity term also where dlib's network is missing.
    """
    distances: list[FeatureDistance] = [loss]
    if loss.l1:
        distances.append(AbsoluteLoss(loss.l1))
    if loss.identity:
        distances.append(IdentityLoss.load(loss.identity, device))
    return distances


class Objective:
    """images, ws, noise maps -> weighted terms by name, one value per problem: {name: [B]}."""

    def __init__(
        self,
        loss: PerceptualLoss,
        degradation: Degradation,
        targets: Tensor,  # [B, 3, R, R] in [-1, 1], degraded as observed
        hyperparameters: Sequence[Hyperparameters],  # B
        prior: Prior,  # its weight is the hyperparameters' reg
    ) -> None:
        def column(name: str) -> Tensor:
            values = [getattr(h, name) for h in hyperparameters]
            return torch.tensor(values, device=targets.device, dtype=targets.dtype)

        self.distances = feature_distances(loss, targets.device)
        self.side = targets.shape[-1]
        self.degradation = degradation
        self.reg = column("reg")
        self.noise_weight = column("noise_weight")
        self.optimizes_noise = any(h.any_phase_optimizes_noise() for h in hyperparameters)
        self.prior = prior
        self.robust = loss.robust
        with torch.no_grad():
            self.targets = [degradation.target(targets, distance.resolution) for distance in self.distances]
            self.target_features = [
                distance.features(target)
                for distance, target in zip(self.distances, self.targets, strict=True)
            ]

    def __call__(self, images: Tensor, ws: Tensor, noises: Sequence[Tensor]) -> dict[str, Tensor]:
        terms = self.image_terms(images)
        terms["latent"] = self.reg * self.prior(ws)
        if self.optimizes_noise and noises:  # StyleGAN3 has none
            terms["noise"] = self.noise_weight * noise_regularizer(noises)
        return terms

    def image_terms(self, images: Tensor) -> dict[str, Tensor]:
        """The weighted terms that compare the degraded images with their photos."""
        terms = {}
        for distance, target, features in zip(
            self.distances, self.targets, self.target_features, strict=True
        ):
            prediction = self.degradation.prediction(images, distance.resolution)
            if self.robust:
                prediction = reweighted(prediction, target, self.robust)
            terms[distance.name] = distance(distance.features(prediction), features)
        return terms

    def difference(self, images: Tensor, others: Tensor) -> Tensor:
        """The same terms, summed, between two batches of images without any degradation: [B, 3, R, R] each -> [B]."""
        total = images.new_zeros(len(images))
        for distance in self.distances:
            a, b = (distance.features(downsample_area(x, distance.resolution)) for x in (images, others))
            total = total + distance(a, b)
        return total

    @cached_property
    def small(self) -> tuple[int, Objective] | None:
        """The largest side that any term reads, in pixels, and the objective for images of that side.

        None where that is the whole image, or the degradation has no form for smaller ones.
        """
        side = max(distance.resolution for distance in self.distances)
        degradation = self.degradation.shrunk(self.side // side) if side < self.side else None
        if degradation is None:
            return None
        objective = copy(self)
        objective.degradation = degradation
        return side, objective

    def select(self, rows: Sequence[int]) -> Objective:
        """The objective for some of the problems."""
        selected = copy(self)
        selected.__dict__.pop("small", None)
        selected.degradation = select(self.degradation, rows)
        selected.reg, selected.noise_weight = self.reg[rows], self.noise_weight[rows]
        selected.targets = [target[rows] for target in self.targets]
        selected.target_features = [[feature[rows] for feature in target] for target in self.target_features]
        return selected
