from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.losses.discriminator_features import DiscriminatorLoss
from tests.conftest import TOLERANCE

CPU = torch.device("cpu")


def images(seed: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def network(*scales: float) -> SimpleNamespace:
    """Each layer is the image times a number."""
    return SimpleNamespace(
        architecture=SimpleNamespace(img_resolution=32), features=lambda x: [scale * x for scale in scales]
    )


def test_layers_count_alike_whatever_their_scale() -> None:
    values = []
    for scales in [(1.0,), (1.0, 100.0), (1e-2, 1.0, 1e3)]:
        loss = DiscriminatorLoss(weight=1.0).bind(network(*scales), CPU)
        values.append(loss(loss.features(images(0)), loss.features(images(1))))
    torch.testing.assert_close(values[1], values[0], rtol=1e-3, atol=0)
    torch.testing.assert_close(values[2], values[0], rtol=1e-3, atol=0)


def test_it_is_the_share_of_the_targets_energy_that_differs() -> None:
    loss = DiscriminatorLoss(weight=1.0).bind(network(1.0), CPU)
    b = images(1)
    for factor, share in [(1.1, 0.01), (0.0, 1.0), (-1.0, 4.0)]:
        torch.testing.assert_close(loss([factor * b], [b]), torch.full((2,), share), rtol=1e-4, atol=1e-6)


def test_the_picture_and_all_blocks_of_the_discriminator_are_compared(
    tiny_discriminator: Discriminator,
) -> None:
    loss = DiscriminatorLoss(weight=1.0).bind(tiny_discriminator, CPU)
    features, target = loss.features(images(0)), loss.features(images(1))
    assert [f.shape[-1] for f in features] == [32, 16, 8, 4]
    by_layer = [loss([a], [b]) for a, b in zip(features, target, strict=True)]
    torch.testing.assert_close(
        loss(features, target), torch.stack(by_layer).mean(dim=0), **TOLERANCE[torch.float32]
    )


def test_gradients_have_the_layout_of_the_features(tiny_discriminator: Discriminator) -> None:
    """Another one costs a step of 15 problems a tenth of its time: everything behind it is copied to and fro."""
    loss = DiscriminatorLoss(weight=1.0).bind(tiny_discriminator, CPU)
    features = [torch.randn(2, 8, side, side).to(memory_format=torch.channels_last) for side in (16, 8)]
    target = [torch.randn_like(feature) for feature in features]
    for feature in features:
        feature.requires_grad_(True)
    for gradient in torch.autograd.grad(loss(features, target).sum(), features):
        assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_equal_features_have_a_gradient(tiny_discriminator: Discriminator) -> None:
    loss = DiscriminatorLoss(weight=1.0).bind(tiny_discriminator, CPU)
    feature = torch.randn(2, 8, 4, 4, requires_grad=True)
    value = loss([feature], [feature.detach().clone()])
    (gradient,) = torch.autograd.grad(value.sum(), feature)
    assert value.tolist() == [0, 0]
    assert gradient.eq(0).all()


def test_it_reads_the_discriminators_own_resolution(tiny_discriminator: Discriminator) -> None:
    assert DiscriminatorLoss().bind(tiny_discriminator, CPU).resolution == 32


def test_a_checkpoint_without_discriminator_is_refused() -> None:
    with pytest.raises(ConfigError, match="loss=lpips or loss=pixel would work"):
        DiscriminatorLoss().bind(None, CPU)


def test_building_needs_no_discriminator() -> None:
    with pytest.raises(ValueError, match="call bind"):
        DiscriminatorLoss().features(images(0))
