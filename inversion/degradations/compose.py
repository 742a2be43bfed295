"""Several corruptions, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale


@dataclass(frozen=True)
class Compose(Degradation):
    """Apply `steps` in their order: the first one happens to the face, the last one makes the file.

    Steps that blank pixels should come last: only the last step's pixels are left out of the comparison.
    """

    steps: Sequence[Degradation] = ()

    def bind(self, photos: Tensor, degraded: bool) -> Compose:
        """Bind each step to the photos as they arrive."""
        return replace(self, steps=tuple(step.bind(photos, degraded) for step in self.steps))

    def __call__(self, x: Tensor) -> Tensor:
        return self._until_last(x)[-1]

    def observe(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        for step in self.steps:
            x = step.observe(x, rng)
        return x

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """From the last step to the first: each one's consistent input is what the step before should have observed."""
        for step, image in zip(reversed(self.steps), reversed(self._until_last(restored)[:-1]), strict=True):
            observed = step.consistent(image, observed)
        return observed if self.steps else restored

    def shrunk(self, factor: int) -> Compose | None:
        steps = [step.shrunk(factor) for step in self.steps]
        return None if None in steps else replace(self, steps=tuple(filter(None, steps)))

    def prediction(self, x: Tensor, resolution: int) -> Tensor:
        if not self.steps:
            return super().prediction(x, resolution)
        return self.steps[-1].prediction(self._until_last(x)[-2], resolution)

    def target(self, observed: Tensor, resolution: int) -> Tensor:
        """The last step's target; in grey if any step is Grayscale, since an old print's tint is not the person's."""
        if not self.steps:
            return super().target(observed, resolution)
        target = self.steps[-1].target(observed, resolution)
        return Grayscale()(target) if any(isinstance(step, Grayscale) for step in self.steps) else target

    def _until_last(self, x: Tensor) -> list[Tensor]:
        """The image before the first step and after each: [steps + 1] of [B, 3, H, W]."""
        images = [x]
        for step in self.steps:
            images.append(step(images[-1]))
        return images
