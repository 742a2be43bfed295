"""What a run was asked to do. Figures of different tasks are not comparable: each task has a table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Run

OF_TASK = ("degradation", "degraded", "input")  # settings that make another task: no axes of its table


@dataclass(frozen=True)
class Task:
    """A degradation, whether the photo arrives with it, and whether the face is a photo or the generator's own."""

    degradation: str = "none"  # its file in conf/degradation
    arrives_degraded: bool = False
    is_synthetic: bool = False

    def at(self, point: Mapping[str, Any]) -> Task:
        """The task of a sweep's point, where `self` is that of another one."""
        degradation = str(point.get("degradation", self.degradation))
        synthetic = str(point["input"]) == "synthetic" if "input" in point else self.is_synthetic
        arrives = str(point["degraded"]).lower() == "true" if "degraded" in point else self.arrives_degraded
        return Task(degradation, arrives and not synthetic, synthetic)

    @property
    def overrides(self) -> str:
        """What sets this task on run.py's command line: degradation=blur degraded=true."""
        words = [f"degradation={self.degradation}"]
        words += ["degraded=true"] if self.arrives_degraded else []
        return " ".join([*words, "input=synthetic"] if self.is_synthetic else words)

    @property
    def title(self) -> str:
        """blur; blur of a photo that arrives degraded; inversion of a synthetic face."""
        words = "inversion" if self.degradation == "none" else self.degradation.replace("_", " ")
        if self.is_synthetic:
            return f"{words} of a synthetic face"
        return f"{words} of a photo that arrives degraded" if self.arrives_degraded else words


def task_of(run: Run) -> Task:
    """By its params; the degradation by its config's name, because two composed ones are of one class."""
    tags, params = run.data.tags, run.data.params
    target = params.get("degradation._target_", "none.none").rsplit(".", 2)
    degradation = tags.get("degradation") or target[-2]
    synthetic = "input.seed" in params
    return Task(degradation, params.get("degraded") == "true" and not synthetic, synthetic)
