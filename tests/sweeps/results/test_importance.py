"""Which settings matter, against functions whose variance is known."""

from __future__ import annotations

import numpy as np
import pytest

from sweeps.results.importance import variance_shares
from sweeps.results.summarize import summarize
from tests.sweeps.made import table


def test_a_sum_has_the_variances_of_its_terms_and_no_interaction() -> None:
    x, y = np.meshgrid([0.0, 1.0, 2.0], [0.0, 3.0], indexing="ij")
    shares = variance_shares(x + y, ["x", "y"])
    total = 2 / 3 + 9 / 4
    assert shares["x"] == pytest.approx((2 / 3) / total) and shares["y"] == pytest.approx((9 / 4) / total)
    assert shares["x × y"] == pytest.approx(0) and sum(shares.values()) == pytest.approx(1)


def test_a_product_of_centred_factors_is_all_interaction() -> None:
    x, y, z = np.meshgrid([-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0], indexing="ij")
    assert variance_shares(x * y + 0 * z, ["x", "y", "z"])["x × y"] == pytest.approx(1)
    assert variance_shares(x * y * z, ["x", "y", "z"])["higher orders"] == pytest.approx(1)


def test_ishigami_has_the_published_shares() -> None:
    """Sobol indices of sin x + 7 sin² y + 0.1 z⁴ sin x on [-pi, pi]³: 0.3139, 0.4424, 0, and 0.2437 of x with z."""
    grid = (np.arange(40) + 0.5) / 40 * 2 * np.pi - np.pi
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    shares = variance_shares(np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x), ["x", "y", "z"])
    assert shares["x"] == pytest.approx(0.3139, abs=0.01) and shares["y"] == pytest.approx(0.4424, abs=0.01)
    assert shares["z"] == pytest.approx(0, abs=1e-6) and shares["x × z"] == pytest.approx(0.2437, abs=0.01)


def test_random_search_ranks_its_settings_too_and_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    points = [(float(a), float(b)) for a, b in rng.uniform(size=(40, 2)).round(3)]
    made = table(
        {"reg": [], "jitter": []}, lambda p, i: {"psnr": 20 + 5 * p["reg"] + 0.2 * p["jitter"]}, points=points
    )
    one, two = (summarize(made).importance for _ in range(2))
    assert one is not None and one == two
    assert one.shares[0][0] == "reg" and one.shares[0][1] > 0.8 and "permutation" in one.method


def test_one_axis_or_one_quality_says_nothing() -> None:
    assert summarize(table({"reg": [0.1, 0.5, 0.9, 1.0]})).importance is None
    assert (
        summarize(table({"reg": [0.1, 0.5], "steps": [10, 20]}, lambda p, i: {"psnr": 20.0})).importance
        is None
    )
