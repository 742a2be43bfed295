"""Leaky ReLU at a higher sampling rate, between two low-pass filters: StyleGAN3's way against aliasing.

Karras et al. 2021, Alias-Free Generative Adversarial Networks, section 3 and figure 4b. The image at the higher rate is
the largest of the whole network: it is computed anew in the backward pass instead of being kept, and some channels at
a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from inversion.generator.ops import LRELU_SLOPE

AT_ONCE = 128 * 2**20  # bytes of the image at the higher rate
FEWEST = 16  # channels at a time: a depthwise kernel of oneDNN computes as many at once


@dataclass(frozen=True)
class Resampling:
    """What a layer does to its sampling rate. A filter is [taps], the same for both axes, or [taps, taps]."""

    up_filter: Tensor  # with the gain of zero-stuffing, `up` per axis
    down_filter: Tensor
    up: int
    down: int
    padding: tuple[int, int]  # zeros before and after the zero-stuffed image; negative: pixels cut off
    clamp: float | None


def filtered_lrelu(x: Tensor, resampling: Resampling) -> Tensor:
    """Upsample, leaky ReLU, clamp, downsample: [B, C, H, W] -> [B, C, H', W']. Differentiable by x, once."""
    filtered: Tensor = _FilteredLeakyReLU.apply(x, resampling)  # type: ignore[no-untyped-call]
    return filtered


class _FilteredLeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, resampling: Resampling) -> Tensor:
        ctx.save_for_backward(x)
        ctx.resampling = r = resampling
        done = []
        for part in _split(x, _channels_at_once(x, r.up)):
            inner = F.leaky_relu_(_raised(part, r), LRELU_SLOPE)
            if r.clamp is not None:
                inner.clamp_(-r.clamp, r.clamp)
            done.append(lower_rate(inner, r.down_filter, r.down))
        return _join(done)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (x,), r = ctx.saved_tensors, ctx.resampling
        channels, up_taps, down_taps = _channels_at_once(x, r.up), len(r.up_filter), len(r.down_filter)
        flipped_up, flipped_down = (_flipped(f) for f in (r.up_filter, r.down_filter))
        first, last = r.padding
        done = []
        for part, g in zip(_split(x, channels), _split(gradient, channels), strict=True):
            inner = _raised(part, r)
            # The transpose of filtering and dropping pixels is stuffing zeros and filtering, and the other way round.
            back = raise_rate(g, flipped_down, r.down, down_taps - 1, inner.shape[2:])
            if r.clamp is not None:
                back.masked_fill_((inner > r.clamp) | (inner < -r.clamp / LRELU_SLOPE), 0)
            back = torch.ops.aten.leaky_relu_backward(back, inner, LRELU_SLOPE, False)
            back = F.pad(back, [up_taps - 1 - first, up_taps - r.up - last] * 2)
            done.append(lower_rate(back, flipped_up, r.up))
        return _join(done), None


def _raised(x: Tensor, r: Resampling) -> Tensor:
    height, width = (side * r.up + sum(r.padding) - len(r.up_filter) + 1 for side in x.shape[2:])
    return raise_rate(x, r.up_filter, r.up, r.padding[0], (height, width))


def raise_rate(x: Tensor, taps: Tensor, up: int, before: int, sides: Sequence[int]) -> Tensor:
    """Put up - 1 zeros after each pixel of x, pad by zeros, and convolve by the filter: [B, C, H, W] -> [B, C, *sides].

    before: zeros to the left and above; negative: pixels cut off. As many come after as the sides need. Each of the
    up² phases of the result is a small depthwise convolution of x itself.
    """
    kernel = taps if taps.ndim == 2 else taps.outer(taps)
    channels = x.shape[1]
    lost = len(taps) - 1 - before  # of the whole convolution, before its first pixel that is kept
    result = x.new_empty([*x.shape[:2], *sides]).contiguous(memory_format=torch.channels_last)
    for row in range(up):
        for column in range(up):
            (down, top), (right, left) = divmod(row + lost, up), divmod(column + lost, up)
            own = kernel[top::up, left::up].flip(0, 1)
            place = result[:, :, row::up, column::up]
            reach = own.shape[0] - 1, own.shape[1] - 1
            whole = F.conv2d(x, own.expand(channels, 1, -1, -1).contiguous(), padding=reach, groups=channels)
            place.copy_(_window(_window(whole, 2, down, place.shape[2]), 3, right, place.shape[3]))
    return result


def lower_rate(x: Tensor, taps: Tensor, down: int) -> Tensor:
    """Convolve by the filter and keep every down-th pixel: [B, C, H, W] -> [B, C, (H - taps) // down + 1, …]."""
    channels, kernel = x.shape[1], _flipped(taps)
    if taps.ndim == 2:
        return F.conv2d(x, kernel.expand(channels, 1, -1, -1).contiguous(), stride=down, groups=channels)
    kernel = kernel.expand(channels, 1, 1, -1).contiguous()
    x = F.conv2d(x, kernel, stride=(1, down), groups=channels)
    return F.conv2d(x, kernel.transpose(2, 3), stride=(down, 1), groups=channels)


def _window(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` pixels of an axis from `start` on; zeros where x has none."""
    if start >= 0 and start + length <= x.shape[dim]:
        return x.narrow(dim, start, length)
    padding = [-start, start + length - x.shape[dim]]
    return F.pad(x, padding if dim == 3 else [0, 0, *padding])


def _flipped(taps: Tensor) -> Tensor:
    return taps.flip(tuple(range(taps.ndim)))


def _channels_at_once(x: Tensor, up: int) -> int:
    each = x.nbytes // x.shape[1] * up**2
    return max(FEWEST, AT_ONCE // max(each, 1))


def _split(x: Tensor, channels: int) -> list[Tensor]:
    return [part.contiguous(memory_format=torch.channels_last) for part in x.split(channels, dim=1)]


def _join(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
