from __future__ import annotations

import torch

from inversion.fullsize.grain import grain


def hole(side: int = 128) -> torch.Tensor:
    known = torch.ones(1, 1, side, side)
    known[..., 40:80, 40:80] = 0
    return known


def test_a_photo_without_grain_gets_none() -> None:
    x = torch.linspace(-1, 1, 128).expand(1, 3, 128, 128)
    # bicubic enlargement does not draw a ramp exactly: a level of 255
    assert grain(x, hole(), 4.0).abs().max() < 0.01


def test_the_generators_own_size_gets_none() -> None:
    assert (grain(torch.randn(1, 3, 128, 128), hole(), 1.0) == 0).all()


def test_grain_is_as_strong_as_around_the_hole_and_edges_do_not_count() -> None:
    noise = 0.1 * torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(1)).expand(1, 3, -1, -1)
    photo = noise.clone()
    photo[..., 20:24, :] = 1  # a line through the surroundings
    made = grain(photo, hole(), 8.0)
    assert 0.08 < made.std() < 0.12


def test_each_photo_gets_its_own_grain_whatever_its_neighbours_are() -> None:
    photos = torch.randn(3, 3, 64, 64) * torch.tensor([0.0, 0.1, 0.3]).view(3, 1, 1, 1)
    known = torch.nn.functional.interpolate(hole(), size=(64, 64))
    together = grain(photos, known, 4.0)
    assert together[0].abs().max() == 0
    torch.testing.assert_close(together[2:], grain(photos[2:], known, 4.0))
