"""Passes as large as memory allows, and nothing is lost or doubled when one does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from inversion import batching, drawn
from inversion.batching import problems_that_fit, restore_all
from inversion.degradations.blur import GaussianBlur
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.passes import OnProgress
from inversion.photos import Synthetic
from inversion.restoration import Problem, Refusal, Restoration
from inversion.search.history import Listener
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.optimize import optimize

CPU = torch.device("cpu")


class Heard:
    """A listener that remembers; told so, it does something at one of its steps."""

    def __init__(self, at: int = -1, then: Callable[[], None] = lambda: None) -> None:
        self.steps: list[int] = []
        self._at, self._then = at, then

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)

    def image(self, step: int, image: Tensor, last: bool) -> None:
        if step == self._at:
            self._then()


def problems(model: Model, count: int, steps: int = 3) -> list[Problem]:
    (photo,) = Synthetic().load(model.generator).photos
    return [Problem(photo, hyperparameters=Hyperparameters(steps=steps), seed=seed) for seed in range(count)]


def limit_memory(monkeypatch: pytest.MonkeyPatch, at_most: int) -> list[int]:
    """Let larger passes run out of memory; returns the sizes of all that were tried."""
    sizes: list[int] = []

    def small_memory(synthesis, objective, settings, *rest):  # type: ignore[no-untyped-def]
        sizes.append(len(settings))
        if len(settings) > at_most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return optimize(synthesis, objective, settings, *rest)

    monkeypatch.setattr(drawn, "optimize", small_memory)
    return sizes


def test_a_pass_that_does_not_fit_is_tried_again_in_halves(
    model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, given = limit_memory(monkeypatch, at_most=2), problems(model, 7)
    heard = {problem: Heard() for problem in given}
    told: list[int] = []
    ended = list(restore_all(model, loss, given, 7, heard.__getitem__, on_smaller=told.append))
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert told == [3, 1]
    assert [problem for problem, _ in ended] == given
    assert all(isinstance(r, Restoration) and r.status == "FINISHED" for _, r in ended)
    assert all(one.steps == [0, 1, 2] for one in heard.values())


def test_samples_count_as_searches_in_memory(
    model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = limit_memory(monkeypatch, at_most=4)
    given = [replace(p, hyperparameters=Hyperparameters(steps=2, samples=3)) for p in problems(model, 3)]
    assert [len(r.samples) for _, r in restore_all(model, loss, given, 3)] == [3] * 3  # type: ignore[union-attr]
    assert sizes == [9, 3, 3, 3]


def test_running_out_of_memory_late_begins_again_and_reaches_the_same(
    model: Model, loss: PerceptualLoss
) -> None:
    tried: list[Heard] = []

    def no_memory() -> None:
        if len(tried) == 2:  # of the first try alone
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"
            )

    def listen(problem: Problem) -> Listener:
        tried.append(Heard(2, no_memory))
        return tried[-1]

    given = problems(model, 2, steps=4)
    late = list(restore_all(model, loss, given, 2, listen))
    assert [one.steps for one in tried[2:]] == [[0, 1, 2, 3]] * 2 and len(tried) == 4
    for (_, a), (_, b) in zip(late, restore_all(model, loss, given, 1), strict=True):
        assert isinstance(a, Restoration) and isinstance(b, Restoration)
        assert a.history["loss"] == pytest.approx(b.history["loss"], rel=1e-4)
        assert len(a.history["loss"]) == 4


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_a_problem_that_does_not_fit_alone_is_refused_by_name(
    model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def no_memory(*_: object) -> None:
        raise error("no memory")

    monkeypatch.setattr(drawn, "optimize", no_memory)
    given = problems(model, 2)
    ended = list(restore_all(model, loss, given, 2))
    assert [problem for problem, _ in ended] == given
    for problem, result in ended:
        assert isinstance(result, Refusal) and result.problem is problem
        assert result.reason == f"{error.__name__}: no memory"


def test_any_other_error_ends_it(model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(drawn, "optimize", wrong)
    with pytest.raises(RuntimeError, match="shapes"):
        list(restore_all(model, loss, problems(model, 3), 2))


def test_a_problem_that_cannot_work_is_refused_alone_and_in_its_place(
    model: Model, loss: PerceptualLoss
) -> None:
    given = problems(model, 5)
    given[1] = replace(given[1], degradation=GaussianBlur(99))
    ended = list(restore_all(model, loss, given, 2))
    assert [problem for problem, _ in ended] == given
    assert [isinstance(result, Refusal) for _, result in ended] == [False, True, False, False, False]


def test_results_come_as_soon_as_their_pass_is_over(model: Model, loss: PerceptualLoss) -> None:
    listened: list[int] = []

    def listen(problem: Problem) -> Listener:
        listened.append(problem.seed)
        return Heard()

    open_when_done = [len(listened) for _ in restore_all(model, loss, problems(model, 5), 2, listen)]
    assert open_when_done == [2, 2, 4, 4, 5]


def test_each_pass_has_a_bar_that_is_told_of_its_steps(model: Model, loss: PerceptualLoss) -> None:
    bars: list[tuple[int, list[int]]] = []

    @contextmanager
    def bar(batch: Sequence[Problem]) -> Iterator[OnProgress]:
        steps: list[int] = []
        yield lambda step, losses: steps.append(step)
        bars.append((len(batch), steps))

    list(restore_all(model, loss, problems(model, 3), 2, bar=bar))
    assert bars == [(2, [0, 0, 1, 1, 2, 2]), (1, [0, 1, 2])]


def ctrl_c() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_is_raised_after_the_results_of_the_pass_that_it_ended(
    model: Model, loss: PerceptualLoss
) -> None:
    given, ended = problems(model, 5, steps=5), []
    with pytest.raises(KeyboardInterrupt):
        for problem, result in restore_all(
            model, loss, given, 2, lambda problem: Heard(1, ctrl_c if problem.seed == 2 else lambda: None)
        ):
            assert isinstance(result, Restoration)
            ended.append((problem.seed, result.status, result.steps_taken))
    assert ended == [(0, "FINISHED", 5), (1, "FINISHED", 5), (2, "KILLED", 2), (3, "KILLED", 2)]


@pytest.mark.parametrize("samples", [1, 10**6])
def test_a_measured_size_is_at_least_one(model: Model, loss: PerceptualLoss, samples: int) -> None:
    assert problems_that_fit(model, loss, samples) >= 1


def test_one_problem_is_not_measured_and_none_is_no_pass(
    model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "problems_that_fit", None)
    assert len(list(restore_all(model, loss, problems(model, 1)))) == 1
    assert list(restore_all(model, loss, [])) == []
