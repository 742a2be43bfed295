"""Making a deblurred face agree with its photo: errors that the photo shows are taken off, noise is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur, blur, gaussian_kernel
from inversion.degradations.wiener import KEPT, ROUNDING, confirmed, picture, response_of, spectrum
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


def textures(seed: int) -> Tensor:
    """Every frequency, in random phases: [1, 3, R, R]."""
    rng = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn([1, 3, SIDE, SIDE], generator=rng, dtype=torch.float64)


def unseen(x: Tensor, kernel: Tensor) -> Tensor:
    """The part of an image whose frequencies the blur has removed."""
    response = response_of(kernel, SIDE, SIDE)
    return picture(spectrum(x, kernel) * (response.abs() < 0.005), x)


def test_details_are_trusted_as_far_as_the_photo_confirms_them() -> None:
    truth, wrong = textures(0), textures(1)
    kernel = gaussian_kernel(13, torch.tensor([2.5], dtype=torch.float64))
    observed = blur(truth, kernel)
    torch.testing.assert_close(confirmed(truth, observed, kernel), truth, rtol=0, atol=1e-9)
    half = confirmed(0.5 * truth + 0.5 * wrong, observed, kernel)  # half the power is the person's
    kept = (unseen(half, kernel) * unseen(0.5 * truth + 0.5 * wrong, kernel)).sum()
    kept = kept / unseen(0.5 * truth + 0.5 * wrong, kernel).square().sum()
    assert 0.8 < kept < 1  # its slope: <truth, half> / <half, half> = 1 up to chance
    somebody_else = confirmed(wrong, observed, kernel)  # of slope 0 up to chance: KEPT of it is left
    left = (unseen(somebody_else, kernel) * unseen(wrong, kernel)).sum() / unseen(
        wrong, kernel
    ).square().sum()
    assert KEPT <= left < KEPT + 0.15
    seen = somebody_else - wrong
    assert (seen - unseen(seen, kernel)).square().sum() < 0.3 * (1 - KEPT) ** 2 * wrong.square().sum()
    noise = 0.01 * textures(2)
    torch.testing.assert_close(confirmed(truth, observed + noise, kernel), truth, rtol=0, atol=0.01)


def test_a_restoration_that_was_fitted_to_its_photo_does_not_confirm_itself() -> None:
    truth, wrong = textures(0), textures(1)
    kernel = gaussian_kernel(13, torch.tensor([2.5], dtype=torch.float64))
    observed, invented = blur(truth, kernel), unseen(wrong, kernel)
    fitted = truth - unseen(truth, kernel) + invented  # right wherever the photo shows it
    torch.testing.assert_close(confirmed(fitted, observed, kernel), fitted, rtol=0, atol=1e-9)
    honest = unseen(confirmed(fitted, observed, kernel, wrong), kernel)
    assert honest.square().sum() < (KEPT + 0.15) ** 2 * invented.square().sum()


def test_a_blur_that_leaves_everything_weakens_nothing() -> None:
    wrong = textures(1)
    kernel = gaussian_kernel(3, torch.tensor([0.2], dtype=torch.float64))
    kept = confirmed(wrong, textures(0), kernel)
    assert (kept - wrong).square().sum() < 1e-4 * wrong.square().sum()
