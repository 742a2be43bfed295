"""StyleGAN2's own operations in plain PyTorch: CPU, CUDA and MPS, no compiled extension.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (section 2.2 weight
demodulation, appendix B FIR filtering). The arithmetic follows the published networks of
NVlabs/stylegan2-ada-pytorch; tests/reference holds outputs made with them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LRELU_SLOPE = 0.2
LRELU_GAIN = math.sqrt(2)  # keeps unit variance through a leaky ReLU
FIR_TAPS = (1.0, 3.0, 3.0, 1.0)


def fir(x: Tensor, gain: float = 1.0) -> Tensor:
    """The 4x4 low-pass filter of every resampling, one copy per channel of x: [C, 1, 4, 4]."""
    taps = torch.tensor(FIR_TAPS, dtype=torch.float32, device=x.device)
    kernel = taps.outer(taps) * (gain / sum(FIR_TAPS) ** 2)
    channels = x.shape[1]
    return kernel.to(x.dtype).expand(channels, 1, 4, 4).contiguous()


def upsample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, 2H, 2W], zero-stuffed and low-passed."""
    return F.conv_transpose2d(x, fir(x, gain=4), stride=2, padding=1, groups=x.shape[1])


def downsample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, H/2, W/2], low-passed and decimated."""
    return F.conv2d(x, fir(x), stride=2, padding=1, groups=x.shape[1])


def conv_up(x: Tensor, weight: Tensor) -> Tensor:
    """3x3 convolution fused with 2x upsampling: [B, I, H, W] and [O, I, 3, 3] -> [B, O, 2H, 2W].

    A transposed convolution applies the kernel flipped relative to F.conv2d, as the published weights expect;
    filtering after it costs a fraction of filtering before it.
    """
    x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    return F.conv2d(x, fir(x, gain=4), padding=1, groups=x.shape[1])


def conv_down(x: Tensor, weight: Tensor) -> Tensor:
    """3x3 convolution fused with 2x downsampling: [B, I, H, W] and [O, I, 3, 3] -> [B, O, H/2, W/2]."""
    x = F.conv2d(x, fir(x), padding=2, groups=x.shape[1])
    return F.conv2d(x, weight, stride=2)


def demodulation(styles: Tensor, weight_squares: Tensor) -> Tensor:
    """Bring each output channel back to unit variance (Karras et al. 2020, equation 3).

    styles: [B, I]; weight_squares: [O, I], the kernel's squares summed over its taps. Returns [B, O].
    """
    return (styles.square() @ weight_squares.T + 1e-8).rsqrt()


def lrelu(x: Tensor, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Leaky ReLU scaled by sqrt(2) * gain, optionally clamped to +-clamp * gain."""
    x = F.leaky_relu(x, LRELU_SLOPE) * (LRELU_GAIN * gain)
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale each row of x: [B, D] to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
