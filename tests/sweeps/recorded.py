"""A recorded sweep without any optimization: runs made through the recorder, with figures that follow a formula."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from inversion.record.batch import PhotoSource
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import prepare_store
from inversion.record.params import flatten
from sweeps.execute.ledger import membership
from sweeps.plan.fingerprint import fingerprint
from sweeps.results.store import Store
from sweeps.results.table import Table

SETTINGS: dict[str, Any] = {
    "image": None,
    "degraded": False,
    "seed": 0,
    "device": "cpu",
    "steps": 100,
    "reg": 0.1,
    "generator": {"_target_": "inversion.checkpoints.sources.embedded", "name": "portraits"},
    "degradation": {
        "_target_": "inversion.degradations.blur.GaussianBlur",
        "kernel_size": None,
        "sigma": None,
    },
    "loss": {"_target_": "inversion.losses.pixel.PixelLoss", "weight": 1.0},
    "input": {"_target_": "inversion.photos.Photos", "image": None, "degraded": False},
    "tracking": {"uri": "sqlite:///mlflow.db"},
}


class Sweep:
    """One parent run in a store of its own, and children as they are added."""

    def __init__(self, folder: Path, side: int = 16, images: bool = False) -> None:
        """images: pictures on MLflow's step slider, too."""
        self.folder, self.side, self.images = folder, side, images
        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.experiment = prepare_store(self.uri, "inversion", folder / "artifacts")
        self.recorder = self._open("a sweep", {}, {"kind": "sweep"}, None)
        self.parent = self.recorder.run_id

    def add(
        self,
        settings: Mapping[str, Any],  # as on the command line: {"reg": 0.1, "degradation.kernel_size": 5}
        figures: Mapping[str, float] | None = None,
        status: str = "FINISHED",
        photo: str = "hopper.jpg",
        reason: str = "",
        tags: Mapping[str, str] | None = None,
        pictures: bool = True,
        steps: int = 5,
    ) -> str:
        """Record one child and return its id."""
        config: dict[str, Any] = {
            key: dict(value) if isinstance(value, dict) else value for key, value in SETTINGS.items()
        }
        for name, value in settings.items():
            place, *rest = name.split(".")
            if rest:
                config[place][rest[0]] = value
            else:
                config[place] = value
        content = hashlib.sha256(photo.encode()).hexdigest()
        known = {"kind": "job", "photo_sha256": content, "checkpoint_sha256": "c" * 64}
        known[membership(self.parent)] = "yes"
        known["fingerprint"] = fingerprint(config, known["photo_sha256"], known["checkpoint_sha256"])
        source = PhotoSource(f"/photos/{photo}", content, 16, 16)
        recorder = self._open(
            f"{photo} blur", flatten(config), {**known, **(tags or {})}, self.parent, source
        )
        for step in range(steps):
            fall = math.exp(-step / 20) + 0.01 * float(config["reg"])
            recorder.log_metrics(
                {"loss": 10 * fall, "pixel": fall, "latent": 0.1, "learning_rate": 0.1}, step
            )
        if figures is not None:
            recorder.log_summary(figures)
        for step in range(steps if self.images else 0):
            recorder.log_image("progress", face(self.side, 60 + 30 * step, 0), step)
        if self.images:
            recorder.log_image("restored", face(self.side, 180, 0), 0)
        if pictures:
            quality = (figures or {}).get("psnr", 10.0)
            self._log_pictures(recorder, photo, quality)
        recorder.finish(status, reason)  # type: ignore[arg-type]
        return recorder.run_id

    def plan(
        self, cells: list[dict[str, str]], axes: Mapping[str, list[str]], table: str | None = None
    ) -> None:
        """What the sweep set out to do, as sweeps.execute writes it."""
        told = {"axes": axes, "cells": cells, "table": table}
        (self.folder / "sweep.json").write_text(json.dumps(told))
        self.recorder.log_file(self.folder / "sweep.json")
        self.recorder.set_tags({"axes": ",".join(axes)})

    def finish(self, status: str = "FINISHED") -> Sweep:
        self.recorder.finish(status)  # type: ignore[arg-type]
        return self

    def _open(
        self,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        parent: str | None,
        photo: PhotoSource | None = None,
    ) -> MLflowRecorder:
        return MLflowRecorder(self.uri, self.experiment, name, params, tags, photo, parent)

    def _log_pictures(self, recorder: MLflowRecorder, photo: str, quality: float) -> None:
        folder = self.folder / "pictures" / recorder.run_id
        folder.mkdir(parents=True)
        hue = sum(photo.encode()) % 60
        shades = {"original": 200, "degraded": 150, "restored": 60 + int(4 * quality) % 190}
        for name, skin in shades.items():
            face(self.side, skin, hue).save(folder / f"{name}.png")
            recorder.log_file(folder / f"{name}.png")


def only(sweep: Sweep) -> Table:
    """The table of a sweep of one task."""
    (table,) = Store(sweep.uri).sweep(sweep.parent)
    return table


def face(side: int, skin: int, hue: int) -> Image.Image:
    """A drawing that differs with its arguments."""
    picture = Image.new("RGB", (side, side), (40 + hue, 90, 160))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((side * 0.2, side * 0.1, side * 0.8, side * 0.95), (skin, int(skin * 0.8), int(skin * 0.65)))
    for x in (0.38, 0.62):
        draw.ellipse((side * x - side / 16, side * 0.4, side * x + side / 16, side * 0.48), (30, 30, 40))
    draw.line((side * 0.38, side * 0.72, side * 0.62, side * 0.72), (120, 40, 40), max(1, side // 24))
    return picture


def quality_of(reg: float, steps: int) -> dict[str, float]:
    """Figures as one would expect them: more steps and a smaller reg come closer."""
    psnr = 14 + 3 * math.log10(steps) - 4 * reg
    return {
        "psnr": psnr,
        "ssim": psnr / 40,
        "identity_distance": 1.2 - psnr / 30,
        "fit_psnr": psnr + 3,
        "seconds": steps / 25,
    }


def grid(
    sweep: Sweep, regs: Iterable[float] = (0.001, 0.1, 0.5), steps: Iterable[int] = (10, 100, 1000)
) -> Sweep:
    """A whole grid of reg x steps."""
    for reg in regs:
        for count in steps:
            sweep.add({"reg": reg, "steps": count}, quality_of(reg, count))
    return sweep
