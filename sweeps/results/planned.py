"""What a sweep set out to do, as its parent run says: its axes, its runs, and what failed before it had a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.errors import ConfigError
from inversion.reading.printable import printable
from sweeps.results.axes import parse
from sweeps.results.photos import Photo

SWEEP_FILE = "sweep.json"  # of the parent run: {"sweep": "fc16…", "axes": {…}, "cells": […], "table": null}
FAILURES_FILE = "failed.jsonl"  # of the parent run: one object of FAILURE_KEYS per line
CELL = ("point", "photo", "fingerprint")  # what each of its runs has
FAILURE_KEYS = ("point", "photo", "reason")


@dataclass(frozen=True)
class Failure:
    """A point that may have no run, and why."""

    point: Mapping[str, Any]  # setting → value: {"reg": 0.1}
    photo: str  # its file's name; "" when the point failed before any photo was looked at
    reason: str


@dataclass(frozen=True)
class PlannedRun:
    """A point and a photo that were to be run."""

    point: Mapping[str, Any]  # setting → value: {"reg": 0.1}
    photo: Photo  # its name is "" for a synthetic face


@dataclass(frozen=True)
class Plan:
    """What a sweep set out to do, as far as it says so."""

    axes: tuple[str, ...] = ()  # what it varies, as on the command line
    failures: tuple[Failure, ...] = ()
    runs: tuple[PlannedRun, ...] = ()  # those that were never started among them
    is_table: bool = False  # points=FILE listed its points: they are no product of its axes


def read_plan(sweep_file: Path | None, failures_file: Path | None, tags: Mapping[str, str]) -> Plan:
    """From the parent's two files and its tags.

    Failures are read from `failed.jsonl`; of a sweep without it, from the lines of the tag `failed`, each an object
    as in that file, or a text such as "reg=0.1 steps=500 me.jpg: FAILED, no face".
    """
    text = '{"cells": []}' if sweep_file is None else _text(sweep_file)
    cells = read_cells(text)
    axes = tuple(filter(None, tags.get("axes", "").split(",")))
    failed = tags.get("failed", "") if failures_file is None else _text(failures_file)
    lines = [line for line in failed.split("\n") if line]
    failures = tuple(read_failure(line, cells, axes) for line in lines)
    runs = tuple(
        PlannedRun(_values(cell["point"], axes), Photo(cell["photo"], cell.get("photo_sha256", "")))
        for cell in cells
    )
    return Plan(axes, failures, runs, bool(json.loads(text).get("table")))


def _text(path: Path) -> str:
    """Whatever its bytes are: what they damage is refused, or shown, by its own reader."""
    return path.read_text(encoding="utf-8", errors="replace")


def read_cells(text: str, needed: Sequence[str] = CELL[:2]) -> list[Mapping[str, str]]:
    """The runs that a sweep.json lists. needed: texts that each must have. Raises ConfigError for a damaged one."""
    try:
        cells = json.loads(text)["cells"]
        if not all(isinstance(cell[name], str) for cell in cells for name in needed):
            raise TypeError("a run without a name")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"A sweep's list of its runs is damaged. Got {SWEEP_FILE} with {type(error).__name__}: "
            f"{printable(error, 100)}; the sweep's command writes it anew."
        ) from error
    return list(cells)


def read_failure(line: str, cells: Sequence[Mapping[str, str]], axes: Sequence[str]) -> Failure:
    """One line, in either shape. cells: of sweep.json; what a line names in full is told from them alone.

    A damaged object is a text: that of no photo.
    """
    if line.startswith("{"):
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            found = json.loads(line)
            point = found["point"]
            values = _values(point) if isinstance(point, str) else dict(point)
            return Failure(values, str(found["photo"]), str(found["reason"]))
    for cell in cells:
        for photo in (cell["photo"], Path(cell["photo"]).stem):
            named = " ".join(filter(None, (cell["point"], photo))) + ": "
            if photo and line.startswith(named):
                return Failure(_values(cell["point"], axes), cell["photo"], line.removeprefix(named))
    name, _, reason = line.partition(": ")
    words = name.split(" ")
    known = 0
    while known < len(words) and words[known].partition("=")[0] in axes:
        known += 1
    return Failure(_values(" ".join(words[:known]), axes), " ".join(words[known:]), reason)


def _values(point: str, axes: Sequence[str] = ()) -> dict[str, Any]:
    """reg=0.1 box=[0.1, 0.2] → {"reg": 0.1, "box": "[0.1, 0.2]"}: a word that begins no axis belongs to the last."""
    values: dict[str, str] = {}
    last = ""
    for word in filter(None, point.split(" ")):
        key, equals, value = word.partition("=")
        if equals and (key in axes or not axes):
            last = key
            values[key] = value
        elif last:
            values[last] += f" {word}"
    return {key: parse(value) for key, value in values.items()}
