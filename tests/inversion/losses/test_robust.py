"""Residuals that are re-weighted, by their size beside the others of their problem."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.none import NoDegradation
from inversion.deviation import MEDIAN_OF_ABSOLUTE
from inversion.errors import ConfigError
from inversion.losses.pixel import PixelLoss
from inversion.losses.robust import LEAST, reweighted
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, checked

SIGMA = 0.1
TUNED = 2.385  # 95 % efficient


def noise(batch: int, sigma: float = SIGMA) -> Tensor:
    """Grey residuals, the same in all channels."""
    rng = torch.Generator().manual_seed(0)
    return (torch.randn(batch, 1, 64, 64, generator=rng, dtype=torch.float64) * sigma).expand(-1, 3, -1, -1)


def test_the_gradient_is_that_of_cauchys_estimator() -> None:
    prediction, target = noise(1).clone(), torch.zeros(1, 3, 64, 64, dtype=torch.float64)
    prediction[..., 5, 5] = 1.5
    prediction.requires_grad_(True)
    reweighted(prediction, target, TUNED).square().sum().mul(0.5).backward()
    scale = TUNED * prediction.detach()[:, 0].abs().median() / MEDIAN_OF_ABSOLUTE
    influence = prediction.detach() / (1 + (prediction.detach() / scale).square())
    torch.testing.assert_close(prediction.grad, influence, rtol=1e-3, atol=1e-4)
    assert prediction.grad is not None
    # 1.5 pulls less than 0.1 does.
    assert prediction.grad[0, 0, 5, 5] < SIGMA < prediction.grad.abs().max() * 2


def test_sigma_is_that_of_the_residuals_whatever_a_tenth_of_them_are() -> None:
    """At the tuning constant times sigma, a residual is divided by the root of 2: Cauchy's weight is 1/2 there."""
    prediction, target = noise(1).clone(), torch.zeros(1, 3, 64, 64, dtype=torch.float64)
    prediction[..., :6, :] = 1.0  # 9 %
    prediction[..., 50, 50] = TUNED * SIGMA
    seen = reweighted(prediction, target, TUNED)[0, 0]
    assert float(seen[50, 50]) == pytest.approx(TUNED * SIGMA / 2**0.5, rel=0.1)
    assert float(seen[3, 3]) < 0.3


def test_no_problem_feels_its_neighbours() -> None:
    prediction, target = noise(3) * torch.tensor([1.0, 0.1, 3.0])[:, None, None, None], noise(3).flip(0)
    together = reweighted(prediction, target, TUNED)
    for i in range(3):
        torch.testing.assert_close(
            together[i : i + 1], reweighted(prediction[i : i + 1], target[i : i + 1], TUNED)
        )


def test_blanked_pixels_say_nothing_of_sigma() -> None:
    prediction, target = noise(1).clone(), torch.zeros(1, 3, 64, 64, dtype=torch.float64)
    whole = reweighted(prediction, target, TUNED)
    prediction[..., :, 20:] = 0  # two thirds are equal: their median would be 0
    masked = reweighted(prediction, target, TUNED)
    torch.testing.assert_close(masked[..., :20], whole[..., :20], rtol=0.05, atol=1e-4)


def test_equal_images_stay_equal_and_have_a_gradient() -> None:
    target = noise(1).clone()
    prediction = target.clone().requires_grad_(True)
    seen = reweighted(prediction, target, TUNED)
    assert torch.equal(seen, target)
    seen.sum().backward()
    assert prediction.grad is not None and (prediction.grad == 1).all()


def test_levels_of_eight_bits_are_not_outliers() -> None:
    """Half of the residuals tiny: rounding alone must not make the others outliers."""
    prediction, target = torch.full((1, 3, 8, 8), 1e-5), torch.zeros(1, 3, 8, 8)
    prediction[..., :3, :] = LEAST
    seen = reweighted(prediction, target, TUNED)
    assert float(seen[0, 0, 0, 0]) > 0.9 * LEAST


def test_the_objective_counts_an_outlier_for_less_and_the_rest_as_before() -> None:
    target = noise(2, 0.5).float().clamp(-1, 1)
    prediction = target + noise(2).float().flip(0)
    dusty = target.clone()
    dusty[..., 10:14, 10:14] = 1.0 - 2 * (target[..., 10:14, 10:14] > 0)

    def terms(photo: Tensor, robust: float, rows: list[int]) -> Tensor:
        objective = Objective(
            PixelLoss(robust=robust), NoDegradation(), photo, [Hyperparameters()] * 2, lambda ws: ws
        )
        return objective.select(rows).image_terms(prediction[rows])["pixel"]

    plain, robust = (terms(dusty, k, [0, 1]) / terms(target, k, [0, 1]) for k in (0.0, TUNED))
    assert (plain > 1.2).all() and (robust < 1.03).all()
    torch.testing.assert_close(terms(dusty, TUNED, [1]), terms(dusty, TUNED, [0, 1])[1:])


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_thresholds_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="loss.robust must be .* Got"):
        checked(PixelLoss(robust=value))
