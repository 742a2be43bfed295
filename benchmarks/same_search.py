"""Is `hyperparameters=reference` the search of NVIDIA's projector? Both loss curves, step by step.

    python -m benchmarks.same_search CLONE [--nets 64 256 embedded] [--steps 100] [--of 1000] [--picture FILE]

CLONE: of NVlabs/stylegan2-ada-pytorch. Their projector.py runs as it is; weights, target, feature network (VGG16 with
random weights) and random draws are the same on both sides, everything in fp32.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from benchmarks.bench import table
from benchmarks.nvidia_projector import nvidia_loop
from benchmarks.random_networks import CHANNEL_BASE, random_checkpoint, random_lpips
from conf.schema import register
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.sources import embedded
from inversion.degradations.none import NoDegradation
from inversion.images import quantize
from inversion.model import Model, build
from inversion.photos import Synthetic
from inversion.runtime.device import choose_device
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, PerceptualLoss
from inversion.search.optimize import Step, optimize
from inversion.search.seeds import RandomStreams

PROJECT = Path(__file__).resolve().parents[1]
EMBEDDED = "embedded"
SEED = 0  # of the noise maps and the jitter
NUDGE = 1e-7  # about fp32's rounding
STRENGTH = 0.1  # of the noise maps in random nets: a new net has 0, and then no gradient reaches them


@dataclass(frozen=True)
class Curve:
    """A search as its losses tell it, one value per step, before the step's update."""

    perceptual: list[float]
    noise: list[float]  # weighted

    @property
    def total(self) -> list[float]:
        return [a + b for a, b in zip(self.perceptual, self.noise, strict=True)]


@dataclass(frozen=True)
class Curves:
    ours: Curve
    theirs: Curve
    nudged: Curve  # theirs, on draws times 1 + NUDGE


class Enough(Exception):
    """As many steps as were asked for, of a longer search."""


def our_curve(
    model: Model, loss: PerceptualLoss, target: Tensor, settings: Hyperparameters, steps: int
) -> Curve:
    """The first steps of our search. target: [1, 3, R, R] in [-1, 1]."""
    terms: dict[str, list[float]] = {}

    def watch(step: Step) -> None:
        for name, values in step.terms.items():
            terms.setdefault(name, []).append(values.item())
        if step.number + 1 == steps:
            raise KeyboardInterrupt  # the loop returns what it has reached

    objective = Objective(loss, NoDegradation(), target, [settings], model.prior(settings.prior))
    optimize(model.synthesis, objective, [settings], [SEED], model.w_avg, model.w_std, watch)
    return Curve(terms[loss.name], terms["noise"])


def their_curve(
    clone: Path,
    model: Model,
    loss: PerceptualLoss,
    target: Tensor,
    settings: Hyperparameters,
    steps: int,
    nudge: float = 0.0,
) -> Curve:
    """The same steps of theirs. nudge: relative change of every draw, to see what rounding alone comes to."""
    perceptual: list[float] = []
    total: list[float] = []
    goal: list[Tensor] = []

    def features(images: Tensor) -> list[Tensor]:
        maps = loss.features(images)
        if not goal:
            goal.extend(maps)
        else:
            perceptual.append(loss(maps, goal).item())
        return maps

    backward = Tensor.backward

    def seen(tensor: Tensor) -> None:
        total.append(tensor.item())
        backward(tensor)
        if len(total) == steps:
            raise Enough

    run = nvidia_loop(clone, model.generator, features, target[0], w_avg_samples=10_000)
    draws = our_draws(model.generator.architecture.num_ws, target.device, 1 + nudge)
    with mock.patch.object(torch, "randn_like", draws), mock.patch.object(Tensor, "backward", seen):
        try:
            run(settings.steps)
        except Enough:
            pass
    return Curve(perceptual, [a - b for a, b in zip(total, perceptual, strict=True)])


