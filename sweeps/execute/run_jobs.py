"""Restore every photo of some jobs that share their networks, and record each once."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from functools import partial

from inversion.batching import problems_that_fit, restore_all
from inversion.console import ProgressBar
from inversion.errors import explain
from inversion.record.open import open_store
from inversion.record.record import Ending
from inversion.record.sync import bring_in
from inversion.restoration import Problem, Status
from inversion.runtime.heap import enable_gc, keep_heap
from inversion.search.history import Listener
from sweeps.execute.attempts import Attempt, Planned, open_attempt, plan
from sweeps.execute.job import Awaited, Job, PhotoResult
from sweeps.execute.ledger import Elsewhere, Ledger
from sweeps.execute.networks import networks
from sweeps.execute.wholes import Wholes
from sweeps.home import home

log = logging.getLogger(__name__)

TAKEN_OVER = "this process was stopped for longer than tracking.lease, and another one took over"


def run_jobs(jobs: Sequence[Job]) -> list[list[PhotoResult | Awaited]]:
    """Restore every photo of these jobs that is not finished yet; one list of results per job, in their order.

    What another process is running is left to it: rounds.py waits for it.

    jobs: alike as `batched.alike` says: one generator, one loss, one store. What cannot be used ends as FAILED with the
    reason. Raises KeyboardInterrupt, and what is a mistake of the program's, once all records are closed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill keeps what was reached, like Ctrl-C
    keep_heap()
    told: dict[Job, list[PhotoResult | Awaited]] = {job: [] for job in jobs}

    def tell(result: PhotoResult | Awaited) -> None:
        if isinstance(result, PhotoResult):
            result.tell()
        told[result.job].append(result)

    try:
        for result in Worker(jobs).results():
            tell(result)
    except Exception as error:
        for job in jobs:
            if not told[job]:
                tell(PhotoResult(job, "", "", Ending("FAILED", explain(error), {}), job.folder))
        if not isinstance(error, (ValueError, OSError)):
            raise
    return [told[job] for job in jobs]


class Worker:
    """What the jobs of one process share: networks, store, and what is done already."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        """Raises ConfigError, CheckpointError and OSError for what no job could work with."""
        shared = jobs[0].config
        tracking, launcher = shared.tracking, shared.launcher
        self.jobs = jobs
        self.model, self.loss = networks(shared)
        self.store = open_store(
            tracking.uri, tracking.experiment, tracking.artifacts, home(), tracking.experiment_id
        )
        if self.store is not None:
            log.info("runs are recorded in %s, experiment %s", self.store.uri, self.store.experiment)
        bring_in(self.store)
        self.ledger = Ledger(self.store, tracking.lease)
        self.ledger.reap_unless_away()
        self.wholes = Wholes(self.store, self.ledger)
        enable_gc()
        self.size = launcher.batch_size  # problems in one pass; None until it is measured
        self.bar = partial(ProgressBar, visible=launcher.bars)
        self.done: dict[str, PhotoResult] = {}  # by fingerprint

    def results(self) -> Iterator[PhotoResult | Awaited]:
        """How each photo ended, as soon as it has, or that another process is running it."""
        try:
            for ready in self._passes():
                for result in self._search(ready) if isinstance(ready, list) else [ready]:
                    yield result
                    if isinstance(result, PhotoResult):
                        self.wholes.add(result)
        finally:
            self.wholes.close()
            bring_in(self.store)

    def _passes(self) -> Iterator[PhotoResult | Awaited | list[Attempt]]:
        """Photos that are not searched, and open records in the groups that are searched together."""
        attempts: list[Attempt] = []
        try:
            for photo in (photo for job in self.jobs for photo in plan(job, self.model)):
                if isinstance(photo, PhotoResult):
                    yield photo
                    continue
                if any(photo.fingerprint == attempt.planned.fingerprint for attempt in attempts):
                    ready, attempts = attempts, []
                    yield ready  # then this photo, the same as one of them, is done
                opened = self._open(photo)
                if not isinstance(opened, Attempt):
                    yield opened
                    continue
                attempts.append(opened)
                if self.size is None and len(attempts) == 2:
                    samples = photo.problem.hyperparameters.samples
                    self.size = problems_that_fit(self.model, self.loss, samples)
                if self.size is not None and len(attempts) >= self.size:
                    ready, attempts = attempts, []
                    yield ready
            if attempts:
                ready, attempts = attempts, []
                yield ready
        finally:
            for attempt in attempts:
                attempt.record.close("KILLED", "not started: the run ended before")

    def _open(self, photo: Planned) -> Attempt | PhotoResult | Awaited:
        if photo.fingerprint in self.done:
            return photo.same_as(self.done[photo.fingerprint])
        return open_attempt(photo, self.model, self.ledger, self.store, self.wholes)

    def _search(self, attempts: Sequence[Attempt]) -> Iterator[PhotoResult | Awaited]:
        """Restore the photos of open records together; whatever happens, every record is closed."""
        waiting: dict[Problem, Attempt] = {attempt.planned.problem: attempt for attempt in attempts}

        def listen(problem: Problem) -> Listener:
            return waiting[problem].record

        try:
            for problem, found in restore_all(
                self.model, self.loss, list(waiting), self.size or 1, listen, self.bar, self._fewer
            ):
                attempt = waiting[problem]
                if attempt.run_id is not None and self.ledger.was_taken_over(attempt.run_id):
                    del waiting[problem]
                    attempt.record.close("KILLED", TAKEN_OVER)
                    yield attempt.planned.awaited(Elsewhere(attempt.run_id, "whoever took it over"))
                    continue
                result = attempt.planned.ended(attempt.record.finish(found))
                del waiting[problem]  # only now: what Ctrl-C interrupts is still to be closed
                self.done[result.fingerprint] = result
                yield result
        except (Exception, KeyboardInterrupt) as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            status: Status = "KILLED" if interrupted else "FAILED"
            for attempt in waiting.values():
                reason = "interrupted; what was reached is recorded" if interrupted else explain(error)
                if not attempt.record.has_begun and interrupted:
                    reason = "not started: the run ended before"
                yield attempt.planned.ended(attempt.record.close(status, reason))
            raise

    def _fewer(self, size: int) -> None:
        """A pass did not fit into memory: later ones are no larger."""
        self.size = size
