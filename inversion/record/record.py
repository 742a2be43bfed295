"""The open record of one problem: its folder, its copy in a store, and the frames of its film."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from inversion.errors import explain
from inversion.images import to_pil
from inversion.metrics.metric import Metric, evaluate
from inversion.record.mlflow_store import Store
from inversion.record.own_folder import OwnFolder
from inversion.record.store_copy import StoreCopy
from inversion.record.sync import note_behind
from inversion.record.write import write
from inversion.record.writer import Background
from inversion.restoration import Problem, Refusal, Restoration, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """How one problem ended, for whoever asks afterwards. FINISHED with a reason: it was finished before."""

    status: Status
    reason: str
    metrics: dict[str, float]
    earlier: str = ""  # where FINISHED before: the folder of that record, "" where it is not there any more


class Record:
    """Listens to a search, then writes its restoration. The folder is the truth, a store has a copy.

    A pass that ran out of memory starts again, and Ctrl-C may come while losses are handed over: steps that are
    repeated, with the same values, are recorded once.
    """

    def __init__(
        self,
        problem: Problem,
        own: OwnFolder,
        folder: Background,
        copy: StoreCopy | None,
        store: Store | None,  # that the copy is in
        image_every: int,  # steps between pictures on the step slider; 0 = none
        animation_frames: int,  # at most; 0 = none
        paste: bool,  # put the restored face back into its photo
        metrics: Mapping[str, Metric],  # beside the built-in ones
    ) -> None:
        self.problem = problem
        self.paste = paste
        self._metrics = metrics
        self._own = own
        self._folder = folder
        self._copy = copy
        self._store = store
        self._image_every = image_every
        gaps = max(1, animation_frames - 1)  # the last step has a frame of its own
        self._frame_every = -(-problem.hyperparameters.steps // gaps) if animation_frames else 0
        self._frames: list[Image.Image] = []
        self._first: Image.Image | None = None  # of a synthetic face's search, whose mean face is known
        self._last_step = self._last_image = -1

    @property
    def folder(self) -> Path:
        return self._own.path

    @property
    def is_behind(self) -> bool:
        """Whether the store lacks a part of this record."""
        return self._copy is not None and self._copy.is_behind

    # A listener of the search

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        if step > self._last_step:
            self._folder.log_metrics(values, step)
            if self._copy is not None:
                self._copy.log_metrics(values, step)
            self._last_step = step

    def image(self, step: int, image: Tensor, last: bool) -> None:
        on_slider = self._image_every and (step % self._image_every == 0 or last)
        on_film = self._frame_every and (step % self._frame_every == 0 or last)
        is_first = step == 0 and self.problem.photo.mean_face is not None
        if step <= self._last_image or not (on_slider or on_film or is_first) or not image.isfinite().all():
            return
        picture = to_pil(image)
        if is_first:
            self._first = picture
        if on_slider:
            self._folder.log_image("progress", picture, step)
            if self._copy is not None:
                self._copy.log_image("progress", picture, step)
        if on_film:
            self._frames.append(picture)
        self._last_image = step

    def flush(self) -> None:
        """Return when everything told so far is written, in the folder and in the store."""
        self._folder.flush()
        if self._copy is not None:
            self._copy.flush()

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Change what the record, and its run in the store, says of itself."""
        self._folder.set_tags(tags)
        if self._copy is not None:
            self._copy.set_tags(tags)

    # The end

    def finish(self, result: Restoration | Refusal) -> Ending:
        """Write what was found and close; a record that cannot be written makes a FAILED run of a finished search."""
        if isinstance(result, Refusal):
            return self.close("FAILED", result.reason)
        try:
            self._folder.flush()  # the steps, before what sums them up
            files = write(result, self._own, self._frames, self.paste, self._first)
            self._own.list_artifacts(path.name for path in files)
            metrics = result.metrics | self._own_metrics(result)
            self._folder.log_summary(metrics)
            if self._copy is not None:
                # MLflow's grid compares one step.
                self._copy.log_image("restored", to_pil(result.restored), 0)
                for path in files:
                    self._copy.log_file(path)
                self._copy.log_summary(metrics)
        except (OSError, ValueError) as error:
            return self.close("FAILED", explain(error))
        return self.close(result.status, result.reason, metrics)

    def _own_metrics(self, result: Restoration) -> dict[str, float]:
        """A person's own metrics of the restored and the consistent picture, where the original is known."""
        if self.problem.degraded or not self._metrics:
            return {}
        shown = {"": result.restored.clamp(-1, 1), "consistent_": result.consistent}
        batch = torch.stack(list(shown.values()))
        originals = self.problem.photo.image.expand_as(batch)
        inside = self.problem.photo.inside(originals.shape[-1])
        if inside is not None:  # what alignment invented is nobody's mistake
            batch = torch.where(inside > 0, batch, originals)
        values = evaluate(self._metrics, batch, originals)
        return {f"{prefix}{name}": own[i] for i, prefix in enumerate(shown) for name, own in values.items()}

    def close(self, status: Status, reason: str, metrics: Mapping[str, float] | None = None) -> Ending:
        """End the record with its last word: the folder's first, then the store's."""
        try:
            self._folder.finish(status, reason)
        except (OSError, ValueError) as error:
            status, reason = ("FAILED", explain(error)) if status == "FINISHED" else (status, reason)
            log.warning("the record in %s is not complete: %s", self.folder, error)
        if self._copy is not None and self._store is not None and not self._copy.finish(status, reason):
            try:
                note_behind(self._store, self.folder)
            except OSError as error:
                log.warning("that MLflow lacks %s could not be noted: %s", self.folder, error)
        return Ending(status, reason, dict(metrics or {}))

    @property
    def has_begun(self) -> bool:
        """Whether any step of its search was recorded."""
        return self._last_step >= 0
