"""Several restarts of one photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inversion import drawn, passes
from inversion.latents.latents_file import Latents
from inversion.latents.starts import sample_seed, starting_points
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.model import Model
from inversion.photos import Synthetic
from inversion.restoration import Problem, Restoration
from inversion.search.hyperparameters import Hyperparameters

CPU = torch.device("cpu")


def restored(model: Model, problems: list[Problem]) -> list[Restoration]:
    found = passes.restore(model, DiscriminatorLoss().bind(model.discriminator, CPU), problems)
    assert all(isinstance(result, Restoration) for result in found)
    return found  # type: ignore[return-value]


def run(model: Model, *samples: int) -> list[Restoration]:
    """One pass over the same photo, once for each number of samples."""
    (photo,) = Synthetic().load(model.generator).photos
    return restored(
        model,
        [Problem(photo, hyperparameters=Hyperparameters(steps=4, samples=count)) for count in samples],
    )


def test_more_samples_leave_the_first_as_it_was(model: Model) -> None:
    one, three = run(model, 1, 3)
    assert (one.status, three.status) == ("FINISHED", "FINISHED")
    assert (len(one.samples), len(three.samples)) == (1, 3)
    torch.testing.assert_close(three.samples[0], one.restored, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(three.history["loss"], one.history["loss"], rtol=1e-4)
    assert three.metrics["samples_spread"] > 0
    assert "samples_mean_psnr" in three.metrics
    assert not any(name.startswith("samples_") for name in one.metrics)


def test_the_restoration_is_the_sample_that_fits_best(model: Model) -> None:
    (found,) = run(model, 5)
    best = int(np.argmax(found.fits))
    assert torch.equal(found.restored, found.samples[best])
    assert len({round(fit, 6) for fit in found.fits}) == 5
    # Of values clamped to [-1, 1].
    assert found.metrics["fit_psnr"] == pytest.approx(max(found.fits), abs=0.5)


def test_the_seed_is_the_chosen_samples(model: Model) -> None:
    one, five = run(model, 1, 5)
    assert one.seed == 0 and five.seed == sample_seed(0, int(np.argmax(five.fits)))


def test_a_search_goes_on_from_given_latents(model: Model) -> None:
    """With steps too small to be seen, every picture is the one that the latents stand for."""
    (found,) = run(model, 1)
    start = Latents(found.ws[None], found.noises, found.seed)
    still = Hyperparameters(steps=1, learning_rate=1e-6, jitter=0, space="w+")
    photo = found.problem.photo
    warm, cold = restored(
        model, [Problem(photo, hyperparameters=still, seed=7, start=given) for given in (start, None)]
    )
    torch.testing.assert_close(warm.restored, found.restored, rtol=1e-3, atol=1e-3)
    assert (cold.restored - found.restored).abs().max() > 0.1


def test_a_sample_that_fails_leaves_the_others(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_bad(*arguments: object) -> Tensor:
        points = starting_points(*arguments)  # type: ignore[arg-type]
        points[0] = torch.nan
        return points

    monkeypatch.setattr(drawn, "starting_points", one_bad)
    (found,) = run(model, 3)
    assert found.status == "FINISHED"
    assert len(found.samples) == 2 and found.restored.isfinite().all()
    (found,) = run(model, 1)
    assert found.status == "FAILED" and "not finite at step 0" in found.reason
