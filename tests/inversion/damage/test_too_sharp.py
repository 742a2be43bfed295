"""Strokes that came after a blur are found by their frequencies, and nothing of the blurred photo is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inversion.damage.too_sharp import too_sharp
from inversion.degradations.blur import blur, gaussian_kernel

SIDE = 160


@pytest.fixture(scope="module")
def kernel() -> Tensor:
    return gaussian_kernel(17, torch.tensor([2.6]))


@pytest.fixture(scope="module")
def clean(kernel: Tensor) -> Tensor:
    """Squares and a ring of hard edges, and a line as thin as a stroke, blurred: [1, 1, H, W]."""
    scene = torch.full([1, 1, SIDE, SIDE], -0.4)
    scene[..., 30:90, 20:80], scene[..., 60:140, 100:150], scene[..., 110:114, 10:90] = 0.7, 0.1, 0.9
    y, x = torch.meshgrid(torch.arange(SIDE) - 80, torch.arange(SIDE) - 80, indexing="ij")
    scene[0, 0][((y**2 + x**2).sqrt() - 60).abs() < 3] = 1.0
    return blur(scene.expand(-1, 3, -1, -1), kernel)[:, :1]


@pytest.fixture(scope="module")
def blurred(clean: Tensor) -> Tensor:
    """The same, noisy."""
    return clean + 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def stroke(photo: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """The same with a line across everything, and where that is: [1, 1, H, W] twice."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    where = ((y - 0.6 * x - 30).abs() < 2) & (x > 20) & (x < 130)
    spoilt = photo.clone()
    spoilt[0, 0][where] = level
    return spoilt, where


@pytest.mark.parametrize("level", [-0.95, 0.95])
def test_a_stroke_is_found_and_little_else(blurred: Tensor, kernel: Tensor, level: float) -> None:
    spoilt, where = stroke(blurred, level)
    # where it is as bright as what it crosses nobody can see it
    seen = where & ((spoilt - blurred)[0, 0].abs() > 0.4)
    found = too_sharp(spoilt, torch.zeros_like(spoilt), kernel)[0, 0] > 0
    assert found[seen].float().mean() > 0.95
    near = torch.nn.functional.max_pool2d(where[None, None].float(), 17, 1, 8)[0, 0] > 0
    assert not (found & ~near).any()


def test_what_was_blurred_is_none_however_hard_its_edges_were(blurred: Tensor, kernel: Tensor) -> None:
    assert not too_sharp(blurred, torch.zeros_like(blurred), kernel).any()


def test_of_a_photo_that_is_sharp_everywhere_or_not_blurred_at_all_nothing_is_said(blurred: Tensor) -> None:
    sharp = torch.randn([1, 1, SIDE, SIDE], generator=torch.Generator().manual_seed(0)).sign()
    assert not too_sharp(sharp, torch.zeros_like(sharp), gaussian_kernel(17, torch.tensor([2.6]))).any()
    spoilt, _ = stroke(blurred, 0.95)
    assert not too_sharp(spoilt, torch.zeros_like(spoilt), gaussian_kernel(3, torch.tensor([0.2]))).any()


def test_nothing_is_found_in_what_does_not_count_nor_along_its_edge(blurred: Tensor, kernel: Tensor) -> None:
    known = torch.ones_like(blurred)
    known[..., 100:] = 0
    spoilt, where = stroke(torch.where(known > 0, blurred, -1.0), 0.95)
    found = too_sharp(spoilt, torch.zeros_like(spoilt), kernel, known)[0, 0] > 0
    assert found[where].any() and not found[:, 100:].any()
    assert not too_sharp(
        torch.where(known > 0, blurred, -1.0), torch.zeros_like(blurred), kernel, known
    ).any()
    assert not too_sharp(spoilt, torch.zeros_like(spoilt), kernel, torch.zeros_like(known)).any()


def border(slope: float, width: float) -> Tensor:
    """A print's, along the top of the picture or across its corner: [H, W] bool."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return (y + slope * x) < width


@pytest.mark.parametrize(("slope", "width"), [(0.0, 4), (0.0, 30), (0.2, 25), (1.0, 60)])
def test_the_edge_of_a_prints_border_is_no_stroke_and_a_stroke_across_it_is(
    clean: Tensor, blurred: Tensor, kernel: Tensor, slope: float, width: float
) -> None:
    paper = border(slope, width)
    framed = torch.where(paper, 0.95, blurred)
    assert not too_sharp(framed, clean, kernel).any()
    spoilt, where = stroke(framed, -0.95)
    found = too_sharp(spoilt, clean, kernel)[0, 0] > 0
    seen = where & ((spoilt - framed)[0, 0].abs() > 0.4)
    assert found[seen].float().mean() > 0.9
    near = torch.nn.functional.max_pool2d(where[None, None].float(), 17, 1, 8)[0, 0] > 0
    assert not (found & ~near).any()


def test_the_same_where_the_photo_ends_in_the_square(clean: Tensor, blurred: Tensor, kernel: Tensor) -> None:
    known = (~border(0.0, 20)).float()[None, None]
    framed = torch.where(border(0.0, 36), 0.95, blurred) * known
    assert not too_sharp(framed, clean, kernel, known).any()


def test_each_of_a_batch_has_its_own(blurred: Tensor, kernel: Tensor) -> None:
    spoilt, _ = stroke(blurred, 0.95)
    both = too_sharp(torch.cat([blurred, spoilt]), torch.zeros(2, 1, SIDE, SIDE), kernel)
    assert not both[0].any()
    torch.testing.assert_close(both[1:], too_sharp(spoilt, torch.zeros_like(spoilt), kernel), rtol=0, atol=0)
