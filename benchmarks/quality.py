"""How good are restorations: `python -m benchmarks.quality PHOTOS [--tasks …] [--methods …] [--seeds 0,1] [key=value]`.

All photos of a folder (aligned already, never trained on) are degraded, restored as one batch by each method, and
compared with the originals, at the generator's resolution or, with --shown-at, enlarged to another one. Prints a
Markdown table and records it in MLflow's experiment `quality`. What was measured once lies in outputs/quality and is
not measured again, so a run that was cut off goes on: clear it when code changes.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hydra.utils import instantiate
from torch import Tensor

from benchmarks.baselines import restore_classically
from conf.schema import Tracking
from inversion.fullsize.resampling import resized
from inversion.images import list_photos, quantize, read_photo, resize_to_square, to_pil, to_tensor
from inversion.metrics import identity_distance, psnr, ssim
from inversion.passes import restore
from inversion.photo import Photo
from inversion.pictures.panels import panel
from inversion.presets import composed
from inversion.record.mlflow_store import open_client
from inversion.record.open import open_store
from inversion.restoration import Problem, Restoration
from inversion.runtime.atomic import write_file
from inversion.runtime.heap import keep_heap
from sweeps.execute.networks import networks
from sweeps.home import home
from sweeps.plan.config import Config
from sweeps.plan.fingerprint import fingerprint
from sweeps.results.noise import bootstrap_interval

PROJECT = Path(__file__).resolve().parents[1]
TASKS = ("none", "blur", "grayscale", "inpaint", "downsample", "compose")
SAME_PERSON = 0.6  # dlib's threshold
REPORTS = {  # W and noise maps, in the middle of the ranges that the two reports found good
    "none": ["reg=0.001", "steps=1000"],
    "blur": ["reg=0.35", "steps=850"],
    "grayscale": ["reg=0.45", "steps=700"],
    "inpaint": ["reg=0.1", "steps=875"],
    "downsample": ["reg=0.35", "steps=850"],
    "compose": ["reg=0.35", "steps=850"],
}
METHODS = {  # overrides beside the task's own preset
    "preset": lambda task: [],
    "reports": lambda task: ["hyperparameters=reference", "noise_weight=10", *REPORTS[task]],
    "robust": lambda task: ["hyperparameters=robust", "loss.l1=0.1"],
    # the preset but for one thing
    "one_code": lambda task: ["space=w"],
    "one_code_first": lambda task: ["space=null", "phases=[{space: w}, {space: w+}]"],
    "distance_prior": lambda task: ["prior=distance"],
    "fixed_noise": lambda task: ["optimize_noise=false"],
    "identity_term": lambda task: ["loss.identity=0.5"],
    "tuned": lambda task: ["tuning_steps=100"],
}


def configuration(task: str, overrides: Sequence[str]) -> Config:
    return Config.of(composed(f"degradation={task}", *overrides))


def read_aligned(folder: Path, side: int, limit: int | None = None) -> Tensor:
    """The photos of a folder, aligned already: [B, 3, side, side] in [-1, 1]."""
    paths = list_photos(folder)[:limit]
    return torch.stack([to_tensor(resize_to_square(read_photo(path), side)) for path in paths])


def measure(config: Config, photos: Tensor, originals: Tensor, sheet: Path | None) -> pd.DataFrame:
    """Degrade and restore photos [B, 3, R, R] as one batch; a row per photo and picture.

    originals: [B, 3, N, N], the same photos at the size at which pictures are compared.
    """
    model, loss = networks(config)
    degradation = instantiate(config.degradation)
    problems = [
        Problem(Photo(str(i), photo, ""), degradation, config.hyperparameters, seed=config.seed + i)
        for i, photo in enumerate(photos)
    ]
    began = time.process_time()
    found = restore(model, loss, problems)
    seconds = (time.process_time() - began) / len(photos)
    restorations = [result for result in found if isinstance(result, Restoration)]
    if len(restorations) < len(found) or any(r.status == "KILLED" for r in restorations):
        raise SystemExit("\n".join(result.reason for result in found if result.reason))
    shown = pictures(restorations, seconds)
    if sheet is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        for i in range(min(4, len(photos))):
            named = [("original", originals), *((name, images) for name, (images, _) in shown.items())]
            panel([(name, to_pil(images[i])) for name, images in named]).save(f"{sheet}_{i}.png")
    side = originals.shape[-1]
    return pd.concat(
        metrics(
            name, quantize(resized(images, side)) if images.shape[-1] != side else images, originals, spent
        )
        for name, (images, spent) in shown.items()
    )


def pictures(restorations: Sequence[Restoration], seconds: float) -> dict[str, tuple[Tensor, float]]:
    """Name -> pictures [B, 3, R, R] that are compared with the originals, and the CPU seconds that each took."""
    observed = torch.stack([r.observed for r in restorations])
    shown = {"degraded photo": (observed, 0.0)}
    classical = restore_classically(restorations[0].operator, observed)
    if classical is not None:
        shown[classical[0]] = classical[1], 0.0
    shown["restored"] = torch.stack([r.restored.clamp(-1, 1) for r in restorations]), seconds
    if any(r.is_corrected for r in restorations):
        shown["consistent"] = torch.stack([r.consistent for r in restorations]), seconds
    return shown


def metrics(name: str, images: Tensor, originals: Tensor, seconds: float) -> pd.DataFrame:
    """A row per photo; identity is NaN where dlib finds no face."""
    values = {"psnr": psnr, "ssim": ssim, "identity": identity_distance}
    columns = {key: metric(images, originals).tolist() for key, metric in values.items()}
    return pd.DataFrame({"picture": name, "photo": range(len(images)), **columns, "seconds": seconds})


def interval(values: pd.Series, digits: int) -> str:
    """Median, and in brackets the 95 % bootstrap interval of it: 28.37 [27.9, 28.8]; of one photo it alone."""
    known = values.dropna().to_numpy()
    if not len(known):
        return "–"
    if len(known) == 1:
        return f"{known[0]:.{digits}f}"
    low, high = bootstrap_interval(known, np.median)
    return f"{np.median(known):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per task, method and picture. A photo's seeds are no independent evidence: they count as their mean."""
    lines = []
    for (task, method, picture), group in rows.groupby(["task", "method", "picture"], sort=False):
        by_photo = group.groupby("photo")[["psnr", "ssim", "identity"]].mean()
        lines.append(
            {
                "task": task,
                "method": method,
                "picture": picture,
                "PSNR": interval(by_photo["psnr"], 2),
                "SSIM": interval(by_photo["ssim"], 3),
                "identity distance": interval(by_photo["identity"], 3),
                "same person": f"{(group['identity'] < SAME_PERSON).mean():.0%}",
                "no face": f"{group['identity'].isna().mean():.0%}",
                "CPU s per photo": f"{group['seconds'].mean():.1f}" if group["seconds"].any() else "",
            }
        )
    table = pd.DataFrame(lines)
    table.loc[~table["picture"].isin(["restored", "consistent"]), "method"] = ""
    return table.drop_duplicates(["task", "method", "picture"])


