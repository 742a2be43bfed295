"""The frozen network against what its pictures show, and its levels against Projected GAN's table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.training.conftest import needs_features
from training.features import load_feature_network, resized
from training.projected import ProjectedDiscriminator

pytestmark = needs_features


def picture(name: str) -> Tensor:
    """The middle square of one of scikit-image's pictures, 224 px: [1, 3, 224, 224] in [-1, 1]."""
    data = pytest.importorskip("skimage.data")
    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    pixels = np.array(image.resize((224, 224), Image.Resampling.BICUBIC, box=box))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize(
    ("name", "label", "least"),
    [
        ("coffee", 967, 0.9),  # espresso
        ("camera", 872, 0.9),  # tripod
        ("chelsea", 285, 0.3),  # Egyptian cat
        ("rocket", 657, 0.2),  # missile; the second guess is a space shuttle's relative
    ],
)
def test_pictures_are_classified_as_what_they_show(name: str, label: int, least: float) -> None:
    with torch.no_grad():
        chances = load_feature_network().classify(picture(name)).softmax(dim=1)[0]
    assert chances.argmax() == label and chances[label] > least


def test_levels_have_projected_gans_shapes() -> None:
    levels = load_feature_network().levels(torch.zeros([2, 3, 64, 64]))
    assert [tuple(level.shape) for level in levels] == [
        (2, 24, 16, 16),
        (2, 40, 8, 8),
        (2, 112, 4, 4),
        (2, 320, 2, 2),
    ]


def test_frozen_parts_are_not_trained_and_not_saved() -> None:
    network = ProjectedDiscriminator(side=64, width=8, dtype=torch.float32)
    names = list(network.state_dict())
    assert names and all(name.startswith("heads.") for name in names)
    images = torch.zeros([2, 3, 16, 16], requires_grad=True)
    network(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_mixing_is_the_same_in_every_process() -> None:
    a, b = (ProjectedDiscriminator(side=64, width=8, dtype=torch.float32) for _ in range(2))
    for x, y in zip(a.frozen[1].buffers(), b.frozen[1].buffers(), strict=True):
        torch.testing.assert_close(x, y, rtol=0, atol=0)


def test_resizing_keeps_a_constant_picture() -> None:
    flat = torch.full([1, 3, 32, 32], 0.25)
    for side in (16, 32, 64):
        torch.testing.assert_close(resized(flat, side), torch.full([1, 3, side, side], 0.25))
