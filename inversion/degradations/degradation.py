"""The interface of every degradation, with its defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from inversion.fullsize.resampling import resized
from inversion.images import downsample_area
from inversion.length import has_unit, in_generator_pixels


class Degradation(ABC):
    """A corruption that is applied to the synthesized image before it is compared with the photo.

    Subclasses are frozen dataclasses of settings, one per file, built from the YAML file of the same name.
    Only `__call__` must be written; it stays differentiable and treats each problem of the batch on its own.
    Images: [B, 3, H, W] in [-1, 1].
    """

    LENGTHS: ClassVar[tuple[str, ...]] = ()  # fields that may be given as 10% or 100px, too

    def in_pixels(self, resolution: int, side: float) -> Degradation:
        """Every length in the generator's pixels: before `bind`.

        side: of the face's square, in the photo's pixels.
        """
        given = {name: getattr(self, name) for name in self.LENGTHS}
        found = {k: in_generator_pixels(v, resolution, side) for k, v in given.items() if has_unit(v)}
        return replace(self, **found) if found else self  # type: ignore[type-var]

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

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> Degradation:
        """The same corruption of the same photos at their own size S = factor R; self is bound at R.

        photos: [B, 3, S, S] in [-1, 1]. degraded: they arrive corrupted. masks: [1 or B, 1, S, S] in 0..1, 1 = known,
        for Inpaint. Lengths in pixels grow by `factor`. Where A at S, brought down, is A at R of what was brought
        down, and where only nearly: each operator's `reduced`.
        """
        return self

    def reduced(self, factor: float) -> Degradation:
        """What this corruption of full-size images looks like at 1/factor of the side: the search's operator.

        A(x) brought down is about A' of x brought down; exactly here, where A does not mix pixels.
        """
        return self

    def brought_down(self, observed: Tensor, resolution: int) -> tuple[Degradation, Tensor]:
        """The operator and the observation of a search at `resolution`, from those at full size [B, 3, S, S]."""
        side = observed.shape[-1]
        return (
            (self, observed)
            if side == resolution
            else (self.reduced(side / resolution), resized(observed, resolution).clamp(-1, 1))
        )

    def complete(self, restored: Tensor, observed: Tensor, unfitted: Tensor | None = None) -> Tensor:
        """Finish a restoration at the photo's own size: [B, 3, R, R] and [B, 3, S, S] -> [B, 3, S, S].

        self: the operator of `full_size`. What the photo shows comes from the photo at full size, what the corruption
        hides from the enlarged restoration. At S = R it is `consistent`. Not for gradients.
        unfitted: [B, 3, R, R], the restoration before feature maps or weights were fitted to this very photo; None: the
        same. Only from it can be told how far what the photo hides is right.
        """
        side = observed.shape[-1]
        if restored.shape[-1] == side:
            return self.consistent(restored, observed)
        enlarged = resized(restored, side).clamp(-1, 1)
        before = None if unfitted is None else resized(unfitted, side).clamp(-1, 1)
        return self.detailed(enlarged, observed, side / restored.shape[-1], before)

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """`consistent` for a restoration that was enlarged by `factor`, and lacks finer details than that.

        unfitted: as of `complete`, enlarged.
        """
        return self.consistent(enlarged, observed)

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
