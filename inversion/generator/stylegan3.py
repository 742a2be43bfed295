"""The synthesis network of StyleGAN3, config T and R: codes to images without aliasing.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks" (arXiv:2106.12423). Parameter names are those of
NVIDIA's published files, so that a checkpoint's tensors load as they are; the filters are among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from inversion.generator.architecture import FilteredLayer, StyleGAN3Architecture
from inversion.generator.filtered_lrelu import Resampling
from inversion.generator.layers import FullyConnected, normal
from inversion.generator.ops import LRELU_GAIN
from inversion.generator.prepared import NO_OFFSETS, StyledRGB
from inversion.generator.prepared_stylegan3 import FilteredConvolution, FourierFeatures, PreparedStyleGAN3


class SynthesisInput(nn.Module):
    """Parameters of the Fourier features that the first code rotates and shifts."""

    transform: Tensor  # [3, 3], of coordinates, chosen by a user; the identity in published nets
    freqs: Tensor  # [C, 2], cycles per image side
    phases: Tensor  # [C], cycles

    def __init__(self, architecture: StyleGAN3Architecture) -> None:
        super().__init__()
        channels = architecture.channels[0]
        self.architecture = architecture
        self.weight = nn.Parameter(normal(channels, channels))
        self.affine = FullyConnected(architecture.w_dim, 4)
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", torch.zeros(channels, 2))
        self.register_buffer("phases", torch.zeros(channels))

    def prepare(self) -> FourierFeatures:
        a = self.architecture
        rate, size = a.sampling_rates[0], a.input_size
        places = (
            torch.arange(size, device=self.freqs.device, dtype=self.freqs.dtype) + 0.5 - size / 2
        ) / rate
        return FourierFeatures(
            affine=self.affine.prepare(),
            weight=self.weight / math.sqrt(len(self.weight)),
            transform=self.transform,
            freqs=self.freqs,
            phases=self.phases,
            grid=torch.stack(torch.meshgrid(places, places, indexing="xy"), dim=2),
            bandwidth=a.bandwidth,
            nyquist=rate / 2,
        )


class SynthesisLayer(nn.Module):
    """Parameters of a modulated convolution, its filters, and the mean square of its input."""

    magnitude_ema: Tensor  # [], as it was in training
    up_filter: Tensor | None  # [taps]; None: the rate stays
    down_filter: Tensor | None  # [taps], or [taps, taps] for a radial one

    def __init__(self, shape: FilteredLayer, kernel: int, architecture: StyleGAN3Architecture) -> None:
        super().__init__()
        self.shape = shape
        self.conv_clamp = architecture.conv_clamp
        self.affine = FullyConnected(architecture.w_dim, shape.in_channels, bias_init=1)
        self.weight = nn.Parameter(normal(shape.out_channels, shape.in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(shape.out_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        up, down = shape.up_taps, shape.down_taps
        self.register_buffer("up_filter", torch.zeros(up) if up > 1 else None)
        self.register_buffer("down_filter", torch.zeros([down] * (1 + shape.radial)) if down > 1 else None)

    def prepare(self, dtype: torch.dtype) -> FilteredConvolution:
        """Weights are scaled to norm 1, which demodulation cancels."""
        weight = self.weight * self.weight.square().sum(dim=(1, 2, 3), keepdim=True).rsqrt()
        gain = LRELU_GAIN * self.magnitude_ema.rsqrt()
        one = self.weight.new_ones(1)
        up, down = (one if f is None else f for f in (self.up_filter, self.down_filter))
        return FilteredConvolution(
            affine=self.affine.prepare(),
            weight=weight.to(dtype, memory_format=torch.channels_last),
            squares=weight.square().sum(dim=(2, 3)) / gain**2,
            epsilon=1e-8 / (weight[0].numel() * gain**2),
            bias=(self.bias * LRELU_GAIN).to(dtype),
            resampling=Resampling(
                up_filter=(up * self.shape.up).to(dtype),
                down_filter=down.to(dtype),
                up=self.shape.up,
                down=self.shape.down,
                padding=self.shape.padding,
                clamp=self.conv_clamp,
            ),
        )

    def prepare_rgb(self, dtype: torch.dtype) -> StyledRGB:
        """The last layer has no demodulation, no leaky ReLU and no filters."""
        gain = self.magnitude_ema.rsqrt() / math.sqrt(self.weight[0].numel())
        weight, bias = self.affine.prepare()
        rgb = self.weight.to(dtype, memory_format=torch.channels_last)
        return StyledRGB((weight * gain, bias * gain), rgb, self.bias, self.conv_clamp)


class SynthesisNetwork(nn.Module):
    """Codes to images: parameters, and the arithmetic of prepared_stylegan3.py on them."""

    gradient_scale = 1.0

    def __init__(self, architecture: StyleGAN3Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.input = SynthesisInput(a)
        *layers, rgb = a.layers
        for shape in layers:
            self.add_module(shape.name, SynthesisLayer(shape, a.conv_kernel, a))
        self.add_module(rgb.name, SynthesisLayer(rgb, 1, a))

    @property
    def noise_resolutions(self) -> list[int]:
        return self.architecture.noise_resolutions

    def noise_constants(self, batch: int) -> list[Tensor]:
        """None, as there are no noise maps."""
        return []

    def prepare(self, dtype: torch.dtype, lowest: int = 4) -> PreparedStyleGAN3:
        """dtype: precision of the layers from the sampling rate `lowest` on; before them the parameters' own."""
        a = self.architecture
        *layers, rgb = (layer for layer in self.children() if isinstance(layer, SynthesisLayer))
        dtypes = [dtype if rate >= lowest else rgb.weight.dtype for rate in a.sampling_rates]
        return PreparedStyleGAN3(
            architecture=a,
            features=self.input.prepare(),
            layers=tuple(layer.prepare(kind) for layer, kind in zip(layers, dtypes, strict=False)),
            rgb=rgb.prepare_rgb(dtypes[-1]),
        )

    def forward(
        self,
        ws: Tensor,
        noises: Sequence[Tensor] = (),
        dtype: torch.dtype | None = None,
        resolution: int | None = None,
        offsets: Mapping[int, Tensor] = NO_OFFSETS,
    ) -> Tensor:
        """With the weights as they are now; see PreparedStyleGAN3. dtype: of the layers, default that of ws."""
        return self.prepare(dtype or ws.dtype)(ws, noises, resolution, offsets)
