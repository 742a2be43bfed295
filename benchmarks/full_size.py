"""Restorations at the photo's own size: `python -m benchmarks.full_size PHOTOS [--tasks …] [--limit N] [key=value]`.

Whole photos of a folder (never trained on) are aligned at their own size S, corrupted there, brought down to the
generator's resolution, restored as one batch by the task's preset and completed at S. All pictures are compared with
the original at S, on pixels that lie inside the photo. What a search has restored lies in outputs/full_size and is not
searched again: clear it when the search changes.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor

from benchmarks.baselines import restore_classically
from benchmarks.quality import composed, interval, markdown
from conf.schema import register
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.faces.align import Transform, align, full_side
from inversion.faces.landmarks import choose_face, find_faces
from inversion.fullsize.resampling import resized
from inversion.images import list_photos, quantize, read_photo, to_pil, to_tensor
from inversion.metrics.face_identity import identity_distance
from inversion.metrics.psnr import psnr
from inversion.metrics.ssim import ssim
from inversion.pictures.panels import panel
from inversion.runtime.heap import keep_heap
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import optimize
from inversion.search.stacked import Stacked
from sweeps.execute.networks import networks
from sweeps.plan.fingerprint import fingerprint

PROJECT = Path(__file__).resolve().parents[1]
FILLED_AT = 128  # px
TASKS = ("blur", "grayscale", "inpaint", "compose")


@dataclass(frozen=True)
class Case:
    """One photo of one task."""

    name: str
    photo: Image.Image  # whole
    transform: Transform
    original: Tensor  # [1, 3, S, S], without faded borders
    operator: Degradation  # at S
    observed: Tensor  # [1, 3, S, S]
    small: Degradation  # at R
    seen: Tensor  # [1, 3, R, R]


def prepare(path: Path, degradation: Degradation, resolution: int, max_size: int, seed: int) -> Case:
    """Align, corrupt at full size and bring down."""
    photo = read_photo(path)
    points = choose_face(find_faces(photo))
    aligned = align(photo, points, resolution)
    large = align(photo, points, full_side(aligned.transform.side, resolution, max_size), fade=False)
    original = to_tensor(large.image)[None]
    side = original.shape[-1]
    at_r = degradation.bind(to_tensor(aligned.image)[None], False)
    operator = at_r.full_size(original, side / resolution, False)
    observed = quantize(operator.observe(original, torch.Generator().manual_seed(seed)))
    small, seen = operator.brought_down(observed, resolution)
    return Case(path.name, photo, large.transform, original, operator, observed, small, seen)


def search(cfg: Any, cases: list[Case]) -> Tensor:
    """Restore all as one batch at the generator's resolution: [B, 3, R, R], clamped."""
    model, loss = networks(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    settings = [Hyperparameters.of(cfg)] * len(cases)
    device = model.w_avg.device
    operator = Stacked(tuple(case.small for case in cases))
    observed = torch.cat([case.seen for case in cases]).to(device)
    objective = Objective(loss, operator, observed, settings, model.prior(settings[0].prior))
    seeds = [cfg.seed + i for i in range(len(cases))]
    result = optimize(
        model.synthesis, objective, settings, seeds, model.w_avg, model.w_std, lambda step: None
    )
    with torch.no_grad():
        return model.generator.synthesis(result.ws, result.noises).clamp(-1, 1).cpu()


def classic(case: Case) -> tuple[str, Tensor] | None:
    """Its name and its picture at S; a smooth filling is found on a small copy, or it takes minutes."""
    side = case.observed.shape[-1]
    if not isinstance(case.operator, Inpaint) or side <= FILLED_AT:
        return restore_classically(case.operator, case.observed)
    small, seen = case.operator.brought_down(case.observed, FILLED_AT)
    classical = restore_classically(small, seen)
    assert classical is not None and case.operator.known is not None
    filled = torch.where(case.operator.known > 0, case.observed, resized(classical[1], side))
    return classical[0], filled


def pictures(case: Case, restored: Tensor) -> dict[str, Tensor]:
    """What is compared, [1, 3, S, S] each; restored: [1, 3, R, R]."""
    side = case.original.shape[-1]
    shown = {"degraded photo": case.observed}
    classical = classic(case)
    if classical is not None:
        shown[f"{classical[0]} at full size"] = quantize(classical[1])
    agreeing = case.small.consistent(restored, case.seen)
    shown["R-sized result, enlarged"] = quantize(resized(agreeing, side))
    shown["ours at full size"] = quantize(case.operator.complete(restored, case.observed))
    return shown


def measure(case: Case, shown: dict[str, Tensor]) -> pd.DataFrame:
    """A row per picture, over the pixels that lie inside the photo: what alignment invented counts as equal."""
    inside = torch.from_numpy(case.transform.inside(case.original.shape[-1]))
    share = inside.float().mean().item()
    known = getattr(case.operator, "known", None)
    hole = None if known is None else (known == 0).expand_as(case.original)
    lines = []
    for name, image in shown.items():
        seen, true = (torch.where(inside, x, 0) for x in (image, case.original))
        line = {
            "picture": name,
            "photo": case.name,
            "psnr": psnr(seen, true).item() + 10 * math.log10(share),
            "ssim": (ssim(seen, true).item() - (1 - share)) / share,
            "identity": identity_distance(image, case.original).item(),
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
    parser.add_argument("--keep", type=Path, default=PROJECT / "outputs" / "full_size", help="of searches")
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    register()
    keep_heap()
    paths = list_photos(chosen.photos)
    paths = paths[:: math.ceil(len(paths) / (chosen.limit or len(paths)))]
    parts = []
    for task in chosen.tasks.split(","):
        cfg = composed(task, chosen.overrides)
        settings: Any = OmegaConf.to_container(cfg, resolve=True)
        model, _ = networks(settings)
        resolution = model.generator.architecture.img_resolution
        degradation = instantiate(settings["degradation"])
        cases = [prepare(path, degradation, resolution, chosen.max_size, i) for i, path in enumerate(paths)]
        seen = torch.cat([case.seen for case in cases])
        digest = hashlib.sha256(seen.numpy().tobytes()).hexdigest()
        place = chosen.keep / f"{fingerprint(settings, digest, model.sha256)}.pt"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            began = time.process_time()
            torch.save(search(cfg, cases), place)
            print(f"{task}: {time.process_time() - began:.0f} CPU s for {len(cases)} searches", flush=True)
        restored = torch.load(place, weights_only=True)
        for case, face in zip(cases, restored, strict=True):
            began = time.process_time()
            shown = pictures(case, face[None])
            parts.append(measure(case, shown).assign(task=task))
            if chosen.sheets is not None:
                chosen.sheets.mkdir(parents=True, exist_ok=True)
                named = [("original", case.original), *shown.items()]
                sheet = panel([(name, to_pil(image[0])) for name, image in named])
                sheet.save(chosen.sheets / f"{task}_{Path(case.name).stem}.png")
    table = summary(pd.concat(parts))
    print(f"\n{len(paths)} photos; medians with 95 % bootstrap intervals\n\n{markdown(table)}")


if __name__ == "__main__":
    main()
