"""Summary, curves and pictures → one HTML file that needs no network."""

from __future__ import annotations

import hashlib
import html
import io
import json
import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from PIL import Image

from sweeps.report.figures import NEAREST_ZERO, lower_is_better, title
from sweeps.results.axes import Axis, arrange, is_grid, overrides, spell
from sweeps.results.summarize import IDENTITY_DB, TOLERANCE_DB, Summary
from sweeps.results.table import FIGURES, Store

SIDES = (512, 384, 256, 192, 128)  # px of a thumbnail: the largest with which all pictures fit
BUDGET = 15_000_000  # bytes of pictures; a third more in the file
SAMPLE = 12  # pictures that are encoded to find the side
POINTS = 120  # of a curve
MAIN = ("quality", *(name for name in FIGURES if name != "loss"))  # heatmaps that show at once

Files = Callable[[str, str], Path | None]  # (run id, artifact's name) → local file


def read_losses(store: Store, summary: Summary) -> dict[str, dict[str, pd.Series]]:
    """Every run's history of every telling term: term → run id → value per step."""
    runs = [run_id for run_id in summary.table.rows["run_id"] if run_id]
    return {term: {run_id: store.losses(run_id, term) for run_id in runs} for term in summary.table.terms}


def render(summary: Summary, losses: Mapping[str, Mapping[str, pd.Series]], file: Files) -> str:
    """The whole page. losses: as from `read_losses`; file: as `Store.file`."""
    album = Album()
    data = to_json(contents(summary, losses, file, album))
    pictures = "".join(
        f'<script type="text/plain" id="picture-{i}">{text}</script>\n'
        for i, text in enumerate(album.encode())
    )
    assets = resources.files("sweeps.report") / "assets"
    page = (assets / "report.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(summary.table.title),
        "REASON": html.escape(summary.reason),
        "STYLE": (assets / "report.css").read_text(encoding="utf-8"),
        "SCRIPT": (assets / "report.js").read_text(encoding="utf-8"),
        "DATA": data,
        "PICTURES": pictures,
    }
    pieces = page.split("[[")
    for number, piece in enumerate(
        pieces[1:], start=1
    ):  # in one pass: what is put in is never looked at again
        name, rest = piece.split("]]", 1)
        pieces[number] = parts[name] + rest
    return "".join(pieces)


def to_json(value: Any) -> str:
    """JSON that cannot end the script element that it stands in; NaN and infinities are null."""
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def contents(
    summary: Summary, losses: Mapping[str, Mapping[str, pd.Series]], file: Files, album: Album
) -> dict[str, Any]:
    """What the page's script draws from; the pictures go into the album."""
    table, layout = summary.table, arrange(summary.table.axes)
    steps: dict[tuple[int, ...], int] = {}
    problems = [_problem(row, summary, losses, file, album, steps) for _, row in table.rows.iterrows()]
    points = summary.cells[table.keys].itertuples(index=False, name=None) if len(summary.cells) else ()
    at = {point: i for i, point in enumerate(points)} if table.keys else {(): 0}
    for problem, (_, row) in zip(problems, table.rows.iterrows(), strict=True):
        problem["cell"] = at[tuple(row[key] for key in table.keys)]
    members: dict[int, list[int]] = {}
    for i, problem in enumerate(problems):
        members.setdefault(problem["cell"], []).append(i)
    cells = [_cell(cell, summary, members[i]) for i, (_, cell) in enumerate(summary.cells.iterrows())]
    place = {axis.key: i for i, axis in enumerate(table.axes)}
    return {
        "axes": [_axis(axis) for axis in table.axes],
        "layout": {
            "across": place[layout.across.key] if layout.across else None,
            "down": place[layout.down.key] if layout.down else None,
            "panels": [place[axis.key] for axis in layout.panels],
            "grid": is_grid(table.axes, len(cells)),
        },
        "metrics": [_metric(name, summary.original_known) for name in summary.metrics],
        "known": summary.original_known,
        "best": summary.best,
        "recommended": summary.recommended,
        "command": summary.command,
        "rule": rule(summary.original_known),
        "repeats": table.repeats,
        "severalSeeds": bool(table.rows["seed"].nunique() > 1),
        "cells": cells,
        "problems": problems,
        "terms": [term for term in table.terms if any(term in problem["curves"] for problem in problems)],
        "steps": list(steps),
        "facts": table.facts,
        "constants": table.constants,
        "colours": sns.color_palette("mako", 32).as_hex(),
        "hues": sns.color_palette("viridis", 40).as_hex()[4:36],  # the ends vanish on black or on white paper
    }


