"""What the loop minimizes, term by term."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from inversion.degradations.none import NoDegradation
from inversion.errors import ConfigError
from inversion.losses.identity import IdentityLoss
from inversion.losses.pixel import PixelLoss
from inversion.priors.latent_distance import latent_distance
from inversion.search.hyperparameters import Hyperparameters
from inversion.search.objective import Objective, checked

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
WS, NOISES = torch.zeros(3, 10, 4), [torch.zeros(3, 1, 8, 8)]


def objective(identity: float) -> Objective:
    settings = [Hyperparameters(reg=reg) for reg in (0.1, 0.2, 0.3)]
    loss = PixelLoss(identity=identity)
    prior = partial(latent_distance, w_avg=torch.ones(4), w_variance=4.0)
    return Objective(loss, NoDegradation(), IMAGES.flip(3), settings, prior)


def test_an_identity_term_without_weight_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IdentityLoss, "load", None)
    assert objective(identity=0.0)(IMAGES, WS, NOISES).keys() == {"pixel", "latent", "noise"}


def test_the_identity_term_is_its_weight_times_one_value_per_problem() -> None:
    light, heavy = (objective(identity)(IMAGES, WS, NOISES) for identity in (1.0, 2.5))
    assert light.keys() == {"pixel", "identity", "latent", "noise"}
    assert light["identity"].shape == (3,) and (light["identity"] > 0).all()
    torch.testing.assert_close(heavy["identity"], 2.5 * light["identity"])
    torch.testing.assert_close(heavy["pixel"], light["pixel"])


def test_the_latent_term_is_reg_times_the_prior() -> None:
    settings = [Hyperparameters(reg=reg) for reg in (0.1, 0.2, 0.3)]
    values = torch.tensor([3.0, 2.0, 0.5])
    terms = Objective(PixelLoss(), NoDegradation(), IMAGES, settings, lambda ws: values)(IMAGES, WS, NOISES)
    torch.testing.assert_close(terms["latent"], torch.tensor([0.3, 0.4, 0.15]))


@pytest.mark.parametrize("identity", [0.0, 1.0])
def test_the_objective_of_some_problems_gives_their_values(identity: float) -> None:
    whole, rows = objective(identity), [2, 0]
    every = whole(IMAGES, WS, NOISES)
    some = whole.select(rows)(IMAGES[rows], WS[rows], [noise[rows] for noise in NOISES])
    assert some.keys() == every.keys()
    for name, values in some.items():
        torch.testing.assert_close(values, every[name][rows], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["weight", "identity", "l1"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"loss.{name} must be .* Got"):
        checked(replace(PixelLoss(), **{name: value}))
