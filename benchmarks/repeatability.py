"""How far the recorded figures of one grid differ between launchers, precisions and thread numbers, and whether the
report recommends the same cell each time.

    python -m benchmarks.repeatability PHOTOS [--ways 0,3] [key=value]

Each way runs the same grid (a blur at two values of reg, unless the command line says otherwise) in a store of its own;
the first way is what the others are compared with. Rounding differs with the size of a batch and with the number of
threads, and a search is a long chain of steps that each begin where the last one ended: what differs in the last digit
grows, most where the loss is flat.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.quality import markdown
from sweeps.home import home
from sweeps.results.frame import joined
from sweeps.results.store import Store
from sweeps.results.summarize import Summary, study

FIGURES = (
    "psnr",
    "ssim",
    "identity_distance",
    "consistent_psnr",
    "consistent_identity_distance",
    "colour_error",
    "consistent_colour_error",
    "hole_psnr",
    "fit_psnr",
)
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


@dataclass(frozen=True)
class Outcome:
    """What one way came to."""

    figures: pd.DataFrame  # a row per photo, seed and setting, in the same order each time
    recommended: str  # reg 0.1, not told apart from reg 0.3; of each task and problem

    @classmethod
    def of(cls, uri: str) -> Outcome:
        found = study(Store(uri).read("inversion"))
        keys = dict.fromkeys(key for summary in found.summaries for key in summary.table.keys)
        table = joined([summary.table for summary in found.summaries])
        table = table.set_index(["task", "photo", "seed", *keys]).sort_index()
        chosen = [
            told(summary, verdict.recommended, verdict.alike)
            for summary in found.summaries
            for verdict in summary.verdicts
            if verdict.recommended is not None
        ]
        known = [name for name in FIGURES if name in table and table[name].notna().any()]
        return cls(table[known].astype(float), "; ".join(chosen))


def told(summary: Summary, cell: int, alike: Sequence[int]) -> str:
    """A recommended cell, and those that are as good as far as the figures say."""
    others = " or ".join(summary.describe(other) for other in alike if other != cell)
    return summary.describe(cell) + (f", not told apart from {others}" if others else "")


def run(photos: Path, threads: int, overrides: Sequence[str]) -> Outcome:
    """Run the grid. Raises CalledProcessError."""
    given = {word.partition("=")[0] for word in overrides}
    grid = [word for word in GRID if word.partition("=")[0] not in given]
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        command = [sys.executable, str(home() / "run.py"), "-m", *grid, f"image={photos}", *overrides]
        command += [f"tracking.uri={uri}", f"tracking.artifacts={folder}/artifacts"]
        command += [f"hydra.sweep.dir={folder}/sweep"]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": str(threads)}
        )
        return Outcome.of(uri)


def difference(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Per figure: the median and the largest absolute difference."""
    apart = (one - other).abs()
    return {str(name): f"{apart[name].median():.2g} / {apart[name].max():.2g}" for name in apart}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, help="a photo or a folder of photos")
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
        found = run(chosen.photos, threads, (*overrides, *chosen.overrides))
        figures = found.figures
        precision = name.split(",")[0] if name.startswith("fp32") else "bf16"
        first = reference.setdefault(precision, figures)
        if first is figures:
            cells = {str(figure): f"({figures[figure].median():.4g})" for figure in figures}
        else:
            cells = difference(figures, first)
        lines.append({"way": name} | cells | {"recommended": found.recommended})
        print(name, len(figures), "runs", file=sys.stderr, flush=True)
    print(
        "Median / largest difference to the first way of the same precision; in brackets that way's medians.\n"
    )
    print(markdown(pd.DataFrame(lines)))


if __name__ == "__main__":
    main()