def our_draws(num_ws: int, device: torch.device, factor: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Stands for torch.randn_like in their loop: the numbers that ours draws, in the order in which both ask.

    First every noise map [R, R], then in each step the jitter [1, 1, w_dim]; ours draws that for all layers at once.
    """
    streams = RandomStreams([SEED], device)

    def draw(like: Tensor) -> Tensor:
        if like.ndim == 2:
            return factor * streams.normal(1, *like.shape)[0, 0]
        return factor * streams.normal(num_ws, like.shape[-1])[:, :1]

    return draw


def checkpoint_of(net: str) -> Checkpoint:
    """Without its statistics, so that both sides measure them."""
    if net == EMBEDDED:
        return replace(embedded("portraits"), w_std=None)
    checkpoint = random_checkpoint(int(net))
    for name, tensor in checkpoint.generator.items():
        if name.endswith("noise_strength"):
            tensor.fill_(STRENGTH)
    return replace(checkpoint, w_std=None)


def reference(steps: int) -> Hyperparameters:
    """hyperparameters=reference, so many steps long."""
    register()
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        return Hyperparameters.of(compose("config", ["hyperparameters=reference", f"steps={steps}"]))


def compare(clone: Path, net: str, steps: int, of: int, device: torch.device) -> Curves:
    """Ours, theirs, and theirs on draws that differ by a rounding error."""
    model, loss = build(checkpoint_of(net), device), random_lpips(device, torch.float32)
    target = quantize(Synthetic(seed=1).load(model.generator).photos[0].image[None].to(device))
    settings = reference(of)
    ours = our_curve(model, loss, target, settings, steps)
    theirs, nudged = (their_curve(clone, model, loss, target, settings, steps, x) for x in (0.0, NUDGE))
    return Curves(ours, theirs, nudged)


def relative(ours: list[float], theirs: list[float]) -> list[float]:
    return [abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clone", type=Path, help="of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--nets", nargs="+", default=["64"], choices=[EMBEDDED, *map(str, CHANNEL_BASE)])
    parser.add_argument("--steps", nargs="+", type=int, default=[100], help="compared, for each net")
    parser.add_argument("--of", type=int, default=1000, help="steps of the whole search: of its schedule")
    parser.add_argument("--picture", type=Path, help="where the curves are drawn")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, auto")
    chosen = parser.parse_args()
    device = choose_device(chosen.device)
    counts = chosen.steps * (len(chosen.nets) if len(chosen.steps) == 1 else 1)
    curves: dict[str, Curves] = {}
    for net, steps in zip(chosen.nets, counts, strict=True):
        curves[net] = compare(chosen.clone, net, steps, chosen.of, device)
        show(net, curves[net])
        if chosen.picture is not None:
            draw(curves, chosen.picture)


def show(net: str, curves: Curves) -> None:
    """Both curves side by side, and the largest difference."""
    ours, theirs, nudged = curves.ours, curves.theirs, curves.nudged
    columns = [theirs.total, ours.total, relative(ours.total, theirs.total)]
    columns += [theirs.perceptual, ours.perceptual, relative(ours.perceptual, theirs.perceptual)]
    head = [f"step, {net}", "NVIDIA's loss", "ours", "difference", "NVIDIA's LPIPS", "ours", "difference"]
    shown = [i for i in range(len(ours.total)) if i < 5 or (i + 1) % 10 == 0]
    table(head, ([str(i + 1), *(f"{column[i]:.6g}" for column in columns)] for i in shown))
    rounding = max(relative(nudged.perceptual, theirs.perceptual))
    print(f"\nlargest relative difference, {net}: loss {max(columns[2]):.1e}, LPIPS {max(columns[5]):.1e}")
    print(
        f"of LPIPS between NVIDIA's loop and itself on draws times 1 + {NUDGE:g}: {rounding:.1e}", flush=True
    )


def draw(curves: dict[str, Curves], path: Path) -> None:
    """Both losses of each net, and how much they differ."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        2, len(curves), figsize=(4.5 * len(curves), 5), sharex="col", squeeze=False
    )
    for column, (net, c) in enumerate(curves.items()):
        above, below = axes[:, column]
        steps = range(1, len(c.ours.total) + 1)
        for name, alike in (("loss", "total"), ("LPIPS", "perceptual")):
            theirs, ours = getattr(c.theirs, alike), getattr(c.ours, alike)
            above.plot(steps, theirs, linewidth=4, alpha=0.35, label=f"{name}, NVIDIA's projector.py")
            above.plot(steps, ours, "k-", linewidth=0.8, label=f"{name}, hyperparameters=reference")
            below.plot(steps, relative(ours, theirs), label=name)
        below.plot(
            steps,
            relative(c.nudged.perceptual, c.theirs.perceptual),
            ":",
            label=f"LPIPS, draws x (1 + {NUDGE:g})",
        )
        above.set(yscale="log", title="embedded net" if net == EMBEDDED else f"{net} px, random weights")
        below.set(yscale="log", xlabel="step", ylabel="relative difference")
        for axis in (above, below):
            axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
