"""Restorations at the photo's own size: `python -m benchmarks.full_size PHOTOS [--tasks …] [--limit N] [key=value]`.

Whole photos of a folder (never trained on) are aligned at their own size S, corrupted there, brought down to the
generator's resolution, restored as one batch by the task's preset and completed at S. All pictures are compared with
the original at S, on pixels that lie inside the photo. --truth-from 128,64 adds what would come of it if the restored
face had the original's own details from those sizes to --truth-to: the most that a sharper generator could bring.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from hydra.utils import instantiate
from torch import Tensor

from benchmarks.baselines import restore_classically
from benchmarks.quality import configuration, interval, markdown
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.fullsize.resampling import resized
from inversion.images import downsample_area, quantize, to_pil, to_tensor
from inversion.metrics import identity_distance, psnr, ssim
from inversion.model import Model
from inversion.observation import Observation, observe
from inversion.passes import restore
from inversion.photo import FullSize
from inversion.photos import Photos
from inversion.pictures.panels import panel
from inversion.restoration import Problem, Restoration
from inversion.runtime.heap import keep_heap
from sweeps.execute.networks import networks

FILLED_AT = 128  # px
TASKS = ("blur", "grayscale", "inpaint", "compose")


@dataclass(frozen=True)
class Case:
    """One photo of one task at its own size, and its restoration."""

    restoration: Restoration
    full: FullSize
    operator: Degradation  # at S
    original: Tensor  # [1, 3, S, S]
    observed: Tensor  # [1, 3, S, S]
    unfitted: Tensor  # [1, 3, S, S], the face before feature maps were fitted to the photo, enlarged

    @classmethod
    def of(cls, restoration: Restoration, model: Model) -> Case:
        full, observation = restoration.problem.photo.full, observe(restoration.problem, model)
        assert full is not None and isinstance(observation, Observation) and observation.full is not None
        original = to_tensor(full.image)[None]
        ws, noises = restoration.ws[None], [noise[None] for noise in restoration.noises]
        with torch.no_grad():
            drawn = model.generator.synthesis(ws.to(model.w_avg), [noise.to(model.w_avg) for noise in noises])
        unfitted = resized(drawn.cpu(), original.shape[-1]).clamp(-1, 1)
        operator, observed = observation.full.operator, observation.full.image.cpu()
        return cls(restoration, full, operator, original, observed, unfitted)


def classic(case: Case) -> tuple[str, Tensor] | None:
    """Its name and its picture at S; a smooth filling is found on a small copy, or it takes minutes."""
    side = case.observed.shape[-1]
    if not isinstance(case.operator, Inpaint) or side <= FILLED_AT:
        return restore_classically(case.operator, case.observed, case.original)
    small, seen = case.operator.brought_down(case.observed, FILLED_AT)
    classical = restore_classically(small, seen)
    assert classical is not None and case.operator.known is not None
    filled = torch.where(case.operator.known > 0, case.observed, resized(classical[1], side))
    return classical[0], filled


def with_truth(case: Case, first: int, last: int) -> Tensor:
    """The result if the restored face had the original's details that `last` pixels a side can show and `first` cannot.

    [1, 3, S, S]. Known by nobody, so a bound: at (128, 256) of what any generator of 256 px could bring in the place of
    one of 128 px.
    """
    side = case.original.shape[-1]
    face = sharpened(resized(case.restoration.restored[None], side), case.original, first, last)
    return case.operator.detailed(face.clamp(-1, 1), case.observed, max(1.0, side / last), case.unfitted)


def sharpened(face: Tensor, original: Tensor, first: int, last: int) -> Tensor:
    """A face with another picture's details between those two sizes, and none finer: [1, 3, S, S] twice -> same."""
    return up_to(face, first) + up_to(original, last) - up_to(original, first)


def up_to(image: Tensor, side: int) -> Tensor:
    """What `side` pixels can show of a picture, at its size: [B, 3, S, S] -> same."""
    return image if side >= image.shape[-1] else resized(downsample_area(image, side), image.shape[-1])


