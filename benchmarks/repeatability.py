"""How far the recorded figures of one grid differ between launchers, precisions and thread numbers.

    python -m benchmarks.repeatability PHOTOS [--ways 0,3] [key=value]

Each way runs the same grid (a blur at two values of reg) in a store of its own; the first way is what the others are
compared with. Rounding differs with the size of a batch and with the number of threads, and a search is a long chain
of steps that each begin where the last one ended: what differs in the last digit grows, most where the loss is flat.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.quality import markdown
from sweeps.home import home
from sweeps.results.frame import runs_frame

FIGURES = ("psnr", "ssim", "identity_distance", "consistent_psnr", "fit_psnr")
GRID = ("degradation=blur", "reg=0.1,1.0", "tracking.image_every=0", "tracking.animation_frames=0")
WAYS: dict[str, tuple[int, tuple[str, ...]]] = {  # name -> threads, overrides
    "bf16, local, 2 threads": (2, ("launcher=local",)),
    "the same again": (2, ("launcher=local",)),
    "1 thread": (1, ("launcher=local",)),
    "batched": (2, ("launcher=batched",)),
    "joblib, 2 processes of 1 thread": (1, ("launcher=joblib", "launcher.jobs=2")),
    "fp32, local": (2, ("launcher=local", "precision=fp32")),
    "fp32, batched": (2, ("launcher=batched", "precision=fp32")),
}


def figures(photos: Path, threads: int, overrides: tuple[str, ...]) -> pd.DataFrame:
    """Run the grid; a row per photo and setting, in the same order each time. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        command = [sys.executable, str(home() / "run.py"), "-m", *GRID, f"image={photos}", *overrides]
        command += [f"tracking.uri={uri}", f"tracking.artifacts={folder}/artifacts"]
        command += [f"hydra.sweep.dir={folder}/sweep"]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": str(threads)}
        )
        table = runs_frame("inversion", uri)
    return table.set_index(["photo", "reg"]).sort_index()[list(FIGURES)].astype(float)


def difference(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Per figure: the median and the largest absolute difference."""
    apart = (one - other).abs()
    return {name: f"{apart[name].median():.2g} / {apart[name].max():.2g}" for name in FIGURES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument(
        "--ways", default=",".join(str(i) for i in range(len(WAYS))), help="numbers, with commas"
    )
    parser.add_argument("overrides", nargs="*", help="settings as for run.py, such as steps=100")
    chosen = parser.parse_intermixed_args()
    names = [list(WAYS)[int(number)] for number in chosen.ways.split(",")]
    reference: dict[str, pd.DataFrame] = {}
    lines = []
    for name in names:
        threads, overrides = WAYS[name]
        found = figures(chosen.photos, threads, (*overrides, *chosen.overrides))
        precision = name.split(",")[0] if name.startswith("fp32") else "bf16"
        first = reference.setdefault(precision, found)
        if first is found:
            lines.append({"way": name} | {figure: f"({found[figure].median():.4g})" for figure in FIGURES})
        else:
            lines.append({"way": name} | difference(found, first))
        print(name, len(found), "runs", file=sys.stderr, flush=True)
    print(
        "Median / largest difference to the first way of the same precision; in brackets that way's medians.\n"
    )
    print(markdown(pd.DataFrame(lines)))


if __name__ == "__main__":
    main()
