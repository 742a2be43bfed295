"""One job of a sweep, or a single run: what is asked for, and how each of its photos ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra.conf import HydraConf
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from inversion.record.record import Ending
from inversion.restoration import Problem
from sweeps.execute import endings
from sweeps.execute.ledger import Elsewhere
from sweeps.plan.config import Config


@dataclass(frozen=True)
class Point:
    """One job of a sweep before it is composed."""

    number: int  # Hydra's
    words: list[str]  # overrides
    only: frozenset[str] | None = None  # see Job


@dataclass(frozen=True, eq=False)
class Job:
    """A composed configuration with the folder of its record."""

    config: Config
    folder: Path
    overrides: tuple[str, ...]  # on the command line, a sweep's axes among them
    degradation: str  # its file in conf/degradation: two composed ones are of one class
    number: int = 0  # Hydra's
    sweep: Path | None = None  # the sweep's folder; None: a single run
    # Fingerprints of the photos that are to be run: an earlier round of this command has ended the others. None: all.
    only: frozenset[str] | None = None

    @classmethod
    def composed(cls, config: DictConfig, hydra: HydraConf, here: Mapping[str, str] | None = None) -> Job:
        """From the two configs that Hydra gives to a job. here: as for Config.of."""
        typed, folder = Config.of(config, here), Path(hydra.runtime.output_dir)
        overrides, degradation = tuple(hydra.overrides.task), hydra.runtime.choices["degradation"]
        if hydra.mode is not RunMode.MULTIRUN:
            return cls(typed, folder, overrides, degradation)
        sweep = Path(hydra.sweep.dir).absolute()
        return cls(typed.in_sweep(), folder, overrides, degradation, hydra.job.num, sweep)


@dataclass(frozen=True)
class Part:
    """One face of a photo of which several are restored."""

    problem: Problem
    faces: int  # of the photo, this one among them
    whole: Path  # folder of the photo that is put together with all of them
    fingerprint: str  # of all of them together


@dataclass(frozen=True)
class PhotoResult:
    """How one photo of a job ended."""

    job: Job
    photo: str  # its file name; "" where the job failed before any photo was looked at
    fingerprint: str  # of the problem; "" where it never became one
    ending: Ending
    folder: Path  # of its record
    part: Part | None = None  # of a photo with several faces

    def tell(self) -> None:
        """Tell the sweep, or the person who waits."""
        if self.job.sweep is not None:
            line = endings.Line(self.job.overrides, self.photo, self.fingerprint, self.ending)
            endings.write(self.job.sweep, self.job.config.tracking.command, line)
        elif self.photo:
            from inversion.console import announce

            announce(self.photo, self.ending, self.folder)


@dataclass(frozen=True)
class Awaited:
    """A photo of a job that another process is running: it will be done, or is looked at again."""

    job: Job
    photo: str  # its file name
    fingerprints: tuple[str, ...]  # under which its run may be recorded, today's first
    folder: Path  # for its record, should it be run here
    elsewhere: Elsewhere
    part: Part | None = None  # of a photo with several faces

    def ended(self, ending: Ending) -> PhotoResult:
        folder = Path(ending.earlier) if ending.earlier else self.folder
        return PhotoResult(self.job, self.photo, self.fingerprints[0], ending, folder, self.part)


class Refused(CompactHydraException):
    """Hydra shows it as one message, without a traceback unless HYDRA_FULL_ERROR=1."""


def score(results: list[PhotoResult]) -> float:
    """A job's objective, higher is better: mean PSNR to the original, to the observed photo without one.

    Raises Refused, with the reasons, where a photo of the job has not finished.
    """
    failures = [
        f"{result.photo}: {result.ending.reason}".removeprefix(": ")
        for result in results
        if result.ending.status != "FINISHED"
    ]
    if len(failures) == 1 or not results:
        raise Refused("".join(failures) or "no photo was restored")
    if failures:
        raise Refused(f"{len(failures)} of {len(results)} photos have not finished; each is named above")
    metrics = [result.ending.metrics for result in results]
    return sum(m.get("psnr", m.get("fit_psnr", 0.0)) for m in metrics) / len(metrics)
