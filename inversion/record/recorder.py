"""What keeps the record of one problem: a folder, an MLflow run, or both.

Whoever records only sees the protocol, so it does not know who listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from inversion.restoration import Status


@runtime_checkable
class Recorder(Protocol):
    """Keeps what happened to one problem.

    Call `log_metrics` at most once per step, with rising steps. Values are plain floats, NaN and infinities allowed.
    `finish` may be called again with a worse status when something fails after it.
    """

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Values of one step; may be buffered until `flush`."""

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        """One picture of a series: same `key`, another `step`."""

    def log_summary(self, values: Mapping[str, float]) -> None:
        """Final metrics that belong to no step; their names differ from those of `log_metrics`."""

    def log_file(self, path: Path) -> None:
        """Keep a file under its own name, beside the others; it must not change until the next `flush`."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Short texts about the run; a later value replaces an earlier one."""

    def flush(self) -> None:
        """Return when everything logged so far is kept."""

    def finish(self, status: Status, reason: str = "") -> None:
        """Flush and close, with the proof of success or the reason for the lack of it."""
