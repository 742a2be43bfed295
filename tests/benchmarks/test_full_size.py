"""Which of a restoration's details the benchmark at the photo's own size puts right."""

from __future__ import annotations

import torch

from benchmarks.full_size import sharpened, up_to
from tests.conftest import TOLERANCE

SIDE = 48


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_picture_is_all_that_its_own_pixels_show_and_its_mean_all_that_one_shows() -> None:
    x = picture(0)
    assert up_to(x, SIDE) is x
    mean = x.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(up_to(x, 1), mean.expand_as(x), **TOLERANCE[x.dtype])


def test_nothing_between_a_size_and_itself_comes_from_the_truth() -> None:
    face, truth = picture(0), picture(1)
    torch.testing.assert_close(sharpened(face, truth, 12, 12), up_to(face, 12), **TOLERANCE[face.dtype])


def test_with_all_details_of_the_truth_only_the_faces_mean_is_left() -> None:
    face, truth = picture(0), picture(1)
    left = sharpened(face, truth, 1, SIDE) - truth
    wanted = (face - truth).mean(dim=(2, 3), keepdim=True).expand_as(face)
    torch.testing.assert_close(left, wanted, **TOLERANCE[face.dtype])
