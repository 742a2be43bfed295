"""What a fit of feature maps aims at where the photo does not say it: colours, and the face itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inversion.degradations.compose import changes_luma, is_colourless
from inversion.degradations.degradation import Degradation
from inversion.degradations.none import NoDegradation
from inversion.fullsize.luma import grey
from inversion.fullsize.resampling import resized
from inversion.images import downsample_area
from inversion.losses.robust import weights
from inversion.priors.expected_colours import expected_colours
from inversion.priors.expected_face import SIDE, expected_face
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.stacked import alike

# Standard deviations of residuals: faces differ by many from the one to expect, in hair most of all, dust by more
FAR = 12.0


@dataclass(frozen=True)
class Aim:
    """Of one problem; None: none."""

    chroma: Tensor | None  # [1, 3, R, R] of luma 0
    face: Tensor | None  # [1, 3, r, r], r <= R


class ExpectedFaces:
    """`expected_face` of the photos of a pass, computed once for all problems and samples that share a photo."""

    def __init__(self, robust: float = 0.0) -> None:
        """robust: of the search's loss, see losses/robust.py; 0 = none."""
        self.robust = robust
        self._known: list[tuple[Degradation, Tensor, Tensor]] = []

    def __call__(self, compared: Degradation, observed: Tensor) -> Tensor:
        for operator, photo, face in self._known:
            if torch.equal(photo, observed) and alike(operator, compared):
                return face
        face = expected_face()(compared, observed, self.robust)
        self._known.append((compared, observed, face))
        return face


def aim(
    operator: Degradation,  # bound to the photo
    compared: Degradation,  # the same as the loss knows it: search/framed.py
    observed: Tensor,  # [1, 3, R, R] in [-1, 1]
    unfitted: Tensor,  # [1, 3, R, R], what the codes draw
    hyperparameters: Hyperparameters,
    expected: ExpectedFaces,
) -> Aim:
    """What feature maps of one problem aim at."""
    chroma = hidden_colours(operator, observed, unfitted, hyperparameters)
    return Aim(chroma, hidden_face(operator, compared, observed, unfitted, chroma, hyperparameters, expected))


@torch.no_grad()
def hidden_colours(
    operator: Degradation,
    observed: Tensor,  # [1, 3, R, R] in [-1, 1]
    unfitted: Tensor,  # [1, 3, R, R], what the codes draw
    hyperparameters: Hyperparameters,
) -> Tensor | None:
    """Chroma, [1, 3, R, R] of luma 0; None where the photo tells the colours itself, and where nothing is fitted.

    Those that the codes draw, and a share, `colour_prior`, of the colours that faces of the photo's luma have on
    average: `ExpectedColours.guess`. Without an aim feature maps that follow a grey photo change colours at random.
    """
    if not (hyperparameters.steps_of_features and is_colourless(operator)):
        return None
    face, share = unfitted.clamp(-1, 1), hyperparameters.colour_prior
    if not share:
        return face - grey(face)
    return expected_colours().guess(operator.consistent(face, observed), face, share)


@torch.no_grad()
def hidden_face(
    operator: Degradation,
    compared: Degradation,
    observed: Tensor,  # [1, 3, R, R] in [-1, 1]
    unfitted: Tensor,  # [1, 3, R, R]
    chroma: Tensor | None,  # of `hidden_colours`, in place of the face's own; None: its own
    hyperparameters: Hyperparameters,
    expected: ExpectedFaces,
) -> Tensor | None:
    """Of few pixels, [1, 3, r, r]; None where nothing but colours is hidden, and where nothing is fitted.

    Between the codes' face and the one to expect, a share, `face_prior`, of the way, both made consistent with the
    photo. The first is as sharp as a face, and somebody's; the second is soft, and nearer to the person. What the
    layers above draw is left to them.
    """
    share = hyperparameters.face_prior
    if not (share and hyperparameters.steps_of_features):
        return None
    if isinstance(operator, NoDegradation) or not changes_luma(operator):
        return None
    likely = resized(expected(compared, observed), observed.shape[-1])
    if expected.robust:
        observed = believed(operator, likely, observed)
    drawn, told = (operator.consistent(face.clamp(-1, 1), observed) for face in (unfitted, likely))
    between = drawn.lerp(told, share)
    if chroma is not None:
        between = grey(between) + chroma
    return downsample_area(between, SIDE)


def believed(operator: Degradation, likely: Tensor, observed: Tensor) -> Tensor:
    """The photo, and where it is far from all that the face to expect explains of it, that: [1, 3, R, R], all three.

    A face that is made consistent with dust shows dust.
    """
    prediction = operator(likely.clamp(-1, 1))
    return torch.where(weights(observed - prediction, FAR) < 0.5, prediction, observed)
