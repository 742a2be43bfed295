"""What does `coarse_until` cost in final loss? `python -m benchmarks.coarse_to_fine [--net embedded] [--steps 150]`.

LPIPS (VGG16 with random weights) looks at a quarter of the net's side, as it does at 256 px of a 1024 px net. Every
search is hyperparameters=reference of the same photos, the net's own faces; losses are of the last latents, drawn
whole.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import torch

from benchmarks.bench import table
from benchmarks.random_networks import CHANNEL_BASE, random_lpips
from benchmarks.same_search import EMBEDDED, checkpoint_of, reference
from inversion.degradations.none import NoDegradation
from inversion.images import quantize
from inversion.losses.lpips import LPIPS
from inversion.model import Model, build
from inversion.photos import Synthetic
from inversion.runtime.device import choose_device
from inversion.search.objective import Objective
from inversion.search.optimize import optimize

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Ends:
    """Of searches that share a pass."""

    losses: list[float]  # LPIPS of each problem
    seconds: float


@dataclass(frozen=True)
class QuarterLPIPS(LPIPS):
    """LPIPS at a side of one's choice."""

    resolution: int = 256  # a constant of its parent


def search(model: Model, loss: LPIPS, coarse_until: float, steps: int, photos: int) -> Ends:
    device = model.w_avg.device
    faces = [Synthetic(seed=seed + 1).load(model.generator).photos[0].image for seed in range(photos)]
    target = quantize(torch.stack(faces).to(device))
    settings = [replace(reference(steps), coarse_until=coarse_until)] * photos
    objective = Objective(loss, NoDegradation(), target, settings, model.prior("distance"))
    began = time.perf_counter()
    found = optimize(
        model.synthesis, objective, settings, list(range(photos)), model.w_avg, model.w_std, lambda step: None
    )
    seconds = time.perf_counter() - began
    with torch.no_grad():
        images = model.synthesis(found.ws, found.noises)
        return Ends(objective.image_terms(images)["lpips"].tolist(), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", default=EMBEDDED, choices=[EMBEDDED, *map(str, CHANNEL_BASE)])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--photos", type=int, default=3)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, auto")
    chosen = parser.parse_args()
    device = choose_device(chosen.device)
    model = build(checkpoint_of(chosen.net), device, "auto")
    side = model.generator.architecture.img_resolution
    drawn = random_lpips(device, model.dtype)
    loss = QuarterLPIPS(vgg=drawn.vgg, heads=drawn.heads, resolution=side // 4)
    rows, whole = [], None
    for fraction in chosen.fractions:
        ends = search(model, loss, fraction, chosen.steps, chosen.photos)
        whole = whole or ends
        ratios = [a / b for a, b in zip(ends.losses, whole.losses, strict=True)]
        mean = sum(ends.losses) / len(ends.losses)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        rows.append([f"{fraction:g}", f"{mean:.4f}", spread, f"{ends.seconds:.1f}"])
        print(rows[-1], flush=True)
    table([f"coarse_until, {chosen.net}, {chosen.steps} steps", "LPIPS at the end", "ratio to 0", "s"], rows)


if __name__ == "__main__":
    main()
