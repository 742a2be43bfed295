"""Convolutions that keep nothing of their input compute what PyTorch's do, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator import frozen_convolution as frozen


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "WORTH", 0)


CASES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor], list[int], dict[str, Any]]] = {
    "plain": (frozen.conv2d, F.conv2d, [8, 4, 3, 3], {"padding": 1}),
    "down": (frozen.conv2d, F.conv2d, [8, 4, 3, 3], {"stride": 2}),
    "each channel": (frozen.conv2d, F.conv2d, [4, 1, 4, 4], {"padding": 2, "groups": 4}),
    "up": (frozen.conv_transpose2d, F.conv_transpose2d, [4, 8, 3, 3], {"stride": 2}),
    "zero-stuffed": (
        frozen.conv_transpose2d,
        F.conv_transpose2d,
        [4, 1, 4, 4],
        {"stride": 2, "padding": 1, "groups": 4},
    ),
}


def given(shape: list[int], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 12, 10, generator=rng).to(dtype, memory_format=torch.channels_last)
    return x.requires_grad_(), torch.randn(shape, generator=rng).to(dtype, memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_are_pytorchs_and_no_input_is_kept(case: str, dtype: torch.dtype) -> None:
    ours, theirs, shape, how = CASES[case]
    x, weight = given(shape, dtype)
    kept: list[tuple[int, ...]] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = ours(x, weight, **how)
    expected = theirs(x, weight, **how)
    assert torch.equal(value, expected) and value.stride() == expected.stride()
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(1)).to(value)
    gradients = [torch.autograd.grad(y, x, weights)[0] for y in (value, expected)]
    assert torch.equal(*gradients)
    assert kept == [tuple(shape)]


def test_a_bias_is_added() -> None:
    x, weight = given([8, 4, 3, 3], torch.float32)
    assert torch.equal(frozen.conv2d(x, weight, torch.arange(8.0)), F.conv2d(x, weight, torch.arange(8.0)))


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_gradients_are_right(case: str) -> None:
    ours, _, shape, how = CASES[case]
    x, weight = given(shape, torch.float64)
    assert torch.autograd.gradgradcheck(partial(ours, weight=weight, **how), (x[:1, :, :5, :5],))


def test_weights_that_are_trained_get_their_gradient() -> None:
    x, weight = given([8, 4, 3, 3], torch.float32)
    frozen.conv2d(x, weight.requires_grad_()).sum().backward()
    assert weight.grad is not None


def test_autocast_goes_on_to_work() -> None:
    x, weight = given([8, 4, 3, 3], torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        value = frozen.conv2d(x, weight)
        assert value.dtype == torch.bfloat16
        value.sum().backward()
    assert x.grad is not None and x.grad.dtype == torch.float32
