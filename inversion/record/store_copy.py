"""A record's copy in MLflow: it follows the folder, and when the store fails it falls behind instead of stopping."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock

from PIL import Image

from inversion.record.mlflow_store import reason
from inversion.record.recorder import Recorder
from inversion.record.writer import Writer
from inversion.restoration import Status

log = logging.getLogger(__name__)

ROOM = 5.0  # seconds that a full queue may make the search wait
PATIENCE = 60.0  # seconds that the end of a record waits for its copy
PAUSE = 30.0  # seconds during which a store that failed is not asked again
SHOWN = 10  # of the records that a store lacks, by name


class Health:
    """Whether a store answers, as far as this process knows; all copies in it share one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._failed = -PAUSE
        self._told = False
        self._lacking: set[str] = set()
        self._lock = Lock()

    @property
    def is_away(self) -> bool:
        return time.monotonic() - self._failed < PAUSE

    def failed(self, why: str) -> None:
        """Note that the store did not answer; a person is told once."""
        with self._lock:
            self._failed = time.monotonic()
            told, self._told = self._told, True
        if not told:
            log.warning(
                "MLflow is behind (%s). Runs go on in their folders; `python -m sweeps sync`, or the next start, "
                "brings them into %s",
                why,
                self.name,
            )

    def lacks(self, what: str) -> None:
        """Tell a person once of a record that cannot be brought in: every job of a sweep looks for those."""
        with self._lock:
            is_new, number = what not in self._lacking, len(self._lacking)
            self._lacking.add(what)
        if is_new and number < SHOWN:
            log.warning("%s", what)
        elif is_new and number == SHOWN:
            log.warning("%s lacks more records: `python -m sweeps sync` names them all", self.name)


@cache
def health_of(uri: str) -> Health:
    """What this process knows of the store at an address."""
    return Health(uri)


class StoreCopy:
    """The same calls as a recorder's, each done later, or not at all once the store has failed."""

    def __init__(self, recorder: Recorder | None, health: Health, writer: Writer) -> None:
        """recorder: None where the store failed before the run could be opened."""
        self._recorder = recorder
        self._health = health
        self._writer = writer
        self.is_behind = recorder is None

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        kept = dict(values)
        self._later(lambda recorder: recorder.log_metrics(kept, step))

    def log_image(self, key: str, image: Image.Image, step: int) -> None:
        self._later(lambda recorder: recorder.log_image(key, image, step))

    def log_summary(self, values: Mapping[str, float]) -> None:
        kept = dict(values)
        self._later(lambda recorder: recorder.log_summary(kept))

    def log_file(self, path: Path) -> None:
        self._later(lambda recorder: recorder.log_file(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        kept = dict(tags)
        self._later(lambda recorder: recorder.set_tags(kept))

    def flush(self) -> None:
        """Wait until the store has everything, or has failed."""
        self._later(lambda recorder: recorder.flush())
        if not self.is_behind:
            self._writer.wait(PATIENCE)

    def finish(self, status: Status, reason: str = "") -> bool:
        """Close the run; whether the copy is complete by then."""
        self._later(lambda recorder: recorder.finish(status, reason))
        if not self.is_behind and not self._writer.wait(PATIENCE):
            self._fall_behind(f"it has not taken a run's record within {PATIENCE:.0f} s")
        return not self.is_behind

    def _later(self, call: Callable[[Recorder], None]) -> None:
        def attempt() -> None:
            if self._recorder is None or self.is_behind or self._health.is_away:
                self.is_behind = True
                return
            try:
                call(self._recorder)
            except Exception as error:  # MLflow's clients raise whatever their servers and drivers do
                self._fall_behind(reason(error))

        if self.is_behind:
            return
        if not self._writer.submit(attempt, ROOM):
            self._fall_behind(f"it takes longer than {ROOM:.0f} s to take what is recorded")

    def _fall_behind(self, why: str) -> None:
        self.is_behind = True
        self._health.failed(why)
