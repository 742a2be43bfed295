"""The record in a plain folder: always on, so that a run without MLflow loses nothing."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from PIL import Image

from inversion.record.atomic import cannot_write, write_file, write_image
from inversion.record.recorder import Status


class FolderRecorder:
    """Writes one problem's record into one folder.

    losses.csv               one row per step, appended at once: a kill loses nothing; a column per name
    images/<key>_<step>.png  step with at least four digits, so that they sort
    summary.json, tags.json  whole after every call
    result.json              written last, by rename: `"status": "FINISHED"` is the proof of success

    JSON has no NaN or infinity: they are the texts "nan", "inf" and "-inf", so that `float(value)` reads
    every value back.

    resume: go on after the last step that losses.csv holds. Otherwise what an earlier attempt left goes.
    """

    def __init__(self, folder: Path, resume: bool = False) -> None:
        self.folder = folder
        self._losses = folder / "losses.csv"
        self._columns: list[str] = []
        self._last_step = -1
        self._summary: dict[str, float] = {}
        self._tags: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "result.json").unlink(missing_ok=True)  # proves nothing about this attempt
            if resume:
                self._pick_up()
            else:
                self._clear()
        except OSError as error:
            raise cannot_write(folder, error) from error

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        if step <= self._last_step:
            return
        new = [name for name in values if name not in self._columns]
        if new:  # rare: another phase brings another term
            rows = self._rows() if self._losses.exists() else []
            self._columns += new
            self._rewrite_losses(rows)
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
        write_image(self.folder / "images" / f"{name}_{step:04d}.png", image)

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._summary.update(values)
        self._write_json("summary.json", _json_numbers(self._summary))

    def log_file(self, path: Path) -> None:
        kept = self.folder / path.name
        if not (kept.exists() and kept.samefile(path)):
            write_file(kept, path.read_bytes())

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._tags.update(tags)
        self._write_json("tags.json", self._tags)

    def flush(self) -> None:
        """Nothing waits: every call writes at once."""

    def finish(self, status: Status, reason: str = "") -> None:
        result = {
            "status": status,
            "reason": reason,
            "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "last_step": self._last_step,  # -1: none
            "summary": _json_numbers(self._summary),
        }
        self._write_json("result.json", result)

    def _clear(self) -> None:
        for name in ("losses.csv", "summary.json", "tags.json"):
            (self.folder / name).unlink(missing_ok=True)
        for image in (self.folder / "images").glob("*.png"):
            image.unlink()

    def _pick_up(self) -> None:
        if self._losses.exists():
            rows = self._rows()
            with self._losses.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file), ["step"])[1:]
            self._rewrite_losses(rows)
            self._last_step = int(rows[-1][0]) if rows else -1
        self._summary = {name: float(value) for name, value in self._read_json("summary.json").items()}
        self._tags = self._read_json("tags.json")

    def _rewrite_losses(self, rows: list[list[str]]) -> None:
        width = 1 + len(self._columns)
        padded = [row + [""] * (width - len(row)) for row in rows]
        write_file(self._losses, _csv([["step", *self._columns], *padded]))

    def _rows(self) -> list[list[str]]:
        """The complete rows so far; a kill or a full disk can leave a last one without its line end."""
        text = self._losses.read_bytes().decode("utf-8")
        complete = text[: text.rfind("\n") + 1]
        return [row for row in list(csv.reader(io.StringIO(complete)))[1:] if row]

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        write_file(self.folder / name, (text + "\n").encode("utf-8"))

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def _json_numbers(values: Mapping[str, float]) -> dict[str, float | str]:
    return {
        name: float(value) if math.isfinite(value) else str(float(value)) for name, value in values.items()
    }
