"""Making a deblurred face agree with its photo: errors that the photo shows are taken off, noise is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.degradations.wiener import ROUNDING
from inversion.images import quantize

SIDE = 64


def waves(cycles: float, amplitude: float, seed: int = 0) -> Tensor:
    """Cosines of one frequency across and down, which have their own mirror images at the borders: [2, 3, R, R]."""
    rng = torch.Generator().manual_seed(seed)
    line = torch.cos(torch.pi * 2 * cycles * torch.arange(SIDE, dtype=torch.float64) / (2 * SIDE - 2))
    colours = torch.rand([2, 3, 1, 1], generator=rng, dtype=torch.float64) + 0.5
    return amplitude * colours * line[:, None] * line


def error(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean(dim=(1, 2, 3))


@pytest.mark.parametrize("cycles", [2, 9, 16])
def test_an_error_of_any_frequency_that_the_photo_shows_is_taken_off(cycles: int) -> None:
    """Also where all lower frequencies are right already: how large an error is says nothing about another one."""
    truth = waves(3, 0.3)
    operator = GaussianBlur(7).bind(truth, degraded=True)
    restored = truth + waves(cycles, 0.05, seed=1)
    mended = operator.consistent(restored, quantize(operator(truth)))
    assert (error(mended, truth) < 0.1 * error(restored, truth)).all()


def test_what_the_photo_does_not_show_stays_as_restored() -> None:
    truth = waves(3, 0.3)
    operator = GaussianBlur(13, 4.0).bind(truth, degraded=True)
    restored = truth + waves(50, 0.05, seed=1)
    mended = operator.consistent(restored, quantize(operator(truth)))
    assert (error(mended, restored) < 0.05 * error(restored, truth)).all()


def test_rounding_is_not_blown_up() -> None:
    truth = waves(3, 0.3)
    operator = GaussianBlur(7).bind(truth, degraded=True)
    mended = operator.consistent(truth, quantize(operator(truth)))
    assert (error(mended, truth) < 10 * ROUNDING).all()
