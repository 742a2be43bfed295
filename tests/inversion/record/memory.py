"""A recorder that remembers what it is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from inversion.record.recorder import Recorder
from inversion.restoration import Status


class Memory:
    """Remembers calls; fails in the calls it is told to, and does none before its gate is open."""

    def __init__(self, *fails_in: str, gate: threading.Event | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()
        self.fails_in, self.gate = fails_in, gate

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]

    def _hear(self, *call: object) -> None:
        if self.gate is not None:
            self.gate.wait(60)
        self.calls.append(call)
        self.threads.add(threading.get_ident())
        if call[0] in self.fails_in:
            raise OSError(f"no room for {call[0]}")

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        self._hear("log_metrics", dict(values), step)

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self._hear("log_image", key, step)

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._hear("log_summary", dict(values))

    def log_file(self, path: Path) -> None:
        self._hear("log_file", path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._hear("set_tags", dict(tags))

    def flush(self) -> None:
        self._hear("flush")

    def finish(self, status: Status, reason: str = "") -> None:
        self._hear("finish", status, reason)


def log_everything(recorder: Recorder, steps: int = 3) -> None:
    for step in range(steps):
        recorder.log_metrics({"loss": 1 / (1 + step)}, step)
    recorder.log_image("progress", Image.new("RGB", (4, 4)), 0)
    recorder.log_summary({"psnr": 20.0})
    recorder.log_file(Path("a.png"))
    recorder.set_tags({"kind": "job"})
