"""What a person sees while it runs and when it is done."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from inversion.passes import OnProgress
from inversion.pictures.caption import caption
from inversion.record.record import Ending
from inversion.record.write import PICTURES
from inversion.restoration import Problem

TAKEN_HOME = {"result.png": "the face", "photo_restored.png": "the photo"}


def plain_console(width: int | None = None) -> Console:
    """Prints names and messages as they are: no colours, emoji or line breaks of its own. width: letters of a table."""
    return Console(highlight=False, markup=False, soft_wrap=True, width=width, emoji=False)


class ProgressBar:
    """Step, loss terms, steps per second and time left of one pass; silent when the output is not a terminal."""

    def __init__(self, problems: Sequence[Problem], visible: bool = True) -> None:
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
        label = problems[0].photo.name if len(problems) == 1 else f"{len(problems)} at once"
        chosen = [problem.hyperparameters for problem in problems]
        steps = max(h.steps + h.steps_of_features for h in chosen) + sum(h.tuning_steps for h in chosen)
        self.task = self.bar.add_task(label, total=steps, losses="", speed="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __enter__(self) -> OnProgress:
        self.bar.start()
        return self.show

    def show(self, step: int, losses: Mapping[str, float]) -> None:
        """losses: of one problem of the pass, by name."""
        text = "  ".join(f"{name} {value:.4g}" for name, value in losses.items() if name != "learning_rate")
        speed = self.bar.tasks[self.task].speed
        rate = "" if speed is None else f"{speed:.1f} steps/s"
        self.bar.update(self.task, completed=step + 1, losses=text, speed=rate)


def announce(name: str, ending: Ending, folder: Path) -> None:
    """What came of one photo, and where it lies."""
    console = plain_console()
    if ending.reason and ending.status == "FINISHED":
        console.print(f"{name}: {ending.reason}; rerun=true does it again")
    else:
        seconds = ending.metrics.get("seconds", 0.0)
        speed = ending.metrics.get("steps_per_second", 0.0)
        console.print(f"{name}: {ending.status}, {seconds:.1f} s, {speed:.1f} steps/s")
        if ending.reason:
            console.print(f"  {ending.reason}")
    if ending.metrics:
        console.print(f"  {caption(ending.metrics)}")
    there = [name for name in PICTURES if (folder / name).exists()]
    if there:
        console.print(f"  pictures: {', '.join(there)}")
    for name, words in TAKEN_HOME.items():
        if name in there:
            console.print(f"  {words}: {folder / name}")
