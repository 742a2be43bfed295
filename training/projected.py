"""A discriminator that sees pictures through frozen ImageNet features only.

Sauer et al. 2021, "Projected GANs Converge Faster": four levels of features, mixed across channels and across scales
by fixed random 1x1 convolutions, and one small convolutional discriminator per level.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.features import LEVELS, FeatureNetwork, load_feature_network, resized

MIXING_SEED = 0  # the random projections are drawn from it, so that no checkpoint needs to hold them


class RandomMixing(nn.Module):
    """Features of four levels -> the same levels, each fed from the coarser ones; fixed random weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(MIXING_SEED)
        wide = [width * 2**i for i in range(len(LEVELS))]
        for i, channels in enumerate(LEVELS.values()):  # across channels, to width · {1, 2, 4, 8}
            self.register_buffer(f"channels{i}", _random(wide[i], channels, rng), persistent=False)
        self.out_channels = [max(width, w // 2) for w in wide]
        for i, channels in enumerate(wide):  # across scales, on the way from coarse to fine
            self.register_buffer(f"scales{i}", _random(self.out_channels[i], channels, rng), persistent=False)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        mixed: list[Tensor] = []
        for i in reversed(range(len(levels))):
            x = F.conv2d(levels[i], self.get_buffer(f"channels{i}"))
            if mixed:
                x = x + F.interpolate(mixed[0], scale_factor=2, mode="nearest")
            mixed.insert(0, F.conv2d(x, self.get_buffer(f"scales{i}")))
        return mixed


def _random(out_channels: int, in_channels: int, rng: torch.Generator) -> Tensor:
    """Kaiming's variance, [O, I, 1, 1]."""
    return torch.randn([out_channels, in_channels, 1, 1], generator=rng) * math.sqrt(2 / in_channels)


class Head(nn.Module):
    """[B, C, side, side] -> logits, halved until 4x4: [B, 1, 4, 4]."""

    def __init__(self, in_channels: int, side: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        while side > 4:
            out = min(2 * channels, width)
            layers += _convolution(channels, out, 4, stride=2)
            channels, side = out, side // 2
        layers += _convolution(channels, width, 3, stride=1)
        layers.append(spectral_norm(nn.Conv2d(width, 1, 1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _convolution(in_channels: int, out_channels: int, side: int, stride: int) -> list[nn.Module]:
    return [
        spectral_norm(nn.Conv2d(in_channels, out_channels, side, stride, padding=1, bias=False)),
        nn.BatchNorm2d(out_channels, track_running_stats=False),
        nn.LeakyReLU(0.2),
    ]


class ProjectedDiscriminator(nn.Module):
    """images: [B, 3, R, R] in [-1, 1] -> logits of every level and place, [B, N]; only the heads are trained."""

    def __init__(self, side: int, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.side, self.dtype = side, dtype
        mixing = RandomMixing(width)
        self.heads = nn.ModuleList(
            Head(channels, side // stride, 4 * width)
            for channels, stride in zip(mixing.out_channels, (4, 8, 16, 32), strict=True)
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frozen: list[FeatureNetwork | RandomMixing] = [load_feature_network(dtype), mixing.to(dtype)]

    def to_device(self, device: torch.device) -> None:
        self.to(device)
        for part in self.frozen:  # in a list: neither a checkpoint's nor an optimizer's business
            part.to(device)

    def forward(self, images: Tensor) -> Tensor:
        network, mixing = self.frozen
        assert isinstance(network, FeatureNetwork)
        levels = mixing(network.levels(resized(images, self.side)))
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = [head(x).float().flatten(1) for head, x in zip(self.heads, levels, strict=True)]
        return torch.cat(logits, dim=1)
