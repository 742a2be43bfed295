"""The loop on a tiny generator in float64: independence, repeatability, progress, and a NaN stays with its problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from inversion.degradations.none import NoDegradation
from inversion.errors import ConfigError
from inversion.generator.discriminator import Discriminator
from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.priors.latent_distance import latent_distance
from inversion.search import convergence
from inversion.search.hyperparameters import Hyperparameters, Phase
from inversion.search.objective import Objective
from inversion.search.optimize import Result, Step, optimize


def targets(generator: Generator, count: int) -> Tensor:
    rng = torch.Generator().manual_seed(9)
    z = torch.randn([count, 16], generator=rng).to(torch.float64)
    return generator(z).clamp(-1, 1)


def search(
    generator: Generator,
    discriminator: Discriminator,
    images: Tensor,
    hyperparameters: Sequence[Hyperparameters],
    seeds: Sequence[int],
    steps: list[Step] | None = None,
) -> Result:
    w_avg, w_std = w_statistics(generator.mapping, samples=100)
    loss = DiscriminatorLoss().bind(discriminator, torch.device("cpu"))
    prior = partial(latent_distance, w_avg=w_avg, w_variance=w_std**2)
    objective = Objective(loss, NoDegradation(), images, hyperparameters, prior)
    keep = [] if steps is None else steps
    return optimize(generator.synthesis, objective, hyperparameters, seeds, w_avg, w_std, keep.append)


@pytest.fixture
def networks(tiny_generator: Generator, tiny_discriminator: Discriminator) -> tuple[Generator, Discriminator]:
    return tiny_generator.double(), tiny_discriminator.double()


@pytest.mark.parametrize("space", ["w", "w+"])
def test_problem_of_a_batch_equals_its_single_run(
    networks: tuple[Generator, Discriminator], space: str
) -> None:
    generator, discriminator = networks
    images = targets(generator, 4)
    settings = [
        Hyperparameters(steps=steps, reg=reg, space=space)
        for steps, reg in [(6, 0.1), (3, 0.5), (6, 0.0), (5, 1.0)]
    ]
    together = search(generator, discriminator, images, settings, [1, 2, 3, 4])
    for i in range(4):
        alone = search(generator, discriminator, images[i : i + 1], settings[i : i + 1], [i + 1])
        torch.testing.assert_close(together.ws[i : i + 1], alone.ws, rtol=1e-8, atol=1e-8)
        for batch, single in zip(together.noises, alone.noises, strict=True):
            torch.testing.assert_close(batch[i : i + 1], single, rtol=1e-7, atol=1e-7)


PROMOTED = (Phase("w", optimize_noise=False), Phase("w+", learning_rate=0.03), Phase("w++", share=0.5))


@pytest.mark.parametrize("optimizer", ["adam", "ngd"])
def test_problems_in_different_phases_do_not_change_each_others_results(
    networks: tuple[Generator, Discriminator], optimizer: str
) -> None:
    generator, discriminator = networks
    images = targets(generator, 3)
    settings = [
        Hyperparameters(steps=steps, space=None, phases=PROMOTED, optimizer=optimizer, ramp_down=0)
        for steps in (10, 5, 7)
    ]
    together = search(generator, discriminator, images, settings, [1, 2, 3])
    assert together.ws.ndim == 4
    assert together.phase_steps == [[4, 4, 2], [2, 2, 1], [3, 3, 1]]
    for i in range(3):
        alone = search(generator, discriminator, images[i : i + 1], settings[i : i + 1], [i + 1])
        torch.testing.assert_close(together.ws[i : i + 1], alone.ws, rtol=1e-7, atol=1e-8)


def test_in_w_all_layers_keep_one_code_and_promotion_lets_them_differ(
    networks: tuple[Generator, Discriminator],
) -> None:
    generator, discriminator = networks
    images = targets(generator, 1)
    narrow = search(generator, discriminator, images, [Hyperparameters(steps=5, space="w")], [1])
    assert torch.equal(narrow.ws, narrow.ws[:, :1].expand_as(narrow.ws))
    phases = (Phase("w"), Phase("w+"))
    wide = search(
        generator, discriminator, images, [Hyperparameters(steps=6, space=None, phases=phases)], [1]
    )
    assert not torch.equal(wide.ws, wide.ws[:, :1].expand_as(wide.ws))


def test_noise_maps_stay_as_drawn_in_a_phase_that_does_not_optimize_them(
    networks: tuple[Generator, Discriminator],
) -> None:
    generator, discriminator = networks
    images = targets(generator, 1)
    phases = (Phase("w", optimize_noise=False), Phase("w+"))
    steps: list[Step] = []
    moved = search(
        generator, discriminator, images, [Hyperparameters(steps=8, space=None, phases=phases)], [1], steps
    )
    fixed = search(generator, discriminator, images, [Hyperparameters(steps=8, optimize_noise=False)], [1])
    noise = [step.terms["noise"].item() for step in steps]
    assert noise[1:5] == [noise[0]] * 4 and noise[5] != noise[0]
    assert not torch.allclose(moved.noises[-1], fixed.noises[-1], atol=1e-3)


def test_a_problem_too_short_for_the_last_phase_does_not_take_it_from_the_others(
    networks: tuple[Generator, Discriminator],
) -> None:
    generator, discriminator = networks
    images = targets(generator, 2)
    settings = [Hyperparameters(steps=steps, space=None, phases=PROMOTED) for steps in (1, 6)]
    together = search(generator, discriminator, images, settings, [1, 2])
    alone = search(generator, discriminator, images[1:], settings[1:], [2])
    assert together.phase_steps[1] == alone.phase_steps[0] and len(alone.phase_steps[0]) == 3
    torch.testing.assert_close(together.ws[1:], alone.ws, rtol=1e-7, atol=1e-8)


def test_early_stopping_takes_fewer_steps_and_says_how_many(
    networks: tuple[Generator, Discriminator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convergence, "WINDOW", 5)
    monkeypatch.setattr(convergence, "CHECK_EVERY", 5)
    generator, discriminator = networks
    images = targets(generator, 2)
    still = Hyperparameters(steps=40, jitter=0, early_stop=True)
    settings = [replace(still, learning_rate=rate) for rate in (1e-9, 1e-7)]
    steps: list[Step] = []
    result = search(generator, discriminator, images, settings, [1, 2], steps)
    assert result.phase_steps == [[20], [20]]  # converged at the first look, then 10 of falling rate
    assert len(steps) == 20 and steps[-1].last == [True, True]
    assert result.interrupted == [False, False]


def test_problems_whose_steps_are_over_leave_the_batch(networks: tuple[Generator, Discriminator]) -> None:
    generator, discriminator = networks
    steps: list[Step] = []
    settings = [Hyperparameters(steps=count) for count in (4, 1, 2, 4)]
    search(generator, discriminator, targets(generator, 4), settings, [1, 2, 3, 4], steps)
    assert [list(step.problems) for step in steps] == [[0, 1, 2, 3], [0, 2, 3], [0, 3], [0, 3]]
    assert [len(step.images) for step in steps] == [4, 3, 2, 2]


def test_a_nan_is_remembered_when_others_have_left(networks: tuple[Generator, Discriminator]) -> None:
    generator, discriminator = networks
    images = targets(generator, 3)
    images[2, 0, 0, 0] = torch.nan
    settings = [Hyperparameters(steps=count) for count in (1, 4, 3)]
    result = search(generator, discriminator, images, settings, [1, 2, 3])
    assert result.failed_step == [None, None, 0]
    assert result.failed_term == [None, None, "discriminator"]


def test_same_seed_gives_the_same_bits(networks: tuple[Generator, Discriminator]) -> None:
    generator, discriminator = networks
    images = targets(generator, 1)
    settings = [Hyperparameters(steps=5)]
    first, second, other = (search(generator, discriminator, images, settings, [seed]) for seed in (1, 1, 2))
    assert torch.equal(first.ws, second.ws)
    assert not torch.equal(first.ws, other.ws)


def test_the_loss_falls_far_below_the_mean_faces(networks: tuple[Generator, Discriminator]) -> None:
    generator, discriminator = networks
    steps: list[Step] = []
    images = targets(generator, 2)
    search(generator, discriminator, images, [Hyperparameters(steps=60, jitter=0)] * 2, [1, 2], steps)
    first, last = steps[0].terms["discriminator"], steps[-1].terms["discriminator"]
    assert (last < 0.5 * first).all()


def test_nan_stops_its_problem_and_lets_the_neighbours_finish(
    networks: tuple[Generator, Discriminator],
) -> None:
    generator, discriminator = networks
    images = targets(generator, 2)
    clean = search(generator, discriminator, images, [Hyperparameters(steps=5)] * 2, [1, 2])
    images[0, 0, 0, 0] = torch.nan
    hurt = search(generator, discriminator, images, [Hyperparameters(steps=5)] * 2, [1, 2])
    assert hurt.failed_step == [0, None]
    assert hurt.failed_term == ["discriminator", None]
    assert hurt.ws.isfinite().all()
    torch.testing.assert_close(hurt.ws[1], clean.ws[1])


def test_ctrl_c_returns_what_was_reached(networks: tuple[Generator, Discriminator]) -> None:
    generator, discriminator = networks

    def interrupt(step: Step) -> None:
        if step.number == 2:
            raise KeyboardInterrupt

    w_avg, w_std = w_statistics(generator.mapping, samples=100)
    settings = [Hyperparameters(steps=50)]
    loss = DiscriminatorLoss().bind(discriminator, torch.device("cpu"))
    prior = partial(latent_distance, w_avg=w_avg, w_variance=w_std**2)
    objective = Objective(loss, NoDegradation(), targets(generator, 1), settings, prior)
    result = optimize(generator.synthesis, objective, settings, [1], w_avg, w_std, interrupt)
    assert result.interrupted == [True]
    assert not torch.equal(result.ws[0, 0], w_avg)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("reg", -1.0),
        ("learning_rate", 0.0),
        ("ramp_up", 2.0),
        ("space", "z"),
        ("optimizer", "sgd"),
        ("reg", float("nan")),
    ],
)
def test_impossible_hyperparameters_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be .* Got {name}="):
        Hyperparameters(**{name: value})  # type: ignore[arg-type]


def test_impossible_phases_are_refused() -> None:
    with pytest.raises(ConfigError, match="space must be null where phases .* Got space=w"):
        Hyperparameters(phases=(Phase("w"),))
    with pytest.raises(ConfigError, match="space must be .* Got space=z"):
        Hyperparameters(space=None, phases=(Phase("z"),))
    with pytest.raises(ConfigError, match="phases must be"):
        Hyperparameters(space=None, phases=(Phase("w", share=0.0),))
    with pytest.raises(ConfigError, match="learning_rate must be"):
        Hyperparameters(space=None, phases=(Phase("w", learning_rate=-1.0),))
