"""The interface of every degradation, with its defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from inversion.images import downsample_area


class Degradation(ABC):
    """A corruption that is applied to the synthesized image before it is compared with the photo.

    Subclasses are frozen dataclasses of settings, one per file, built from the YAML file of the same name.
    Only `__call__` must be written; it stays differentiable and treats each problem of the batch on its own.
    Images: [B, 3, H, W] in [-1, 1].
    """

    def bind(self, photos: Tensor, degraded: bool) -> Degradation:
        """Fill in what depends on the aligned photos [B, 3, R, R], and check the fields.

        degraded: the photos arrive already corrupted. Returns a copy that can be called. Raises ConfigError.
        """
        return self

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Corrupt images so that gradients pass: [B, 3, H, W] -> [B, 3, H, W]."""

    def observe(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """The corruption as it happened to the original, with its randomness where it has any.

        rng: one stream per problem; x is [1, 3, H, W] so that a photo's noise does not depend on its neighbours.
        """
        return self(x)

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """Make a restoration consistent with the photo: both [B, 3, H, W] -> [B, 3, H, W], without gradients.

        x' = A⁺ y + (I - A⁺ A) x: what the photo y shows comes from the photo, what the corruption A hides from the
        restoration x. Wang et al. 2023, DDNM, equation 7; each operator says what its A⁺ is. By default the restoration
        is returned unchanged, as in plain inversion, where the generator itself is studied.
        """
        return restored

    def shrunk(self, factor: int) -> Degradation | None:
        """The same corruption A' for images whose sides are 1/factor as long; None where there is none.

        A'(x shrunk) is about A(x) shrunk, but for details that pixels of that size cannot show.
        """
        return None

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        """The synthesized image as the loss compares it: corrupted, at most `resolution` pixels a side."""
        return downsample_area(self(x), resolution)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """The observed photo as the loss compares it: not corrupted again, at most `resolution` pixels a side."""
        return downsample_area(observed, resolution)
