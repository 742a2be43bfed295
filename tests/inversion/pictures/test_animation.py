from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inversion.pictures.animation import save_animation
from tests.conftest import FullDisk


def grey(level: int, side: int = 64) -> Image.Image:
    return Image.new("RGB", (side, side), (level,) * 3)


def read(path: Path) -> tuple[list[Image.Image], list[int]]:
    frames, durations = [], []
    with Image.open(path) as film:
        for index in range(getattr(film, "n_frames", 1)):
            film.seek(index)
            film.load()
            frames.append(film.convert("RGB"))
            durations.append(film.info["duration"])
    return frames, durations


def test_frames_come_in_order_and_the_last_is_held(tmp_path: Path) -> None:
    save_animation([grey(level) for level in (0, 80, 160, 240)], tmp_path / "progress.webp", fps=10)
    frames, durations = read(tmp_path / "progress.webp")
    assert [round(float(np.mean(np.asarray(frame))), -1) for frame in frames] == [0, 80, 160, 240]
    assert durations == [100, 100, 100, 2000]
    assert frames[0].size == (256, 256)


def test_coarse_frames_are_shown_at_the_final_size(tmp_path: Path) -> None:
    save_animation([grey(0, 32), grey(80, 128), grey(160, 300)], tmp_path / "progress.webp")
    assert {frame.size for frame in read(tmp_path / "progress.webp")[0]} == {(300, 300)}


def test_one_frame_is_a_picture(tmp_path: Path) -> None:
    save_animation([grey(80)], tmp_path / "progress.webp")
    with Image.open(tmp_path / "progress.webp") as picture:
        assert picture.size == (256, 256)


def test_nothing_to_show_and_impossible_speeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        save_animation([], tmp_path / "a.webp")
    with pytest.raises(ValueError, match="Got 0"):
        save_animation([grey(0)], tmp_path / "a.webp", fps=0)


def test_a_full_disk_leaves_nothing(tmp_path: Path, full_disk: FullDisk) -> None:
    with full_disk(20), pytest.raises(OSError, match=r"progress\.webp"):
        save_animation([grey(0), grey(90)], tmp_path / "progress.webp")
    assert list(tmp_path.iterdir()) == []
