"""Every step is recorded once, whatever has to be done again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from inversion.record.recorder import Recorder, Status


class Once:
    """A recorder that drops what it has heard before.

    A pass that ran out of memory starts again in smaller batches, and Ctrl-C may come while losses are handed
    over: both repeat steps, with the same values, that must not be doubled in a run's history.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._last_step = -1
        self._last_picture: dict[str, int] = {}

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        if step > self._last_step:
            self._recorder.log_metrics(values, step)
            self._last_step = step

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        if step > self._last_picture.get(key, -1):
            self._recorder.log_image(key, image, step)
            self._last_picture[key] = step

    def log_summary(self, values: Mapping[str, float]) -> None:
        self._recorder.log_summary(values)

    def log_file(self, path: Path) -> None:
        self._recorder.log_file(path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._recorder.set_tags(tags)

    def flush(self) -> None:
        self._recorder.flush()

    def finish(self, status: Status, reason: str = "") -> None:
        self._recorder.finish(status, reason)
