"""Points that others are running are waited for, and run here when nobody finishes them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from inversion.record.mlflow_store import clear_errors, reason
from inversion.record.open import open_store
from inversion.record.record import Ending
from inversion.record.store_copy import health_of
from sweeps.execute.job import Awaited, Job, PhotoResult, Point
from sweeps.execute.ledger import Ledger, membership
from sweeps.execute.wholes import finish_awaited
from sweeps.home import home

log = logging.getLogger(__name__)

Asked = TypeVar("Asked", Job, Point)
Results = list[PhotoResult | Awaited]  # of one point's photos
POLL = 2.0  # seconds between two looks at what others run
PATIENCE = 300.0  # seconds that a store may be away while points are waited for


def run_until_done(
    points: Sequence[Asked], run_round: Callable[[Sequence[Asked]], Sequence[Results]]
) -> list[list[PhotoResult]]:
    """How every photo of every point ended, in their order.

    run_round: runs points, or finds that another process runs them. In the first round it gets all of them; while
    others work on some, nobody waits in a job's place: once their processes have ended without finishing them, those
    photos, and no others of their points, come again.
    """
    found: dict[int, Results] = {}
    waiting = Waiting()
    # Photos of which others restore faces.
    shared: dict[int, set[Path]] = {i: set() for i in range(len(points))}
    left: dict[int, Asked] = dict(enumerate(points))
    while left:
        for (i, point), results in zip(left.items(), run_round(list(left.values())), strict=True):
            found[i] = results if point.only is None else _filled(found[i], results, point.only)
            shared[i] |= {
                one.part.whole for one in found[i] if isinstance(one, Awaited) and one.part is not None
            }
        left = {i: replace(points[i], only=only) for i, only in waiting.until_free(found).items()}
    ended = [[result for result in found[i] if isinstance(result, PhotoResult)] for i in range(len(points))]
    for i, each in enumerate(ended):
        finish_awaited([one for one in each if one.part is not None and one.part.whole in shared[i]])
    return ended


def _filled(earlier: Results, later: Results, asked: frozenset[str]) -> Results:
    """What an earlier round has found; of the photos that came again, what a later one has."""
    by_photo = {one.photo: one for one in later}
    whole = by_photo.get("")  # why the job as a whole has failed
    filled: Results = []
    for one in earlier:
        if not isinstance(one, Awaited) or one.fingerprints[0] not in asked:
            filled.append(one)
        elif one.photo in by_photo:
            filled.append(by_photo[one.photo])
        elif isinstance(whole, PhotoResult):
            filled.append(one.ended(whole.ending))
        else:
            lost = one.ended(Ending("FAILED", "its job ended before this photo was run", {}))
            lost.tell()
            filled.append(lost)
    return filled


class Waiting:
    """Looks at what others run."""

    def __init__(self) -> None:
        self._ledgers: dict[tuple[str | None, str], Ledger] = {}
        self._told: set[str] = set()

    def until_free(self, found: dict[int, Results]) -> dict[int, frozenset[str]]:
        """Put the results of others into `found`; of each point, the fingerprints that nobody runs or has finished."""
        answered = time.monotonic()
        while True:
            waited = [photo for results in found.values() for photo in results if isinstance(photo, Awaited)]
            if not waited:
                return {}
            self._tell(waited)
            try:
                looked = {photo.elsewhere.run_id: each for photo, each in self._look(waited)}
                answered = time.monotonic()
            except (ValueError, OSError) as error:
                looked = {}
                if time.monotonic() - answered > PATIENCE:
                    lost = f"another process was running it, and the store is away ({reason(error)})"
                    looked = {one.elsewhere.run_id: one.ended(Ending("FAILED", lost, {})) for one in waited}
            free: dict[int, frozenset[str]] = {}
            for i, results in found.items():
                for k, photo in enumerate(results):
                    if not isinstance(photo, Awaited) or photo.elsewhere.run_id not in looked:
                        continue
                    each = looked[photo.elsewhere.run_id]
                    if each is None:
                        free[i] = free.get(i, frozenset()) | {photo.fingerprints[0]}
                        continue
                    results[k] = each
                    if isinstance(each, PhotoResult):
                        each.tell()
            if free:
                return free
            time.sleep(POLL)

    def _look(self, waited: Sequence[Awaited]) -> list[tuple[Awaited, PhotoResult | Awaited | None]]:
        """What has become of each: a result, somebody's (else's) work, or None: nobody's.

        One request says which of them go on. Raises ConfigError, OSError of the store.
        """
        changed: list[tuple[Awaited, PhotoResult | Awaited | None]] = []
        for ledger in {id(one): one for one in map(self._ledger, waited)}.values():
            if health_of(ledger.uri).is_away:
                continue
            with clear_errors(ledger.uri):
                alive = {run.info.run_id for run in ledger.running() if not ledger.is_dead(run)}
                for photo in waited:
                    if self._ledger(photo) is ledger and photo.elsewhere.run_id not in alive:
                        changed.append((photo, self._look_closely(ledger, photo)))
        return changed

    def _look_closely(self, ledger: Ledger, photo: Awaited) -> PhotoResult | Awaited | None:
        config = photo.job.config
        parent = config.tracking.parent
        tags = {} if parent is None else {membership(parent): "yes"}
        found = ledger.ending(photo.fingerprints, tags, config.rerun, awaited=photo.elsewhere.run_id)
        if found is None:
            return None
        return photo.ended(found) if isinstance(found, Ending) else replace(photo, elsewhere=found)

    def _ledger(self, photo: Awaited) -> Ledger:
        tracking = photo.job.config.tracking
        key = (tracking.uri, tracking.experiment)
        if key not in self._ledgers:
            store = open_store(
                tracking.uri, tracking.experiment, tracking.artifacts, home(), tracking.experiment_id
            )
            self._ledgers[key] = Ledger(store, tracking.lease)
        return self._ledgers[key]

    def _tell(self, waited: Sequence[Awaited]) -> None:
        """Once for every process that is waited for."""
        others = sorted({photo.elsewhere.who for photo in waited} - self._told)
        if others:
            self._told.update(others)
            log.info("waiting for %d points that are run by %s", len(waited), ", ".join(others))
