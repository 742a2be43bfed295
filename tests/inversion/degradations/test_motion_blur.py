from __future__ import annotations

import pytest
import torch

from inversion.degradations.motion_blur import MotionBlur, line_kernel, noise_power
from inversion.errors import ConfigError

ANGLES = [0.0, 17.0, 45.0, 90.0, 160.0, -30.0]


@pytest.mark.parametrize("angle", ANGLES)
def test_the_kernel_sums_to_one_and_does_not_move_the_image(angle: float) -> None:
    kernel = line_kernel(9, angle)
    torch.testing.assert_close(kernel.sum(), torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(kernel, kernel.flip(0, 1))


def test_a_horizontal_line_is_an_average_along_the_row() -> None:
    kernel = line_kernel(5, 0)
    torch.testing.assert_close(kernel[2], torch.full((5,), 0.2, dtype=torch.float64))
    assert kernel.sum() - kernel[2].sum() < 1e-12


def test_angles_turn_counter_clockwise() -> None:
    kernel = line_kernel(9, 45)
    assert kernel[0, -1] + kernel[1, -2] > kernel[0, 0] + kernel[1, 1]  # up and right, not up and left
    torch.testing.assert_close(line_kernel(7, 90), line_kernel(7, 0).mT)


def test_a_longer_line_blurs_more() -> None:
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    left = [MotionBlur(length)(x).std().item() for length in (1.0, 3.0, 6.0, 12.0)]
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("angle", ANGLES)
def test_constant_images_are_kept(angle: float) -> None:
    x = torch.full((1, 3, 32, 32), 0.3, dtype=torch.float64)
    torch.testing.assert_close(MotionBlur(8, angle)(x), x)


@pytest.mark.parametrize("level", [1.0, 4.0, 10.0])
def test_the_noise_of_a_photo_is_found(level: float) -> None:
    rng = torch.Generator().manual_seed(0)
    ramp = torch.linspace(-0.5, 0.5, 64).expand(2, 3, 64, 64)
    noisy = ramp + level / 127.5 * torch.randn(ramp.shape, generator=rng)
    torch.testing.assert_close(
        noise_power(noisy).sqrt() * 127.5, torch.full((2, 1, 1, 1), level), rtol=0.1, atol=0
    )


@pytest.mark.parametrize("length", [0.0, -1.0, 40.0, float("nan")])
def test_impossible_lengths_are_refused(length: float) -> None:
    with pytest.raises(ConfigError, match="length must be above 0 and at most the image's side, 32 px. Got"):
        MotionBlur(length).bind(torch.zeros(1, 3, 32, 32), False)


def test_unbound_motion_blur_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="call bind"):
        MotionBlur()(torch.zeros(1, 3, 32, 32))