def rule(original_known: bool) -> str:
    """How best and recommended were chosen."""
    if original_known:
        return (
            f"Quality is PSNR in dB less {IDENTITY_DB:g} dB per unit of identity distance (below 0.6 dlib takes two "
            f"faces for one person). Recommended: the fewest steps within {TOLERANCE_DB} dB of the best quality. "
            "Intervals are 95 % bootstrap intervals of the mean over photos, or over seeds of one photo."
        )
    return (
        "The original is not known. Quality is how well the restored face, degraded again, fits the photo in dB. "
        "Where the sweep varies the degradation, it is that less the dB by which that picture's finest details are "
        "stronger (above 0: too narrow a blur) or weaker (below 0: too wide a blur) than the photo's. Recommended: "
        f"with the best degradation, of the cells within {TOLERANCE_DB} dB of the best quality, the largest reg, then "
        "the fewest steps."
    )


class Album:
    """Pictures by content: each distinct one once, and small enough that all of them fit."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}  # content's hash → place
        self._files: list[Path] = []

    def add(self, path: Path) -> int:
        """Returns the picture's place."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in self._places:
            self._places[digest] = len(self._files)
            self._files.append(path)
        return self._places[digest]

    def encode(self) -> list[str]:
        """Each picture as WebP in base64, in the order of their places."""
        every = max(1, len(self._files) // SAMPLE)
        for side in SIDES:
            sample = [len(thumbnail(path, side)) for path in self._files[::every]]
            if not sample or sum(sample) / len(sample) * len(self._files) <= BUDGET:
                break
        return [b64encode(thumbnail(path, side)).decode() for path in self._files]


def thumbnail(path: Path, side: int) -> bytes:
    """A picture as WebP, at most `side` px; small ones keep their pixels."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=90 if max(picture.size) <= 128 else 82, method=4)
    return buffer.getvalue()


def _problem(
    row: pd.Series,
    summary: Summary,
    losses: Mapping[str, Mapping[str, pd.Series]],
    file: Files,
    album: Album,
    steps: dict[tuple[int, ...], int],
) -> dict[str, Any]:
    pictures = {}
    for kind in ("restored", "consistent", "degraded", "original"):
        path = file(row["run_id"], f"{kind}.png") if row["run_id"] else None
        if path is not None:
            pictures[kind] = album.add(path)
    curves = {}
    for term, runs in losses.items():
        series = runs.get(row["run_id"])
        if series is not None and len(series):
            thin = series.iloc[_spread(len(series))]
            x = steps.setdefault(tuple(int(step) for step in thin.index), len(steps))
            curves[term] = [x, [_round(value, 4) for value in thin]]
    return {
        "photo": row["photo"],
        "seed": row["seed"],
        "status": row["status"],
        "reason": row["reason"],
        "run_id": row["run_id"],
        "point": _point(row, summary.table.axes),
        "values": {name: _round(row[name]) for name in summary.table.metrics if pd.notna(row[name])},
        "pictures": pictures,
        "curves": curves,
    }


def _cell(cell: pd.Series, summary: Summary, problems: list[int]) -> dict[str, Any]:
    values = {
        name: [_round(cell[name]), _round(cell[f"{name}_low"]), _round(cell[f"{name}_high"])]
        for name in summary.metrics
        if pd.notna(cell[name])
    }
    return {
        "point": _point(cell, summary.table.axes),
        "status": cell["status"],
        "n": int(cell["n"]),
        "expected": int(cell["expected"]),
        "values": values,
        "problems": problems,
        "command": overrides(cell, summary.table.axes),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "key": axis.key,
        "label": axis.label,
        "values": [spell(value) for value in axis.values],
        "numbers": list(axis.values) if axis.is_numeric else None,
    }


def _metric(name: str, original_known: bool) -> dict[str, Any]:
    return {
        "name": name,
        "title": title(name),
        "better": "zero" if name in NEAREST_ZERO else "lower" if lower_is_better(name) else "higher",
        "main": name in MAIN and not (original_known and name in NEAREST_ZERO),
    }


def _point(row: pd.Series, axes: tuple[Axis, ...]) -> list[int]:
    """Which value of each axis."""
    return [axis.values.index(row[axis.key]) for axis in axes]


def _spread(length: int) -> list[int]:
    """At most POINTS places, the first and the last among them."""
    if length <= POINTS:
        return list(range(length))
    return sorted({round(i * (length - 1) / (POINTS - 1)) for i in range(POINTS)})


def _round(value: float, digits: int = 6) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value.item() if hasattr(value, "item") else value
