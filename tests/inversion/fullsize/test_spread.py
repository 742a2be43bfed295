"""Colours spread along even luma, and stop where it steps."""

from __future__ import annotations

import numpy as np
import torch

from inversion.fullsize.spread import settled, spread
from tests.inversion.fullsize.disc import disc


def test_colour_passes_less_where_the_luma_steps() -> None:
    known = torch.zeros(1, 1, 16, 32, dtype=torch.float64)
    known[..., 14:18] = 1
    luma = torch.zeros_like(known)
    luma[..., 24:] = 0.8
    filled = spread(known, known, luma, 1000.0, 0.03)
    assert filled[..., 23].min() > 0.9 and filled[..., 0].min() > 0.9
    shorter = spread(known, known, luma, 6.0, 0.03)
    assert shorter[..., 0].max() < 0.3 and shorter[..., 24].max() < 0.5 * shorter[..., 23].max()


def test_a_disc_whose_colour_lies_beside_it_gets_it_back() -> None:
    """Skin on an even backdrop, its colour 4 px beside: sure within the disc's middle, hardly elsewhere."""
    luma, skin = disc() * 0.5, 0.2 * disc()
    sure = 0.003 + disc(radius=10)
    found = settled(skin.roll(4, dims=-1), sure, luma, 8.0, 0.015)
    inside, outside = disc(radius=15) > 0, disc(radius=17) == 0
    assert found[inside].min() > 0.19 and found[outside].max() < 0.03


def test_settled_values_are_the_least_of_what_is_said() -> None:
    """Of a picture of 4 x 3, against the normal equations written as a matrix."""
    rng = torch.Generator().manual_seed(0)
    luma, values = (torch.randn(1, 1, 4, 3, generator=rng, dtype=torch.float64) for _ in range(2))
    sure = 0.1 + torch.rand(1, 1, 4, 3, generator=rng, dtype=torch.float64)
    place, level = np.arange(12).reshape(4, 3), luma.flatten().numpy()
    matrix = np.diag(sure.flatten().numpy())
    across = [place[:, 1:].ravel(), place[:, :-1].ravel()]
    down = [place[1:].ravel(), place[:-1].ravel()]
    for a, b in np.concatenate([across, down], axis=1).T:
        ease = 2.0 / (1 + ((level[a] - level[b]) / 0.5) ** 2)
        matrix[[a, b, a, b], [a, b, b, a]] += ease * np.array([1, 1, -1, -1])
    right = np.linalg.solve(matrix, (sure * values).flatten().numpy())
    found = settled(values, sure, luma, 2.0, 0.5).flatten().numpy()
    np.testing.assert_allclose(found, right, atol=1e-4)


def test_what_is_even_stays() -> None:
    luma = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = torch.full((1, 3, 16, 16), 0.3, dtype=torch.float64)
    torch.testing.assert_close(settled(values, luma + 0.1, luma, 8.0, 0.1), values)
