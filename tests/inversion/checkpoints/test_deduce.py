"""The shape of a net is in its tensors."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from inversion.checkpoints.deduce import (
    check_discriminator,
    check_filter,
    check_generator,
    discriminator_architecture,
    generator_architecture,
)
from inversion.errors import CheckpointError
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator

SMALL: dict[str, Any] = {"z_dim": 10, "w_dim": 12, "mapping_layers": 3}
SHAPES = [
    Architecture(img_resolution=16, channel_base=128, channel_max=8, z_dim=10, w_dim=12, mapping_layers=1),
    Architecture(img_resolution=32, channel_base=128, channel_max=8, architecture="resnet", **SMALL),
    Architecture(img_resolution=16, channel_base=100, channel_max=20, architecture="orig", **SMALL),
    Architecture(img_resolution=16, channel_base=4096, channel_max=8, c_dim=5, conv_clamp=256.0, **SMALL),
    Architecture(img_resolution=32, channel_base=256, channel_max=8, img_channels=1, **SMALL),
]


@pytest.mark.parametrize("architecture", SHAPES)
def test_a_generators_architecture_is_recovered(architecture: Architecture) -> None:
    tensors = Generator(architecture).state_dict()
    found = generator_architecture(tensors, architecture.conv_clamp)
    check_generator(tensors, found)
    channels = {r: architecture.channels(r) for r in architecture.resolutions}
    assert {r: found.channels(r) for r in found.resolutions} == channels
    base, ceiling = found.channel_base, found.channel_max  # any pair that gives these channels will do
    assert found == dataclasses.replace(architecture, channel_base=base, channel_max=ceiling)


@pytest.mark.parametrize("kind", ["resnet", "skip", "orig"])
@pytest.mark.parametrize("c_dim", [0, 3])
def test_a_discriminators_architecture_is_recovered(kind: str, c_dim: int) -> None:
    architecture = Architecture(
        img_resolution=32,
        channel_base=128,
        channel_max=8,
        z_dim=0,
        c_dim=c_dim,
        w_dim=8 if c_dim else 0,
        mapping_layers=2 if c_dim else 0,
        architecture=kind,
        mbstd_group_size=8,
        mbstd_channels=2,
    )
    tensors = Discriminator(architecture).state_dict()
    found = discriminator_architecture(tensors, mbstd_group_size=8)
    check_discriminator(tensors, found)
    assert found == architecture


@pytest.mark.parametrize(("resolution", "base"), [(1024, 32768), (512, 32768), (256, 16384)])
def test_published_sizes_give_the_published_numbers(resolution: int, base: int) -> None:
    with torch.device("meta"):
        tensors = Generator(Architecture(img_resolution=resolution, channel_base=base)).state_dict()
    found = generator_architecture(tensors)
    assert (found.img_resolution, found.channel_base, found.channel_max) == (resolution, base, 512)
    assert (found.z_dim, found.w_dim, found.mapping_layers, found.architecture) == (512, 512, 8, "skip")


def test_other_nets_are_refused() -> None:
    with pytest.raises(CheckpointError, match="not those of a StyleGAN2: conv.bias, conv.weight"):
        generator_architecture({"conv.weight": torch.zeros(1), "conv.bias": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="not those of a StyleGAN2: nothing"):
        discriminator_architecture({})


def test_only_the_published_filter_passes() -> None:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    check_filter(taps.outer(taps) / 64, "x")
    for other in (taps.outer(taps), torch.ones(4, 4) / 16, torch.ones(2, 2) / 4):
        with pytest.raises(CheckpointError, match="x is not the filter"):
            check_filter(other, "x")
