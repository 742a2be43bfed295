from __future__ import annotations

import math
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from inversion.pictures.curves import MARK, converged_step, loss_curve, safe_step

N = 1000
STEPS = np.arange(N)


def decay(
    rate: float, floor: float = 0.1, noise: float = 0.0, seed: int = 0, num_steps: int = N
) -> np.ndarray:
    """floor + exp(-t / rate), times log-normal noise of so many decades."""
    steps = np.arange(num_steps)
    curve = floor + np.exp(-steps / rate)
    return curve * 10 ** np.random.default_rng(seed).normal(0, noise, num_steps)


@pytest.mark.parametrize("rate", [10, 30, 60, 100])
def test_an_exponential_converges_where_it_comes_within_the_tolerance(rate: float) -> None:
    exact = rate * math.log(1 / (0.1 * 0.05))  # exp(-t/rate) = 5 % of the floor
    found = converged_step(decay(rate))
    assert found is not None and abs(found - exact) <= 3


@pytest.mark.parametrize("noise", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_step_little(noise: float, seed: int) -> None:
    clean, noisy = converged_step(decay(60)), converged_step(decay(60, noise=noise, seed=seed))
    assert clean is not None and noisy is not None
    assert abs(noisy - clean) <= 0.1 * N


def test_single_outliers_do_not_matter() -> None:
    curve = decay(60)
    curve[[500, 700, 950]] *= 10
    assert converged_step(curve) == converged_step(decay(60))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_the_unit_of_the_loss_does_not_matter(scale: float) -> None:
    assert converged_step(scale * decay(60, noise=0.02)) == converged_step(decay(60, noise=0.02))


def test_a_tighter_tolerance_never_converges_earlier() -> None:
    found = [converged_step(decay(60), tolerance) or math.inf for tolerance in (0.2, 0.1, 0.05, 0.02)]
    assert found == sorted(found)


@pytest.mark.parametrize(
    "curve",
    [
        10 ** (-2 * STEPS / N),  # a straight fall on the log scale
        1 / (1 + STEPS) ** 2.0,
        10 ** (+2 * STEPS / N),  # a rise
    ],
)
def test_a_curve_that_still_moves_has_not_converged(curve: np.ndarray) -> None:
    assert converged_step(curve) is None


def test_a_second_phase_counts() -> None:
    curve = decay(30)
    curve[600:] = 0.5 * decay(30)[:400]  # another objective from step 600
    found = converged_step(curve)
    assert found is not None and 700 < found < 800


def test_a_flat_curve_has_converged_from_the_start() -> None:
    assert converged_step([0.3] * N) == 0
    assert converged_step([0.0] * N) == 0
    assert converged_step(0.3 * 10 ** np.random.default_rng(0).normal(0, 0.05, N)) == 0


def test_a_loss_that_reaches_zero_can_converge() -> None:
    curve = np.where(STEPS < 300, 1.0, 0.0)
    assert converged_step(curve) == 300


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_has_no_converged_step(bad: float) -> None:
    assert converged_step([*decay(30)[:500], bad]) is None


@pytest.mark.parametrize("num_steps", [0, 1, 3, 19])
def test_too_few_steps_to_tell(num_steps: int) -> None:
    assert converged_step([0.1] * num_steps) is None


def test_short_runs_work() -> None:
    found = converged_step(decay(3, num_steps=60))
    assert found is not None and 10 <= found <= 20


def test_the_margin_ends_with_the_run() -> None:
    assert safe_step(330, 1000) == 430
    assert safe_step(960, 1000) == 999


def pixels(history: dict[str, Any], **settings: object) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(loss_curve(history, **settings))  # type: ignore[arg-type]


def has(image: np.ndarray, colour: str) -> bool:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(image.astype(int) - rgb).max(axis=2) < 12).any())


def test_every_term_and_the_mark_are_drawn() -> None:
    history = {"pixel": 0.5 * decay(60), "loss": decay(60), "latent_distance": STEPS * 1e-5}
    marked = pixels(history, converged=318)
    assert marked.shape == (562, 1000, 3)
    for colour in ("#24292f", "#0969da", "#bf3989", MARK):
        assert has(marked, colour), colour
    assert not has(pixels(history), MARK)


def test_the_same_history_gives_the_same_picture() -> None:
    assert (pixels({"loss": decay(60)}) == pixels({"loss": list(decay(60))})).all()


@pytest.mark.parametrize(
    "history",
    [
        {"loss": [0.5]},
        {"loss": [0.0] * 10},
        {"loss": [math.nan] * 10, "pixel": [1.0] * 10},
        {"loss": [1.0, 0.5, math.inf, math.nan]},
        {"loss": [-1.0, -2.0]},
        {"loss": []},
        {"a": [1.0] * 5, "b": [1.0] * 9},
        {f"term_{i}": [1.0 + i] * 5 for i in range(12)},
    ],
)
def test_odd_histories_are_drawn_without_a_warning(history: dict[str, Any]) -> None:
    pixels(history, converged=0)


def test_drawing_leaves_no_global_figure() -> None:
    before = "matplotlib.pyplot" in sys.modules
    pixels({"loss": decay(60)})
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_a_curve_without_terms_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one term"):
        loss_curve({})
