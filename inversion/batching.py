"""Many tasks in as few optimizer passes as memory allows."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice

import torch

from inversion.model import Model
from inversion.record.ending import Ending
from inversion.restore import Task, close, restore
from inversion.runtime.memory import OutOfMemory, problems_that_fit
from inversion.search.objective import PerceptualLoss

log = logging.getLogger(__name__)


def restore_all(
    model: Model,
    loss: PerceptualLoss,
    tasks: Iterator[Task],  # taken as they are needed, so that a record may be opened when its turn comes
    size: int | None,  # tasks in one pass; None = measured
    image_every: int,
    animation_frames: int,
    bar: Callable[[Sequence[Task]], AbstractContextManager[Callable[[int, dict[str, float]], None]]],
    ended: Callable[[Task, Ending], None],
) -> None:
    """Restore all tasks, a batch at a time; a batch that does not fit into memory is tried again in halves.

    bar: opened around each pass, told of its steps. ended: called for every task. Raises KeyboardInterrupt when
    Ctrl-C ended a pass; whatever happens, no record stays open.
    """
    opened = list(islice(tasks, 1 if size == 1 else 2))
    if size is None:
        size = 1 if len(opened) < 2 else problems_that_fit(model, loss, opened[0].settings.samples)
    try:
        while opened := opened + list(islice(tasks, max(0, size - len(opened)))):
            batch, opened = opened[:size], opened[size:]
            try:
                with bar(batch) as progress:
                    endings = restore(model, loss, batch, image_every, animation_frames, progress)
            except OutOfMemory as error:
                opened, size = batch + opened, len(batch) // 2
                log.warning("%s; going on with %d", error, size)
                release_memory()
                continue
            for task, ending in zip(batch, endings, strict=True):
                ended(task, ending)
            if any(ending.status == "KILLED" for ending in endings):
                raise KeyboardInterrupt
    finally:
        for task in opened:
            ended(task, close(task, "KILLED", "not started: the run ended before"))


def release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
