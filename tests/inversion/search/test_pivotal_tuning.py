"""Fitting the generator to one photo: closer to the photo, other faces nearly unchanged, the base net unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion import passes
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.degradations.blur import GaussianBlur
from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model, build
from inversion.photo import Photo
from inversion.restoration import Problem, Restoration
from inversion.search import convergence, pivotal_tuning
from inversion.search.history import Listener
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective
from inversion.search.optimize import Result, optimize
from inversion.search.pivotal_tuning import Tuned, towards, tune

CPU = torch.device("cpu")
SEARCH = Hyperparameters(steps=5, space="w+")
TUNED = replace(SEARCH, tuning_steps=12, tuning_rate=3e-3)
PIXELS = torch.rand([3, 8, 8], generator=torch.Generator().manual_seed(0)).repeat_interleave(4, 1)
PHOTO = Photo("face", PIXELS.repeat_interleave(4, 2) * 2 - 1, "")


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    g, d = tiny_generator.state_dict(), tiny_discriminator.state_dict()
    a, b = tiny_generator.architecture, tiny_discriminator.architecture
    return build(Checkpoint(a, g, b, d, w_std=1.0, license="the base's own"), CPU)


def searched(model: Model, problems: int = 2, space: str = "w+") -> tuple[Objective, Result]:
    """A blurred photo that no code fits, once per problem with another seed."""
    operator = GaussianBlur(3).bind(PHOTO.image[None], False)
    loss = DiscriminatorLoss().bind(model.discriminator, CPU)
    settings = [replace(SEARCH, space=space)] * problems
    observed = operator(PHOTO.image[None]).expand(problems, -1, -1, -1)
    objective = Objective(loss, operator, observed, settings, model.prior("distance"))
    found = optimize(
        model.synthesis, objective, settings, range(problems), model.w_avg, model.w_std, lambda step: None
    )
    return objective, found


def run(model: Model, *settings: Hyperparameters, listeners: Sequence[Listener] = ()) -> list[Restoration]:
    """One pass over the same blurred photo, once for each setting."""
    problems = [Problem(PHOTO, GaussianBlur(3), own) for own in settings]
    found = passes.restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), problems, listeners)
    assert all(isinstance(result, Restoration) for result in found)
    return found  # type: ignore[return-value]


class Heard:
    """A listener that remembers, and presses Ctrl-C at a step when it is told to."""

    def __init__(self, ctrl_c_at: int = -1) -> None:
        self.values: list[Mapping[str, float]] = []
        self.steps: list[int] = []
        self._ctrl_c_at = ctrl_c_at

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        self.steps.append(step)
        self.values.append(values)
        if step == self._ctrl_c_at:
            raise KeyboardInterrupt

    def image(self, step: int, image: Tensor, last: bool) -> None:
        assert step < SEARCH.steps  # of the search alone


def weights(model: Model) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.generator.state_dict().items()}


@pytest.mark.parametrize("space", ["w", "w++"])
def test_tuning_brings_the_degraded_image_closer_to_the_photo(model: Model, space: str) -> None:
    objective, found = searched(model, space=space)
    tuned = tune(model, objective, TUNED, 0, found, 1)
    rows = objective.select([1])
    with torch.no_grad():
        before = rows.image_terms(
            model.generator.synthesis(found.ws[1:], [noise[1:] for noise in found.noises])
        )
        after = rows.image_terms(tuned.image)
    assert after["discriminator"] < 0.8 * before["discriminator"]
    assert tuned.history["tuning_discriminator"][0] == pytest.approx(before["discriminator"].item(), rel=1e-4)
    assert tuned.history["tuning_locality"][0] == pytest.approx(0, abs=1e-9)
    parts = np.add(tuned.history["tuning_discriminator"], tuned.history["tuning_locality"])
    np.testing.assert_allclose(tuned.history["tuning_loss"], parts, rtol=1e-5)
    assert len(parts) == 12


def test_the_base_generator_keeps_its_weights(model: Model) -> None:
    objective, found = searched(model)
    before = weights(model)
    tuned = tune(model, objective, TUNED, 0, found, 0)
    after = weights(model)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    own = tuned.synthesis.state_dict()
    assert any(
        not torch.equal(own[name.removeprefix("synthesis.")], before[name])
        for name in before
        if name.startswith("synthesis.")
    )
    assert not any(p.requires_grad for p in model.generator.parameters())


def test_a_problem_is_tuned_alike_whatever_else_was_searched(model: Model) -> None:
    objective, found = searched(model, 3)
    alone = Result(
        found.ws[1:2], [n[1:2] for n in found.noises], [None], [None], found.phase_steps[1:2], [False]
    )
    a = tune(model, objective, TUNED, 5, found, 1)
    b = tune(model, objective.select([1]), TUNED, 5, alone, 0)
    torch.testing.assert_close(a.image, b.image, rtol=1e-4, atol=1e-5)


def test_locality_keeps_other_faces_closer_to_what_they_were(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, found = searched(model)
    others = model.generator.mapping(torch.randn([8, 16], generator=torch.Generator().manual_seed(3)))
    noises = [noise[:1].expand(8, -1, -1, -1) for noise in found.noises]
    changed = {}
    for weight in (0.0, 10.0):
        monkeypatch.setattr(pivotal_tuning, "LOCALITY", weight)
        tuned = tune(model, objective, replace(TUNED, tuning_steps=25), 0, found, 0)
        images = tuned.synthesis(others, noises) - model.generator.synthesis(others, noises)
        changed[weight] = images.square().mean()
    assert changed[10.0] < 0.7 * changed[0.0]


@pytest.mark.parametrize("channels", [(), (16,)], ids=["w+", "w++"])
def test_a_neighbour_lies_at_its_distance_on_the_way_to_another_code(channels: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(0)
    ws, w = torch.randn([1, 8, *channels, 16], generator=rng), torch.randn([16], generator=rng)
    step = towards(ws, w, 0.5) - ws
    assert step.square().sum(dim=-1).mean().sqrt().item() == pytest.approx(0.5, rel=1e-5)
    assert torch.cosine_similarity(step, w - ws, dim=-1).min() > 0.9999


def test_it_ends_when_the_loss_no_longer_falls(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "WINDOW", 5)
    monkeypatch.setattr(convergence, "CHECK_EVERY", 5)
    objective, found = searched(model)
    taken = [
        len(tune(model, objective, replace(TUNED, tuning_rate=rate), 0, found, 0).history["tuning_loss"])
        for rate in (1e-9, 3e-3)
    ]
    assert taken == [10, 12]


def test_the_restoration_is_the_tuned_generators_and_says_what_was_before(model: Model) -> None:
    plain, tuned = run(model, SEARCH, TUNED)
    assert [plain.status, tuned.status] == ["FINISHED", "FINISHED"]
    assert plain.tuning is None and "tuning_steps_taken" not in plain.metrics
    assert tuned.tuning is not None and torch.equal(tuned.tuning.untuned, plain.restored)
    assert tuned.metrics["untuned_psnr"] == pytest.approx(plain.metrics["psnr"], rel=1e-5)
    assert tuned.metrics["fit_psnr"] > plain.metrics["fit_psnr"] + 0.5
    assert tuned.metrics["tuning_steps_taken"] == 12
    assert tuned.metrics["seconds"] == tuned.seconds + tuned.tuning.seconds
    shown = psnr(tuned.restored.clamp(-1, 1)[None], PHOTO.image[None]).item()
    assert shown == pytest.approx(tuned.metrics["psnr"], rel=1e-5)


def test_losses_go_on_counting_after_the_search(model: Model) -> None:
    heard = Heard()
    (found,) = run(model, TUNED, listeners=[heard])
    assert heard.steps == list(range(5 + 12))
    for values in heard.values[5:]:
        assert list(values) == ["tuning_loss", "tuning_discriminator", "tuning_locality"]
    assert found.tuning is not None
    assert [values["tuning_loss"] for values in heard.values[5:]] == found.tuning.history["tuning_loss"]
    assert all("tuning_loss" not in values for values in heard.values[:5])


def test_the_tuned_checkpoint_and_latents_draw_the_restoration_again(model: Model) -> None:
    (tuned,) = run(model, TUNED)
    assert tuned.tuning is not None
    kept = build(tuned.tuning.checkpoint, CPU)
    assert tuned.tuning.checkpoint.license == "the base's own" and kept.w_std == 1.0
    again = kept.generator.synthesis(tuned.ws[None], [noise[None] for noise in tuned.noises])[0]
    torch.testing.assert_close(again, tuned.restored, rtol=1e-3, atol=1e-3)
    assert (tuned.restored - tuned.tuning.untuned).abs().max() > 5 / 127.5


def test_of_several_samples_only_the_chosen_one_is_tuned(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []

    def watched(*arguments: object) -> Tuned:
        rows.append(arguments[5])
        return tune(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(passes, "tune", watched)
    several, one = run(model, replace(TUNED, samples=3), TUNED)
    assert len(rows) == 2 and rows[0] == int(np.argmax(several.fits)) and rows[1] == 3
    assert len(several.samples) == 3 and several.tuning is not None
    assert torch.equal(several.tuning.untuned, several.samples[rows[0]])


def test_ctrl_c_keeps_what_was_reached(model: Model) -> None:
    pressed = [Heard(ctrl_c_at=5 + 3), Heard()]  # of tuning the fourth
    first, second = run(model, TUNED, TUNED, listeners=pressed)
    assert [first.status, second.status] == ["KILLED", "KILLED"]
    assert first.metrics["tuning_steps_taken"] == 4 and "tuning_steps_taken" not in second.metrics
    assert first.metrics["psnr"] != first.metrics["untuned_psnr"]
    assert first.tuning is not None and second.tuning is None and second.restored.isfinite().all()


def test_ctrl_c_in_the_search_leaves_out_the_tuning(model: Model) -> None:
    class Pressed(Heard):
        def image(self, step: int, image: Tensor, last: bool) -> None:
            if step == 2:
                raise KeyboardInterrupt

    first, second = run(model, TUNED, SEARCH, listeners=[Pressed(), Heard()])
    assert [first.status, second.status] == ["KILLED", "KILLED"] and first.tuning is None


def test_a_loss_that_is_not_finite_leaves_the_untuned_face_and_a_reason(model: Model) -> None:
    plain, failed = run(model, SEARCH, replace(TUNED, tuning_rate=1e30))
    assert (plain.status, failed.status) == ("FINISHED", "FAILED")
    assert "tuning was not finite at its step 1" in failed.reason and "tuning_rate" in failed.reason
    assert failed.metrics["psnr"] == pytest.approx(plain.metrics["psnr"], rel=1e-5)
    assert failed.tuning is None


@pytest.mark.parametrize("wrong", [{"tuning_steps": -1}, {"tuning_rate": 0.0}, {"tuning_rate": float("nan")}])
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Hyperparameters(**wrong)  # type: ignore[arg-type]
