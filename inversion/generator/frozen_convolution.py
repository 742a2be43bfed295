"""Convolutions by weights that are not trained: autograd need not keep their inputs, which PyTorch's own would.

Of what a step of a search keeps for its backward pass, these inputs are about half; the gradient of a convolution's
input depends on the weights alone. Bhatia & Dangel 2024, Lowering PyTorch's Memory Consumption for Selective
Differentiation.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

WORTH = 4 * 2**20  # bytes of an input that is worth a call from Python: small nets would lose a fifth


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0, groups: int = 1
) -> Tensor:
    """As F.conv2d, bit for bit."""
    if _needs_pytorchs(x, weight, bias):
        return F.conv2d(x, weight, bias, stride, padding, 1, groups)
    result: Tensor = _Frozen.apply(x, weight, bias, stride, padding, groups, False)  # type: ignore[no-untyped-call]
    return result


def conv_transpose2d(x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
    """As F.conv_transpose2d, bit for bit."""
    if _needs_pytorchs(x, weight, None):
        return F.conv_transpose2d(x, weight, None, stride, padding, 0, groups)
    result: Tensor = _Frozen.apply(x, weight, None, stride, padding, groups, True)  # type: ignore[no-untyped-call]
    return result


def _needs_pytorchs(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether PyTorch's own is needed, for the weights' gradients or autocast's casts, or keeps little anyway."""
    trained = weight.requires_grad or (bias is not None and bias.requires_grad)
    if trained or not x.requires_grad or x.nbytes < WORTH:
        return True
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


class _Frozen(torch.autograd.Function):
    """Keeps weight and shape of x; its gradient can be differentiated again, as training does."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        padding: int,
        groups: int,
        transposed: bool,
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.like = tuple(x.shape), x.stride(), x.dtype
        ctx.how = [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], groups
        result: Tensor = torch.ops.aten.convolution(x, weight, bias, *ctx.how)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        shape, strides, dtype = ctx.like
        # Of the input only shape and layout are asked for: they decide which kernel runs.
        x = torch.empty_strided(shape, strides, dtype=dtype, device=gradient.device)
        mask = (True, False, False)
        found, _, _ = torch.ops.aten.convolution_backward(gradient, x, weight, None, *ctx.how, mask)
        return found, *[None] * 6
