"""The colours that a fit of feature maps aims at where the photo has none."""

from __future__ import annotations

import torch
from torch import Tensor

from inversion.degradations.compose import is_colourless
from inversion.degradations.degradation import Degradation
from inversion.fullsize.luma import grey
from inversion.priors.expected_colours import expected_colours
from inversion.search.hyperparameters import Hyperparameters


@torch.no_grad()
def hidden_colours(
    operator: Degradation,
    observed: Tensor,  # [1, 3, R, R] in [-1, 1]
    unfitted: Tensor,  # [1, 3, R, R], what the codes draw
    hyperparameters: Hyperparameters,
) -> Tensor | None:
    """Chroma, [1, 3, R, R] of luma 0; None where the photo tells the colours itself, and where nothing is fitted.

    Those that the codes draw, and a share, `colour_prior`, of the colours that faces of the photo's luma have on
    average. Without an aim feature maps that follow a grey photo change colours at random.
    """
    if not (hyperparameters.steps_of_features and is_colourless(operator)):
        return None
    face = unfitted.clamp(-1, 1)
    drawn = face - grey(face)
    share = hyperparameters.colour_prior
    if not share:
        return drawn
    return drawn.lerp(expected_colours()(operator.consistent(face, observed)), share)
