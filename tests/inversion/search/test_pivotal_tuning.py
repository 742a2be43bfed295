"""Fitting the generator to one photo: closer to the photo, other faces nearly unchanged, the base net unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from inversion import restore
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.checkpoints.sources import file
from inversion.degradations.blur import GaussianBlur
from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.metrics.psnr import psnr
from inversion.model import Model, build
from inversion.photos import Photo
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.latents_file import load_start
from inversion.search import convergence, pivotal_tuning
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
    networks = (tiny_generator, tiny_discriminator)
    (g, a), (d, b) = ((network.state_dict(), network.architecture) for network in networks)
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


def run(
    model: Model, folder: Path, *settings: Hyperparameters, start: Path | None = None
) -> list[restore.Ending]:
    """One pass over the same blurred photo, once for each setting, in folders 0, 1, …"""
    tasks = [
        restore.Task(
            PHOTO,
            GaussianBlur(3),
            False,
            own,
            0,
            folder / str(i),
            FolderRecorder(folder / str(i)),
            start=None if start is None else load_start(str(start), model.generator.architecture),
        )
        for i, own in enumerate(settings)
    ]
    return restore.restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), tasks)


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path), float)


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


def test_the_record_is_of_the_tuned_generator_and_says_what_was_before(model: Model, tmp_path: Path) -> None:
    plain, tuned = run(model, tmp_path, SEARCH, TUNED)
    assert [plain.status, tuned.status] == ["FINISHED", "FINISHED"]
    assert not any((tmp_path / "0" / name).exists() for name in ("untuned.png", "tuned.safetensors"))
    assert "tuning_steps_taken" not in plain.figures
    assert (picture(tmp_path / "1" / "untuned.png") == picture(tmp_path / "0" / "restored.png")).all()
    assert tuned.figures["untuned_psnr"] == pytest.approx(plain.figures["psnr"], rel=1e-5)
    assert tuned.figures["fit_psnr"] > plain.figures["fit_psnr"] + 0.5
    assert tuned.figures["tuning_steps_taken"] == 12
    shown = torch.from_numpy(picture(tmp_path / "1" / "restored.png")).permute(2, 0, 1)[None] / 127.5 - 1
    assert psnr(shown, PHOTO.image[None]).item() == pytest.approx(tuned.figures["psnr"], abs=0.05)


def test_losses_go_on_counting_after_the_search(model: Model, tmp_path: Path) -> None:
    run(model, tmp_path, TUNED)
    lines = (tmp_path / "0" / "losses.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(5 + 12))
    assert lines[0].endswith("tuning_loss,tuning_discriminator,tuning_locality")
    assert lines[5].endswith(",,") and lines[6].split(",")[1] == ""
    assert json.loads((tmp_path / "0" / "result.json").read_text())["last_step"] == 16


def test_the_kept_checkpoint_and_latents_draw_the_restoration_again(model: Model, tmp_path: Path) -> None:
    run(model, tmp_path, TUNED)
    kept = file(str(tmp_path / "0" / "tuned.safetensors"))
    assert kept.license == "the base's own" and kept.w_std == 1.0
    again = replace(SEARCH, steps=1)
    (ending,) = run(build(kept, CPU), tmp_path / "again", again, start=tmp_path / "0" / "latents.npz")
    assert ending.status == "FINISHED"
    restored = [picture(folder / "0" / "restored.png") for folder in (tmp_path, tmp_path / "again")]
    assert np.abs(restored[0] - restored[1]).max() <= 1
    assert np.abs(restored[0] - picture(tmp_path / "0" / "untuned.png")).max() > 5


def test_of_several_samples_only_the_chosen_one_is_tuned(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []

    def watched(*arguments: object) -> Tuned:
        rows.append(arguments[5])
        return tune(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(restore, "tune", watched)
    run(model, tmp_path, replace(TUNED, samples=3), TUNED)
    assert len(rows) == 2 and rows[0] in (0, 1, 2) and rows[1] == 3
    assert (tmp_path / "0" / "samples.png").is_file()


def test_ctrl_c_keeps_what_was_reached(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_metrics = FolderRecorder.log_metrics

    def pressed(self: FolderRecorder, values: Mapping[str, float], step: int) -> None:
        log_metrics(self, values, step)
        if step == 5 + 3:  # of tuning the fourth
            raise KeyboardInterrupt

    monkeypatch.setattr(FolderRecorder, "log_metrics", pressed)
    first, second = run(model, tmp_path, TUNED, TUNED)
    assert [first.status, second.status] == ["KILLED", "KILLED"]
    assert first.figures["tuning_steps_taken"] == 4 and "tuning_steps_taken" not in second.figures
    assert first.figures["psnr"] != first.figures["untuned_psnr"]
    assert (tmp_path / "0" / "tuned.safetensors").is_file() and (tmp_path / "1" / "restored.png").is_file()


def test_a_loss_that_is_not_finite_leaves_the_untuned_face_and_a_reason(model: Model, tmp_path: Path) -> None:
    plain, failed = run(model, tmp_path, SEARCH, replace(TUNED, tuning_rate=1e30))
    assert (plain.status, failed.status) == ("FINISHED", "FAILED")
    assert "tuning was not finite at its step 1" in failed.reason and "tuning_rate" in failed.reason
    assert failed.figures["psnr"] == pytest.approx(plain.figures["psnr"], rel=1e-5)
    assert not (tmp_path / "1" / "tuned.safetensors").exists()


@pytest.mark.parametrize("wrong", [{"tuning_steps": -1}, {"tuning_rate": 0.0}, {"tuning_rate": float("nan")}])
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Hyperparameters(**wrong)  # type: ignore[arg-type]
