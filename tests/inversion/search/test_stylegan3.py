"""A search through StyleGAN3, which has no noise maps: every space, batches, latents files and tuning."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from inversion import batching, passes
from inversion.checkpoints import load
from inversion.checkpoints.safetensors_file import save
from inversion.degradations.blur import GaussianBlur
from inversion.degradations.grayscale import Grayscale
from inversion.degradations.none import NoDegradation
from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.latents.latents_file import Latents, load_start, save_latents
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build
from inversion.photo import Photo
from inversion.priors.latent_distance import latent_distance
from inversion.restoration import Problem, Restoration
from inversion.search.hyperparameters import Hyperparameters, Phase
from inversion.search.objective import Objective
from inversion.search.optimize import Result, Step, optimize
from tests.inversion.checkpoints import written

CPU = torch.device("cpu")


@pytest.fixture(params=["t", "r"])
def model(request: pytest.FixtureRequest, tiny_discriminator: Discriminator, tmp_path: Path) -> Model:
    """A net of NVIDIA's layout, with a discriminator of its resolution as the published files have one."""
    checkpoint = load(written.stylegan3_file(tmp_path / "net.pkl", request.param))
    whole = replace(
        checkpoint,
        discriminator=tiny_discriminator.state_dict(),
        discriminator_architecture=tiny_discriminator.architecture,
    )
    return build(whole, CPU)


def faces(model: Model, count: int) -> Tensor:
    """Pictures that the net itself draws."""
    z = torch.randn([count, 12], generator=torch.Generator().manual_seed(9))
    c_dim = model.generator.architecture.c_dim
    return model.generator(z, torch.eye(c_dim)[[0] * count] if c_dim else None, 0.7).clamp(-1, 1)


def loss(model: Model) -> PerceptualLoss:
    return DiscriminatorLoss().bind(model.discriminator, CPU)


PROMOTED = (Phase("w", optimize_noise=False), Phase("w+", learning_rate=0.03), Phase("w++", share=0.5))
SETTINGS = {
    "w": Hyperparameters(steps=3, space="w"),
    "w+": Hyperparameters(steps=3, space="w+", coarse_until=0.5),  # there is no coarse image: ignored
    "w, w+, w++": Hyperparameters(steps=3, space=None, phases=PROMOTED),
}


@pytest.mark.parametrize(
    ("model", "space"),
    [pytest.param("t", "w", marks=pytest.mark.slow), ("t", "w, w+, w++"), ("r", "w+")],
    indirect=["model"],
)
def test_a_problem_of_a_batch_equals_its_single_run(
    model: Model, tiny_discriminator: Discriminator, space: str
) -> None:
    images = faces(model, 1).double().expand(2, -1, -1, -1)
    generator = model.generator.double()
    distance = DiscriminatorLoss().bind(tiny_discriminator.double(), CPU)
    w_avg, w_std = w_statistics(generator.mapping, samples=100)
    prior = partial(latent_distance, w_avg=w_avg, w_variance=w_std**2)
    settings = [replace(SETTINGS[space], reg=reg) for reg in (0.1, 0.5)]

    def search(rows: slice, steps: list[Step]) -> Result:
        objective = Objective(distance, NoDegradation(), images[rows], settings[rows], prior)
        seeds = [1, 2][rows]
        return optimize(generator.synthesis, objective, settings[rows], seeds, w_avg, w_std, steps.append)

    steps: list[Step] = []
    together = search(slice(2), steps)
    assert together.noises == [] and steps[0].terms.keys() == {"discriminator", "latent"}
    for i in range(2):
        alone = search(slice(i, i + 1), [])
        torch.testing.assert_close(together.ws[i : i + 1], alone.ws, rtol=1e-8, atol=1e-8)


def restored(model: Model, *settings: Hyperparameters, start: Latents | None = None) -> list[Restoration]:
    photo = Photo("face", faces(model, 1)[0], "")
    degradations = [GaussianBlur(3), Grayscale()]
    problems = [Problem(photo, d, s, start=start) for d, s in zip(degradations, settings, strict=False)]
    found = passes.restore(model, loss(model), problems)
    assert all(isinstance(result, Restoration) for result in found)
    return found  # type: ignore[return-value]


def test_a_pass_restores_both_photos_of_a_batch_and_its_latents_start_another(
    model: Model, tmp_path: Path
) -> None:
    searched = Hyperparameters(steps=12, space="w+", learning_rate=0.05, feature_steps=2)
    found = restored(model, searched, searched)
    for result in found:
        assert result.noises == [] and result.offsets == {} and "noise" not in result.history
        assert min(result.history["loss"][-3:]) < result.history["loss"][0]
    save_latents(tmp_path / "latents.npz", found[0].ws[None], found[0].noises, 0)
    start = load_start(str(tmp_path / "latents.npz"), model.generator.architecture)
    again = restored(model, replace(searched, steps=1), start=start)
    # The first step is taken where the first search ended, apart from the jitter of its codes.
    assert again[0].history["loss"][0] < found[0].history["loss"][0]


def test_latents_with_noise_maps_are_those_of_another_network(model: Model, tmp_path: Path) -> None:
    a = model.generator.architecture
    save_latents(tmp_path / "other.npz", torch.zeros(1, a.num_ws, a.w_dim), [torch.zeros(1, 4, 4)])
    with pytest.raises(ConfigError, match=r"no noise maps, since it reads none. Got \[4\]"):
        load_start(str(tmp_path / "other.npz"), a)


def test_tuning_fits_the_weights_and_its_checkpoint_is_read_again(model: Model, tmp_path: Path) -> None:
    settings = Hyperparameters(steps=3, space="w", tuning_steps=6, tuning_rate=1e-3)
    (result,) = restored(model, settings)
    assert result.tuning is not None
    losses = result.tuning.history["tuning_loss"]
    assert min(losses[1:]) < losses[0]
    save(result.tuning.checkpoint, tmp_path / "tuned.safetensors")
    tuned, before = load(tmp_path / "tuned.safetensors"), model.checkpoint.generator
    changed = {k for k in before if not torch.equal(before[k], tuned.generator[k])}
    assert changed and all(name.startswith("synthesis.") for name in changed)
    # What training does not touch stays: waves, filters and magnitudes.
    assert all(name.endswith(("weight", "bias")) for name in changed)
    generator = Generator(tuned.architecture)
    generator.load_state_dict(tuned.generator)


def test_memory_of_a_problem_is_known_before_a_pass(model: Model) -> None:
    each = batching.bytes_per_problem(model, loss(model))
    kept = [4 * layer.in_channels * layer.in_size**2 for layer in model.checkpoint.architecture.layers]  # type: ignore[union-attr]
    assert each > sum(kept)  # of every layer, at least its input
