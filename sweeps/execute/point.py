"""One point of a sweep, or a single run: what is asked for, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from inversion.record.ending import Ending
from sweeps.execute import endings

NOT_RUN = Ending("KILLED", "not run", {})


@dataclass(frozen=True, eq=False)
class Point:
    """Run.py's settings with the folder of their record; photos end one by one."""

    settings: Mapping[str, Any]  # the composed config
    folder: Path
    overrides: tuple[str, ...]  # on the command line, a sweep's axes among them
    degradation: str  # its file in conf/degradation: two composed ones are of one class
    job: int = 0  # Hydra's number
    sweep: Path | None = None  # the sweep's folder; None: a single run
    endings: dict[str, Ending] = field(default_factory=dict)  # by photo; "": the point failed as a whole

    @classmethod
    def composed(cls, config: DictConfig, hydra: HydraConf) -> Point:
        """From the two configs that Hydra gives to a job."""
        settings: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
        folder, overrides = Path(hydra.runtime.output_dir), tuple(hydra.overrides.task)
        degradation = hydra.runtime.choices["degradation"]
        if hydra.mode is not RunMode.MULTIRUN:
            return cls(settings, folder, overrides, degradation)
        sweep = Path(hydra.sweep.dir).absolute()
        return cls(settings, folder, overrides, degradation, hydra.job.num, sweep)

    def expect(self, photos: Sequence[str]) -> None:
        """These photos are to come."""
        self.endings.update(dict.fromkeys(photos, NOT_RUN))

    def fail(self, reason: str) -> None:
        """End whatever has not ended yet."""
        waiting = [photo for photo, ending in self.endings.items() if ending is NOT_RUN]
        for photo in waiting if self.endings else [""]:
            self.end(photo, Ending("FAILED", reason, {}))

    def end(self, photo: str, ending: Ending, folder: Path | None = None) -> None:
        """Tell the sweep, or the person who waits, how one photo ended. folder: of its record."""
        self.endings[photo] = ending
        if self.sweep is not None:
            endings.write(self.sweep, self.job, endings.Line(self.overrides, photo, ending))
        elif photo:
            from inversion.console import announce

            announce(photo, ending, folder or self.folder)
