"""CUDA graphs without a GPU: a stand-in writes to the same memory in each call and refuses other shapes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inversion.degradations.blur import GaussianBlur
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.search import cuda_graph
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result, Step, optimize
from tests.inversion.search.test_coarse import SmallPixelLoss

SETTINGS = Hyperparameters(steps=8, space="w+", coarse_until=0.5, reg=0.01)


class Repeated(torch.autograd.Function):
    """What comes out of a graph: always the same memory, overwritten by the next call."""

    @staticmethod
    def forward(
        ctx: Any, work: Callable[..., tuple[Tensor, ...]], memory: list[Tensor], *given: Tensor
    ) -> Any:
        with torch.enable_grad():
            ctx.given = [t.detach().requires_grad_(t.requires_grad) for t in given]
            ctx.made = work(*ctx.given)
        for kept, made in zip(memory, ctx.made, strict=True):
            kept.copy_(made.detach())
        return tuple(kept.detach() for kept in memory)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        pairs = [(o, g) for o, g in zip(ctx.made, gradients, strict=True) if o.requires_grad]
        inputs = [t for t in ctx.given if t.requires_grad]
        found = iter(torch.autograd.grad([o for o, _ in pairs], inputs, [g for _, g in pairs]))
        return None, None, *(next(found) if t.requires_grad else None for t in ctx.given)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Graphs are made here, too; the batch size of each."""
    sizes: list[int] = []

    def stand_in(work: Callable[..., tuple[Tensor, ...]], sample: tuple[Tensor, ...]) -> Callable[..., Any]:
        sizes.append(len(sample[0]))
        memory = [made.detach().clone() for made in work(*sample)]

        def graph(*given: Tensor) -> Any:
            assert [t.shape for t in given] == [t.shape for t in sample]
            return Repeated.apply(work, memory, *given)

        return graph

    monkeypatch.setattr(cuda_graph, "has_cuda_graphs", lambda device: True)
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", stand_in)
    return sizes


def search(generator: Generator, settings: list[Hyperparameters], seen: list[Tensor]) -> Result:
    """Blurred faces on the tiny generator; seen: the mean of every picture that is watched."""
    rng = torch.Generator().manual_seed(9)
    images = generator(torch.randn([len(settings), 16], generator=rng).double()).clamp(-1, 1)
    w_avg, w_std = w_statistics(generator.mapping, samples=100)
    operator = GaussianBlur(kernel_size=7).bind(images, False)
    prior = lambda ws: (ws - w_avg).square().mean(dim=(1, 2))  # noqa: E731
    objective = Objective(SmallPixelLoss(), operator, operator(images).detach(), settings, prior)

    def watch(step: Step) -> None:
        seen.extend(image.mean() for image in step.images)

    seeds = list(range(len(settings)))
    return optimize(generator.synthesis, objective, settings, seeds, w_avg, w_std, watch)


def test_a_search_with_graphs_is_the_search_without(
    tiny_generator: Generator, captured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, settings = tiny_generator.double(), [SETTINGS, replace(SETTINGS, steps=6), SETTINGS]
    seen: list[Tensor] = []
    graphed = search(generator, settings, seen)
    # All coarse; then a step of both kinds without a graph; all whole; whole again without the shorter problem.
    assert captured == [3, 3, 2]
    monkeypatch.setattr(cuda_graph, "has_cuda_graphs", lambda device: False)
    written: list[Tensor] = []
    plain = search(generator, settings, written)
    assert len(captured) == 3
    torch.testing.assert_close(graphed.ws, plain.ws, rtol=0, atol=0)
    torch.testing.assert_close(graphed.noises, plain.noises, rtol=0, atol=0)
    torch.testing.assert_close(torch.stack(seen), torch.stack(written), rtol=1e-12, atol=0)


def test_without_a_gpu_nothing_is_captured(
    tiny_generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", lambda *_: pytest.fail("captured"))
    search(tiny_generator.double(), [SETTINGS], [])


def test_what_cannot_be_captured_is_launched_from_python(
    tiny_generator: Generator,
    captured: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    graphed = search(tiny_generator.double(), [SETTINGS], [])
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", refuse)
    with caplog.at_level(logging.WARNING):
        plain = search(tiny_generator.double(), [SETTINGS], [])
    torch.testing.assert_close(graphed.ws, plain.ws, rtol=0, atol=0)
    assert "not permitted when stream is capturing" in caplog.text
    assert len(caplog.records) == 2  # one for each kind of step, not one for each step


def test_running_out_of_memory_during_the_capture_is_passed_on(
    tiny_generator: Generator, captured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", full)
    with pytest.raises(torch.OutOfMemoryError):
        search(tiny_generator.double(), [SETTINGS], [])


def test_only_cuda_has_graphs() -> None:
    assert [cuda_graph.has_cuda_graphs(torch.device(name)) for name in ("cpu", "mps", "cuda")] == [
        False,
        False,
        True,
    ]
