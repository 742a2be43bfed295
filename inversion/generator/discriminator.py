"""The StyleGAN2 discriminator, kept for its features: a perceptual distance that needs no download.

Karras et al. 2020, residual discriminator; parameter names are those of NVIDIA's published files.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inversion.generator.architecture import Architecture
from inversion.generator.layers import Conv2d, FullyConnected
from inversion.generator.ops import normalize_second_moment
from inversion.generator.prepared import FeatureBlock, PreparedDiscriminator


class DiscriminatorBlock(nn.Module):
    """[B, I, H, W] -> [B, O, H/2, W/2]; the first block (and every block of a skip net) reads the image too."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        a = architecture
        channels, out_channels = a.channels(resolution), a.channels(resolution // 2)
        self.kind = a.architecture
        if resolution == a.img_resolution or self.kind == "skip":
            self.fromrgb = Conv2d(a.img_channels, channels, 1, "lrelu", conv_clamp=a.conv_clamp)
        self.conv0 = Conv2d(channels, channels, 3, "lrelu", conv_clamp=a.conv_clamp)
        self.conv1 = Conv2d(channels, out_channels, 3, "lrelu", resample="down", conv_clamp=a.conv_clamp)
        if self.kind == "resnet":
            self.skip = Conv2d(channels, out_channels, 1, bias=False, resample="down")

    def prepare(self, dtype: torch.dtype) -> FeatureBlock:
        half = math.sqrt(0.5) if self.kind == "resnet" else 1.0
        return FeatureBlock(
            fromrgb=self.fromrgb.prepare(dtype) if hasattr(self, "fromrgb") else None,
            conv0=self.conv0.prepare(dtype),
            conv1=self.conv1.prepare(dtype, half),
            skip=self.skip.prepare(dtype, half) if self.kind == "resnet" else None,
            shrinks_image=self.kind == "skip",
        )


class DiscriminatorEpilogue(nn.Module):
    """[B, C, 4, 4] -> logits [B, 1], or [B, cmap_dim] for conditional nets."""

    def __init__(self, architecture: Architecture, cmap_dim: int) -> None:
        super().__init__()
        a = architecture
        channels = a.channels(4)
        self.kind = a.architecture
        self.group_size = a.mbstd_group_size
        self.mbstd_channels = a.mbstd_channels
        if self.kind == "skip":
            self.fromrgb = Conv2d(a.img_channels, channels, 1, "lrelu")
        self.conv = Conv2d(channels + self.mbstd_channels, channels, 3, "lrelu", conv_clamp=a.conv_clamp)
        self.fc = FullyConnected(channels * 16, channels, "lrelu")
        self.out = FullyConnected(channels, cmap_dim or 1)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        if self.kind == "skip":
            x = x + self.fromrgb(image)
        if self.mbstd_channels > 0:
            x = minibatch_std(x, self.group_size, self.mbstd_channels)
        logits: Tensor = self.out(self.fc(self.conv(x).flatten(1)))
        return logits


def minibatch_std(x: Tensor, group_size: int, channels: int) -> Tensor:
    """Append the spread within groups of the batch as feature maps (Karras et al. 2018, section 3)."""
    batch, features, height, width = x.shape
    group = min(group_size, batch)
    y = x.reshape(group, -1, channels, features // channels, height, width)
    y = (y - y.mean(dim=0)).square().mean(dim=0)
    y = (y + 1e-8).sqrt().mean(dim=(2, 3, 4))  # [B / group, channels]
    y = y[:, :, None, None].repeat(group, 1, height, width)
    return torch.cat([x, y], dim=1)


class Discriminator(nn.Module):
    """images: [B, 3, H, W] in [-1, 1] -> logits [B, 1]; higher = more real."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        cmap_dim = a.channels(4) if a.c_dim > 0 else 0
        for resolution in reversed(a.resolutions[1:]):
            self.add_module(f"b{resolution}", DiscriminatorBlock(a, resolution))
        if a.c_dim > 0:
            self.mapping = DiscriminatorMapping(a, cmap_dim)
        self.b4 = DiscriminatorEpilogue(a, cmap_dim)

    def prepare(self, dtype: torch.dtype) -> PreparedDiscriminator:
        """All but the last block, ready to compute features in this precision."""
        blocks = [block for block in self.children() if isinstance(block, DiscriminatorBlock)]
        return PreparedDiscriminator(
            self.architecture, dtype, tuple(block.prepare(dtype) for block in blocks)
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """With the weights as they are now; see PreparedDiscriminator."""
        return self.prepare(images.dtype).features(images)

    def forward(self, images: Tensor, c: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor:
        """dtype: precision of the convolutions, default that of the images; the last block has the images' own."""
        a = self.architecture
        x, image = self.prepare(dtype or images.dtype).walk(images)[-1]
        logits: Tensor = self.b4(x.to(images.dtype), image.to(images.dtype))
        if a.c_dim > 0:
            cmap = self.mapping(c)
            logits = (logits * cmap).sum(dim=1, keepdim=True) / math.sqrt(cmap.shape[1])
        return logits


class DiscriminatorMapping(nn.Module):
    """c: [B, c_dim] -> [B, cmap_dim], projected onto the logits of a conditional discriminator."""

    def __init__(self, architecture: Architecture, cmap_dim: int) -> None:
        super().__init__()
        self.num_layers = architecture.mapping_layers
        self.embed = FullyConnected(architecture.c_dim, cmap_dim)
        for i in range(self.num_layers):
            self.add_module(f"fc{i}", FullyConnected(cmap_dim, cmap_dim, "lrelu", lr_multiplier=0.01))

    def forward(self, c: Tensor) -> Tensor:
        x = normalize_second_moment(self.embed(c))
        for i in range(self.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x
