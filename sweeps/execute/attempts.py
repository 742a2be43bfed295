"""From a job to its problems, and from a problem to an open record, unless it is finished or another one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from sweeps.execute.folders import folder_for, room
from sweeps.execute.job import Awaited, Job, Part, PhotoResult
from sweeps.execute.ledger import Elsewhere, Ledger, membership
from sweeps.execute.networks import photos
from sweeps.execute.run_name import run_name
from sweeps.execute.wholes import Wholes
from sweeps.home import code_version
from sweeps.plan.files import located
from sweeps.plan.fingerprint import SYNTHETIC, fingerprints


@dataclass(frozen=True)
class Planned:
    """One photo of a job, before anybody has looked whether it is finished."""

    job: Job
    problem: Problem
    fingerprints: tuple[str, ...]  # today's first; a finished run may carry any of them
    folder: Path  # for its record
    values: Mapping[str, Any]  # the configuration as it is recorded
    part: Part | None = None  # of a photo with several faces

    @property
    def fingerprint(self) -> str:
        return self.fingerprints[0]

    def ended(self, ending: Ending) -> PhotoResult:
        folder = Path(ending.earlier) if ending.earlier else self.folder
        return PhotoResult(self.job, self.problem.photo.label, self.fingerprint, ending, folder, self.part)

    def awaited(self, elsewhere: Elsewhere) -> Awaited:
        label = self.problem.photo.label
        return Awaited(self.job, label, self.fingerprints, self.folder, elsewhere, self.part)

    def same_as(self, other: PhotoResult) -> PhotoResult:
        """The result of a photo whose copy, with the same settings, was done just now: it is not done twice."""
        status, reason, metrics = other.ending.status, other.ending.reason, other.ending.metrics
        if status == "FINISHED":
            reason = f"the same photo and settings as {other.photo or 'another job'} in {other.folder}"
        return self.ended(Ending(status, reason, metrics, str(other.folder)))


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
    for path, reason in inputs.refused.items() if job.only is None else ():
        yield PhotoResult(job, path.name, "", Ending("FAILED", reason, {}), job.folder)
    alone = len(inputs.photos) + len(inputs.refused) == 1
    faces = Counter(photo.path for photo in inputs.photos)
    for photo in inputs.photos:
        folder = job.folder if alone else folder_for(job.folder, photo.name)
        problem = Problem(photo, degradation, hyperparameters, config.degraded, config.seed, start)
        values = config.values if photo.face is None else of_one_face(config.values, photo.face)
        try:
            if config.paste:
                _ = photo.origin  # a face without a photo is refused before the search
            content = SYNTHETIC if photo.path is None else photo.sha256
            known = tuple(fingerprints(located(values, config.here), content, model.sha256))
            part = None
            if photo.face is not None and config.values["paste"] is not False:
                whole = folder_for(job.folder, photo.name.removesuffix(f"-face{photo.face}"))
                all_faces = located(config.values, config.here)
                together = fingerprints(all_faces, content, model.sha256)[0]
                part = Part(problem, faces[photo.path], whole, together)
        except (ValueError, OSError) as error:
            if job.only is None:
                yield PhotoResult(job, photo.label, "", Ending("FAILED", explain(error), {}), folder)
        else:
            if job.only is None or known[0] in job.only:
                yield Planned(job, problem, known, folder, values, part)


def of_one_face(values: Mapping[str, Any], face: int) -> Mapping[str, Any]:
    """The configuration that would restore this face alone: it is the same run."""
    align = {**values["align"], "face": face}
    return {**values, "align": align, "input": {**values["input"], "align": align}}


def open_attempt(
    planned: Planned, model: Model, ledger: Ledger, store: Store | None, wholes: Wholes
) -> Attempt | PhotoResult | Awaited:
    """Claim a photo and open its record; a result where it is finished, being run, or cannot be recorded."""
    job, problem, tags = planned.job, planned.problem, job_tags(planned, model)
    config, search = job.config, problem.hyperparameters
    name = run_name(problem.photo.name, job.degradation, search.reg, search.steps, job.overrides)
    claimed: str | None = None
    try:
        looked = ledger.look(planned.fingerprints, tags, config.rerun) if planned.part is not None else None
        parent = wholes.parent(job, planned.part) if looked is None else config.tracking.parent
        found = looked or ledger.claim(planned.fingerprints, name, tags, config.rerun, parent)
        if isinstance(found, Ending):
            return planned.ended(found)
        if isinstance(found, Elsewhere):
            return planned.awaited(found)
        claimed = found
        with room(planned.folder, planned.fingerprint, claimed is not None) as folder:
            record = open_record(
                problem, planned.values, name, tags | place(folder), folder, store, parent, claimed
            )
            if folder != planned.folder:
                record.set_tags(place(folder))  # of the claimed run, which says where it was to be
    except BaseException as error:
        if claimed is not None:
            ledger.withdraw(claimed)
        if not isinstance(error, (ValueError, OSError)):
            raise
        return planned.ended(Ending("FAILED", explain(error), {}))
    return Attempt(replace(planned, folder=folder), record, claimed)


def job_tags(planned: Planned, model: Model) -> dict[str, str]:
    """What a problem's run says of itself, so that it can be found again."""
    photo, parent = planned.problem.photo, planned.job.config.tracking.parent
    return {
        "kind": "job",
        "photo": photo.file,
        **place(planned.folder),
        "photo_sha256": photo.sha256,
        "checkpoint_sha256": model.sha256,
        "fingerprint": planned.fingerprint,
        "degradation": planned.job.degradation,
        "git_commit": code_version(),
        "dtype": str(model.dtype).removeprefix("torch."),  # what precision=auto chose
        **process.tags(),
        **({} if parent is None else {membership(parent): "yes"}),
    }


def place(folder: Path) -> dict[str, str]:
    """The tag that says where a record lies."""
    return {"folder": str(folder.absolute())}
