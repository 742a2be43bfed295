from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.losses.noise_regularizer import noise_regularizer
from tests.conftest import TOLERANCE

EXACT = TOLERANCE[torch.float64]
RESOLUTIONS = (4, 8, 8, 16, 16, 32, 32)


def noises(batch: int = 3, resolutions: tuple[int, ...] = RESOLUTIONS) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(batch, 1, r, r, generator=rng, dtype=torch.float64) for r in resolutions]


def one_map_at_a_time(maps: list[Tensor]) -> float:
    """The formula as published, for one problem: maps [R, R]."""
    total = 0.0
    for noise in maps:
        while True:
            for dim in (1, 0):
                total += (noise * torch.roll(noise, 1, dims=dim)).mean().item() ** 2
            if len(noise) <= 8:
                break
            noise = F.avg_pool2d(noise[None], 2)[0]
    return total


@pytest.mark.parametrize("resolutions", [RESOLUTIONS, RESOLUTIONS[::-1], (4,), (64,), (8, 64), (4, 32)])
def test_it_is_the_published_formula_for_each_problem(resolutions: tuple[int, ...]) -> None:
    maps = noises(3, resolutions)
    expected = [one_map_at_a_time([noise[i, 0] for noise in maps]) for i in range(3)]
    torch.testing.assert_close(noise_regularizer(maps), torch.tensor(expected, dtype=torch.float64), **EXACT)


def test_batch_equals_singles() -> None:
    maps = noises()
    singles = [noise_regularizer([noise[i : i + 1] for noise in maps]) for i in range(3)]
    torch.testing.assert_close(noise_regularizer(maps), torch.cat(singles), **EXACT)


def test_gradients_are_those_of_finite_differences() -> None:
    maps = [noise.requires_grad_(True) for noise in noises(2, (4, 8, 16))]
    assert torch.autograd.gradcheck(lambda *maps: noise_regularizer(maps), maps, fast_mode=True)


def test_white_noise_is_nearly_free_and_a_picture_is_not() -> None:
    (white,) = noises(2, (64,))
    ramp = torch.linspace(-1.7, 1.7, 64, dtype=torch.float64).expand(2, 1, 64, 64)
    assert (noise_regularizer([white]) < 0.02).all()
    assert (noise_regularizer([ramp]) > 1).all()


def test_no_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one noise map"):
        noise_regularizer([])
