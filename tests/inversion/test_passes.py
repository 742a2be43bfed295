"""One pass from observed photos to restorations: values, in order, and nothing on disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inversion import drawn
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.compose import Compose
from inversion.degradations.degradation import Degradation
from inversion.degradations.inpaint import Inpaint
from inversion.degradations.scratches import Scratches
from inversion.errors import ConfigError
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model
from inversion.observation import observed
from inversion.passes import restore
from inversion.photo import Photo
from inversion.photos import Synthetic
from inversion.restoration import Problem, Refusal, Restoration
from inversion.search.history import Listener
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.seeds import RandomStreams

CPU = torch.device("cpu")


class Heard:
    """A listener that remembers; told so, it presses Ctrl-C once, when it hears a step."""

    def __init__(self, ctrl_c_at: int | None = None, in_image: bool = False) -> None:
        self.steps: list[int] = []
        self.values: list[Mapping[str, float]] = []
        self.images: list[tuple[int, bool]] = []
        self.sizes: set[torch.Size] = set()
        self._ctrl_c_at = ctrl_c_at
        self._in_image = in_image

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        if not self._in_image:
            self._press(step)
        self.steps.append(step)
        self.values.append(values)

    def image(self, step: int, image: Tensor, last: bool) -> None:
        if self._in_image:
            self._press(step)
        self.images.append((step, last))
        self.sizes.add(image.shape)

    def _press(self, step: int) -> None:
        if step == self._ctrl_c_at:
            self._ctrl_c_at = None
            raise KeyboardInterrupt


@pytest.fixture
def problem(model: Model) -> Problem:
    (photo,) = Synthetic().load(model.generator).photos
    return Problem(photo, hyperparameters=Hyperparameters(steps=4))


def restorations(
    model: Model, loss: PerceptualLoss, problems: list[Problem], listeners: list[Listener] | None = None
) -> list[Restoration]:
    results = restore(model, loss, problems, listeners or ())
    assert all(isinstance(result, Restoration) for result in results), results
    return results  # type: ignore[return-value]


@pytest.fixture
def masked() -> Problem:
    """The left half of its photo is to be filled in."""
    pixels = torch.rand([3, 16, 16], generator=torch.Generator().manual_seed(0)) * 2 - 1
    known = (torch.arange(16) >= 8).float().expand(1, 16, 16)
    return Problem(Photo("face", pixels, "", mask=known), Inpaint())


def test_inpainting_fills_in_what_the_photos_own_mask_says(masked: Problem, model: Model) -> None:
    image = observed(masked, model).image[0]
    assert (image[:, :, :8] == -1).all()
    torch.testing.assert_close(image[:, :, 8:], masked.photo.image[:, :, 8:], rtol=0, atol=1 / 255)


def test_a_composed_corruption_that_fills_in_takes_the_photos_own_mask(masked: Problem, model: Model) -> None:
    seen = observed(replace(masked, degradation=Compose((GaussianBlur(3), Inpaint()))), model)
    assert (seen.image[0, :, :, :8] == -1).all() and (seen.image[0, :, :, 8:] > -1).any()


@pytest.mark.parametrize(
    "other", [GaussianBlur(3), Scratches(), Compose((GaussianBlur(3),))], ids=lambda o: type(o).__name__
)
def test_any_other_degradation_refuses_a_mask_by_name(
    masked: Problem, other: Degradation, model: Model
) -> None:
    with pytest.raises(ConfigError, match=f"Got input.mask with the degradation {type(other).__name__}"):
        observed(replace(masked, degradation=other), model)


def test_a_photo_that_arrives_degraded_is_observed_as_it_is(problem: Problem, model: Model) -> None:
    given = observed(replace(problem, degradation=GaussianBlur(5), degraded=True), model).image[0]
    assert torch.equal(given, problem.photo.image)


@pytest.mark.parametrize("bad", [[0], [1], [0, 2, 3], [1, 3], [0, 1, 2, 3]])
def test_problems_that_cannot_work_are_refused_alone_and_the_order_stays(
    problem: Problem, model: Model, loss: PerceptualLoss, bad: list[int]
) -> None:
    seeded = [replace(problem, seed=seed) for seed in range(4)]
    problems = [replace(p, degradation=GaussianBlur(99)) if i in bad else p for i, p in enumerate(seeded)]
    heard = [Heard() for _ in problems]
    results = restore(model, loss, problems, heard)
    assert [result.problem for result in results] == problems
    for i, result in enumerate(results):
        if i in bad:
            assert isinstance(result, Refusal) and "kernel_size" in result.reason
        else:
            assert isinstance(result, Restoration) and result.status == "FINISHED" and result.seed == i
        assert bool(heard[i].steps) == (i not in bad)


def test_a_problem_is_restored_alike_whatever_else_is_searched(
    problem: Problem, model: Model, loss: PerceptualLoss
) -> None:
    other = replace(problem, seed=7, degradation=GaussianBlur(5))
    (alone,) = restorations(model, loss, [problem])
    _, beside = restorations(model, loss, [other, problem])
    torch.testing.assert_close(beside.restored, alone.restored, rtol=1e-3, atol=1e-4)
    assert beside.history["loss"] == pytest.approx(alone.history["loss"], rel=1e-4)


def test_no_file_is_opened_or_written(
    problem: Problem, model: Model, loss: PerceptualLoss, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tuned = replace(problem, hyperparameters=Hyperparameters(steps=2, samples=2, tuning_steps=2))
    restorations(model, loss, [tuned])  # what is imported late is read now
    opened: list[object] = []
    listening = [True]
    sys.addaudithook(  # a hook cannot be taken back
        lambda event, args: opened.append(args[0]) if event == "open" and listening else None
    )
    restorations(model, loss, [tuned])
    listening.clear()
    assert list(tmp_path.iterdir()) == [] and opened == []


def test_a_listener_hears_each_step_of_sample_0_once_and_every_image(
    problem: Problem, model: Model, loss: PerceptualLoss
) -> None:
    several = replace(problem, hyperparameters=Hyperparameters(steps=60, samples=3))
    heard = [Heard(), Heard()]
    first, second = restorations(model, loss, [problem, several], [*heard])
    for one, restoration, steps in ((heard[0], first, 4), (heard[1], second, 60)):
        assert one.steps == list(range(steps)) and restoration.steps_taken == steps
        assert one.images == [(step, step == steps - 1) for step in range(steps)]
        assert one.sizes == {torch.Size([3, 32, 32])}
        assert restoration.history["loss"] == [values["loss"] for values in one.values]
        assert {"loss", "discriminator", "learning_rate"} <= set(one.values[0])


def test_progress_is_told_of_every_step(problem: Problem, model: Model, loss: PerceptualLoss) -> None:
    told: list[int] = []
    tuned = replace(problem, hyperparameters=Hyperparameters(steps=4, tuning_steps=2))
    restore(model, loss, [tuned], (), lambda step, losses: told.append(step))
    assert told == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("in_image", [False, True])
def test_ctrl_c_in_a_listener_gives_killed_restorations_of_what_was_reached(
    problem: Problem, model: Model, loss: PerceptualLoss, in_image: bool
) -> None:
    long = replace(problem, hyperparameters=Hyperparameters(steps=80))
    heard = [Heard(), Heard(ctrl_c_at=30, in_image=in_image)]
    results = restorations(model, loss, [long, replace(long, seed=1)], [*heard])
    for one, result in zip(heard, results, strict=True):
        assert (result.status, result.reason) == ("KILLED", "interrupted; what was reached is recorded")
        assert 31 <= result.steps_taken <= 51  # losses are fetched every 25 steps, and what waits is not lost
        assert len(result.history["loss"]) == result.steps_taken
        assert sorted(set(one.steps)) == list(range(result.steps_taken))
        assert result.restored.isfinite().all() and result.metrics["fit_psnr"] > 0


def test_ctrl_c_leaves_a_problem_finished_whose_steps_were_over(
    problem: Problem, model: Model, loss: PerceptualLoss
) -> None:
    long = replace(problem, hyperparameters=Hyperparameters(steps=80))
    short, killed = restorations(model, loss, [problem, long], [Heard(), Heard(30, in_image=True)])
    assert (short.status, killed.status) == ("FINISHED", "KILLED")


def test_what_else_goes_wrong_is_raised(
    problem: Problem, model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(drawn, "optimize", no_memory)
    with pytest.raises(torch.OutOfMemoryError):
        restore(model, loss, [problem])


def test_a_loss_that_is_not_finite_fails_its_problem_alone_and_leaves_nothing_to_measure(
    problem: Problem, model: Model, loss: PerceptualLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = RandomStreams.normal

    def bad(self: RandomStreams, *size: int) -> Tensor:
        drawn = original(self, *size)
        drawn[0] = torch.nan
        return drawn

    monkeypatch.setattr(RandomStreams, "normal", bad)
    failed, sound = restorations(model, loss, [problem, replace(problem, seed=1)])
    assert failed.status == "FAILED" and sound.status == "FINISHED"
    assert "loss was not finite at step 0" in failed.reason and "learning_rate" in failed.reason
    assert failed.steps_taken == 0 and len(failed.history["loss"]) == 1  # the row that shows why
    assert failed.metrics == {} and sound.metrics["psnr"] > 0


def test_the_picture_to_take_home_is_the_consistent_one(
    masked: Problem, problem: Problem, model: Model, loss: PerceptualLoss
) -> None:
    known = (torch.arange(32) >= 16).float().expand(1, 32, 32)
    half = replace(problem, photo=replace(problem.photo, mask=known), degradation=Inpaint())
    plain, filled = restorations(model, loss, [problem, half])
    assert filled.is_corrected and filled.image.size == (32, 32)
    torch.testing.assert_close(
        filled.consistent[:, :, 20:], half.photo.image[:, :, 20:], rtol=0, atol=1.5 / 255
    )
    assert ("consistent_psnr" in filled.metrics) == filled.is_corrected
    assert ("consistent_psnr" in plain.metrics) == plain.is_corrected
