from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.faces.align import align, ffhq_corners
from inversion.faces.landmarks import choose_face, find_faces
from inversion.faces.sample import sample_photo
from inversion.images import read_photo, to_tensor
from inversion.losses.identity import CHIP, IdentityLoss, chips, resampling
from inversion.metrics.face_identity import descriptors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def loss() -> IdentityLoss:
    return IdentityLoss.load(1.0, CPU)


@pytest.fixture(scope="module")
def grace() -> Tensor:
    """[1, 3, 256, 256]"""
    photo = read_photo(sample_photo())
    return to_tensor(align(photo, choose_face(find_faces(photo)), 256).image)[None]


def distance(loss: IdentityLoss, a: Tensor, b: Tensor) -> Tensor:
    return loss(loss.features(a), loss.features(b))


def noise(batch: int, side: int = 64) -> Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_chip_is_where_ffhq_framing_puts_dlibs_mean_face() -> None:
    # Means of points 36-41, 42-47 and 48, 54 of dlib's mean face (dlib/image_transforms/interpolation.h), which
    # lies in the unit square, within a padding of a quarter.
    features = {36: (0.225492, 0.215990), 42: (0.754761, 0.215990), 48: (0.490127, 0.780233)}
    points = np.zeros((68, 2))
    for begin, end in ((36, 42), (42, 48), (48, 55)):
        points[begin:end] = (np.array(features[begin]) + 0.25) / 1.5
    corners = ffhq_corners(points)
    side = corners[2, 0] - corners[0, 0]
    np.testing.assert_allclose(CHIP, [*(-corners[0] / side), 1 / side], atol=2e-4)


def test_the_fixed_chip_is_close_to_dlibs_own_alignment(loss: IdentityLoss, grace: Tensor) -> None:
    (ours,) = loss.features(grace)
    assert np.linalg.norm(ours[0].numpy() - descriptors(grace)[0]) < 0.25  # two persons: 0.82


@pytest.mark.parametrize("side", [64, 256, 1024])
def test_chips_of_constant_images_are_constant(side: int) -> None:
    (chip,) = chips(torch.full([1, 3, side, side], 0.3))
    assert chip.shape == (3, 150, 150)
    torch.testing.assert_close(chip, torch.full_like(chip, 0.3))


@pytest.mark.parametrize("side", [64, 300, 2048])
def test_a_chip_is_cut_out_where_it_says(side: int) -> None:
    start, length = 0.2, 0.5
    position = (torch.arange(side) + 0.5) / side
    expected = start + length * (torch.arange(150) + 0.5) / 150
    torch.testing.assert_close(resampling(start, length, side) @ position, expected, rtol=0, atol=1e-5)


def test_one_value_per_problem_whatever_its_neighbours(loss: IdentityLoss, grace: Tensor) -> None:
    a = torch.cat([grace, grace.flip(3), grace * 0.5])
    b = grace.expand(3, -1, -1, -1)
    together = distance(loss, a, b)
    assert together.shape == (3,)
    assert together[0] < 1e-9 and (together[1:] > 1e-3).all()
    singles = [distance(loss, a[i : i + 1], b[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(singles), rtol=1e-3, atol=1e-6)
    hurt = a.clone()
    hurt[1, :, 128, 128] = torch.nan
    assert distance(loss, hurt, b).isnan().tolist() == [False, True, False]


def test_a_step_against_the_gradient_makes_two_persons_more_alike(loss: IdentityLoss, grace: Tensor) -> None:
    x = (grace.flip(2) * 0.8).requires_grad_(True)
    before = distance(loss, x, grace)
    (gradient,) = torch.autograd.grad(before.sum(), x)
    after = distance(loss, x - 0.5 * gradient / gradient.norm(), grace)
    assert after < before


def test_weight_scales_the_loss(loss: IdentityLoss) -> None:
    a, b = noise(2), noise(2).flip(3)
    torch.testing.assert_close(distance(IdentityLoss(3.0, loss.descriptor), a, b), 3 * distance(loss, a, b))


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused_by_name(weight: float) -> None:
    with pytest.raises(ConfigError, match="loss.identity must be"):
        IdentityLoss.load(weight, CPU)
