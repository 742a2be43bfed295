"""Intervals cover what they say, and differences are told from noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sweeps.results.noise import Noise, bootstrap_interval, can_be_told_apart, measure_noise


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
    floor = Noise(sigma, 40, 10, 5).floor(5, cells=2)
    for _ in range(400):
        one, other = (pd.Series(rng.normal(0, sigma, 5)) for _ in range(2))
        better, worse = (one, other) if one.mean() > other.mean() else (other, one)
        told += can_be_told_apart(better, worse, floor)
    assert told / 400 < 0.08


@pytest.mark.parametrize("cells", [3, 9])
def test_in_a_grid_of_equal_cells_the_best_is_rarely_told_apart_from_any(cells: int) -> None:
    """Few seeds, the spread measured from them, and the best chosen because it looks best."""
    rng, wrong = np.random.default_rng(3), 0
    for _ in range(200):
        made = rng.normal(0, 2.0, (cells, 3))
        rows = pd.DataFrame({"reg": np.repeat(range(cells), 3), "photo": "a", "quality": made.ravel()})
        floor = measure_noise(rows, ["reg"], "quality").floor(3, cells)
        values = [pd.Series(row) for row in made]
        best = values[int(made.mean(axis=1).argmax())]
        wrong += any(can_be_told_apart(best, other, floor) for other in values)
    assert wrong / 200 < 0.06


def test_the_floor_is_students_t_and_never_below_what_rounding_does() -> None:
    """t(0.975; 4) = 2.776 (Fisher and Yates); two cells, so one comparison."""
    assert Noise(1.0, 4, 2, 3).floor(2, cells=2) == pytest.approx(2.776, abs=1e-3)
    assert Noise(0.01, 4, 2, 3).floor(2, 2) == Noise(None, 0, 0, 1).floor(1, 9) == 0.5
    assert Noise(None, 0, 0, 1, "ΔE").floor(1, 9) == 2.0


def test_a_difference_must_exceed_the_floor_and_hold_in_most_pairs() -> None:
    base = pd.Series([20.0, 21.0, 25.0])
    assert can_be_told_apart(base + 0.6, base, 0.5) and not can_be_told_apart(base + 0.4, base, 0.5)
    assert not can_be_told_apart(base + pd.Series([9.0, -1.0, -1.0]), base, 0.5)