def pictures(case: Case, truth_from: Sequence[int] = (), truth_to: int = 256) -> dict[str, Tensor]:
    """What is compared, [1, 3, S, S] each."""
    assert case.restoration.full is not None
    shown = {"degraded photo": case.observed}
    classical = classic(case)
    if classical is not None:
        shown[f"{classical[0]} at full size"] = quantize(classical[1])
    enlarged = resized(case.restoration.consistent[None], case.original.shape[-1])
    shown["R-sized result, enlarged"] = quantize(enlarged)
    shown["ours at full size"] = quantize(case.restoration.full[None])
    for first in truth_from:
        shown[f"with the truth from {first} to {truth_to} px"] = quantize(with_truth(case, first, truth_to))
    return shown


def measure(case: Case, shown: dict[str, Tensor]) -> pd.DataFrame:
    """A row per picture, over the pixels that lie inside the photo."""
    inside = case.restoration.problem.photo.inside(case.original.shape[-1])
    counts = None if inside is None else inside[None]
    known = getattr(case.operator, "known", None)
    hole = None if known is None else (known == 0).expand_as(case.original)
    lines = []
    for name, image in shown.items():
        seen = image if counts is None else torch.where(counts > 0, image, case.original)
        line = {
            "picture": name,
            "photo": case.restoration.problem.photo.file,
            "psnr": psnr(seen, case.original, counts).item(),
            "ssim": ssim(seen, case.original, counts).item(),
            "identity": identity_distance(seen, case.original).item(),
        }
        if hole is not None:
            error, scale = (image - case.original).square() / 4, 10
            line["inside"] = -scale * error[hole].mean().log10().item()
            line["outside"] = -scale * error[~hole].mean().log10().item()
        lines.append(line)
    return pd.DataFrame(lines)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per task and picture: medians over photos with 95 % bootstrap intervals."""
    lines = []
    for (task, picture), group in rows.groupby(["task", "picture"], sort=False):
        line = {
            "task": task,
            "picture": picture,
            "PSNR": interval(group["psnr"], 2),
            "SSIM": interval(group["ssim"], 3),
            "identity distance": interval(group["identity"], 3),
        }
        for place in ("inside", "outside"):
            known = group[place].dropna() if place in group else group["psnr"][:0]
            line[f"PSNR {place} the hole"] = "inf" if (known == math.inf).any() else interval(known, 2)
        lines.append(line)
    return pd.DataFrame(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of whole photos")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names of conf/degradation, with commas")
    parser.add_argument("--limit", type=int, help="only as many photos, evenly chosen")
    parser.add_argument("--max-size", type=int, default=1024, help="pixels a side at full size, at most")
    parser.add_argument("--sheets", type=Path, help="folder for pictures")
    parser.add_argument("--truth-from", default="", help="px, with commas: see above")
    parser.add_argument("--truth-to", type=int, default=256, help="px")
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    keep_heap()
    parts, truth_from = [], [int(side) for side in chosen.truth_from.split(",") if side]
    for task in chosen.tasks.split(","):
        config = configuration(task, chosen.overrides)
        model, loss = networks(config)
        photos = Photos(str(chosen.photos), max_size=chosen.max_size).load(model.generator).photos
        photos = [photo for photo in photos if photo.full is not None]
        photos = photos[:: math.ceil(len(photos) / (chosen.limit or len(photos)))]
        degradation = instantiate(config.degradation)
        problems = [
            Problem(photo, degradation, config.hyperparameters, seed=config.seed + i)
            for i, photo in enumerate(photos)
        ]
        began = time.process_time()
        found = restore(model, loss, problems)
        print(f"{task}: {time.process_time() - began:.0f} CPU s for {len(found)} photos", flush=True)
        for restoration in found:
            if not isinstance(restoration, Restoration):
                raise SystemExit(restoration.reason)
            case = Case.of(restoration, model)
            shown = pictures(case, truth_from, chosen.truth_to)
            parts.append(measure(case, shown).assign(task=task))
            if chosen.sheets is not None:
                chosen.sheets.mkdir(parents=True, exist_ok=True)
                named = [("original", case.original), *shown.items()]
                sheet = panel([(name, to_pil(image[0])) for name, image in named])
                sheet.save(chosen.sheets / f"{task}_{restoration.problem.photo.name}.png")
    table = summary(pd.concat(parts))
    print(f"\n{len(photos)} photos; medians with 95 % bootstrap intervals\n\n{markdown(table)}")


if __name__ == "__main__":
    main()
