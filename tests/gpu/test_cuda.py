"""What only a GPU can show. `make gpu-check` runs these, and everything else that is worth knowing about one."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest
import torch
from torch import Tensor

from benchmarks.timed_search import eager, timed_search
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.generator.ops import low_pass
from inversion.generator.stylegan2 import Generator
from inversion.losses.pixel import PixelLoss
from inversion.model import Model, build
from inversion.runtime.memory import is_out_of_memory
from inversion.search.hyperparameters import Hyperparameters

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
STEPS = 20


def model(generator: Generator, device: str) -> Model:
    return build(Checkpoint(generator.architecture, generator.state_dict(), w_std=1.0), torch.device(device))


def losses(model: Model, problems: int = 1) -> list[float]:
    return timed_search(model, PixelLoss(), Hyperparameters(steps=STEPS), problems).losses


def test_a_captured_search_is_the_search_from_python(tiny_generator: Generator) -> None:
    net = model(tiny_generator, "cuda")
    with eager():
        written = losses(net)
    assert losses(net) == pytest.approx(written, rel=1e-5)


def test_every_search_is_captured(tiny_generator: Generator) -> None:
    captured = mock.Mock(wraps=torch.cuda.make_graphed_callables)
    with mock.patch.object(torch.cuda, "make_graphed_callables", captured):
        losses(model(tiny_generator, "cuda"))
    assert captured.call_count == 1


def test_a_search_on_the_gpu_is_the_search_on_the_cpu(tiny_generator: Generator) -> None:
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        found = losses(model(tiny_generator, "cuda"))
    assert found == pytest.approx(losses(model(tiny_generator, "cpu")), rel=1e-3)


def test_a_problem_does_not_feel_its_neighbours(tiny_generator: Generator) -> None:
    net = model(tiny_generator, "cuda")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        assert losses(net, 4) == pytest.approx(losses(net), rel=1e-3)


def test_a_full_gpu_is_known_by_its_error(tiny_generator: Generator) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8, device="cuda")
    assert is_out_of_memory(caught.value)


def test_half_precision_stays_near_full(tiny_generator: Generator) -> None:
    checkpoint = Checkpoint(
        replace(tiny_generator.architecture, conv_clamp=256), tiny_generator.state_dict(), w_std=1.0
    )
    ends = {
        precision: losses(build(checkpoint, torch.device("cuda"), precision))[-1]
        for precision in ("fp32", "bf16", "fp16")
    }
    assert ends["bf16"] == pytest.approx(ends["fp32"], rel=0.1)
    assert ends["fp16"] == pytest.approx(ends["fp32"], rel=0.1)


@pytest.mark.parametrize(("gain", "padding"), [(1, 1), (1, 2), (4, 1)])
def test_the_low_pass_kernel_and_its_gradients_are_the_convolutions(gain: float, padding: int) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn([2, 5, 9, 7], generator=rng).requires_grad_()

    def derivatives(x: Tensor) -> list[Tensor]:
        y = low_pass(x, gain, padding)
        towards = torch.linspace(-1, 1, y.numel(), device=y.device).view_as(y).requires_grad_()
        (first,) = torch.autograd.grad(y, x, towards, create_graph=True)
        (second,) = torch.autograd.grad(first, towards, x.detach())
        return [part.detach().cpu() for part in (y, first, second)]

    torch.testing.assert_close(derivatives(x.detach().cuda().requires_grad_()), derivatives(x))