def by_source(rows: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    """A line per task, picture and source of the photos: whom a generator fails, a mean does not say."""
    rows = rows.assign(source=[sources[photo] for photo in rows["photo"]])
    shown = rows[rows["picture"].isin(["restored", "consistent"])]
    return pd.DataFrame(
        {
            "task": task,
            "picture": picture,
            "source": source,
            "photos": str(group["photo"].nunique()),
            "PSNR": interval(group["psnr"], 2),
            "identity distance": interval(group["identity"], 3),
            "same person": f"{(group['identity'] < SAME_PERSON).mean():.0%}",
        }
        for (task, picture, source), group in shown.groupby(["task", "picture", "source"], sort=False)
    )


def markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def record(tracking: Tracking, rows: pd.DataFrame, table: pd.DataFrame, about: dict[str, str]) -> None:
    """The table and every photo's metrics as an MLflow run of the experiment `quality`."""
    store = open_store(tracking.uri, "quality", tracking.artifacts, home())
    if store is not None:
        client = open_client(store.uri)
        run = client.create_run(store.experiment_id, tags={"kind": "quality", **about})
        client.log_table(run.info.run_id, table, "quality.json")
        client.log_table(run.info.run_id, rows, "photos.json")
        client.set_terminated(run.info.run_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of aligned photos")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names of conf/degradation, with commas")
    parser.add_argument("--methods", default="preset", help=f"out of {','.join(METHODS)}, with commas")
    parser.add_argument("--seeds", default="0", help="with commas")
    parser.add_argument("--limit", type=int, help="only the first photos")
    parser.add_argument(
        "--shown-at", type=int, help="pixels a side at which pictures are compared; the net's"
    )
    parser.add_argument(
        "--by-source", action="store_true", help="a table by the beginning of the photos' names"
    )
    parser.add_argument("--sheets", type=Path, help="folder for pictures of what is measured now")
    parser.add_argument(
        "--keep", type=Path, default=PROJECT / "outputs" / "quality", help="of what is measured"
    )
    parser.add_argument("overrides", nargs="*", help="settings as for run.py")
    chosen = parser.parse_intermixed_args()
    unknown = set(chosen.methods.split(",")) - METHODS.keys() | set(chosen.tasks.split(",")) - REPORTS.keys()
    if unknown:
        parser.error(f"tasks are {', '.join(TASKS)}, methods {', '.join(METHODS)}. Got {', '.join(unknown)}.")
    keep_heap()
    config = configuration("none", chosen.overrides)
    model, _ = networks(config)
    side = model.generator.architecture.img_resolution
    photos = read_aligned(chosen.photos, side, chosen.limit)
    shown_at = chosen.shown_at or side
    originals = photos if shown_at == side else read_aligned(chosen.photos, shown_at, chosen.limit)
    digest = hashlib.sha256(photos.numpy().tobytes())
    if shown_at != side:
        digest.update(originals.numpy().tobytes())
    photos_sha256 = digest.hexdigest()
    chosen.keep.mkdir(parents=True, exist_ok=True)
    parts = []
    for task in chosen.tasks.split(","):
        for method in chosen.methods.split(","):
            for seed in chosen.seeds.split(","):
                config = configuration(task, [*METHODS[method](task), *chosen.overrides, f"seed={seed}"])
                place = chosen.keep / f"{fingerprint(config.values, photos_sha256, model.sha256)}.csv"
                if not place.exists():
                    sheet = chosen.sheets / f"{task}_{method}_{seed}" if chosen.sheets else None
                    write_file(place, measure(config, photos, originals, sheet).to_csv(index=False).encode())
                parts.append(pd.read_csv(place).assign(task=task, method=method, seed=seed))
                print(f"{task} {method} seed {seed}: done", flush=True)
    rows = pd.concat(parts)
    rows = rows[rows["psnr"] < math.inf]  # without a degradation the degraded photo is the original
    table = summary(rows)
    about = {"photos": f"{len(photos)} of {side} px", "overrides": " ".join(chosen.overrides)}
    record(config.tracking, rows, table, about)
    print(
        f"\n{len(photos)} photos, {side} px, compared at {shown_at} px; medians with 95 % bootstrap intervals\n"
    )
    print(markdown(table))
    if chosen.by_source:
        sources = [path.stem.partition("_")[0] for path in list_photos(chosen.photos)[: chosen.limit]]
        print(f"\n{markdown(by_source(rows, sources))}")


if __name__ == "__main__":
    main()
