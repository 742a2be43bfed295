from __future__ import annotations

import numpy as np
import pytest
import torch

from inversion.images import to_tensor
from inversion.pictures.samples import BRIGHTEST, heat_map, mean, sample_pictures, sheet, spread


def faces(count: int = 5, side: int = 16) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_spread_is_numpys_standard_deviation() -> None:
    x = faces()
    variance = ((x.numpy() + 1) / 2).var(axis=0)  # [3, H, W]
    np.testing.assert_allclose(spread(x), np.sqrt(variance.mean(axis=0)), rtol=1e-4, atol=1e-6)


def test_equal_samples_have_no_spread_and_are_their_mean() -> None:
    x = faces(1).expand(4, -1, -1, -1)
    assert spread(x).max() < 1e-3
    torch.testing.assert_close(mean(x), x[0])


def test_the_heat_map_goes_from_black_to_its_last_colour() -> None:
    values = torch.tensor([[0.0, BRIGHTEST], [10.0, BRIGHTEST / 2]])
    picture = np.asarray(heat_map(values.repeat_interleave(256, 0).repeat_interleave(256, 1)), dtype=int)
    black, last, beyond, middle = picture[0, 0], picture[0, -1], picture[-1, 0], picture[-1, -1]
    assert black.sum() < 10 and (last == beyond).all()
    assert black.sum() < middle.sum() < last.sum()


@pytest.mark.parametrize("count", [2, 4, 7])
def test_three_pictures_whatever_the_number_of_samples(count: int) -> None:
    pictures = sample_pictures(faces(count), [20.0 + i for i in range(count)])
    assert set(pictures) == {"samples.png", "samples_mean.png", "samples_spread.png"}
    assert pictures["samples_mean.png"].size == (16, 16)
    torch.testing.assert_close(
        to_tensor(pictures["samples_mean.png"]), mean(faces(count)), rtol=0, atol=1 / 255
    )


def test_the_sheet_has_rows_of_four() -> None:
    from inversion.images import to_pil

    pictures = [to_pil(face) for face in faces(8)]
    one, two = (sheet(pictures[:count], [20.0] * count) for count in (4, 8))
    assert two.width >= one.width and two.height > 1.9 * one.height
