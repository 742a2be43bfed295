"""What does unmarked damage do to a face? `python -m benchmarks.unmarked FACES [--limit 6] [--robust 0,5]`.

Aligned faces of a folder are blurred by 5 pixels of the generator, made grey, noisy by 1.5 % of white, and get strokes
and spots, black or white, of which the search is not told. Prints, for each loss.robust, how near the drawn faces come
to the faces before: with the damage, and without it (what being robust costs where there is none), and for comparison
with the damage marked; and, where it is robust, with what the search cannot explain filled in.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.damaged import PAPER
from benchmarks.quality import read_aligned
from inversion.damage.damage import find_damage
from inversion.degradations.auto import NONE, Auto
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.scratches import Scratches
from inversion.degradations.sensor_noise import SensorNoise
from inversion.images import quantize, to_pil
from inversion.metrics import identity_distance, psnr
from inversion.model import Model
from inversion.passes import restore
from inversion.photo import Photo
from inversion.presets import composed
from inversion.restoration import Problem, Restoration
from inversion.runtime.heap import keep_heap
from sweeps.execute.networks import networks
from sweeps.plan.config import Config

STROKES, WIDTH = (3, 6), (0.008, 0.02)  # of the side
SPOTS, RADIUS = (5, 14), (0.005, 0.024)  # of the side


def hidden(face: Tensor, seed: int) -> tuple[Tensor, float]:
    """Strokes and spots, [1, R, R], 1 = known, and their colour. face: [3, R, R]."""
    rng, side = np.random.default_rng(seed), face.shape[-1]
    strokes, width = int(rng.integers(*STROKES, endpoint=True)), float(rng.uniform(*WIDTH))
    known = Scratches(strokes, width, seed).bind(face[None], False).known
    assert known is not None
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    for _ in range(int(rng.integers(*SPOTS, endpoint=True))):
        y, x = rng.uniform(0, side, 2)
        known[0, 0][(rows - y) ** 2 + (columns - x) ** 2 < (rng.uniform(*RADIUS) * side) ** 2] = 0
    return known[0], PAPER if rng.random() < 0.5 else -PAPER


def drawn(
    config: Config,
    model: Model,
    faces: Tensor,
    masks: Tensor | None,
    robust: float,
    unexplained: bool = False,
) -> Tensor:
    """The faces that the search draws: [B, 3, R, R] in, and out."""
    _, loss = networks(config)
    told = Auto(blur=5, grayscale=True, noise=NONE, jpeg=NONE, enlarged=NONE, unexplained=unexplained)
    problems = [
        Problem(
            Photo(
                str(i),
                face,
                "",
                mask=None if masks is None else masks[i],
                damage=find_damage(np.array(to_pil(face))),
            ),
            told,
            config.hyperparameters,
            degraded=True,
            seed=i,
        )
        for i, face in enumerate(faces)
    ]
    found = restore(model, replace(loss, robust=robust), problems)
    restorations = [one for one in found if isinstance(one, Restoration)]
    if len(restorations) < len(found):
        raise SystemExit("\n".join(one.reason for one in found if one.reason))
    return torch.stack([one.restored.clamp(-1, 1) for one in restorations])


def report(name: str, faces: Tensor, images: Tensor, known: Tensor) -> None:
    """Means over the faces; of what is hidden, in the mean of its pixels."""
    error = (images - faces).square().mean(dim=1, keepdim=True) * (1 - known)
    below = 10 * torch.log10(4 * (1 - known).sum(dim=(1, 2, 3)) / error.sum(dim=(1, 2, 3)))
    grey = psnr(Grayscale()(images), Grayscale()(faces))
    identity = np.nanmean(identity_distance(images, faces).numpy())
    values = f"{grey.mean():.2f} | {below.mean():.2f} | {identity:.3f}"
    print(f"| {name} | {values} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path, help="folder of aligned photos")
    parser.add_argument("--limit", type=int, default=6, help="only the first photos")
    parser.add_argument("--robust", default="0,5", help="values of loss.robust, with commas")
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    keep_heap()
    config = Config.of(composed("degradation=auto", "degraded=true", *chosen.overrides))
    model, _ = networks(config)
    faces = read_aligned(chosen.faces, model.generator.architecture.img_resolution, chosen.limit)
    soft = Compose((GaussianBlur(5), Grayscale(), SensorNoise(0.015))).bind(faces, False)
    streams = [torch.Generator().manual_seed(i) for i in range(len(faces))]
    clean = torch.cat([soft.observe(face[None], rng) for face, rng in zip(faces, streams, strict=True)])
    parts = [hidden(face, i) for i, face in enumerate(faces)]
    known = torch.stack([mask for mask, _ in parts]).to(faces)
    levels = torch.tensor([level for _, level in parts])[:, None, None, None]
    spoilt, clean = quantize(torch.where(known > 0, clean, levels)), quantize(clean)
    print(
        "| search | PSNR in grey, dB | of what is hidden, dB | identity distance |\n| --- | --- | --- | --- |"
    )
    report("damage marked", faces, drawn(config, model, spoilt, known, 0), known)
    for robust in map(float, chosen.robust.split(",")):
        for unexplained in (False, True) if robust else (False,):
            name = f"loss.robust={robust:g}" + ", the unexplained filled in" * unexplained
            for what, photos in (("not marked", spoilt), ("no damage", clean)):
                found = drawn(config, model, photos, None, robust, unexplained)
                report(f"{what}, {name}", faces, found, known)


if __name__ == "__main__":
    main()
