"""A search with its losses, speed, memory and arithmetic: what benchmarks/gpu_check.py compares."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from inversion.degradations.degradation import Degradation
from inversion.degradations.none import NoDegradation
from inversion.images import quantize
from inversion.model import Model
from inversion.photos import Synthetic
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, PerceptualLoss
from inversion.search.optimize import Result, Step, optimize

WARM_UP = 2  # steps before the clock starts: capture of the graph, choice of convolutions


@dataclass(frozen=True)
class Timed:
    losses: list[float]  # of the first problem, per step; the sum of its terms
    seconds: float  # a step, after WARM_UP
    whole_seconds: float
    bytes: int  # peak on a GPU, 0 elsewhere
    result: Result


def timed_search(
    model: Model,
    loss: PerceptualLoss,
    settings: Hyperparameters,
    problems: int = 1,
    target: Tensor | None = None,  # [1, 3, R, R] in [-1, 1], as observed; None = a face of the net's own
    operator: Degradation | None = None,  # bound to it; None = nothing is degraded
) -> Timed:
    """Search for so many copies of one photo, each with random numbers of its own but the first's seed, 0."""
    device = model.w_avg.device
    if target is None:
        target = quantize(Synthetic(seed=1).load(model.generator).photos[0].image[None].to(device))
    photos = target.expand(problems, -1, -1, -1).contiguous()
    every = [settings] * problems
    objective = Objective(loss, operator or NoDegradation(), photos, every, model.prior(settings.prior))
    totals: list[Tensor] = []
    marks: list[float] = []

    def watch(step: Step) -> None:
        if 0 in step.problems:
            totals.append(torch.stack(list(step.terms.values()))[:, 0].sum())
        if step.number + 1 == WARM_UP:
            marks.append(now(device))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began = now(device)
    seeds = list(range(problems))
    result = optimize(model.synthesis, objective, every, seeds, model.w_avg, model.w_std, watch)
    ended = now(device)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    seconds = (ended - marks[0]) / (settings.steps - WARM_UP) if settings.steps > WARM_UP else ended - began
    return Timed(torch.stack(totals).tolist(), seconds, ended - began, peak, result)


@contextmanager
def eager() -> Iterator[None]:
    """Kernels are launched from Python, one by one, where otherwise a CUDA graph would launch them."""
    with mock.patch.object(torch.cuda, "make_graphed_callables", lambda work, sample: work):
        yield


def now(device: torch.device) -> float:
    """Seconds, when everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def step_flop(model: Model, loss: PerceptualLoss) -> float:
    """Floating-point operations of convolutions and matrix products in one problem's step, forward and backward."""
    a, device = model.generator.architecture, model.w_avg.device
    ws = model.w_avg.expand(1, a.num_ws, -1).clone().requires_grad_()
    noises = [torch.randn(1, 1, side, side, device=device).requires_grad_() for side in a.noise_resolutions]
    with torch.no_grad():
        goal = loss.features(NoDegradation().target(model.synthesis(ws, noises), loss.resolution))
    with FlopCounterMode(display=False) as counter:
        images = NoDegradation().prediction(model.synthesis(ws, noises), loss.resolution)
        torch.autograd.grad(loss(loss.features(images), goal).sum() + images.sum(), [ws, *noises])
    return float(counter.get_total_flops())


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product."""
    side, best = (8192 if device.type == "cuda" else 512), 0.0
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    for _ in range(6):
        began = now(device)
        a @ b
        best = max(best, 2 * side**3 / (now(device) - began))
    return best
