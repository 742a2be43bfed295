"""Layers shared by generator and discriminator, with equalized learning rate (Karras et al. 2018, section 4.1)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inversion.generator.ops import conv_down, downsample, lrelu, upsample


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
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([out_features], float(bias_init)))

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self.weight_gain, self.bias * self.bias_gain)
        return lrelu(x) if self.activation == "lrelu" else x


class Conv2d(nn.Module):
    """Convolution with optional bias and leaky ReLU, optional 2x resampling; [B, I, H, W] -> [B, O, H', W']."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        activation: str = "linear",
        bias: bool = True,
        resample: str | None = None,  # up (1x1 only), down or None
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.resample = resample
        self.conv_clamp = conv_clamp
        self.padding = kernel_size // 2
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        weight = (self.weight * self.weight_gain).to(x.dtype)
        if self.resample == "down" and weight.shape[-1] == 1:
            x = F.conv2d(downsample(x), weight)
        elif self.resample == "down":
            x = conv_down(x, weight)
        elif self.resample == "up":
            x = upsample(F.conv2d(x, weight))
        else:
            x = F.conv2d(x, weight, padding=self.padding)
        if self.bias is not None:
            x = x + self.bias.to(x.dtype)[:, None, None]
        if self.activation == "lrelu":
            return lrelu(x, gain, self.conv_clamp)
        x = x * gain
        return x if self.conv_clamp is None else x.clamp(-self.conv_clamp * gain, self.conv_clamp * gain)
