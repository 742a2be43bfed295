"""Feature matching: a perceptual distance through the checkpoint's own discriminator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.generator.architecture import Architecture
from inversion.losses.perceptual_loss import PerceptualLoss


class FeatureNetwork(Protocol):
    """What is needed of a discriminator."""

    @property
    def architecture(self) -> Architecture: ...

    def features(self, images: Tensor) -> list[Tensor]: ...


@dataclass(frozen=True)
class DiscriminatorLoss(PerceptualLoss):
    """Squared difference of the features that the checkpoint's own discriminator computes.

    Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric, takes the squared
    difference of one layer's features. Here it is taken of every layer and divided by the target's squared
    features, so that every layer has the same weight whatever its scale: 0.1 = 10 % of the features' energy differs.
    """

    weight: float = 10.0  # then reg means what it means in conf/hyperparameters: 0.001 = close to the photo
    discriminator: FeatureNetwork | None = field(default=None, repr=False, compare=False)
    name = "discriminator"

    def bind(
        self,
        discriminator: FeatureNetwork | None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> DiscriminatorLoss:
        """Take the checkpoint's discriminator, which has its device and precision. Raises ConfigError for None."""
        if discriminator is None:
            raise ConfigError(
                "loss=discriminator needs the checkpoint's discriminator. Got a checkpoint without one; "
                "loss=lpips or loss=pixel would work."
            )
        return replace(self, discriminator=discriminator)

    @property
    def resolution(self) -> int:
        """The discriminator's own: it reads no other size."""
        return self._bound().architecture.img_resolution

    def features(self, images: Tensor) -> list[Tensor]:
        """images: [B, 3, R, R] in [-1, 1]. Returns them and each block's output, finest first: [B, C, h, w]."""
        return [images, *self._bound().features(images)]

    def __call__(self, features: list[Tensor], target: list[Tensor]) -> Tensor:
        """weight * mean over layers of |features - target|² / |target|²: [B], 0 only for equal features."""
        # Norms, since their gradient keeps the layout (channels last) of the features that it flows into.
        layers = [
            squared_norm(a - b) / (squared_norm(b) + 1e-8 * b[0].numel())
            for a, b in zip(features, target, strict=True)
        ]
        return self.weight * torch.stack(layers).mean(dim=0)

    def _bound(self) -> FeatureNetwork:
        if self.discriminator is None:
            raise ValueError("DiscriminatorLoss has no discriminator yet: call bind(discriminator, device).")
        return self.discriminator


def squared_norm(x: Tensor) -> Tensor:
    """[B, C, h, w] -> [B]."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=(1, 2, 3))
    return norm.square()
