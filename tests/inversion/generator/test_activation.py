"""Leaky ReLU and clamp in one: PyTorch's values and gradients, with only the output kept."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.generator import activation
from inversion.generator.ops import LRELU_SLOPE

LIMIT = 1.5


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "WORTH", 0)


def given(dtype: torch.dtype = torch.float64) -> Tensor:
    x = 8 * torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.to(dtype, memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("limit", [None, LIMIT])
def test_value_and_gradient_are_pytorchs(dtype: torch.dtype, limit: float | None) -> None:
    x = given(dtype)
    ours = activation.leaky_relu(x * 1, limit)
    theirs = F.leaky_relu(x * 1, LRELU_SLOPE)
    theirs = theirs if limit is None else theirs.clamp(-limit, limit)
    assert torch.equal(ours, theirs) and ours.stride() == theirs.stride()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(x)
    assert torch.equal(*(torch.autograd.grad(y, x, weights)[0] for y in (ours, theirs)))
    assert limit is None or (ours == limit).any() and (ours == -limit).any()


def test_only_the_output_is_kept() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.data_ptr())
        return tensor.detach()

    x = given() * 1
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = activation.leaky_relu(x, LIMIT)
    assert kept == [y.data_ptr()] == [x.data_ptr()]


def test_gradients_and_their_gradients_are_those_of_finite_differences() -> None:
    """Away from the kinks at 0 and ±limit."""
    x = torch.tensor([-40.0, -5.0, -0.3, 0.2, 1.2, 9.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: activation.leaky_relu(v * 1, LIMIT), x)
    assert torch.autograd.gradgradcheck(lambda v: activation.leaky_relu(v**2 - 2, LIMIT), x)
