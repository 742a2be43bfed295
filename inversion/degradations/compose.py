"""Several corruptions, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.masked import Masked
from inversion.degradations.none import NoDegradation

ROUNDS = 8  # of guessing what is blanked in a blurred photo


@dataclass(frozen=True)
class Compose(Degradation):
    """Apply `steps` in their order: the first one happens to the face, the last one makes the file.

    Steps that blank pixels should come last: only the last step's pixels are left out of the comparison.
    """

    steps: Sequence[Degradation] = ()

    def in_pixels(self, resolution: int, side: float) -> Compose:
        return replace(self, steps=tuple(step.in_pixels(resolution, side) for step in self.steps))

    def bind(self, photos: Tensor, degraded: bool, masks: Tensor | None = None) -> Compose:
        """Bind each step to the photos as they arrive. masks: as of Inpaint, for steps that fill in."""
        return replace(
            self,
            steps=tuple(
                step.bind(photos, degraded, masks)
                if isinstance(step, Inpaint)
                else step.bind(photos, degraded)
                for step in self.steps
            ),
        )

    @property
    def fills_in(self) -> bool:
        """Whether a photo's own mask says something to one of the steps."""
        return any(isinstance(step, Inpaint) for step in self.steps)

    def hiding(self, known: Tensor) -> Compose:
        """The same with less of its photo known, bound: [1, 1, H, W], 1 = known."""
        if self.steps and isinstance(last := self.steps[-1], Inpaint):
            return replace(self, steps=(*self.steps[:-1], last.hiding(known)))
        return replace(self, steps=(*self.steps, Inpaint(fraction=None, known=known)))

    @property
    def is_grey(self) -> bool:
        """Whether nothing of the colours comes through."""
        return any(isinstance(step, Grayscale) for step in self.steps)

    def full_size(
        self, photos: Tensor, factor: float, degraded: bool, masks: Tensor | None = None
    ) -> Compose:
        return replace(
            self, steps=tuple(step.full_size(photos, factor, degraded, masks) for step in self.steps)
        )

    def reduced(self, factor: float) -> Compose:
        return replace(self, steps=tuple(step.reduced(factor) for step in self.steps))

    def brought_down(self, observed: Tensor, resolution: int) -> tuple[Degradation, Tensor]:
        """The observation as the last step has it."""
        if not self.steps or observed.shape[-1] == resolution:
            return super().brought_down(observed, resolution)
        small = self.reduced(observed.shape[-1] / resolution)
        last, seen = self.steps[-1].brought_down(observed, resolution)
        return replace(small, steps=(*small.steps[:-1], last)), seen

    def __call__(self, x: Tensor) -> Tensor:
        return self._until_last(x)[-1]

    def observe(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        for step in self.steps:
            x = step.observe(x, rng)
        return x

    def consistent(self, restored: Tensor, observed: Tensor) -> Tensor:
        """From the last step to the first: each one's consistent input is what the step before should have observed.

        Blanked pixels of a blurred photo are guessed anew from what comes out, ROUNDS times: to sharpen a first guess,
        which bends at the hole's edge as no blurred photo does, makes ripples. (Expectation and maximization with
        missing data: Dempster, Laird & Rubin 1977.)
        """
        return self._complete(restored, observed)

    def detailed(
        self, enlarged: Tensor, observed: Tensor, factor: float, unfitted: Tensor | None = None
    ) -> Tensor:
        """As `consistent`. Grain for a hole only where nothing sharpens it afterwards."""
        return self._complete(enlarged, observed, factor, unfitted)

    def _complete(
        self,
        restored: Tensor,
        observed: Tensor,
        factor: float | None = None,
        unfitted: Tensor | None = None,
    ) -> Tensor:
        """factor: by which the restoration was enlarged; None: it was not. Without steps the photo shows everything."""
        if not self.steps:
            return observed
        images = self._until_last(restored)
        before = images if unfitted is None else self._until_last(unfitted)
        result = self._backwards(images, images, before, observed, factor)
        if any(isinstance(step, Masked) and self._is_blurred_before(i) for i, step in enumerate(self.steps)):
            for _ in range(ROUNDS):
                result = self._backwards(images, self._until_last(result), before, observed, factor)
        return result

    def _backwards(
        self,
        images: Sequence[Tensor],
        guesses: Sequence[Tensor],
        unfitted: Sequence[Tensor],
        observed: Tensor,
        factor: float | None,
    ) -> Tensor:
        """One way back through the steps.

        images: the restoration before and after each step. guesses: what is put where a blurred photo is blanked.
        unfitted: as images, of the restoration before it was fitted to this photo.
        """
        for number in reversed(range(len(self.steps))):
            step = self.steps[number]
            if isinstance(step, NoDegradation):
                continue  # the next step's photo is this one's: alone it would answer with the restoration
            if isinstance(step, Masked) and self._is_blurred_before(number):
                observed = step.consistent(guesses[number], observed)
            elif factor is None:
                observed = step.consistent(images[number], observed)
            else:
                observed = step.detailed(images[number], observed, factor, unfitted[number])
        return observed

    def _is_blurred_before(self, number: int) -> bool:
        """Whether a step before this one mixes pixels."""
        return not all(isinstance(step, (Grayscale, Masked)) for step in self.steps[:number])

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
        return Grayscale()(target) if self.is_grey else target

    def _until_last(self, x: Tensor) -> list[Tensor]:
        """The image before the first step and after each: [steps + 1] of [B, 3, H, W]."""
        images = [x]
        for step in self.steps:
            images.append(step(images[-1]))
        return images


def shows_everything(degradation: Degradation) -> bool:
    """Whether there is nothing to be mended; not so for NoDegradation, by which the generator itself is studied."""
    return isinstance(degradation, Compose) and all(
        isinstance(step, NoDegradation) for step in degradation.steps
    )


def is_colourless(degradation: Degradation) -> bool:
    """Whether nothing of the colours comes through."""
    return isinstance(degradation, Grayscale) or (isinstance(degradation, Compose) and degradation.is_grey)


def changes_luma(degradation: Degradation) -> bool:
    """Whether more than the colours is lost."""
    steps = degradation.steps if isinstance(degradation, Compose) else [degradation]
    return not all(isinstance(step, Grayscale) for step in steps)
