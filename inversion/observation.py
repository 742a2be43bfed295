"""What is known of one photo before its search: what the camera did, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.errors import ConfigError, explain
from inversion.images import quantize, to_tensor
from inversion.inspection import inspected, is_looked_at, resolved
from inversion.model import Model
from inversion.photo import FullSize
from inversion.restoration import Problem, Refusal
from inversion.search.blind_blur import resolve_kernel
from inversion.search.framed import Framed


@dataclass(frozen=True)
class FullObservation:
    """What the camera did at the photo's own size, and what came of it."""

    operator: Degradation
    image: Tensor  # [1, 3, S, S]


@dataclass(frozen=True)
class Observation:
    """What is known of one problem's photo: what the camera did, and what came of it."""

    problem: Problem
    operator: Degradation  # bound to the photo: nothing left open
    image: Tensor  # [1, 3, R, R] in [-1, 1], on the model's device
    full: FullObservation | None = None  # the same at the photo's own size
    inside: Tensor | None = None  # [1, 1, R, R], 1 = shows the photo; None: all of it does
    unexplained: Tensor | None = None  # [1, 1, S, S], 1 = filled in after the search; None: nothing

    @property
    def compared(self) -> Degradation:
        """The operator as the loss knows it."""
        return self.operator if self.inside is None else Framed(self.operator, self.inside)


def observe(problem: Problem, model: Model) -> Observation | Refusal:
    """Bind the degradation to the photo and apply it, unless the photo arrives degraded."""
    try:
        return observed(problem, model)
    except ValueError as error:  # ConfigError and its kin: this photo alone cannot be used
        return Refusal(problem, explain(error))


def observed(problem: Problem, model: Model) -> Observation:
    """As `observe`. Raises ConfigError."""
    photo = problem.photo.image[None].to(model.w_avg.device)
    inside = problem.photo.inside(photo.shape[-1])
    inside = None if inside is None else inside[None].to(photo)
    degradation = problem.degradation
    if is_looked_at(degradation, problem.degraded):
        problem = replace(problem, photo=inspected(problem.photo))
        degradation = resolved(degradation, problem.photo)
    degradation = degradation.in_pixels(photo.shape[-1], problem.photo.side)
    degradation = resolve_kernel(degradation, photo, problem.degraded, model)
    mask = problem.photo.mask
    if mask is None:
        operator = degradation.bind(photo, problem.degraded)
    elif isinstance(degradation, Inpaint) or (isinstance(degradation, Compose) and degradation.fills_in):
        # the photo's own mask went through the same alignment
        operator = degradation.bind(photo, problem.degraded, mask[None].to(photo))
    else:
        raise ConfigError(
            "A photo's mask says what inpainting fills in. Got input.mask with the degradation "
            f"{type(degradation).__name__}; degradation=inpaint degradation.mask=FILE would work."
        )
    if problem.photo.full is not None:
        full = observed_in_full(problem, operator, problem.photo.full, photo)
        operator, image = full.operator.brought_down(full.image, photo.shape[-1])
        return Observation(problem, operator, image, full, inside)
    return Observation(problem, operator, as_camera(operator, photo, problem), None, inside)


def observed_in_full(
    problem: Problem, operator: Degradation, full: FullSize, small: Tensor
) -> FullObservation:
    """The operator, bound at the generator's resolution, and its photo at the photo's own size."""
    photo = to_tensor(full.image)[None].to(small)
    masks = None if full.mask is None else full.mask[None].to(small)
    large = operator.full_size(photo, photo.shape[-1] / small.shape[-1], problem.degraded, masks)
    return FullObservation(large, as_camera(large, photo, problem))


def as_camera(operator: Degradation, photo: Tensor, problem: Problem) -> Tensor:
    """A photo that arrives degraded as it is; any other corrupted, in the 8 bits of a camera's file."""
    if problem.degraded:
        return photo
    with torch.no_grad():
        return quantize(operator.observe(photo, torch.Generator().manual_seed(problem.seed)))
