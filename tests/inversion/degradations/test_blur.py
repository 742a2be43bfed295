from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from inversion.degradations.blur import (
    GaussianBlur,
    blur,
    default_kernel_size,
    default_sigma,
    gaussian_kernel,
)
from inversion.errors import ConfigError
from tests.conftest import TOLERANCE

EXACT = TOLERANCE[torch.float64]
SIZES = [1, 2, 3, 4, 5, 10, 21, 30, 31]  # of at most 31 px


def photos(batch: int = 2, side: int = 31) -> Tensor:
    return (
        torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
        - 1
    )


def operator(kernel_size: int | None, sigma: float | None = None, side: int = 31) -> GaussianBlur:
    return GaussianBlur(kernel_size, sigma).bind(photos(side=side), degraded=False)


def kernel(kernel_size: int, *sigmas: float) -> Tensor:
    return gaussian_kernel(kernel_size, torch.tensor(sigmas, dtype=torch.float64))


@pytest.fixture
def opencv() -> dict[str, np.ndarray]:
    return dict(np.load(Path(__file__).parents[2] / "reference" / "opencv_blur.npz"))


@pytest.mark.parametrize("size", SIZES)
def test_blur_keeps_constant_images(size: int) -> None:
    x = torch.full((1, 3, 31, 31), 0.3, dtype=torch.float64)
    torch.testing.assert_close(operator(size)(x), x, **EXACT)


@pytest.mark.parametrize("size", SIZES)
def test_kernel_sums_to_one_and_is_symmetric(size: int) -> None:
    k = kernel(size, 0.5, 3.0, 50.0)
    torch.testing.assert_close(k.sum(dim=1), torch.ones(3, dtype=torch.float64), **EXACT)
    assert torch.equal(k, k.flip(1))


@pytest.mark.parametrize("size", SIZES)
def test_separable_equals_full_two_dimensional_convolution(size: int) -> None:
    k = kernel(size, 2.0)[0]
    x, reach = photos(), len(k) // 2
    window = torch.outer(k, k)[None, None].expand(3, 1, -1, -1)
    full = F.conv2d(F.pad(x, [reach] * 4, mode="reflect"), window, groups=3)
    torch.testing.assert_close(blur(x, k[None]), full, **EXACT)


@pytest.mark.parametrize("size", SIZES)
def test_no_size_moves_the_image(size: int) -> None:
    x = torch.zeros(1, 3, 63, 63, dtype=torch.float64)
    x[..., 30, 33] = 1
    y = GaussianBlur(size, 2.0)(x)[0, 0]
    position = torch.arange(63, dtype=torch.float64)
    torch.testing.assert_close((y.sum(1) @ position).item(), 30.0, **EXACT)
    torch.testing.assert_close((y.sum(0) @ position).item(), 33.0, **EXACT)


