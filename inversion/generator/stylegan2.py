"""The StyleGAN2 generator: z -> w -> image.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN". Parameter names are those of
NVIDIA's published files, so that a checkpoint's tensors load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inversion.generator.architecture import Architecture
from inversion.generator.layers import Conv2d, FullyConnected
from inversion.generator.ops import conv_up, demodulation, lrelu, normalize_second_moment, upsample


class MappingNetwork(nn.Module):
    """z: [B, z_dim] and, for conditional nets, c: [B, c_dim] -> ws: [B, num_ws, w_dim]."""

    w_avg: Tensor  # [w_dim], the mean code

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        features = a.z_dim
        if a.c_dim > 0:
            self.embed = FullyConnected(a.c_dim, a.w_dim)
            features += a.w_dim
        for i in range(a.mapping_layers):
            layer = FullyConnected(features if i == 0 else a.w_dim, a.w_dim, "lrelu", lr_multiplier=0.01)
            self.add_module(f"fc{i}", layer)
        self.register_buffer("w_avg", torch.zeros(a.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """truncation_psi: 1 = the model's own distribution, 0 = the mean face."""
        a = self.architecture
        x = normalize_second_moment(z)
        if a.c_dim > 0:
            if c is None or tuple(c.shape) != (z.shape[0], a.c_dim):
                got = None if c is None else tuple(c.shape)
                raise ValueError(
                    f"this generator is conditional: c must be [{z.shape[0]}, {a.c_dim}]. Got {got}"
                )
            x = torch.cat([x, normalize_second_moment(self.embed(c))], dim=1)
        for i in range(a.mapping_layers):
            x = self.get_submodule(f"fc{i}")(x)
        ws = x[:, None].expand(-1, a.num_ws, -1)
        return ws if truncation_psi == 1 else self.w_avg.lerp(ws, truncation_psi)


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; [B, I, H, W] -> [B, O, H', W'].

    Instead of B different kernels (a grouped convolution), the activations are scaled before one shared
    convolution and its output after it: the same numbers, about twice as fast.
    """

    noise_const: Tensor  # [R, R], the noise map the net was published with

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        resolution: int,
        up: bool = False,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.up = up
        self.conv_clamp = conv_clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor, gain: float = 1.0) -> Tensor:
        styles = self.affine(w)  # [B, I]
        scale = demodulation(styles, self.weight.square().sum(dim=(2, 3)))  # [B, O]
        weight = self.weight.to(x.dtype)
        x = x * styles.to(x.dtype)[:, :, None, None]
        x = conv_up(x, weight) if self.up else F.conv2d(x, weight, padding=1)
        x = x * scale.to(x.dtype)[:, :, None, None]
        x = x + (noise * self.noise_strength).to(x.dtype) + self.bias.to(x.dtype)[:, None, None]
        return lrelu(x, gain, self.conv_clamp)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution without demodulation; [B, I, H, W] -> [B, 3, H, W], always float32 or wider."""

    def __init__(self, in_channels: int, img_channels: int, w_dim: int, conv_clamp: float | None) -> None:
        super().__init__()
        self.conv_clamp = conv_clamp
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(img_channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) * self.weight_gain
        x = F.conv2d(x * styles.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype))
        x = x.to(styles.dtype) + self.bias[:, None, None]
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp, self.conv_clamp)


class SynthesisBlock(nn.Module):
    """Everything at one resolution: up to two convolutions and an RGB layer."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        a = architecture
        out_channels = a.channels(resolution)
        self.kind = a.architecture
        self.first = resolution == 4
        if self.first:
            self.const = nn.Parameter(torch.randn(out_channels, 4, 4))
        else:
            in_channels = a.channels(resolution // 2)
            self.conv0 = SynthesisLayer(in_channels, out_channels, a.w_dim, resolution, True, a.conv_clamp)
            if self.kind == "resnet":
                self.skip = Conv2d(in_channels, out_channels, 1, bias=False, resample="up")
        self.conv1 = SynthesisLayer(out_channels, out_channels, a.w_dim, resolution, False, a.conv_clamp)
        self.has_rgb = self.kind == "skip" or resolution == a.img_resolution
        if self.has_rgb:
            self.torgb = ToRGB(out_channels, a.img_channels, a.w_dim, a.conv_clamp)

    def forward(
        self,
        x: Tensor | None,
        image: Tensor | None,
        ws: Sequence[Tensor],
        noises: Sequence[Tensor],
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor | None]:
        if self.first:
            x = self.const.to(dtype).expand(ws[0].shape[0], -1, -1, -1)
            x = self.conv1(x, ws[0], noises[0])
        elif self.kind == "resnet":
            assert x is not None
            skip = self.skip(x, gain=math.sqrt(0.5))
            x = self.conv0(x, ws[0], noises[0])
            x = skip + self.conv1(x, ws[1], noises[1], gain=math.sqrt(0.5))
        else:
            assert x is not None
            x = self.conv1(self.conv0(x, ws[0], noises[0]), ws[1], noises[1])
        if image is not None:
            image = upsample(image)
        if self.has_rgb:
            rgb = self.torgb(x, ws[-1])
            image = rgb if image is None else image + rgb
        return x, image


class SynthesisNetwork(nn.Module):
    """Codes and noise to images of about [-1, 1].

    ws: [B, num_ws, w_dim]; one noise map [B, 1, R, R] per convolution. Returns [B, 3, H, W].
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for resolution in architecture.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(architecture, resolution))

    @property
    def noise_resolutions(self) -> list[int]:
        """Side of each noise map, in the order in which the layers take them: 4, 8, 8, 16, 16, ..."""
        return [4] + [r for r in self.architecture.resolutions[1:] for _ in range(2)]

    def noise_constants(self, batch: int) -> list[Tensor]:
        """The noise maps that the net was published with, [B, 1, R, R] each."""
        layers = [layer for layer in self.modules() if isinstance(layer, SynthesisLayer)]
        return [layer.noise_const.expand(batch, 1, -1, -1) for layer in layers]

    def forward(
        self,
        ws: Tensor,
        noises: Sequence[Tensor],
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
    ) -> Tensor:
        """dtype: precision of the convolutions (default: that of ws); latents, styles and the image keep ws' own.

        resolution: stop at the running RGB image of this side (skip architecture only).
        """
        image: Tensor | None = None
        x: Tensor | None = None
        for i, res in enumerate(self.architecture.resolutions):
            if resolution is not None and res > resolution:
                break
            block: SynthesisBlock = self.get_submodule(f"b{res}")  # type: ignore[assignment]
            first = max(2 * i - 1, 0)
            block_ws = ws[:, first : 2 * i + 2].unbind(dim=1)  # convolutions, then RGB
            x, image = block(x, image, block_ws, noises[first : 2 * i + 1], dtype or ws.dtype)
        assert image is not None
        return image


class Generator(nn.Module):
    """Mapping and synthesis together."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.mapping = MappingNetwork(architecture)
        self.synthesis = SynthesisNetwork(architecture)

    def forward(self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """z: [B, z_dim] -> images: [B, 3, H, W], with the noise maps the net was published with."""
        ws = self.mapping(z, c, truncation_psi)
        return self.synthesis(ws, self.synthesis.noise_constants(len(z)))
