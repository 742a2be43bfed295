from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inversion.damage import missed
from inversion.damage.blur import Blur, Scales
from inversion.damage.compression import Compression
from inversion.damage.luma import luma_of, visible
from inversion.damage.missed import find_blur_beneath, smoothed, stayed_sharp
from tests.inversion.damage.test_blur import blurred, find_blur

UNCOMPRESSED = Compression(None, 0.0, "none")


def spoilt(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A scratch and 20 spots, parts of which were missed: the photo, and where it is known to be hidden."""
    luma, hidden = luma.copy(), np.zeros(luma.shape, dtype=bool)
    rng = np.random.default_rng(0)
    for number in range(20):
        y, x = (int(rng.integers(10, side - 14)) for side in luma.shape)
        luma[y : y + 4, x : x + 4] = 1.0
        hidden[y : y + 4, x : x + 4] = number % 2
    luma[200:203] = 1.0
    hidden[200:203, :380] = True
    return luma, hidden


@pytest.mark.parametrize("kernel_size", [18, 24, 30])
def test_damage_that_was_missed_makes_no_blurred_photo_sharp(portrait: np.ndarray, kernel_size: int) -> None:
    luma, hidden = spoilt(luma_of(blurred(portrait, kernel_size)))
    assert find_blur(luma, known=visible(hidden)).kernel_size < 0.7 * kernel_size
    found, more = find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden)
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.2)
    near = ndimage.binary_dilation(luma == 1.0, iterations=2)
    assert more.any() and near[more].mean() > 0.95


def test_a_blurred_edge_however_high_is_not_sharp() -> None:
    """A step of full contrast changes by 0.03 when it is blurred a little more; a spot on it changes by its height."""
    step = np.zeros((200, 200), dtype=np.float32)
    step[:, 100:] = 1.0
    step = ndimage.gaussian_filter(step, 4.0)
    spot = step.copy()
    spot[100:103, 40:43] = 0.5
    blur = Blur(20.0, 1.0)  # sigma 3.35: a kernel that was found somewhat too small
    assert not stayed_sharp(step, blur, 0.0, UNCOMPRESSED).any()
    where = np.argwhere(stayed_sharp(spot, blur, 0.0, UNCOMPRESSED))
    assert len(where) and (abs(where - (101, 41)) <= 4).all()


def test_a_kernel_that_nothing_is_known_of_replaces_none(
    portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too little is left beside the damage, the measure without it says nothing, and the first one stands."""
    luma, hidden = spoilt(luma_of(blurred(portrait, 24)))
    at_first = visible(hidden)
    assert at_first is not None

    def measured(scales: Scales, *_: object) -> Blur:
        assert scales.known is not None and at_first is not None
        return Blur(24.0, 1.0) if np.array_equal(scales.known, at_first) else Blur(160.0, 0.0)

    monkeypatch.setattr(missed, "measured", measured)
    found, more = find_blur_beneath(luma, 0.0, UNCOMPRESSED, hidden)
    assert found == Blur(24.0, 1.0) and not more.any()


@pytest.mark.parametrize("kernel_size", [9, 15, 30])
def test_without_damage_the_blur_is_found_as_before(portrait: np.ndarray, kernel_size: int) -> None:
    luma = luma_of(blurred(portrait, kernel_size))
    found, _ = find_blur_beneath(luma, 0.0, UNCOMPRESSED, np.zeros(luma.shape, dtype=bool))
    assert found.kernel_size == pytest.approx(kernel_size, rel=0.15)


@pytest.mark.parametrize("sigma", [3.0, 17.0, 40.0])
def test_a_wide_gaussian_is_the_same_at_a_smaller_size(
    portrait: np.ndarray, sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inversion.damage.luma.STRIP", 100 * portrait.shape[1])
    luma = luma_of(portrait)
    found = np.full_like(luma, np.nan)
    for rows, smooth in smoothed(luma, sigma):
        found[rows] = smooth
    expected = ndimage.gaussian_filter(luma, sigma, mode="nearest")
    inside = (slice(round(sigma), -round(sigma)),) * 2  # at the border a single row's pixels count for many
    assert np.abs(found - expected)[inside].max() < (1e-6 if sigma < 16 else 0.02)
    assert np.abs(found - expected).mean() < 0.003
