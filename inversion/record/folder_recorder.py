"""The record in a plain folder: always on, complete, and the truth that a store copies."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from PIL import Image

from inversion.record.own_folder import OwnFolder
from inversion.restoration import Status
from inversion.runtime.atomic import cannot_write, png, write_file

IMAGES = "images"
LOSSES, SUMMARY, TAGS, RESULT = "losses.csv", "summary.json", "tags.json", "result.json"


class FolderRecorder:
    """Writes one problem's record into one folder.

    losses.csv               one row per step, appended at once: a kill loses nothing; a column per name
    images/<key>_<step>.png  step with at least four digits, so that they sort
    summary.json, tags.json  whole after every call
    result.json              written last, by rename: `"status": "FINISHED"` is the proof of success
    record.json              the names of all these files: see own_folder.py

    JSON has no NaN or infinity: they are the texts "nan", "inf" and "-inf", so that `float(value)` reads
    every value back.
    """

    def __init__(self, folder: OwnFolder) -> None:
        self.folder = folder
        folder.claim(LOSSES, SUMMARY, TAGS, RESULT)
        self._losses = folder.path / LOSSES
        self._columns: list[str] = []
        self._last_step = -1
        self._summary: dict[str, float] = {}
        self._tags: dict[str, str] = {}

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        if step <= self._last_step:
            return
        new = [name for name in values if name not in self._columns]
        if new:  # rare: another phase brings another term
            rows = self._rows() if self._columns else []
            self._rewrite_losses([*self._columns, *new], rows)
            self._columns += new
        row = [str(step), *(repr(float(values[name])) if name in values else "" for name in self._columns)]
        complete = self._losses.stat().st_size
        try:
            with self._losses.open("ab") as file:
                file.write(_csv([row]))
        except OSError as error:
            os.truncate(self._losses, complete)  # no half row for the next one to run into
            raise cannot_write(self._losses, error) from error
        self._last_step = step

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        name = re.sub(r"[^\w.-]+", "_", key)
        self.folder.keep(f"{IMAGES}/{name}_{step:04d}.png", png(image))

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._summary.update(values)
        self._write_json(SUMMARY, json_numbers(self._summary))

    def log_file(self, path: Path) -> None:
        """Keep a file of the record among the artifacts; one from elsewhere is copied."""
        if path.parent != self.folder.path:
            self.folder.keep(path.name, path.read_bytes())
        self.folder.list_artifacts([path.name])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._tags.update(tags)
        self._write_json(TAGS, self._tags)

    def flush(self) -> None:
        """Nothing waits: every call writes at once."""

    def finish(self, status: Status, reason: str = "") -> None:
        result = {
            "status": status,
            "reason": reason,
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "last_step": self._last_step,  # -1: none
            "summary": json_numbers(self._summary),
        }
        self._write_json(RESULT, result)

    def _rewrite_losses(self, columns: list[str], rows: list[list[str]]) -> None:
        width = 1 + len(columns)
        padded = [row + [""] * (width - len(row)) for row in rows]
        self.folder.keep(LOSSES, _csv([["step", *columns], *padded]))

    def _rows(self) -> list[list[str]]:
        with self._losses.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))[1:]

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        write_file(self.folder.claim(name), (text + "\n").encode("utf-8", "backslashreplace"))


def steps(losses: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Step and values of every whole row of losses.csv; a kill can leave a last one without its end."""
    if not losses.is_file():
        return
    text = losses.read_bytes().decode("utf-8")
    names, *rows = csv.reader(io.StringIO(text[: text.rfind("\n") + 1] or "step\n"))
    for row in rows:
        yield (
            int(row[0]),
            {name: float(value) for name, value in zip(names[1:], row[1:], strict=True) if value},
        )


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def json_numbers(values: Mapping[str, float]) -> dict[str, float | str]:
    return {
        name: float(value) if math.isfinite(value) else str(float(value)) for name, value in values.items()
    }
