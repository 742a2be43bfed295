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
from sweeps.execute.job import Job, PhotoResult
from sweeps.execute.ledger import Ledger, membership
from sweeps.execute.networks import photos
from sweeps.execute.run_name import run_name
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
) -> Attempt | PhotoResult:
    """Claim a photo and open its record; a result where it is finished, being run, or cannot be recorded."""
    job, problem = planned.job, planned.problem
    search = problem.hyperparameters
    tags = job_tags(planned, model)
    try:
        with ledger.one_at_a_time():
            earlier = ledger.ending(planned.fingerprints, tags, job.config.rerun)
            if earlier is not None:
                return planned.ended(earlier)
            record = open_record(
                problem,
                job.config.values,
                run_name(problem.photo.name, job.degradation, search.reg, search.steps, job.overrides),
                tags,
                planned.folder,
                store,
                job.config.tracking.parent,
            )
    except (ValueError, OSError) as error:
        return planned.ended(Ending("FAILED", explain(error), {}))
    return Attempt(planned, record)


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