def test_a_larger_size_blurs_more_even_ones_included() -> None:
    def variance(size: int) -> float:
        k = kernel(size, 10.0)[0]
        return (k @ (torch.arange(len(k), dtype=torch.float64) - len(k) // 2).square()).item()

    variances = [variance(size) for size in range(1, 12)]
    assert variances == sorted(variances)
    assert len(set(variances)) == len(variances)


@pytest.mark.parametrize("size", [24, 25])
def test_wide_windows_equal_scipys_gaussian(size: int) -> None:
    x = photos()
    reference = gaussian_filter(x.numpy(), 2.0, axes=(2, 3), mode="mirror", radius=12)
    # Even sizes count the last tap half: 6 sigma out, below 1e-8.
    torch.testing.assert_close(operator(size, 2.0)(x), torch.from_numpy(reference), rtol=0, atol=1e-8)


def test_kernels_and_blurs_are_opencvs(opencv: dict[str, np.ndarray]) -> None:
    for size, sigma, key in [(21, 6.0, "21_6"), (13, default_sigma(13), "13"), (23, default_sigma(23), "23")]:
        np.testing.assert_allclose(kernel(size, sigma)[0], opencv[f"kernel_{key}"], rtol=1e-10)
    x = torch.from_numpy(opencv["image"]).expand(1, 3, -1, -1)
    for size, given, key in [(13, None, "13"), (5, 1.0, "5_1"), (21, 6.0, "21_6")]:
        ours = GaussianBlur(size, given).bind(x, degraded=False)(x)[0, 1]
        np.testing.assert_allclose(ours, opencv[f"blur_{key}"], atol=1e-10)


def test_the_size_need_not_be_whole_and_acts_without_jumps() -> None:
    def variance(size: float) -> float:
        k = gaussian_kernel(size, torch.tensor([2.0], dtype=torch.float64))[0]
        return (k @ (torch.arange(len(k), dtype=torch.float64) - len(k) // 2).square()).item()

    variances = [variance(1 + 0.05 * i) for i in range(120)]
    steps = [b - a for a, b in zip(variances, variances[1:], strict=False)]
    assert 0 < min(steps) and max(steps) < 0.06
    for size in (3, 4, 5):
        assert variance(size) == pytest.approx(variance(size + 1e-9), abs=1e-6)


def test_each_problem_may_have_its_own_kernel() -> None:
    x, sigmas = photos(3), (0.7, 2.0, 5.0)
    together = blur(x, kernel(9, *sigmas))
    for i, sigma in enumerate(sigmas):
        torch.testing.assert_close(together[i : i + 1], blur(x[i : i + 1], kernel(9, sigma)), **EXACT)


def test_the_kernels_width_can_be_learned() -> None:
    x = photos(2, 9)
    sigma = torch.tensor([0.8, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: blur(x, gaussian_kernel(5, s)), (sigma,))


def test_oblong_images_are_blurred_alike() -> None:
    x = photos(1, 12)
    tall = torch.cat([x, x.flip(2)], dim=2)
    assert GaussianBlur(3, 1.0)(tall).shape == tall.shape
    torch.testing.assert_close(GaussianBlur(3, 1.0)(tall)[:, :, :10], GaussianBlur(3, 1.0)(x)[:, :, :10])


@pytest.mark.parametrize(
    ("resolution", "size"), [(16, 3), (32, 3), (64, 7), (128, 13), (256, 25), (1024, 103)]
)
def test_default_size_is_the_odd_number_nearest_to_a_tenth(resolution: int, size: int) -> None:
    assert default_kernel_size(resolution) == size
    assert GaussianBlur().bind(torch.zeros(1, 3, resolution, resolution), True).kernel_size == size


def test_default_sigma_is_opencvs_rule() -> None:
    assert operator(21).sigma == pytest.approx(0.3 * ((21 - 1) * 0.5 - 1) + 0.8) == pytest.approx(3.5)


@pytest.mark.parametrize("size", [0, -3, 32, 100])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"at most the image's side, 31 px. Got {size}\."):
        operator(size)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_sigmas_are_refused(sigma: float) -> None:
    with pytest.raises(ConfigError, match="sigma must be above 0 pixels. Got"):
        operator(5, sigma)


def test_a_bound_blur_makes_its_matrices_once_and_is_still_the_same_settings() -> None:
    bound = operator(5, 2.0)
    expected = blur(photos(), kernel(5, 2.0))
    for _ in range(2):
        torch.testing.assert_close(bound(photos()), expected, **EXACT)
    (matrix,) = bound._matrices.values()
    bound(photos().requires_grad_(True)).sum().backward()
    assert [kept is matrix for kept in bound._matrices.values()] == [True]
    bound(photos(side=40).float())
    assert len(bound._matrices) == 2
    assert bound == operator(5, 2.0) and hash(bound) == hash(operator(5, 2.0))
    assert not bound.bind(photos(), False)._matrices  # another search's operator starts empty


def test_unbound_blur_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="call bind"):
        GaussianBlur()(photos())
