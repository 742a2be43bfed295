"""`hyperparameters=reference` against the losses of NVIDIA's projector; see tests/reference/README.md."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from benchmarks.same_search import Curve, our_curve, relative
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.search.hyperparameters import Hyperparameters
from tests.inversion.search.projector_case import REFERENCE, STEPS, SmallFeatures, net, photo, settings

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def theirs() -> Curve:
    with np.load(REFERENCE / "nvidia_projector.npz") as file:
        return Curve(file["perceptual"].tolist(), file["noise"].tolist())


def ours(hyperparameters: Hyperparameters) -> Curve:
    model = net()
    return our_curve(model, cast(PerceptualLoss, SmallFeatures.made()), photo(model), hyperparameters, STEPS)


def test_the_search_is_nvidias_step_by_step(theirs: Curve) -> None:
    found = ours(settings())
    assert max(relative(found.perceptual, theirs.perceptual)) < TOLERANCE
    assert max(relative(found.noise, theirs.noise)) < TOLERANCE


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adam"},
        {"noise_weight": 10.0},
        *(
            pytest.param(change, marks=pytest.mark.slow)
            for change in ({"jitter": 0.0}, {"ramp_up": 0.0}, {"ramp_down": 0.0}, {"space": "w+"})
        ),
    ],
)
def test_another_search_is_told_from_it(theirs: Curve, change: dict[str, object]) -> None:
    found = ours(replace(settings(), **change))  # type: ignore[arg-type]
    assert max(relative(found.total, theirs.total)) > 5 * TOLERANCE
