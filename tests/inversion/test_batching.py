"""Batches of tasks: as large as memory allows, and nothing is lost or doubled when it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch

from inversion import restore
from inversion.batching import restore_all
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.none import NoDegradation
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.model import Model, build
from inversion.photos import Synthetic
from inversion.record.ending import Ending
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.once import Once
from inversion.restore import Task
from inversion.search.hyperparameters import Hyperparameters

CPU = torch.device("cpu")
ProgressCall = Callable[[int, dict[str, float]], None]


def silent(tasks: Sequence[Task]) -> AbstractContextManager[ProgressCall]:
    return nullcontext(lambda step, terms: None)


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    checkpoint = Checkpoint(
        tiny_generator.architecture,
        tiny_generator.state_dict(),
        tiny_discriminator.architecture,
        tiny_discriminator.state_dict(),
        w_std=1.0,
    )
    return build(checkpoint, CPU)


def tasks(model: Model, folder: Path, steps: Sequence[int]) -> list[Task]:
    (photo,) = Synthetic().load(model.generator).photos
    return [
        Task(
            photo,
            NoDegradation(),
            False,
            Hyperparameters(steps=count),
            seed,
            folder / str(seed),
            Once(FolderRecorder(folder / str(seed))),
        )
        for seed, count in enumerate(steps)
    ]


def run(model: Model, waiting: Iterator[Task], size: int | None) -> dict[str, Ending]:
    ended: dict[str, Ending] = {}
    loss = DiscriminatorLoss().bind(model.discriminator, CPU)
    restore_all(
        model,
        loss,
        waiting,
        size,
        0,
        0,
        silent,
        lambda task, ending: ended.update({task.folder.name: ending}),
    )
    return ended


def losses(folder: Path, task: int) -> list[str]:
    return [line.split(",")[0] for line in (folder / str(task) / "losses.csv").read_text().splitlines()[1:]]


def test_a_batch_that_does_not_fit_is_tried_again_in_halves(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = restore.optimize

    def small_memory(synthesis, objective, settings, *rest):  # type: ignore[no-untyped-def]
        sizes.append(len(settings))
        if len(settings) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return original(synthesis, objective, settings, *rest)

    monkeypatch.setattr(restore, "optimize", small_memory)
    ended = run(model, iter(tasks(model, tmp_path, [3] * 7)), size=7)
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert [ending.status for ending in ended.values()] == ["FINISHED"] * 7
    assert all(losses(tmp_path, task) == ["0", "1", "2"] for task in range(7))


def test_running_out_of_memory_late_doubles_no_step(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = restore.Watcher.__call__

    def late(self, step):  # type: ignore[no-untyped-def]
        original(self, step)
        self.fetch()
        if step.number == 2 and len(self.settings) > 1:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
            )

    monkeypatch.setattr(restore.Watcher, "__call__", late)
    ended = run(model, iter(tasks(model, tmp_path, [4, 4])), size=2)
    assert [ending.status for ending in ended.values()] == ["FINISHED"] * 2
    assert all(losses(tmp_path, task) == ["0", "1", "2", "3"] for task in range(2))


def test_one_task_that_does_not_fit_fails_by_name(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(restore, "optimize", no_memory)
    ended = run(model, iter(tasks(model, tmp_path, [3, 3])), size=2)
    assert [(ending.status, ending.reason) for ending in ended.values()] == [
        ("FAILED", "MemoryError: no memory")
    ] * 2
    assert '"FAILED"' in (tmp_path / "0" / "result.json").read_text()


def test_records_are_opened_when_their_turn_comes(model: Model, tmp_path: Path) -> None:
    prepared = tasks(model, tmp_path, [2] * 5)
    opened: list[int] = []
    open_when_done: list[int] = []

    def waiting() -> Iterator[Task]:
        for task in prepared:
            opened.append(task.seed)
            yield task

    loss = DiscriminatorLoss().bind(model.discriminator, CPU)
    restore_all(
        model, loss, waiting(), 2, 0, 0, silent, lambda task, ending: open_when_done.append(len(opened))
    )
    assert open_when_done == [2, 2, 4, 4, 5]


def test_a_task_that_cannot_work_fails_alone(model: Model, tmp_path: Path) -> None:
    good, bad, other = tasks(model, tmp_path, [3, 3, 3])
    bad = Task(bad.photo, GaussianBlur(99), False, bad.settings, bad.seed, bad.folder, bad.recorder)
    ended = run(model, iter([good, bad, other]), size=3)
    assert [ended[name].status for name in "012"] == ["FINISHED", "FAILED", "FINISHED"]
    assert "kernel_size" in ended["1"].reason


def test_ctrl_c_leaves_no_record_open(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = restore.Watcher.__call__

    def interrupt(self, step):  # type: ignore[no-untyped-def]
        original(self, step)
        if step.number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(restore.Watcher, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(model, iter(tasks(model, tmp_path, [5, 5, 5])), size=2)
    for task in (0, 1):
        assert '"KILLED"' in (tmp_path / str(task) / "result.json").read_text()
        assert (tmp_path / str(task) / "restored.png").exists()
    assert not (tmp_path / "2" / "result.json").exists()  # its turn had not come
