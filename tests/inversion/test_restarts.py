"""Several restarts of one photo in one record."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion import restore
from inversion.checkpoints.checkpoint import Checkpoint
from inversion.degradations.none import NoDegradation
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.model import Model, build
from inversion.photos import Synthetic
from inversion.record.folder_recorder import FolderRecorder
from inversion.record.latents_file import Latents
from inversion.record.outcome import Outcome, record_outcome
from inversion.record.recorder import Recorder
from inversion.search.hyperparameters import Hyperparameters

CPU = torch.device("cpu")
PICTURES = {"samples.png", "samples_mean.png", "samples_spread.png"}


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    networks = (tiny_generator, tiny_discriminator)
    (g, a), (d, b) = ((network.state_dict(), network.architecture) for network in networks)
    return build(Checkpoint(a, g, b, d, w_std=1.0), CPU)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What was recorded, in order."""
    seen: list[Outcome] = []

    def watched(outcome: Outcome, recorder: Recorder, folder: Path) -> dict[str, float]:
        seen.append(outcome)
        return record_outcome(outcome, recorder, folder)

    monkeypatch.setattr(restore, "record_outcome", watched)
    return seen


def run(model: Model, folder: Path, *samples: int) -> list[restore.Ending]:
    """One pass over the same photo, once for each number of samples."""
    (photo,) = Synthetic().load(model.generator).photos
    tasks = [
        restore.Task(
            photo,
            NoDegradation(),
            False,
            Hyperparameters(steps=4, samples=count),
            0,
            folder / str(count),
            FolderRecorder(folder / str(count)),
        )
        for count in samples
    ]
    return restore.restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), tasks)


def losses(folder: Path) -> np.ndarray:
    with (folder / "losses.csv").open() as file:
        return np.array([float(row["loss"]) for row in csv.DictReader(file)])


def test_more_samples_leave_the_first_as_it_was(
    model: Model, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    endings = run(model, tmp_path, 1, 3)
    assert [ending.status for ending in endings] == ["FINISHED"] * 2
    assert [len(outcome.samples) for outcome in outcomes] == [1, 3]
    torch.testing.assert_close(outcomes[1].samples[0], outcomes[0].restored, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(losses(tmp_path / "3"), losses(tmp_path / "1"), rtol=1e-4)
    assert not any((tmp_path / "1" / name).exists() for name in PICTURES)
    assert all((tmp_path / "3" / name).is_file() for name in PICTURES)
    assert endings[1].figures["samples_spread"] > 0
    assert "samples_mean_psnr" in endings[1].figures and "samples_spread" not in endings[0].figures


def test_the_restoration_is_the_sample_that_fits_best(
    model: Model, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    run(model, tmp_path, 5)
    (outcome,) = outcomes
    best = int(np.argmax(outcome.fits))
    assert torch.equal(outcome.restored, outcome.samples[best])
    assert len({round(fit, 6) for fit in outcome.fits}) == 5


def test_a_search_goes_on_from_given_latents(model: Model, tmp_path: Path, outcomes: list[Outcome]) -> None:
    """With steps too small to be seen, every picture is the one that the latents stand for."""
    run(model, tmp_path, 1)
    (found,) = outcomes
    start = Latents(found.ws[None], found.noises, found.seed)
    still = Hyperparameters(steps=1, learning_rate=1e-6, jitter=0, space="w+")
    tasks = [
        restore.Task(
            found.photo, NoDegradation(), False, still, 7, folder, FolderRecorder(folder), start=given
        )
        for folder, given in ((tmp_path / "warm", start), (tmp_path / "cold", None))
    ]
    restore.restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), tasks)
    _, warm, cold = outcomes
    torch.testing.assert_close(warm.restored, found.restored, rtol=1e-3, atol=1e-3)
    assert (cold.restored - found.restored).abs().max() > 0.1


def test_a_sample_that_fails_leaves_the_others(
    model: Model, tmp_path: Path, outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = restore.starting_points

    def one_bad(*arguments: object) -> Tensor:
        points = original(*arguments)  # type: ignore[arg-type]
        points[0] = torch.nan
        return points

    monkeypatch.setattr(restore, "starting_points", one_bad)
    (ending,) = run(model, tmp_path, 3)
    assert ending.status == "FINISHED"
    assert len(outcomes[0].samples) == 2 and outcomes[0].restored.isfinite().all()
    (ending,) = run(model, tmp_path, 1)
    assert ending.status == "FAILED" and "not finite at step 0" in ending.reason
