"""Layers shared by generator and discriminator, with equalized learning rate (Karras et al. 2018, section 4.1)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inversion.generator.ops import LRELU_GAIN, LRELU_SLOPE
from inversion.generator.prepared import Convolution


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """A new parameter from N(0, std^2); not initialized on the meta device, whose tensors have no values.

    There torch would import its compiler to draw them, which takes 1.1 s, only to compare shapes.
    """
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_(std=std)


class FullyConnected(nn.Module):
    """Dense layer, linear or followed by a leaky ReLU; [B, I] -> [B, O]."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "linear",  # linear or lrelu
        lr_multiplier: float = 1.0,  # the mapping network learns 100x slower
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.gain = LRELU_GAIN if activation == "lrelu" else 1.0
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier
        self.weight = nn.Parameter(normal(out_features, in_features, std=1 / lr_multiplier))
        self.bias = nn.Parameter(torch.full([out_features], float(bias_init)))

    def prepare(self, gain: float = 1.0) -> tuple[Tensor, Tensor]:
        """Weight [O, I] and bias [O] as they are multiplied and added."""
        return self.weight * (self.weight_gain * gain), self.bias * (self.bias_gain * gain)

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, *self.prepare(self.gain))
        return F.leaky_relu(x, LRELU_SLOPE) if self.activation == "lrelu" else x


class Conv2d(nn.Module):
    """Convolution with optional bias and leaky ReLU, optional 2x resampling; [B, I, H, W] -> [B, O, H', W']."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        activation: str = "linear",
        bias: bool = True,
        resample: str | None = None,  # up (1x1 without bias only), down or None
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.resample = resample
        self.conv_clamp = conv_clamp
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)
        self.weight = nn.Parameter(normal(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def prepare(self, dtype: torch.dtype, gain: float = 1.0) -> Convolution:
        """Fold the gains into the weights; gain: of the output."""
        folded = gain * LRELU_GAIN if self.activation == "lrelu" else gain
        weight = (self.weight * (self.weight_gain * folded)).to(dtype, memory_format=torch.channels_last)
        bias = None if self.bias is None else (self.bias * folded).to(dtype)
        clamp = None if self.conv_clamp is None else self.conv_clamp * gain
        return Convolution(weight, bias, self.activation, self.resample, clamp)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        return self.prepare(x.dtype, gain)(x)
