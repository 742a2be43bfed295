"""Leaky ReLU followed by the clamp of the published networks, of which a step keeps one tensor instead of two.

Where a gradient is cut off can be read from the clamped output, as can the sign that a leaky ReLU needs, so what the
clamp was given is not kept. At 1024 px that is a third of what a step keeps.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator.frozen_convolution import WORTH
from inversion.generator.ops import LRELU_SLOPE


def leaky_relu(x: Tensor, limit: float | None) -> Tensor:
    """max(x, 0.2 x) within [-limit, limit], written over x; limit: None = none.

    The gradient where the output is ±limit is 0. PyTorch's own is 1 for an input of exactly ±limit.
    """
    if limit is None:
        return F.leaky_relu(x, LRELU_SLOPE, inplace=True)
    if not x.requires_grad or x.nbytes < WORTH:
        return F.leaky_relu(x, LRELU_SLOPE, inplace=True).clamp(-limit, limit)
    result: Tensor = _Clamped.apply(x, limit)  # type: ignore[no-untyped-call]
    return result


class _Clamped(torch.autograd.Function):
    """Keeps its output; its gradient can be differentiated again, as training does."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:
        F.leaky_relu(x, LRELU_SLOPE, inplace=True).clamp_(-limit, limit)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        ctx.limit = limit
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(gradient, y, -ctx.limit, ctx.limit)
        return torch.ops.aten.leaky_relu_backward(inside, y, LRELU_SLOPE, True), None
