"""Constant tensors that every step of a search reads: made once for each device and precision.

A copy from the host's memory in every step would make the host wait for the GPU, and a CUDA graph cannot contain one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache

import torch
from torch import Tensor


def on_device(make: Callable[..., Tensor], *arguments: Hashable, like: Tensor) -> Tensor:
    """make(*arguments) on the device and in the precision of `like`; do not change it in place."""
    return _made(make, arguments, like.dtype, like.device)


@lru_cache(maxsize=4096)  # more than a search reads: what a CUDA graph was captured with must stay
def _made(
    make: Callable[..., Tensor], arguments: tuple[Hashable, ...], dtype: torch.dtype, device: torch.device
) -> Tensor:
    return make(*arguments).to(dtype).to(device)


def numbers(values: Hashable) -> Tensor:
    """A tensor from nested tuples of numbers."""
    return torch.tensor(values, dtype=torch.float64)
