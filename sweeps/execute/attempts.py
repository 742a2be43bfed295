"""From a job to its problems, and from a problem to an open record, unless it is finished or another one's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra.utils import instantiate

from inversion.errors import explain
from inversion.latents.latents_file import load_start
from inversion.metrics.metric import load_metrics
from inversion.model import Model
from inversion.record.mlflow_store import Store
from inversion.record.open import open_record
from inversion.record.record import Ending, Record
from inversion.restoration import Problem
from sweeps.execute import process
from sweeps.execute.job import Awaited, Job, PhotoResult
from sweeps.execute.ledger import Elsewhere, Ledger, membership
from sweeps.execute.networks import photos
from sweeps.home import code_version
from sweeps.plan.fingerprint import SYNTHETIC, fingerprints


@dataclass(frozen=True)
class Planned:
    """One photo of a job, before anybody has looked whether it is finished."""

    job: Job
    problem: Problem
    fingerprints: tuple[str, ...]  # today's first; a finished run may carry any of them
    folder: Path  # for its record

    @property
    def fingerprint(self) -> str:
        return self.fingerprints[0]

    def ended(self, ending: Ending) -> PhotoResult:
        return PhotoResult(self.job, self.problem.photo.file, self.fingerprint, ending, self.folder)

    def awaited(self, elsewhere: Elsewhere) -> Awaited:
        return Awaited(self.job, self.problem.photo.file, self.fingerprints, self.folder, elsewhere)

    def same_as(self, other: PhotoResult) -> PhotoResult:
        """The result of a photo whose copy, with the same settings, was done just now: it is not done twice."""
        status, reason, metrics = other.ending.status, other.ending.reason, other.ending.metrics
        if status == "FINISHED":
            reason = f"the same photo and settings as {other.photo or 'another job'} in {other.folder}"
        ending = Ending(status, reason, metrics)
        return PhotoResult(self.job, self.problem.photo.file, self.fingerprint, ending, other.folder)


@dataclass(frozen=True)
class Attempt:
    """A planned photo whose record is open."""

    planned: Planned
    record: Record
    run_id: str | None  # None: without a store, or with one that has failed


def plan(job: Job, model: Model) -> Iterator[Planned | PhotoResult]:
    """A job's photos, aligned, and those that cannot be used. A job that cannot work is one FAILED result."""
    config = job.config
    try:
        hyperparameters = config.hyperparameters
        load_metrics(config.values["metrics"])  # refused before any search
        degradation = instantiate(config.degradation)
        inputs = photos(config)
        start = None if config.start is None else load_start(config.start, model.generator.architecture)
    except (ValueError, OSError) as error:
        yield PhotoResult(job, "", "", Ending("FAILED", explain(error), {}), job.folder)
        return
    for path, reason in inputs.refused.items():
        yield PhotoResult(job, path.name, "", Ending("FAILED", reason, {}), job.folder)
    alone = len(inputs.photos) + len(inputs.refused) == 1
    for photo in inputs.photos:
        folder = job.folder if alone else folder_for(job.folder, photo.name)
        problem = Problem(photo, degradation, hyperparameters, config.degraded, config.seed, start)
        try:
            if config.paste:
                _ = photo.origin  # a face without a photo is refused before the search
            content = SYNTHETIC if photo.path is None else photo.sha256
            known = tuple(fingerprints(config.values, content, model.sha256))
        except (ValueError, OSError) as error:
            yield PhotoResult(job, photo.file, "", Ending("FAILED", explain(error), {}), folder)
        else:
            yield Planned(job, problem, known, folder)


def folder_for(parent: Path, name: str) -> Path:
    """A photo's own folder; another name where a file, such as Hydra's run.log, has taken it."""
    folder = parent / name
    return parent / f"{name}_" if folder.exists() and not folder.is_dir() else folder


def open_attempt(
    planned: Planned, model: Model, ledger: Ledger, store: Store | None
) -> Attempt | PhotoResult | Awaited:
    """Claim a photo and open its record; a result where it is finished, being run, or cannot be recorded."""
    job, problem = planned.job, planned.problem
    config, name, tags = job.config, run_name(planned), job_tags(planned, model)
    parent = config.tracking.parent
    claimed = ledger.claim(planned.fingerprints, name, tags, config.rerun, parent)
    if isinstance(claimed, Ending):
        return planned.ended(claimed)
    if isinstance(claimed, Elsewhere):
        return planned.awaited(claimed)
    try:
        record = open_record(problem, config.values, name, tags, planned.folder, store, parent, claimed)
    except BaseException as error:
        if claimed is not None:
            ledger.withdraw(claimed)
        if not isinstance(error, (ValueError, OSError)):
            raise
        return planned.ended(Ending("FAILED", explain(error), {}))
    return Attempt(planned, record, claimed)


def job_tags(planned: Planned, model: Model) -> dict[str, str]:
    """What a problem's run says of itself, so that it can be found again."""
    photo, parent = planned.problem.photo, planned.job.config.tracking.parent
    return {
        "kind": "job",
        "photo": photo.file,
        "folder": str(planned.folder.absolute()),
        "photo_sha256": photo.sha256,
        "checkpoint_sha256": model.sha256,
        "fingerprint": planned.fingerprint,
        "degradation": planned.job.degradation,
        "git_commit": code_version(),
        "dtype": str(model.dtype).removeprefix("torch."),  # what precision=auto chose
        **process.tags(),
        **({} if parent is None else {membership(parent): "yes"}),
    }


def run_name(planned: Planned) -> str:
    """What a person reads in the list of runs: grace_hopper blur reg 0.5 steps 1000."""
    hyperparameters = planned.problem.hyperparameters
    return (
        f"{planned.problem.photo.name} {planned.job.degradation} "
        f"reg {hyperparameters.reg:g} steps {hyperparameters.steps}"
    )
