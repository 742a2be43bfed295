from __future__ import annotations

import pytest
import torch

from inversion.degradations.sensor_noise import SensorNoise
from inversion.errors import ConfigError

GREY = torch.zeros(1, 3, 64, 64)


def observe(operator: SensorNoise, x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return operator.observe(x, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "operator",
    [SensorNoise(0.1), SensorNoise(0, 24), SensorNoise(0, None, 0.3), SensorNoise(0.05, 48, 0.2)],
    ids=["gaussian", "poisson", "dead", "all"],
)
def test_the_operator_is_what_the_camera_records_on_average(operator: SensorNoise) -> None:
    mean = observe(operator, GREY.expand(4, -1, -1, -1)).mean()
    torch.testing.assert_close(mean, operator(GREY).mean(), rtol=0, atol=0.02)


def test_read_out_noise_has_its_standard_deviation() -> None:
    assert observe(SensorNoise(0.05), GREY).std() / 2 == pytest.approx(0.05, rel=0.03)


def test_photon_noise_grows_with_the_square_root_of_the_light() -> None:
    dark, light = (observe(SensorNoise(0, 1000), torch.full_like(GREY, v)).std() for v in (-0.8, 0.6))
    assert (light / dark).item() == pytest.approx((0.8 / 0.1) ** 0.5, rel=0.05)


def test_the_share_of_dead_pixels_is_right_and_they_are_black() -> None:
    y = observe(SensorNoise(0, None, 0.3), GREY)
    black = (y == -1).all(dim=1)
    assert black.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(black, (y == -1).any(dim=1))


def test_dead_pixels_are_filled_before_the_comparison() -> None:
    operator = SensorNoise(0, None, 0.64)
    ramp = torch.linspace(-0.5, 0.5, 32).expand(1, 3, 32, 32)
    for resolution in (32, 8):
        target = operator.target(observe(operator, ramp), resolution)
        assert (target - operator.prediction(ramp, resolution)).abs().max() < 0.1


@pytest.mark.parametrize("operator", [SensorNoise(0.02), SensorNoise(0.1), SensorNoise(0, 48, 0.08)])
def test_a_consistent_image_is_nearer_to_the_truth_and_not_noisy(operator: SensorNoise) -> None:
    ramp = torch.linspace(-0.5, 0.5, 32).expand(1, 3, 32, 32)
    restored = 0.6 * ramp + 0.2
    better = operator.consistent(restored, observe(operator, ramp))
    assert (better - ramp).square().mean() < 0.5 * (restored - ramp).square().mean()


def test_a_photo_that_shows_nothing_but_noise_changes_nothing() -> None:
    noisy = observe(SensorNoise(0.5), GREY)
    torch.testing.assert_close(SensorNoise(0.5).consistent(GREY, noisy), GREY, rtol=0, atol=0.02)


def test_other_seeds_draw_other_noise() -> None:
    assert not torch.equal(observe(SensorNoise(), GREY, 0), observe(SensorNoise(), GREY, 1))


def test_noise_does_not_depend_on_the_neighbours_when_each_has_its_stream() -> None:
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    operator = SensorNoise(0.1, 24, 0.1)
    alone = [observe(operator, x[i : i + 1], seed=i) for i in range(3)]
    again = [observe(operator, x[i : i + 1], seed=i) for i in reversed(range(3))]
    assert all(torch.equal(a, b) for a, b in zip(alone, reversed(again), strict=True))


@pytest.mark.parametrize(
    "settings", [{"sigma": -0.1}, {"sigma": float("nan")}, {"photons": 0}, {"dead": 1.0}, {"dead": -0.1}]
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"degradation\.{next(iter(settings))} must be .* Got"):
        SensorNoise(**settings).bind(GREY, False)
