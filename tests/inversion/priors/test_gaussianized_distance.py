"""The Gaussian prior's laws, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.checkpoints.sources import embedded
from inversion.generator.layers import FullyConnected
from inversion.generator.statistics import random_codes, w_statistics
from inversion.generator.stylegan2 import Generator, MappingNetwork
from inversion.model import Model, build
from inversion.priors import gaussianized_distance
from inversion.priors.gaussianized_distance import GaussianizedDistance
from inversion.priors.latent_distance import latent_distance
from inversion.search.families import PRIORS
from tests.conftest import TOLERANCE

EXACT = TOLERANCE[torch.float64]
VARIANCE = 2.5


def last_layer(mapping: MappingNetwork) -> FullyConnected:
    layer = mapping.get_submodule("fc1")
    assert isinstance(layer, FullyConnected)
    return layer


@pytest.fixture
def mapping(tiny_generator: Generator) -> MappingNetwork:
    return tiny_generator.mapping.double()


@pytest.fixture
def distance(mapping: MappingNetwork) -> GaussianizedDistance:
    return GaussianizedDistance.measure(mapping, VARIANCE)


def codes(mapping: MappingNetwork, count: int = 6) -> Tensor:
    """[count, 1, w_dim], others than those that were measured."""
    return torch.cat(list(random_codes(mapping, count, seed=5)))[:, None]


def test_a_typical_random_face_has_the_value_one(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    measured = torch.cat(list(random_codes(mapping, 10_000, 123)))[:, None]
    assert distance(measured).mean().item() == pytest.approx(1, rel=1e-10)
    assert distance(codes(mapping, 2000)).mean().item() == pytest.approx(1, abs=0.05)


def test_the_middle_of_the_gaussian_has_the_value_zero_and_the_mean_face_a_small_one(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    middle = F.leaky_relu(distance.mean, 0.2)
    torch.testing.assert_close(distance(middle.expand(2, 5, -1)), middle.new_zeros(2), **EXACT)
    w_avg, _ = w_statistics(mapping)
    assert 0 < distance(w_avg.expand(1, 5, -1)).item() < 0.8


def test_without_a_floor_it_is_the_mahalanobis_distance(
    mapping: MappingNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against numpy's inverse of the covariance of what went into the last leaky ReLU."""
    monkeypatch.setattr(gaussianized_distance, "FLOOR", 0.0)
    values = GaussianizedDistance.measure(mapping, VARIANCE)(codes(mapping))
    last_layer(mapping).activation = "linear"
    measured = torch.cat(list(random_codes(mapping, 10_000, 123))).detach().numpy()
    offset = codes(mapping)[:, 0].detach().numpy() - measured.mean(axis=0)
    inverse = np.linalg.inv(np.cov(measured.T, ddof=0))
    expected = torch.from_numpy(np.einsum("bi,ij,bj->b", offset, inverse, offset) / 16)
    torch.testing.assert_close(values, expected, rtol=1e-8, atol=1e-8)


@pytest.fixture(scope="module")
def model() -> Model:
    return build(embedded("portraits64"), torch.device("cpu"))


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_has_the_value_one_for_a_typical_random_face(model: Model, name: str) -> None:
    assert model.prior(name)(codes(model.generator.mapping, 2000)).mean().item() == pytest.approx(1, abs=0.03)


def test_the_embedded_networks_mean_face_is_far_away_without_a_floor(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = model.w_avg.expand(1, 10, -1)
    assert model.prior("gaussianized")(ws).item() == pytest.approx(0.5, abs=0.05)
    monkeypatch.setattr(gaussianized_distance, "FLOOR", 1e-9)
    unfloored = GaussianizedDistance.measure(model.generator.mapping, model.w_std**2)
    assert unfloored(ws).item() == pytest.approx(54, abs=5)


def test_a_number_that_never_varies_does_no_harm(mapping: MappingNetwork) -> None:
    last = last_layer(mapping)
    with torch.no_grad():
        last.weight[3] = 0
    distance = GaussianizedDistance.measure(mapping, VARIANCE)
    values = distance(codes(mapping, 2000))
    assert values.mean().item() == pytest.approx(1, abs=0.05)


def test_a_network_of_another_scale_gives_the_same_values(mapping: MappingNetwork) -> None:
    before = GaussianizedDistance.measure(mapping, VARIANCE)(codes(mapping))
    last = last_layer(mapping)
    with torch.no_grad():
        last.weight.mul_(3)
        last.bias.mul_(3)
    after = GaussianizedDistance.measure(mapping, VARIANCE)(codes(mapping))
    torch.testing.assert_close(after, before, rtol=1e-8, atol=1e-8)


def test_the_same_code_costs_the_same_in_every_space(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    one = codes(mapping)
    torch.testing.assert_close(distance(one.expand(-1, 7, -1)), distance(one), **EXACT)
    torch.testing.assert_close(distance(one.view(1, 2, 3, -1)), distance(one.view(1, 6, -1)), **EXACT)


def test_only_how_it_judges_the_mean_code_differs_from_the_plain_distance(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    several, w_avg = codes(mapping).reshape(2, 3, -1), torch.zeros(16, dtype=torch.float64)
    middle = several.mean(dim=1, keepdim=True)
    plain = latent_distance(several, w_avg, VARIANCE) - latent_distance(middle, w_avg, VARIANCE)
    torch.testing.assert_close(distance(several) - distance(middle), plain, **EXACT)


def test_no_face_changes_its_neighbours_value(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    alone = torch.cat([distance(code[None]) for code in codes(mapping)])
    torch.testing.assert_close(distance(codes(mapping)), alone, **EXACT)


def test_gradients_are_those_of_finite_differences(
    mapping: MappingNetwork, distance: GaussianizedDistance
) -> None:
    ws = codes(mapping).reshape(2, 3, -1).clone().requires_grad_()
    assert torch.autograd.gradcheck(distance, (ws,))


def test_float32_agrees_with_float64(mapping: MappingNetwork, distance: GaussianizedDistance) -> None:
    single = GaussianizedDistance(distance.mean.float(), distance.whitening.float(), VARIANCE)
    torch.testing.assert_close(
        single(codes(mapping).float()).double(), distance(codes(mapping)), rtol=1e-4, atol=1e-5
    )
