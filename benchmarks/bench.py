"""What is measured with: settings of the same search that run in turn, and tables of their medians."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build
from inversion.runtime.heap import keep_heap
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import optimize


@dataclass(frozen=True)
class Setting:
    """One way to run the same search."""

    name: str
    model: Model
    loss: PerceptualLoss
    synthesis: Any  # PreparedSynthesis, or SynthesisNetwork for the reference
    keep: bool = True  # the heap
    coarse: bool = False  # images no larger than the loss looks at them


@dataclass(frozen=True)
class Bench:
    """What one invocation measures with."""

    device: torch.device
    cfg: DictConfig
    rounds: int
    steps: int  # per setting and round

    def hyperparameters(self, steps: int) -> Hyperparameters:
        return replace(Hyperparameters.of(self.cfg), steps=steps)

    def clock(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def race(self, runs: Mapping[str, Callable[[], Iterable[float]]]) -> dict[str, float]:
        """Let everyone run in turn; median seconds by name. The first round is a warm-up."""
        times: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(self.rounds + 1):
            for name, run in runs.items():
                seconds = run()
                if number:
                    times[name] += seconds
        return {name: statistics.median(seconds) for name, seconds in times.items()}

    def search(self, setting: Setting, problems: int, target: Tensor) -> Callable[[], list[float]]:
        """A function that runs a few steps of a search and returns the seconds of each but the first."""
        model = setting.model
        settings = [replace(self.hyperparameters(self.steps), coarse_until=float(setting.coarse))] * problems
        photos = target.expand(problems, -1, -1, -1).contiguous()
        operator = instantiate(self.cfg.degradation).bind(photos, False)
        observed = operator(photos)

        def run() -> list[float]:
            times: list[float] = []
            keep_heap(setting.keep)
            prior = model.prior(settings[0].prior)
            objective = Objective(setting.loss, operator, observed, settings, prior)
            seeds = list(range(problems))
            optimize(
                setting.synthesis,
                objective,
                settings,
                seeds,
                model.w_avg,
                model.w_std,
                lambda step: times.append(self.clock()),
            )
            return [after - before for before, after in zip(times, times[1:], strict=False)]

        return run


def settings_of(checkpoint: Checkpoint, bench: Bench, bind: Callable[[Model], Any]) -> list[Setting]:
    """Reference, fp32 and what precision=auto chooses where that is another one."""
    exact, auto = (build(checkpoint, bench.device, precision) for precision in ("fp32", "auto"))
    reference = Setting("reference", exact, bind(exact), exact.generator.synthesis, keep=False)
    found = [reference, Setting("fp32", exact, bind(exact), exact.synthesis)]
    if auto.dtype != torch.float32:
        name = str(auto.dtype).removeprefix("torch.")
        found.append(Setting(f"auto ({name})", auto, bind(auto), auto.synthesis))
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print("\n| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def milliseconds(seconds: float) -> str:
    if math.isinf(seconds):
        return "does not fit"
    return f"{1e3 * seconds:.1f}" if seconds < 1 else f"{1e3 * seconds:,.0f}"
