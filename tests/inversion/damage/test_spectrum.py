from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage.spectrum import MOST, SHARPER, square_powers, squares, typical

HIGHER = 0.25  # than the mean of many squares is the quantile that is taken of them


def ring_power(luma: np.ndarray, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and the power there of the sharper squares: [F] twice."""
    frequency, powers = square_powers(luma, known)
    return frequency, typical(powers, SHARPER)


@pytest.mark.parametrize("shape", [(256, 256), (300, 700), (90, 120)])
def test_white_noise_has_its_variance_at_every_frequency(shape: tuple[int, int]) -> None:
    frequency, power = ring_power(0.1 * np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert power.mean() == pytest.approx(0.01, rel=HIGHER)
    half = len(power) // 2
    assert power[:half].mean() == pytest.approx(power[half:].mean(), rel=0.2)
    assert frequency[0] < 0.03 and 0.48 < frequency[-1] < 0.5


def test_a_blur_multiplies_it_by_the_square_of_its_response() -> None:
    noise = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    frequency, power = ring_power(ndimage.gaussian_filter(noise, 1.0))
    middle = (frequency > 0.05) & (frequency < 0.25)
    response = power[middle] / ring_power(noise)[1][middle]
    np.testing.assert_allclose(response, np.exp(-np.square(2 * np.pi * frequency[middle])), rtol=0.15)


def test_a_few_squares_with_a_sharp_edge_change_little() -> None:
    soft = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(1024, 1024)), 4).astype(np.float32)
    edge = soft.copy()
    edge[100:200, 500:503] = 1.0
    high = ring_power(soft)[0] > 0.2
    np.testing.assert_allclose(ring_power(edge)[1][high], ring_power(soft)[1][high], rtol=0.5)


def test_squares_with_scratches_are_left_out() -> None:
    luma = 0.1 * np.random.default_rng(0).normal(size=(600, 600)).astype(np.float32)
    known = np.ones(luma.shape, dtype=bool)
    for line in range(0, 600, 100):
        luma[line], known[line] = 5.0, False
    _, power = ring_power(luma, known)
    assert power.mean() == pytest.approx(0.01, rel=HIGHER)
    assert ring_power(luma)[1].mean() > 0.02


def test_where_no_square_is_without_scratches_they_are_filled_in() -> None:
    soft = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(300, 300)), 6).astype(np.float32)
    known = np.ones(soft.shape, dtype=bool)
    known[10::30, :] = known[:, 10::30] = False
    luma = np.where(known, soft, 1.0).astype(np.float32)
    frequency, power = ring_power(luma, known)
    high = frequency > 0.2
    assert power[high].max() < 0.001 * ring_power(luma)[1][high].min()


def test_squares_reach_all_borders_and_overlap() -> None:
    for length in (256, 257, 511, 512, 1000):
        tops = sorted({top for top, _ in squares((length, 300), 256)})
        assert tops[0] == 0 and tops[-1] == length - 256
        assert max(np.diff(tops), default=0) <= 128 or length <= 512


@pytest.mark.parametrize("shape", [(1, 10**8), (99, 10**6), (10_000, 10_000), (10**6, 20)])
def test_a_photo_of_any_shape_has_a_bounded_number_of_squares(shape: tuple[int, int]) -> None:
    side = min(256, *shape)
    found = squares(shape, side)
    assert 1 <= len(found) <= MOST
    assert all(0 <= top <= shape[0] - side and 0 <= left <= shape[1] - side for top, left in found)
