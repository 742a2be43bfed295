"""How good are restorations: `python -m benchmarks.quality PHOTOS [--tasks none,blur] [key=value …]`.

All photos of a folder (aligned already, never trained on) are degraded, restored as one batch with the presets, and
compared with the originals, beside the degraded picture itself and a classical method. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from benchmarks.baselines import restore_classically
from conf.schema import register
from inversion.degradations.degradation import Degradation
from inversion.heap import keep_heap
from inversion.hyperparameters import Hyperparameters
from inversion.images import list_photos, quantize, read_photo, resize_to_square, to_pil, to_tensor
from inversion.metrics.face_identity import identity_distance
from inversion.metrics.psnr import psnr
from inversion.metrics.ssim import ssim
from inversion.objective import Objective
from inversion.optimize import optimize
from inversion.record.panels import panel
from sweeps.prepared import networks

PROJECT = Path(__file__).resolve().parents[1]
TASKS = ("none", "blur", "grayscale", "inpaint")
SAME_PERSON = 0.6  # dlib's threshold
HEAD = "| task | method | PSNR | SSIM | identity distance | same person | no face | s per photo |"


def row(task: str, method: str, images: Tensor, originals: Tensor, seconds: float) -> str:
    """Medians over the photos; a restoration without a face counts as another person."""
    distances = identity_distance(images, originals)
    faceless = distances.isnan()
    known = distances[~faceless]
    identity = f"{known.median():.3f}" if len(known) else "–"
    figures = [
        f"{psnr(images, originals).median():.2f}",
        f"{ssim(images, originals).median():.3f}",
        identity,
        f"{(distances < SAME_PERSON).float().mean():.0%}",
        f"{faceless.float().mean():.0%}",
        f"{seconds:.1f}" if seconds else "",
    ]
    return "| " + " | ".join([task, method, *figures]) + " |"


def composed(task: str, overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        return compose("config", [f"degradation={task}", *overrides])


def restore(cfg: DictConfig, photos: Tensor) -> tuple[Tensor, Tensor, Degradation, float]:
    """observed, restored: [B, 3, R, R]; the operator; seconds per photo."""
    model, loss = networks(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    settings = [Hyperparameters.of(cfg)] * len(photos)
    operator = instantiate(cfg.degradation).bind(photos, False)
    seeds = [cfg.seed + i for i in range(len(photos))]
    with torch.no_grad():
        streams = [torch.Generator().manual_seed(seed) for seed in seeds]
        pictures = [operator.observe(p[None], rng) for p, rng in zip(photos, streams, strict=True)]
        observed = quantize(torch.cat(pictures))
    began = time.monotonic()
    objective = Objective(loss, operator, observed, settings, model.prior(settings[0].prior))
    result = optimize(
        model.synthesis, objective, settings, seeds, model.w_avg, model.w_std, lambda step: None
    )
    with torch.no_grad():
        restored = model.synthesis(result.ws, result.noises).clamp(-1, 1)
    return observed, restored, operator, (time.monotonic() - began) / len(photos)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of aligned photos")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names of conf/degradation, with commas")
    parser.add_argument("--limit", type=int, help="only the first photos")
    parser.add_argument("--sheets", type=Path, help="folder for one sheet of pictures per task")
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    register()
    keep_heap()
    model, _ = networks(OmegaConf.to_container(composed("none", chosen.overrides), resolve=True))  # type: ignore[arg-type]
    side = model.generator.architecture.img_resolution
    paths = list_photos(chosen.photos)[: chosen.limit]
    photos = torch.stack([to_tensor(resize_to_square(read_photo(path), side)) for path in paths])
    print(f"{len(photos)} photos, {side} px, {' '.join(chosen.overrides) or 'presets'}; medians\n\n{HEAD}")
    print("|" + " --- |" * (HEAD.count("|") - 1))
    for task in chosen.tasks.split(","):
        observed, restored, operator, seconds = restore(composed(task, chosen.overrides), photos)
        if task != "none":
            print(row(task, "degraded photo", observed, photos, 0))
        classical = restore_classically(operator, observed)
        if classical is not None:
            print(row(task, classical[0], classical[1], photos, 0))
        print(row(task, "preset", restored, photos, seconds), flush=True)
        if task != "none":
            agreeing = operator.consistent(restored, observed)
            print(row(task, "preset, made consistent", agreeing, photos, seconds), flush=True)
        if chosen.sheets:
            chosen.sheets.mkdir(parents=True, exist_ok=True)
            for i in range(min(4, len(photos))):
                names = ("original", "degraded", "restored", "made consistent")
                agreeing = operator.consistent(restored, observed)
                pictures = [to_pil(x[i]) for x in (photos, observed, restored, agreeing)]
                panel(list(zip(names, pictures, strict=True))).save(chosen.sheets / f"{task}_{i}.png")


if __name__ == "__main__":
    main()
