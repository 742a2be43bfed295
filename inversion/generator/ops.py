"""StyleGAN2's own operations in plain PyTorch: CPU, CUDA and MPS, no compiled extension.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (section 2.2 weight
demodulation, appendix B FIR filtering). The arithmetic follows the published networks of
NVlabs/stylegan2-ada-pytorch; tests/reference holds outputs made with them.
"""

from __future__ import annotations

import math
from importlib.util import find_spec

import torch
from torch import Tensor

from inversion.generator.frozen_convolution import conv2d, conv_transpose2d
from inversion.runtime.on_device import on_device

LRELU_SLOPE = 0.2
LRELU_GAIN = math.sqrt(2)  # keeps unit variance through a leaky ReLU
FIR_TAPS = (1.0, 3.0, 3.0, 1.0)
HAS_TRITON = find_spec("triton") is not None  # looked for once: a step filters dozens of times


def fir(channels: int, gain: float) -> Tensor:
    """The 4x4 low-pass filter of every resampling, one copy per channel: [C, 1, 4, 4]."""
    taps = torch.tensor(FIR_TAPS)
    kernel = taps.outer(taps) * (gain / sum(FIR_TAPS) ** 2)
    return kernel.expand(channels, 1, 4, 4).contiguous()


def low_pass(x: Tensor, gain: float, padding: int) -> Tensor:
    """Every channel of x through the filter, at full resolution."""
    if HAS_TRITON and x.is_cuda and x.numel() < 2**30:  # the kernel counts to 2**31
        from inversion.generator.fir_kernel import LowPass

        filtered: Tensor = LowPass.apply(x, gain, padding)  # type: ignore[no-untyped-call]
        return filtered
    channels = x.shape[1]
    return conv2d(x, on_device(fir, channels, gain, like=x), padding=padding, groups=channels)


def upsample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, 2H, 2W], zero-stuffed and low-passed."""
    channels = x.shape[1]
    kernel = on_device(fir, channels, 4, like=x)
    return conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def downsample(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, H/2, W/2], low-passed and decimated."""
    return low_pass(x, gain=1, padding=1)[:, :, ::2, ::2]


def conv_up(x: Tensor, weight: Tensor) -> Tensor:
    """3x3 convolution fused with 2x upsampling: [B, I, H, W] and [I, O, 3, 3] -> [B, O, 2H, 2W].

    A transposed convolution applies the kernel flipped relative to F.conv2d, as the published weights expect;
    filtering after it costs a fraction of filtering before it.
    """
    return low_pass(conv_transpose2d(x, weight, stride=2), gain=4, padding=1)


def conv_down(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution fused with 2x downsampling: [B, I, H, W] and [O, I, k, k], k = 1 or 3 -> [B, O, H/2, W/2].

    The filter does not skip pixels, the convolution does: oneDNN has no fast gradient of a bf16 filter that skips.
    """
    return conv2d(low_pass(x, gain=1, padding=1 + weight.shape[-1] // 2), weight, bias, stride=2)


def demodulation(styles: Tensor, weight_squares: Tensor, epsilon: Tensor | float = 1e-8) -> Tensor:
    """Bring each output channel back to unit variance (Karras et al. 2020, equation 3).

    styles: [B, I]; weight_squares: [O, I], the kernel's squares summed over its taps. Returns [B, O].
    """
    return (styles.square() @ weight_squares.T + epsilon).rsqrt()


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale each row of x: [B, D] to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
