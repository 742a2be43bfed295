"""What a person sees while it runs and when it is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inversion.record.ending import Ending
from inversion.record.outcome import caption
from inversion.restore import Task

PICTURES = (
    "panel.png",
    "restored.png",
    "consistent.png",
    "photo_restored.png",
    "samples.png",
    "untuned.png",
    "loss.png",
    "tuning.png",
    "progress.webp",
)


class ProgressBar:
    """Step, loss terms, steps per second and time left of one pass; silent when the output is not a terminal."""

    def __init__(self, tasks: Sequence[Task], visible: bool = True) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[losses]}", style="dim"),
            TextColumn("{task.fields[speed]}", style="dim"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not (visible and sys.stderr.isatty()),
        )
        label = tasks[0].photo.name if len(tasks) == 1 else f"{len(tasks)} at once"
        steps = max(task.settings.steps for task in tasks) + sum(task.settings.tuning_steps for task in tasks)
        self.task = self.bar.add_task(label, total=steps, losses="", speed="")

    def __enter__(self) -> ProgressBar:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, step: int, terms: dict[str, float]) -> None:
        """terms: of one problem of the batch, by name."""
        losses = "  ".join(f"{name} {value:.4g}" for name, value in terms.items() if name != "learning_rate")
        speed = self.bar.tasks[self.task].speed
        rate = "" if speed is None else f"{speed:.1f} steps/s"
        self.bar.update(self.task, completed=step + 1, losses=losses, speed=rate)


def announce(name: str, ending: Ending, folder: Path) -> None:
    """What came of one photo, and where it lies."""
    console = Console(highlight=False, soft_wrap=True)
    if ending.reason and ending.status == "FINISHED":
        console.print(f"{name}: {ending.reason}; rerun=true does it again", markup=False)
        return
    seconds = ending.figures.get("seconds", 0.0)
    speed = ending.figures.get("steps_per_second", 0.0)
    console.print(f"{name}: {ending.status}, {seconds:.1f} s, {speed:.1f} steps/s", markup=False)
    if ending.reason:
        console.print(f"  {ending.reason}", markup=False)
    if ending.figures:
        console.print(f"  {caption(ending.figures)}", markup=False)
        there = ", ".join(name for name in PICTURES if (folder / name).exists())
        console.print(f"  pictures: {folder}/{there}", markup=False)
