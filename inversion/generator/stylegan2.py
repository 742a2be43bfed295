"""The StyleGAN2 generator: z -> w -> image.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN". Parameter names are those of
NVIDIA's published files, so that a checkpoint's tensors load as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from inversion.generator import stylegan3
from inversion.generator.architecture import AnyArchitecture, Architecture
from inversion.generator.layers import Conv2d, FullyConnected, normal
from inversion.generator.ops import LRELU_GAIN, normalize_second_moment
from inversion.generator.prepared import NO_OFFSETS, Block, PreparedSynthesis, StyledConvolution, StyledRGB


class MappingNetwork(nn.Module):
    """z: [B, z_dim] and, for conditional nets, c: [B, c_dim] -> ws: [B, num_ws, w_dim]."""

    w_avg: Tensor  # [w_dim], the mean code

    def __init__(self, architecture: AnyArchitecture) -> None:
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
    """Parameters of a modulated 3x3 convolution with noise, bias and leaky ReLU."""

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
        self.weight = nn.Parameter(normal(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", normal(resolution, resolution))

    def prepare(self, dtype: torch.dtype, gain: float = 1.0) -> StyledConvolution:
        """gain: of the output. Weights are scaled to norm 1, which demodulation cancels."""
        energy = self.weight.square().sum(dim=(1, 2, 3)) + 1e-8  # [O]
        weight = self.weight * energy.rsqrt()[:, None, None, None]
        factor = gain * LRELU_GAIN
        return StyledConvolution(
            affine=self.affine.prepare(),
            weight=(weight.transpose(0, 1) if self.up else weight).to(
                dtype, memory_format=torch.channels_last
            ),
            squares=weight.square().sum(dim=(2, 3)) / factor**2,
            epsilon=1e-8 / (energy * factor**2),
            bias=(self.bias * factor).to(dtype),
            noise_strength=self.noise_strength * factor,
            up=self.up,
            clamp=None if self.conv_clamp is None else self.conv_clamp * gain,
        )


class ToRGB(nn.Module):
    """Parameters of a modulated 1x1 convolution without demodulation."""

    def __init__(self, in_channels: int, img_channels: int, w_dim: int, conv_clamp: float | None) -> None:
        super().__init__()
        self.conv_clamp = conv_clamp
        self.weight_gain = 1 / math.sqrt(in_channels)
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(normal(img_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(img_channels))

    def prepare(self, dtype: torch.dtype) -> StyledRGB:
        weight = self.weight.to(dtype, memory_format=torch.channels_last)
        return StyledRGB(self.affine.prepare(self.weight_gain), weight, self.bias, self.conv_clamp)


class SynthesisBlock(nn.Module):
    """Everything at one resolution: up to two convolutions and an RGB layer."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        a = architecture
        out_channels = a.channels(resolution)
        self.kind = a.architecture
        self.first = resolution == 4
        if self.first:
            self.const = nn.Parameter(normal(out_channels, 4, 4))
        else:
            in_channels = a.channels(resolution // 2)
            self.conv0 = SynthesisLayer(in_channels, out_channels, a.w_dim, resolution, True, a.conv_clamp)
            if self.kind == "resnet":
                self.skip = Conv2d(in_channels, out_channels, 1, bias=False, resample="up")
        self.conv1 = SynthesisLayer(out_channels, out_channels, a.w_dim, resolution, False, a.conv_clamp)
        self.has_rgb = self.kind == "skip" or resolution == a.img_resolution
        if self.has_rgb:
            self.torgb = ToRGB(out_channels, a.img_channels, a.w_dim, a.conv_clamp)

    def prepare(self, dtype: torch.dtype) -> Block:
        half = math.sqrt(0.5) if self.kind == "resnet" and not self.first else 1.0
        conv1 = self.conv1.prepare(dtype, half)
        return Block(
            dtype=dtype,
            const=self.const.to(dtype) if self.first else None,
            convolutions=(conv1,) if self.first else (self.conv0.prepare(dtype), conv1),
            rgb=self.torgb.prepare(dtype) if self.has_rgb else None,
            skip=self.skip.prepare(dtype, half) if hasattr(self, "skip") else None,
        )


class SynthesisNetwork(nn.Module):
    """Codes and noise to images: parameters, and the arithmetic of prepared.py on them."""

    gradient_scale = 1.0

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for resolution in architecture.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(architecture, resolution))

    @property
    def noise_resolutions(self) -> list[int]:
        return self.architecture.noise_resolutions

    def noise_constants(self, batch: int) -> list[Tensor]:
        """The noise maps that the net was published with, [B, 1, R, R] each."""
        layers = [layer for layer in self.modules() if isinstance(layer, SynthesisLayer)]
        return [layer.noise_const.expand(batch, 1, -1, -1) for layer in layers]

    def prepare(self, dtype: torch.dtype, lowest: int = 4) -> PreparedSynthesis:
        """dtype: precision of the convolutions from the resolution `lowest` on; below it the parameters' own."""
        blocks = []
        for resolution in self.architecture.resolutions:
            block: SynthesisBlock = self.get_submodule(f"b{resolution}")  # type: ignore[assignment]
            blocks.append(block.prepare(dtype if resolution >= lowest else block.conv1.weight.dtype))
        return PreparedSynthesis(self.architecture, tuple(blocks))

    def forward(
        self,
        ws: Tensor,
        noises: Sequence[Tensor],
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
        offsets: Mapping[int, Tensor] = NO_OFFSETS,
    ) -> Tensor:
        """With the weights as they are now; see PreparedSynthesis. dtype: of the convolutions, default that of ws."""
        return self.prepare(dtype or ws.dtype)(ws, noises, resolution, offsets)


class Generator(nn.Module):
    """Mapping and synthesis together. StyleGAN3 has the same mapping before a synthesis network of its own."""

    synthesis: SynthesisNetwork | stylegan3.SynthesisNetwork

    def __init__(self, architecture: AnyArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.mapping = MappingNetwork(architecture)
        if isinstance(architecture, Architecture):
            self.synthesis = SynthesisNetwork(architecture)
        else:
            self.synthesis = stylegan3.SynthesisNetwork(architecture)

    def forward(self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """z: [B, z_dim] -> images: [B, 3, H, W], with the noise maps the net was published with."""
        ws = self.mapping(z, c, truncation_psi)
        images: Tensor = self.synthesis(ws, self.synthesis.noise_constants(len(z)))
        return images
