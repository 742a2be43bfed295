"""Photos of which several faces are restored: each face is a run of its own, and the photo gets all of them back."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from inversion.console import plain_console
from inversion.errors import ConfigError, explain
from inversion.fullsize.save import png_like
from inversion.inspection import recorded
from inversion.photo import with_faces
from inversion.record.batch import PhotoSource
from inversion.record.folder_recorder import RESULT, TAGS
from inversion.record.mlflow_recorder import MLflowRecorder
from inversion.record.mlflow_store import Store, patiently, reason
from inversion.record.open import open_store
from inversion.record.own_folder import OwnFolder
from inversion.record.params import flatten
from inversion.record.store_copy import health_of
from inversion.restoration import Status
from sweeps.execute import process
from sweeps.execute.folders import room
from sweeps.execute.job import Job, Part, PhotoResult
from sweeps.execute.ledger import Ledger
from sweeps.home import code_version, home
from sweeps.ui import ui_command

if TYPE_CHECKING:
    from mlflow.entities import Run

log = logging.getLogger(__name__)

PASTED = "photo_restored.png"
FACE = "result.png"  # of each face's record


@dataclass(eq=False)
class Whole:
    """One photo while its faces are restored."""

    folder: OwnFolder
    run: MLflowRecorder | None  # that is this process's to end
    run_id: str | None  # of the run that the runs of its faces are shown below, be it another process's


@dataclass
class Wholes:
    """Those of one process."""

    store: Store | None
    ledger: Ledger
    _open: dict[Path, Whole] = field(default_factory=dict)
    _ended: dict[Path, list[PhotoResult]] = field(default_factory=dict)

    def parent(self, job: Job, part: Part | None) -> str | None:
        """Id of the MLflow run that the run of a photo is shown below. Raises ConfigError, OSError."""
        if part is None:
            return job.config.tracking.parent
        if part.whole not in self._open:
            with room(part.whole, part.fingerprint, is_claimed=False) as path:
                folder = OwnFolder(path)
                folder.check([PASTED, TAGS, RESULT])
                tags = tags_of(path, part)
                keep_json(folder, TAGS, tags)
            self._open[part.whole] = self._opened(folder, tags, job, part)
        return self._open[part.whole].run_id

    def add(self, result: PhotoResult) -> None:
        """Note how a face ended; with its last one the photo is put together."""
        part = result.part
        if part is None:
            return
        ended = self._ended.setdefault(part.whole, [])
        ended.append(result)
        if len(ended) == part.faces:
            self._finish(part, ended)

    def close(self) -> None:
        """End the runs of photos that lack faces."""
        for whole in self._open.values():
            _close(whole, "KILLED", "not every face was restored; the same command goes on")
        self._open.clear()

    def _finish(self, part: Part, ended: list[PhotoResult]) -> None:
        name, console = part.problem.photo.file, plain_console()
        done = [result for result in ended if result.ending.status == "FINISHED"]
        is_killed = any(result.ending.status == "KILLED" for result in ended)
        if is_killed and not done:
            return  # `close` ends its run
        whole = self._open.pop(part.whole, None)
        if whole is None:  # no face was searched
            earlier = self.ledger.whole(part.fingerprint)
            if earlier is not None and (where := self._put_together_before(earlier, done)):
                console.print(f"{name}: put together before, {where}")
                return
            try:
                self.parent(ended[0].job, part)
            except (ValueError, OSError) as error:
                log.warning("%s is not put together: %s", name, explain(error))
                return
            whole = self._open.pop(part.whole)
        missing = ", ".join(result.photo for result in ended if result not in done)
        try:
            path = whole.folder.keep(PASTED, put_together(done))
            if whole.run is not None:
                whole.run.log_file(path)
        except (ValueError, OSError) as error:
            log.warning("%s is not put together: %s", name, explain(error))
            _close(whole, "FAILED", explain(error))
            return
        status: Status = "KILLED" if is_killed else "FAILED" if missing else "FINISHED"
        _close(whole, status, f"left as they are: {missing}" if missing else "")
        console.print(f"{name}: {len(done)} of {part.faces} faces restored, {path}")

    def _put_together_before(self, earlier: Run, done: Sequence[PhotoResult]) -> str:
        """Where that photo is; "" where it has to be made (again), and can be."""
        there = Path(earlier.data.tags.get("folder", "")) / PASTED
        if earlier.info.status != "FINISHED":
            return ""
        if there.is_file():
            return str(there)
        if all((result.folder / FACE).is_file() for result in done):
            return ""
        return f"its file is gone, MLflow still has it ({ui_command(self.ledger.uri)})"

    def _opened(self, folder: OwnFolder, tags: Mapping[str, str], job: Job, part: Part) -> Whole:
        """The earlier run of the same faces is gone on with; none where there is no store, or it is away.

        Two processes that share the faces of a photo share its run: it is ended by the one that opened it.
        """
        store, photo = self.store, part.problem.photo
        earlier = self.ledger.whole(part.fingerprint)
        if store is None or health_of(store.uri).is_away:
            return Whole(folder, None, None)
        if earlier is not None and self._is_anothers(earlier):
            return Whole(folder, None, str(earlier.info.run_id))
        name, side = f"{photo.file}, {part.faces} faces", photo.image.shape[-1]
        source = PhotoSource(str(photo.path), photo.sha256, side, side)
        try:
            signed = {**tags, **self.ledger.signs()}
            run = patiently(
                lambda: MLflowRecorder(
                    store.uri,
                    store.experiment_id,
                    name,
                    flatten(job.config.values),
                    signed,
                    source,
                    job.config.tracking.parent,
                    run_id=None if earlier is None else earlier.info.run_id,
                )
            )
        except (ConfigError, OSError) as error:
            health_of(store.uri).failed(reason(error))
            return Whole(folder, None, None)
        return Whole(folder, run, run.run_id)

    def _is_anothers(self, run: Run) -> bool:
        """Whether another process, which is still there, restores faces of the same photo."""
        mine = all(run.data.tags.get(name) == value for name, value in process.tags().items())
        return run.info.status == "RUNNING" and not mine and not self.ledger.is_dead(run)


def finish_awaited(results: Sequence[PhotoResult]) -> None:
    """Put photos together of which other processes have restored some faces: all faces of each, as they ended."""
    if not results:
        return
    tracking = results[0].job.config.tracking
    try:
        store = open_store(
            tracking.uri, tracking.experiment, tracking.artifacts, home(), tracking.experiment_id
        )
    except (ConfigError, OSError) as error:
        log.warning("MLflow lacks the whole photo: %s", reason(error))
        store = None
    wholes = Wholes(store, Ledger(store, tracking.lease))
    try:
        for result in results:
            wholes.add(result)
    finally:
        wholes.close()


def put_together(done: list[PhotoResult]) -> bytes:
    """The photo's file with its restored faces. Raises ConfigError, OSError."""
    if not done:
        raise ConfigError("no face of the photo could be restored")
    problems = [result.part.problem for result in done if result.part is not None]
    faces = []
    for result, problem in zip(done, problems, strict=True):
        with Image.open(result.folder / FACE) as picture:
            face = picture.convert("RGB")
        metrics = result.ending.metrics
        faces.append(recorded(problem.photo, face, problem.degradation, problem.degraded, metrics))
    return png_like(problems[0].photo.origin, with_faces(faces))


def tags_of(folder: Path, part: Part) -> dict[str, str]:
    """What the run of a whole photo says of itself, as `attempts.job_tags` does for one face."""
    photo = part.problem.photo
    return {
        "kind": "faces",
        "photo": photo.file,
        "folder": str(folder.absolute()),
        "photo_sha256": photo.sha256,
        "fingerprint": part.fingerprint,
        "faces": str(part.faces),
        "git_commit": code_version(),
        **process.tags(),
    }


def keep_json(folder: OwnFolder, name: str, content: Mapping[str, str]) -> None:
    """Raises ConfigError, OSError."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    folder.keep(name, (text + "\n").encode("utf-8", "backslashreplace"))


def _close(whole: Whole, status: Status, why: str) -> None:
    try:
        keep_json(whole.folder, RESULT, {"status": status, "reason": why})
    except (ConfigError, OSError) as error:
        log.warning("the record in %s is not complete: %s", whole.folder.path, explain(error))
    if whole.run is None:
        return
    try:
        whole.run.finish(status, why)
    except (ConfigError, OSError) as error:
        log.warning("MLflow lacks the end of run %s: %s", whole.run.run_id, reason(error))
