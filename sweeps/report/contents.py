"""A study → what the page's script draws from, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns

from inversion.metrics import catalogue
from sweeps.report.album import KINDS, Album
from sweeps.report.source import Source
from sweeps.results.axes import Axis, arrange, overrides, spell
from sweeps.results.summarize import Study, Summary

POINTS = 120  # of a curve
FOLDED = frozenset({"ssim", "fit_sharpness"})  # their heatmaps show on demand
MAIN = frozenset({"quality", *catalogue.COMPARED}) - FOLDED  # the others at once
NAMED = MAIN | FOLDED | {"seconds"}  # in the lists of one cell's metrics
INTERVALS = "Intervals are 95 % bootstrap intervals of the mean over photos, or over seeds of one photo."

# The steps at which curves have points → their place; many curves share them.
Steps = dict[tuple[int, ...], int]


def contents(study: Study, source: Source, album: Album) -> dict[str, Any]:
    """The whole page's; the pictures go into the album."""
    steps: Steps = {}
    tasks = [_task(study, summary, source, album, steps) for summary in study.summaries]
    names = dict.fromkeys(name for summary in study.summaries for name in summary.metrics)
    return {
        "tasks": tasks,
        "metrics": {name: catalogue.as_json(name) for name in names},
        "steps": list(steps),
        "facts": study.facts,
        "colours": sns.color_palette("mako", 32).as_hex(),
        "hues": sns.color_palette("viridis", 40).as_hex()[4:36],  # the ends vanish on black or on white paper
        "kinds": KINDS,
        "intervals": INTERVALS,
    }


def to_json(value: Any) -> str:
    """JSON that cannot end the script element that it stands in; NaN and infinities are null."""
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _task(study: Study, summary: Summary, source: Source, album: Album, steps: Steps) -> dict[str, Any]:
    table, layout = summary.table, arrange(summary.table.axes)
    problems: list[dict[str, Any]] = []
    cells = []
    rows = table.rows.to_dict("records")
    for i, cell in enumerate(summary.cells.to_dict("records")):
        mine = [rows[place] for place in summary.places[i]]
        first = len(problems)
        problems += [_problem(row, summary, source, album, steps) | {"cell": i} for row in mine]
        command = study.command(summary, overrides(cell, table.axes))
        numbers = list(range(first, len(problems)))
        cells.append(_cell(cell, summary, i, numbers) | {"command": command})
    place = {axis.key: i for i, axis in enumerate(table.axes)}
    return {
        "title": table.task.title,
        "axes": [_axis(axis) for axis in table.axes],
        "layout": {
            "across": place[layout.across.key] if layout.across else None,
            "down": place[layout.down.key] if layout.down else None,
            "panels": [place[axis.key] for axis in layout.panels],
            "grid": table.is_grid,
            "list": table.is_list,
        },
        "metrics": summary.metrics,
        "main": [name for name in summary.metrics if _is(name, MAIN)],
        "named": [name for name in summary.metrics if _is(name, NAMED) and name != "quality"],
        "captions": _captions(summary),
        "qualityUnit": summary.criterion.unit,
        "known": summary.criterion.original_known,
        "verdicts": [_verdict(study, summary, number) for number in range(len(summary.verdicts))],
        "formula": summary.criterion.formula,
        "why": f"{summary.certainty} {summary.criterion.reason}".strip(),
        "repeats": table.repeats,
        "severalSeeds": bool(table.rows["seed"].nunique() > 1),
        "cells": cells,
        "problems": problems,
        "terms": [term for term in table.terms if any(term in problem["curves"] for problem in problems)],
        "constants": table.constants,
        "importance": _importance(summary),
    }


def _verdict(study: Study, summary: Summary, number: int) -> dict[str, Any]:
    verdict = summary.verdicts[number]
    return {
        "problem": verdict.problem,
        "recommended": verdict.recommended,
        "reason": verdict.reason,
        "command": study.command(summary, verdict.command),
    }


def _captions(summary: Summary) -> list[list[str]]:
    """The metrics below a picture; of each the names in order of preference."""
    return [[f"consistent_{name}", name] for name in summary.criterion.shown[:2]]


def _importance(summary: Summary) -> dict[str, Any] | None:
    found = summary.importance
    return None if found is None else {"shares": found.shares, "method": found.method}


def _problem(
    row: Mapping[Any, Any], summary: Summary, source: Source, album: Album, steps: Steps
) -> dict[str, Any]:
    run_id = row["run_id"]
    pictures = {}
    for kind in KINDS:
        path = source.file(run_id, f"{kind}.png") if run_id else None
        if path is not None:
            pictures[kind] = album.add(path)
    if summary.table.task.degradation == "none" and "original" in pictures:
        pictures.pop("degraded", None)  # the same picture
    curves = {}
    for term, runs in source.losses.items():
        series = runs.get(run_id)
        if series is not None and len(series):
            thin = series.iloc[_spread(len(series))]
            x = steps.setdefault(tuple(int(step) for step in thin.index), len(steps))
            curves[term] = [x, [_round(value, 4) for value in thin]]
    folder = row["folder"] or (source.folder(run_id) if run_id else None) or ""
    return {
        "photo": row["photo"],
        "seed": row["seed"],
        "status": row["status"],
        "reason": row["reason"],
        "run_id": run_id,
        "link": source.link(run_id) if run_id else "",
        "folder": str(folder),
        "point": _point(row, summary.table.axes),
        "values": {name: _round(row[name]) for name in summary.table.metrics if pd.notna(row[name])},
        "pictures": pictures,
        "curves": curves,
    }


def _cell(cell: Mapping[Any, Any], summary: Summary, number: int, problems: list[int]) -> dict[str, Any]:
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
        "mark": summary.mark(number),
        "values": values,
        "problems": problems,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "key": axis.key,
        "label": axis.label,
        "values": [spell(value) for value in axis.values],
        "numbers": list(axis.values) if axis.is_numeric else None,
    }


def _point(row: Mapping[Any, Any], axes: tuple[Axis, ...]) -> list[int]:
    """Which value of each axis."""
    return [axis.values.index(row[axis.key]) for axis in axes]


def _is(name: str, bases: frozenset[str]) -> bool:
    """Whether a metric is one of these, of the restoration or of the consistent picture."""
    return name.removeprefix("consistent_") in bases


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
