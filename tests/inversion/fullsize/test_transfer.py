"""Colours of one picture for another one, by luma."""

from __future__ import annotations

import torch

from inversion.fullsize.transfer import transferred
from tests.inversion.fullsize.disc import disc


def test_a_disc_that_is_drawn_beside_the_photos_gets_colours_where_the_photo_has_it() -> None:
    luma = disc(128, 32) * 0.5
    seen = luma.roll(4, dims=-1)
    colours = torch.cat([0.4 * seen, -0.2 * seen], dim=1)
    found = transferred(luma, seen, colours)
    torch.testing.assert_close(found, torch.cat([0.4 * luma, -0.2 * luma], dim=1), atol=1e-3, rtol=0)
    # a little brighter, as faces are that are drawn alike and not the same
    torch.testing.assert_close(transferred(luma, seen + 0.05, colours), found, atol=1e-3, rtol=0)


def test_without_its_like_around_a_pixel_gets_the_colours_around() -> None:
    rng = torch.Generator().manual_seed(0)
    seen = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    even = torch.full((1, 3, 16, 16), 0.3, dtype=torch.float64)
    torch.testing.assert_close(transferred(seen + 2, seen, even), even)
    varied = torch.rand(1, 3, 16, 16, generator=rng, dtype=torch.float64)
    found = transferred(seen + 2, seen, varied)
    torch.testing.assert_close(found, transferred(seen, seen, varied))
    assert varied.amin() < found.amin() and found.amax() < varied.amax()


def test_a_picture_does_not_depend_on_its_neighbours() -> None:
    rng = torch.Generator().manual_seed(0)
    luma, seen = (torch.rand(2, 1, 24, 24, generator=rng) for _ in range(2))
    colours = torch.rand(2, 3, 24, 24, generator=rng)
    both = transferred(luma, seen, colours)
    torch.testing.assert_close(both[1:], transferred(luma[1:], seen[1:], colours[1:]))
