"""What a person sees while it runs and when it is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inversion.record.outcome import caption
from inversion.restore import Ending, Task


class ProgressBar:
    """Step, loss terms, steps per second and time left; silent when the output is not a terminal."""

    def __init__(self, steps: int, names: Sequence[str]) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[losses]}", style="dim"),
            TextColumn("{task.fields[speed]}", style="dim"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        label = names[0] if len(names) == 1 else f"{len(names)} photos"
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


def announce(tasks: Sequence[Task], endings: Sequence[Ending]) -> None:
    """One line per photo, and where everything lies."""
    console = Console(highlight=False, soft_wrap=True)
    for task, ending in zip(tasks, endings, strict=True):
        seconds = ending.figures.get("seconds", 0.0)
        speed = ending.figures.get("steps_per_second", 0.0)
        console.print(
            f"{task.photo.name}: {ending.status}, {seconds:.1f} s, {speed:.1f} steps/s", markup=False
        )
        if ending.reason:
            console.print(f"  {ending.reason}", markup=False)
        console.print(f"  {caption(ending.figures)}", markup=False)
        console.print(
            f"  pictures: {task.folder}/panel.png, restored.png, loss.png, progress.webp", markup=False
        )
