"""The schedules against the formulas of NVIDIA's projector: peak, ends, phases, and one value per problem."""

from __future__ import annotations

import math

import pytest
import torch

from inversion.latents.spaces import W, WPlus
from inversion.search.hyperparameters import Hyperparameters, Phase
from inversion.search.schedule import Schedule


def schedule(*settings: Hyperparameters) -> Schedule:
    return Schedule(settings, torch.device("cpu"), torch.float64)


def test_learning_rate_starts_at_zero_peaks_and_ends_near_zero() -> None:
    s = schedule(Hyperparameters(steps=1000))
    rates = [s.at([step]).learning_rate.item() for step in range(1000)]
    assert rates[0] == 0
    assert rates[25] == pytest.approx(0.05)  # half-way up the ramp of 5 %
    assert rates[50:750] == pytest.approx([0.1] * 700)
    assert rates[875] == pytest.approx(0.05)  # half-way down the half cosine
    assert rates[999] == pytest.approx(0.1 * (0.5 - 0.5 * math.cos(math.pi * 0.004)))


def test_jitter_falls_quadratically_to_zero_at_three_quarters() -> None:
    s = schedule(Hyperparameters(steps=100))
    jitter = [s.at([step]).jitter.item() for step in range(100)]
    assert jitter[0] == pytest.approx(0.05)
    assert jitter[30] == pytest.approx(0.05 * 0.6**2)
    assert jitter[75] == jitter[99] == 0


def test_each_problem_follows_its_own_schedule_at_its_own_step() -> None:
    short, long = Hyperparameters(steps=10, learning_rate=0.2), Hyperparameters(steps=100)
    both = schedule(short, long)
    for index in range(10):
        together = both.at([index, 7 * index])
        assert together.learning_rate[0] == schedule(short).at([index]).learning_rate[0]
        assert together.learning_rate[1] == schedule(long).at([7 * index]).learning_rate[0]
        assert together.jitter[1] == schedule(long).at([7 * index]).jitter[0]
    assert both.select([1]).at([63]).learning_rate[0] == schedule(long).at([63]).learning_rate[0]


def test_phases_share_the_steps_and_bring_their_own_space_and_rate() -> None:
    phases = (Phase("w", share=1, optimize_noise=False), Phase("w+", share=3, learning_rate=0.02))
    s = schedule(Hyperparameters(steps=40, space=None, phases=phases, ramp_up=0, ramp_down=0))
    schedule_steps = [s.at([step]) for step in range(40)]
    assert [type(now.spaces[0]) for now in schedule_steps] == [W] * 10 + [WPlus] * 30
    assert [now.learning_rate.item() for now in schedule_steps] == pytest.approx([0.1] * 10 + [0.02] * 30)
    assert [now.optimize_noise[0] for now in schedule_steps] == [False] * 10 + [True] * 30
    assert [step for step, now in enumerate(schedule_steps) if now.starting] == [0, 10]


def test_phases_too_short_for_a_step_are_left_out() -> None:
    phases = (Phase("w"), Phase("w+"), Phase("w++"))
    schedule = Hyperparameters(steps=1, space=None, phases=phases).phase_schedule
    assert [phase.space for _, phase in schedule] == ["w+"]


def test_a_converged_problem_goes_on_at_its_next_phase_and_in_the_last_one_where_the_rate_falls() -> None:
    phases = (Phase("w"), Phase("w+"))
    s = schedule(Hyperparameters(steps=100, space=None, phases=phases))
    assert [s.next_indices([index], [0])[0] for index in (0, 30, 49)] == [50, 50, 50]
    assert [s.next_indices([index], [0])[0] for index in (50, 74, 75, 98, 99)] == [75, 75, 76, 99, 100]
    flat = schedule(Hyperparameters(steps=100, ramp_down=0))
    assert flat.next_indices([40], [0]) == [100]
    assert s.next_indices([40], []) == [41]
