"""How long a report takes to make and to open: `python -m benchmarks.report_page [--cells 1000] [--rounds 5]`.

A made-up sweep over reg, steps and learning_rate, each cell with a restoration and a degraded photo of its own
(128 px, noise on colours, so that they compress as photos do) and a curve of 500 steps. Opened in Chromium
(CHROMIUM=…, /usr/bin/chromium), a fresh browser each time: seconds until the first paint and until the page has loaded,
medians of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from sweeps.report.page import render
from sweeps.report.source import Source
from sweeps.results.axes import Axis
from sweeps.results.summarize import study
from sweeps.results.table import Table
from sweeps.results.task import Task

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
STEPS, SIDE, ACROSS, PANELS = 500, 128, 10, 4


def made_up(cells: int) -> Table:
    """A blur over reg, steps and learning_rate; `cells` is rounded up to a whole grid."""
    down = -(-cells // (ACROSS * PANELS))
    axes = (
        Axis("reg", tuple(round(0.01 * (i + 1), 4) for i in range(down))),
        Axis("steps", tuple(50 * (i + 1) for i in range(ACROSS))),
        Axis("learning_rate", tuple(0.05 * (i + 1) for i in range(PANELS))),
    )
    rng = np.random.default_rng(0)
    grid = pd.MultiIndex.from_product([axis.values for axis in axes], names=[axis.key for axis in axes])
    rows = grid.to_frame(index=False)
    rows["run_id"] = [f"{i:032x}" for i in range(len(rows))]
    rows = rows.assign(name="face.png blur", photo="face.png", photo_sha256="0" * 64, seed="0")
    rows = rows.assign(status="FINISHED", reason="", started=datetime(2026, 1, 1), folder="")
    rows["psnr"] = 24 + rng.normal(size=len(rows))
    rows["ssim"], rows["identity_distance"], rows["loss"] = rows["psnr"] / 40, 12 / rows["psnr"], 1.0
    return Table(rows, axes, ("psnr", "ssim", "identity_distance", "loss"), "made up", task=Task("blur"))


def source_of(table: Table, folder: Path) -> Source:
    """Pictures in the folder, a curve per run."""
    rng, steps = np.random.default_rng(0), np.arange(STEPS)
    curves = {}
    for run in table.rows["run_id"]:
        for name in ("restored.png", "degraded.png"):
            coarse = Image.fromarray(rng.integers(40, 220, [8, 8, 3], dtype=np.uint8))
            smooth = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=float)
            noisy = (smooth + rng.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(folder / f"{run}-{name}")
        curves[run] = pd.Series(10 * np.exp(-steps / 60) + rng.random(STEPS) / 10 + 0.1, index=steps)

    def file(run: str, name: str) -> Path | None:
        path = folder / f"{run}-{name}"
        return path if path.exists() else None

    return Source({"loss": curves}, file)


def opened(playwright: Any, page: Path) -> tuple[float, float]:
    """Seconds until the first paint and until the page has loaded."""
    browser = playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
    )
    try:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(page.as_uri(), wait_until="load", timeout=120_000)
        tab.wait_for_function(f"{PAINTED} !== undefined && {LOADED} > 0")
        return tab.evaluate(PAINTED) / 1000, tab.evaluate(LOADED) / 1000
    finally:
        browser.close()


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        table = made_up(chosen.cells)
        source = source_of(table, folder)
        before = time.process_time()
        page = folder / "report.html"
        page.write_text(render(study([table]), source), encoding="utf-8")
        print(f"{len(table.rows)} cells, {page.stat().st_size / 1e6:.1f} MB, made in ", end="")
        print(f"{time.process_time() - before:.1f} s of CPU", flush=True)
        rounds = [opened(playwright, page) for _ in range(chosen.rounds)]
    painted, loaded = (statistics.median(times) for times in zip(*rounds, strict=True))
    load = f"median of {chosen.rounds}, load average {os.getloadavg()[0]:.1f}"
    print(f"first paint after {painted:.2f} s, loaded after {loaded:.2f} s ({load})")


if __name__ == "__main__":
    main()
