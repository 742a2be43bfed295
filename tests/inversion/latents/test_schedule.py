"""The learning rate and jitter ramps against the formulas of FACTS: peak, ends, and one value per problem."""

from __future__ import annotations

import math

import pytest
import torch

from inversion.hyperparameters import Hyperparameters
from inversion.latents.schedule import Schedule


def schedule(*settings: Hyperparameters) -> Schedule:
    return Schedule(settings, torch.device("cpu"), torch.float64)


def test_learning_rate_starts_at_zero_peaks_and_ends_near_zero() -> None:
    rates = [schedule(Hyperparameters(steps=1000)).learning_rate(step).item() for step in range(1000)]
    assert rates[0] == 0
    assert rates[25] == pytest.approx(0.05)  # half-way up the ramp of 5 %
    assert rates[50:750] == pytest.approx([0.1] * 700)
    assert rates[875] == pytest.approx(0.05)  # half-way down the half cosine
    assert rates[999] == pytest.approx(0.1 * (0.5 - 0.5 * math.cos(math.pi * 0.004)))


def test_jitter_falls_quadratically_to_zero_at_three_quarters() -> None:
    s = schedule(Hyperparameters(steps=100))
    assert s.jitter(0).item() == pytest.approx(0.05)
    assert s.jitter(30).item() == pytest.approx(0.05 * 0.6**2)
    assert s.jitter(75).item() == 0
    assert s.jitter(99).item() == 0


def test_each_problem_follows_its_own_schedule() -> None:
    short, long = Hyperparameters(steps=10, learning_rate=0.2), Hyperparameters(steps=100)
    for step in range(100):
        together = schedule(short, long).learning_rate(step)
        assert together[1] == schedule(long).learning_rate(step)[0]
        assert together[0] == (schedule(short).learning_rate(step)[0] if step < 10 else 0)
