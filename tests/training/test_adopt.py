from __future__ import annotations

import dataclasses

import torch

from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.conftest import TINY
from training.adopt import adopt

WIDE = dataclasses.replace(TINY, channel_base=512, channel_max=24, w_dim=20)


def test_a_wider_generator_begins_with_the_same_pictures(tiny_generator: Generator) -> None:
    torch.manual_seed(1)
    wide = Generator(WIDE)
    adopt(wide, tiny_generator.state_dict())
    z = torch.randn([4, 16], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(wide(z), tiny_generator(z), rtol=1e-4, atol=1e-4)


def test_a_wider_discriminator_begins_with_the_same_features(tiny_discriminator: Discriminator) -> None:
    shape = dataclasses.replace(tiny_discriminator.architecture, channel_base=512, channel_max=24)
    wide = Discriminator(shape)
    adopt(wide, tiny_discriminator.state_dict())
    images = torch.rand([4, 3, 32, 32], generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        for new, old in zip(wide.features(images), tiny_discriminator.features(images), strict=True):
            torch.testing.assert_close(new[:, : old.shape[1]], old, rtol=1e-4, atol=1e-4)


def test_new_channels_can_learn(tiny_generator: Generator) -> None:
    """They are not listened to yet, but what would listen has a gradient."""
    wide = Generator(WIDE)
    adopt(wide, tiny_generator.state_dict())
    wide(torch.ones([1, 16])).square().sum().backward()
    gradient = wide.synthesis.get_parameter("b8.conv1.weight").grad
    assert gradient is not None and gradient[:16, 16:].abs().min() > 0
