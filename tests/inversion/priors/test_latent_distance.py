from __future__ import annotations

import pytest
import torch

from inversion.generator.statistics import w_statistics
from inversion.generator.stylegan2 import Generator
from inversion.priors.latent_distance import latent_distance


def test_a_typical_random_face_is_at_distance_one(tiny_generator: Generator) -> None:
    w_avg, w_std = w_statistics(tiny_generator.mapping, samples=2000)
    z = torch.randn(500, 16, generator=torch.Generator().manual_seed(1))
    ws = tiny_generator.mapping(z, None, 1.0)
    assert latent_distance(ws, w_avg, w_std**2).mean().item() == pytest.approx(1, abs=0.1)


def test_the_mean_face_is_at_distance_zero() -> None:
    w_avg = torch.randn(8)
    assert latent_distance(w_avg.expand(2, 5, 8), w_avg, 3.0).tolist() == [0, 0]


def test_the_same_code_costs_the_same_in_w_and_w_plus() -> None:
    w = torch.randn(3, 1, 8, dtype=torch.float64)
    w_avg = torch.zeros(8, dtype=torch.float64)
    expected = w[:, 0].square().sum(dim=1) / 2
    for num_ws in (1, 5, 18):
        torch.testing.assert_close(latent_distance(w.expand(-1, num_ws, -1), w_avg, 2.0), expected)


def test_gradients_are_those_of_finite_differences() -> None:
    ws = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    w_avg = torch.randn(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda ws: latent_distance(ws, w_avg, 1.5), (ws,))
