"""Intervals cover what they say, and differences are told from noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sweeps.results.noise import SMALLEST, Noise, bootstrap_interval, can_be_told_apart, measure_noise


def test_one_value_has_no_interval_and_the_interval_is_the_same_each_time() -> None:
    assert all(map(math.isnan, bootstrap_interval(np.array([1.0]))))
    values = np.arange(10.0)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = [low <= 0 <= high for low, high in (bootstrap_interval(rng.normal(size=30)) for _ in range(200))]
    assert 0.88 <= np.mean(hits) <= 0.99


def test_the_spread_is_pooled_within_cells_and_photos() -> None:
    """Cells and photos lie far apart; within each, seeds differ by 2: a standard deviation of sqrt(2)."""
    rows = pd.DataFrame(
        [
            {"reg": reg, "photo": photo, "seed": seed, "quality": 10 * reg + offset + 2 * seed}
            for reg in (1, 2)
            for photo, offset in (("a", 0), ("b", 50))
            for seed in (0, 1)
        ]
    )
    noise = measure_noise(rows, ["reg"], "quality")
    assert noise.spread == pytest.approx(math.sqrt(2)) and (noise.cells, noise.seeds) == (2, 2)
    assert measure_noise(rows[rows["seed"] == 0], ["reg"], "quality").spread is None


def test_two_equal_cells_are_told_apart_about_as_rarely_as_the_level_says() -> None:
    rng, sigma, told = np.random.default_rng(2), 2.0, 0
    floor = Noise(sigma, 10, 5).floor(5)
    for _ in range(400):
        one, other = (pd.Series(rng.normal(0, sigma, 5)) for _ in range(2))
        better, worse = (one, other) if one.mean() > other.mean() else (other, one)
        told += can_be_told_apart(better, worse, floor)
    assert told / 400 < 0.08


def test_a_difference_must_exceed_the_floor_and_hold_in_most_pairs() -> None:
    base = pd.Series([20.0, 21.0, 25.0])
    assert can_be_told_apart(base + 0.6, base, SMALLEST) and not can_be_told_apart(base + 0.4, base, SMALLEST)
    assert not can_be_told_apart(base + pd.Series([9.0, -1.0, -1.0]), base, SMALLEST)
