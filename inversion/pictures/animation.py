"""How the restored face came to be, as a small animation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from inversion.pictures.drawing import readable
from inversion.runtime.atomic import write_file

HOLD = 2.0  # seconds that the last frame stays


def save_animation(frames: Sequence[Image.Image], path: Path, fps: float = 12.0) -> None:
    """Write an endless animated WebP whose last frame is held for two seconds.

    frames: any sizes (coarse steps may be smaller): all are shown at the size of the last one, and tiny faces
            at 256 px.
    fps:    frames per second, above 0.

    Raises ValueError without frames, OSError when the file cannot be written (nothing is left then).
    """
    if not frames:
        raise ValueError("An animation needs at least one frame. Got none.")
    if fps <= 0:
        raise ValueError(f"fps must be above 0. Got {fps}.")
    last = readable(frames[-1])
    shown = [frame.convert("RGB").resize(last.size, Image.Resampling.BICUBIC) for frame in frames[:-1]] + [
        last
    ]
    durations = [round(1000 / fps)] * (len(shown) - 1) + [round(1000 * HOLD)]
    buffer = io.BytesIO()
    shown[0].save(
        buffer,
        format="WEBP",
        save_all=True,
        append_images=shown[1:],
        duration=durations,  # milliseconds
        loop=0,
        quality=85,
        method=0,  # 0 fast … 6 small
        kmax=0,  # no key frames: a search changes little from one frame to the next, and none is tried twice
    )
    write_file(path, buffer.getvalue())
