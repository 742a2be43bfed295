"""What a search could not explain of its photo: no part of what feature maps are fitted to, nor of the result.

To look earlier, after 60 % of the steps as well, won 0.2 dB (29.04 for 28.83) and no identity (0.291, 0.287) on the
eight faces of docs/damage.md: the robust loss keeps most of it out of the codes by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from inversion.damage.luma import luma_of
from inversion.damage.too_sharp import LEAST, too_sharp
from inversion.damage.unexplained import find_unexplained
from inversion.degradations.auto import Auto, is_none
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose, shows_everything
from inversion.degradations.degradation import Degradation
from inversion.degradations.masked import Masked, blank
from inversion.fullsize.luma import grey
from inversion.fullsize.resampling import resized
from inversion.images import to_255
from inversion.observation import Observation
from inversion.photo import Photo
from inversion.reading.printable import printable

log = logging.getLogger(__name__)

ROUNDINGS = 4.0  # standard deviations of compression's rounding: what exceeds it is no trace of it


def is_sought(observation: Observation) -> bool:
    """Whether damage may be left that nobody has found: not in a photo that stays as it is."""
    auto = observation.problem.degradation
    return (
        isinstance(auto, Auto)
        and auto.unexplained
        and not is_none(auto.mask)
        and not shows_everything(observation.operator)
    )


@torch.no_grad()
def without_unexplained(observation: Observation, face: Tensor) -> Observation:
    """The same, of whose photo only what the face explains is known; itself where that is all, or not sought.

    face: [1, 3, R, R], what the codes draw.
    """
    if not (is_sought(observation) and face.isfinite().all()):
        return observation
    drawn = observation.operator(face.clamp(-1, 1).to(observation.image))
    operator, image = observation.operator, observation.image
    if observation.full is not None:
        operator, image = observation.full.operator, observation.full.image
    shows = known(operator, observation.problem.photo, image.shape[-1])
    found = torch.from_numpy(find_unexplained(luma(image), luma(drawn), shows)).to(image)[None, None]
    found = torch.maximum(found, sharper(observation, operator, image, drawn, shows))
    return hiding(observation, found) if found.any() else observation


def sharper(
    observation: Observation, operator: Degradation, image: Tensor, drawn: Tensor, shows: np.ndarray | None
) -> Tensor:
    """Where a blurred photo is sharper than its blur allows, on the face or beside it: [1, 1, S, S], 1 = there.

    operator: at the photo's size. image: [1, 3, S, S]. drawn: [1, 3, R, R], of the restoration, degraded likewise.
    shows: [S, S] bool, what is known of the photo; None: all of it.
    """
    kernels = [step.kernel(image) for step in steps_of(operator) if isinstance(step, GaussianBlur)]
    if len(kernels) != 1:
        return torch.zeros_like(image[:, :1])
    photo, explained = (grey(x)[:, :1] for x in (image, resized(drawn, image.shape[-1])))
    counts = None if shows is None else torch.from_numpy(shows).to(photo)[None, None]
    return too_sharp(photo, explained, kernels[0], counts, least(observation))


def least(observation: Observation) -> float:
    """What compression's rounding makes of a photo's details is smaller, in [-1, 1]."""
    damage = observation.problem.photo.damage
    return LEAST if damage is None else max(LEAST, ROUNDINGS * 2 * damage.compression.rounding)


def hiding(observation: Observation, hidden: Tensor) -> Observation:
    """The same, the photo not known where something hides it: [1, 1, S, S], 1 = there."""
    operator, full, small = observation.operator, observation.full, observation.image
    if full is None:
        assert isinstance(operator, Compose)  # what Auto becomes
        operator, image = operator.hiding(1 - hidden), blank(small, 1 - hidden)
    else:
        assert isinstance(full.operator, Compose)
        full = replace(full, operator=full.operator.hiding(1 - hidden))
        operator, image = full.operator.brought_down(full.image, small.shape[-1])
    return replace(observation, operator=operator, image=image, full=full, unexplained=hidden)


def say_unexplained(observation: Observation) -> None:
    """What was left out, and how to keep it."""
    assert observation.unexplained is not None
    log.info(
        "%s: %.1f %% of the face's square is no part of the photo but looks like dust or strokes; the search has "
        "filled it in, damage.png shows it in blue. degradation.unexplained=false keeps it.",
        printable(observation.problem.photo.label),
        100 * observation.unexplained.mean().item(),
    )


def known(operator: Degradation, photo: Photo, side: int) -> np.ndarray | None:
    """What a mask and the photo's edges leave of it: [side, side] bool; None: all of it."""
    parts = [
        step.known[0] for step in steps_of(operator) if isinstance(step, Masked) and step.known is not None
    ]
    inside = photo.inside(side)
    parts += [] if inside is None else [inside]
    return np.logical_and.reduce([part[0].cpu().numpy() > 0 for part in parts]) if parts else None


def steps_of(operator: Degradation) -> Sequence[Degradation]:
    """Those of a composed operator; none of any other."""
    return operator.steps if isinstance(operator, Compose) else ()


def luma(image: Tensor) -> np.ndarray:
    """[1, 3, H, W] in [-1, 1] -> [H, W] in 0..1."""
    return luma_of(to_255(image[0]).permute(1, 2, 0).float().cpu().numpy())
