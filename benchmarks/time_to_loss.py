"""How soon is a photo fitted as well as NVIDIA's projector does: `python -m benchmarks.time_to_loss CLONE [--nets …]`.

Their loop takes 1000 steps in W; ours is the default of `run.py` (`hyperparameters=invert`), with ever more steps until
its last picture is as close to the photo under the same loss, LPIPS on one random VGG16. Wall time of both, on the
embedded generator and a real photo, or on random nets of the published sizes and a picture of their own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from benchmarks.bench import milliseconds, table
from benchmarks.nvidia_projector import nvidia_loop
from benchmarks.random_networks import CHANNEL_BASE, random_checkpoint, random_lpips
from conf.schema import register
from inversion.degradations.none import NoDegradation
from inversion.losses.lpips import LPIPS
from inversion.model import Model, build
from inversion.photos import Photos, Synthetic
from inversion.runtime.device import choose_device
from inversion.runtime.heap import keep_heap
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import optimize

PROJECT = Path(__file__).resolve().parents[1]
THEIR_STEPS = 1000
OUR_STEPS = (25, 50, 75, 100, 150, 200, 300, 400, 600, 1000)
EMBEDDED = "embedded"


@dataclass(frozen=True)
class Fit:
    """What a search took and how well it ended."""

    seconds: float
    loss: float  # LPIPS of its last picture, in fp32


def distance(model: Model, ws: Tensor, noises: list[Tensor], target: Tensor) -> float:
    """LPIPS on the random VGG16, everything in fp32."""
    loss = random_lpips(target.device, torch.float32)
    with torch.no_grad():
        image = model.generator.synthesis(ws, noises)
        side = loss.resolution
        seen = [NoDegradation().prediction(picture, side) for picture in (image, target)]
        return loss(*(loss.features(picture) for picture in seen)).item()


def ours(model: Model, loss: LPIPS, settings: Hyperparameters, target: Tensor) -> Fit:
    """A whole search of target, [1, 3, R, R] in [-1, 1]."""
    keep_heap()
    began = time.perf_counter()
    objective = Objective(loss, NoDegradation(), target, [settings], model.prior(settings.prior))
    found = optimize(model.synthesis, objective, [settings], [0], model.w_avg, model.w_std, lambda step: None)
    seconds = time.perf_counter() - began
    return Fit(seconds, distance(model, found.ws, found.noises, target))


def theirs(clone: Path, model: Model, loss: LPIPS, target: Tensor, steps: int) -> Fit:
    """Their loop, its time per step taken for all THEIR_STEPS."""
    keep_heap(False)
    run = nvidia_loop(clone, model.generator, loss.features, target[0])(steps)
    return Fit(statistics.mean(run.seconds) * THEIR_STEPS, run.loss)


def compare(clone: Path, net: str, steps: int, device: torch.device) -> list[str]:
    """A row of the table."""
    register()
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        invert, reference = (
            compose("config", [f"hyperparameters={name}", f"steps={THEIR_STEPS}"])
            for name in ("invert", "reference")
        )
    checkpoint = instantiate(invert.generator) if net == EMBEDDED else random_checkpoint(int(net))
    exact, auto = (build(checkpoint, device, precision) for precision in ("fp32", "auto"))
    inputs = Photos() if net == EMBEDDED else Synthetic()
    target = inputs.load(exact.generator).photos[0].image[None].to(device)
    fast = random_lpips(device, auto.dtype)
    their = theirs(clone, exact, random_lpips(device, torch.float32), target, steps)
    if steps < THEIR_STEPS:
        their = replace(their, loss=ours(auto, fast, Hyperparameters.of(reference), target).loss)
    for count in OUR_STEPS:
        our = ours(auto, fast, replace(Hyperparameters.of(invert), steps=count), target)
        print(
            f"{net}: {count} steps, {our.seconds:.1f} s, {our.loss:.4f} (theirs {their.loss:.4f})", flush=True
        )
        if our.loss <= their.loss:
            break
    size = checkpoint.architecture.img_resolution
    return [
        f"{size} px, {'embedded' if net == EMBEDDED else 'random'}",
        f"{their.seconds:,.0f}",
        f"{their.loss:.4f}",
        str(count),
        f"{our.seconds:,.1f}",
        f"{our.loss:.4f}",
        f"{their.seconds / our.seconds:.1f}",
        milliseconds(our.seconds / count),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clone", type=Path, help="of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--nets", nargs="+", default=[EMBEDDED], choices=[EMBEDDED, *map(str, CHANNEL_BASE)])
    parser.add_argument(
        "--their-steps",
        type=int,
        default=THEIR_STEPS,
        help="with fewer, their time is extrapolated and their loss that of hyperparameters=reference",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, auto")
    chosen = parser.parse_args()
    device = choose_device(chosen.device)
    rows = [compare(chosen.clone, net, chosen.their_steps, device) for net in chosen.nets]
    head = ["net", "NVIDIA's 1000 steps, s", "LPIPS", "our steps", "s", "LPIPS", "times faster", "ms a step"]
    table(head, rows)


if __name__ == "__main__":
    main()
