"""Whatever is done again is recorded once."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from inversion.record.folder_recorder import FolderRecorder
from inversion.record.once import Once
from inversion.record.recorder import Recorder


class Heard(FolderRecorder):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heard: list[tuple[str, int]] = []

    def log_metrics(self, values: object, step: int) -> None:  # type: ignore[override]
        self.heard.append(("loss", step))

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self.heard.append((key, step))


def test_repeated_steps_are_dropped_and_later_ones_kept(tmp_path: Path) -> None:
    inner = Heard(tmp_path)
    recorder: Recorder = Once(inner)
    picture = Image.new("RGB", (4, 4))
    for attempt in (range(3), range(5)):
        for step in attempt:
            recorder.log_metrics({"loss": 1.0}, step)
            if step % 2 == 0:
                recorder.log_image("progress", picture, step)
    assert [step for key, step in inner.heard if key == "loss"] == [0, 1, 2, 3, 4]
    assert [step for key, step in inner.heard if key == "progress"] == [0, 2, 4]
