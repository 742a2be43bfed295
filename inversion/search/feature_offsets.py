"""After the search: move feature maps away from what the codes make of them, where the photo shows another person.

F/W+ space: Kang, Kim & Cho 2021, GAN Inversion for Out-of-Range Images with Geometric Transformations, section 3. A
code says what a face is like everywhere at once, so that the codes of a net that learned from few people come near a
person and no nearer. An offset of a feature map says it at one place; the layers above draw the details. Offsets begin
at 0, or where those of another run ended, and the codes stay as they were found.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.degradations.degradation import Degradation
from inversion.fullsize.luma import grey
from inversion.generator.synthesis import Synthesis
from inversion.images import downsample_area
from inversion.losses.pixel import PixelLoss
from inversion.losses.robust import reweighted
from inversion.optimizers.adam import Adam
from inversion.search.aims import Aim
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.optimize import Result

log = logging.getLogger(__name__)

SIDES = (8, 16, 32)  # px, of the feature maps that are moved
RATE = 0.02  # of Adam; convolutions of a StyleGAN2 have outputs of about 1
WEIGHT = 0.03  # of the offsets' mean squares beside the mean squared error of pixels, whose range is [-1, 1]

OnFit = Callable[[int, Sequence[int], Sequence[float]], None]  # step, its running problems, their losses


@dataclass(frozen=True)
class FeatureOffsets:
    """What is added to the output of a block's last convolution, before its activation."""

    maps: Mapping[int, Tensor]  # side -> [B, channels, side, side]; {}: no problem's were fitted
    interrupted: bool  # Ctrl-C ended the search or the fit before its last step
    seconds: float


def fit_offsets(
    synthesis: Synthesis,
    degradation: Degradation,
    photos: Tensor,  # [B, 3, R, R] in [-1, 1], degraded as observed
    hyperparameters: Sequence[Hyperparameters],  # B
    found: Result,
    robust: float,  # as of the search's loss: losses/robust.py; 0 = none
    on_step: OnFit = lambda step, problems, losses: None,
    # per problem side -> [1, channels, side, side] to begin from; sides beside SIDES stay as they are
    given: Sequence[Mapping[int, Tensor]] = (),
    aims: Sequence[Aim] = (),  # per problem; (): none has any
) -> FeatureOffsets:
    """Fit the offsets of a batch, `feature_steps` Adam steps each; no problem's result depends on its neighbours.

    A step's loss is the squared error of pixels, which is sharper about a person than the search's features are, plus
    WEIGHT times the offsets' mean squares, that of chroma where the photo has no colours, and that of a face to aim
    at where there is one. With `robust`, pixels that cannot be explained count for less, as in the search: feature
    maps would draw the dust that codes cannot. The learning rate falls to 0 over the second half. A problem whose
    loss is not finite no longer changes; one whose search failed does not begin.
    """
    steps = [
        0 if failed is not None else h.steps_of_features
        for h, failed in zip(hyperparameters, found.failed_step, strict=True)
    ]
    if not any(steps) or any(found.interrupted):
        return FeatureOffsets({}, any(found.interrupted), 0.0)
    channels = synthesis.architecture.feature_channels
    if not channels:
        log.info("feature_steps does nothing: this generator has no feature maps that can be moved")
        return FeatureOffsets({}, False, 0.0)
    start_time, interrupted, loss = time.monotonic(), False, PixelLoss(weight=1.0)
    sides = {*SIDES, *(side for own in given for side in own)} & channels.keys()
    maps = {side: photos.new_zeros(len(steps), channels[side], side, side) for side in sorted(sides)}
    for row, own in enumerate(given):
        for side, x in own.items():
            if steps[row]:
                maps[side][row] = x[0]
    moved = [x.requires_grad_() for side, x in maps.items() if side in SIDES]
    optimizer, scale = Adam(moved), synthesis.gradient_scale
    finite = torch.ones(len(steps), dtype=torch.bool, device=photos.device)
    target = degradation.target(photos, loss.resolution)
    wanted = loss.features(target)
    chroma, has_chroma = together([aim.chroma for aim in aims])
    face, has_face = together([aim.face for aim in aims])
    try:
        for step in range(max(steps)):
            rates = [RATE * min(1.0, 2 - 2 * step / own) if step < own else 0.0 for own in steps]
            images = synthesis(found.ws, found.noises, offsets=maps)
            prediction = degradation.prediction(images, loss.resolution)
            if robust:
                prediction = reweighted(prediction, target, robust)
            error = loss(loss.features(prediction), wanted)
            if chroma is not None:
                error = error + has_chroma * mean_square(images - grey(images) - chroma)
            if face is not None:
                error = error + has_face * mean_square(downsample_area(images, face.shape[-1]) - face)
            losses = error + WEIGHT * torch.stack([mean_square(x) for x in maps.values()]).sum(dim=0)
            gradients = torch.autograd.grad(scale * losses.sum(), optimizer.variables)
            finite &= losses.detach().isfinite()
            optimizer.step([g / scale for g in gradients], torch.where(finite, losses.new_tensor(rates), 0))
            told = {
                row: loss for row, loss in enumerate(losses.tolist()) if step < steps[row] and finite[row]
            }
            on_step(step, list(told), list(told.values()))
    except KeyboardInterrupt:
        interrupted = True
    fitted = {side: x.detach() for side, x in maps.items()}
    return FeatureOffsets(fitted, interrupted, time.monotonic() - start_time)


def together(aims: Sequence[Tensor | None]) -> tuple[Tensor | None, Tensor | float]:
    """Those of a batch, [B, C, r, r], zeros where a problem has none, and 1 where it has one, [B].

    None where no problem has any.
    """
    given = [aim for aim in aims if aim is not None]
    if not given:
        return None, 0.0
    blank = torch.zeros_like(given[0])
    present = given[0].new_tensor([float(aim is not None) for aim in aims])
    return torch.cat([blank if aim is None else aim for aim in aims]), present


def mean_square(x: Tensor) -> Tensor:
    """[B, C, R, R] -> [B]."""
    return x.square().mean(dim=(1, 2, 3))
