"""Lengths with a unit."""

from __future__ import annotations

import pytest
import torch

from inversion.damage.blur import Blur
from inversion.degradations.blur import GaussianBlur, default_sigma
from inversion.degradations.compose import Compose
from inversion.degradations.motion_blur import MotionBlur
from inversion.errors import ConfigError
from inversion.length import has_unit, in_generator_pixels


@pytest.mark.parametrize(
    ("length", "pixels"), [("10%", 12.8), ("100%", 128.0), ("100px", 25.6), ("7.5 px", 1.92), (".5%", 0.64)]
)
def test_lengths_become_pixels_of_the_generator(length: str, pixels: float) -> None:
    assert has_unit(length)
    assert in_generator_pixels(length, 128, 500.0) == pixels


@pytest.mark.parametrize("length", ["auto", "10", "-3%", "0px", "10 %%", "px", "1e3px", 10, None, ""])
def test_everything_else_has_no_unit(length: object) -> None:
    assert not has_unit(length)


def test_a_length_without_its_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="10% of the face's square or 100px of the photo. Got 'wide'"):
        in_generator_pixels("wide", 128, 500.0)


def test_degradations_measure_their_own_lengths_and_those_of_their_steps() -> None:
    assert GaussianBlur("10%", "20px").in_pixels(64, 160.0) == GaussianBlur(6.4, 8.0)
    assert GaussianBlur("auto").in_pixels(64, 160.0) == GaussianBlur("auto")
    assert GaussianBlur(7).in_pixels(64, 160.0) == GaussianBlur(7)
    both = Compose((GaussianBlur("50px"), MotionBlur("5%")))
    assert both.in_pixels(64, 160.0) == Compose(
        (GaussianBlur(20.0, default_sigma(50) * 0.4), MotionBlur(3.2))
    )


def test_a_blur_of_12_px_is_the_one_that_is_found_to_be_12_px_wide() -> None:
    """By sigma, too: OpenCV's rule has a constant in it, so that its sigma of few pixels is relatively wider."""
    given = GaussianBlur("12px").in_pixels(64, 160.0)
    assert given.kernel_size == 4.8 and given.sigma == pytest.approx(Blur(12.0, 1.0).sigma * 64 / 160)
    assert GaussianBlur("12px", 1.5).in_pixels(64, 160.0).sigma == 1.5
    assert GaussianBlur("10%").in_pixels(64, 160.0).sigma is None


def test_a_kernel_in_photo_pixels_is_as_wide_at_the_photos_own_size() -> None:
    photo, small = torch.zeros(1, 3, 160, 160), torch.zeros(1, 3, 64, 64)
    bound = GaussianBlur("21px").in_pixels(64, 160.0).bind(small, False)
    full = bound.full_size(photo, 160 / 64, False)
    assert isinstance(full, GaussianBlur) and full.kernel_size == pytest.approx(21)


@pytest.mark.parametrize("degradation", [GaussianBlur(kernel_size="10px"), MotionBlur(length="4000%")])
def test_a_length_that_does_not_fit_is_refused_as_it_was_spelled(
    degradation: GaussianBlur | MotionBlur,
) -> None:
    """A person who wrote 10px cannot know what 0.128 is."""
    spelled = (
        "10px, which is 0.128 px" if isinstance(degradation, GaussianBlur) else "4000%, which is 5120 px"
    )
    with pytest.raises(ConfigError, match=f"Got {spelled} of the generator's here"):
        degradation.in_pixels(128, 10_000.0).bind(torch.zeros(1, 3, 128, 128), degraded=False)
