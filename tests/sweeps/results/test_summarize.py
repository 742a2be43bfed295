"""Means, intervals, the best cell and the one to use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sweeps.results.summarize import Summary, bootstrap_interval, summarize
from sweeps.results.table import Table
from tests.sweeps.made import table


def point(summary: Summary, cell: int | None) -> tuple[float, ...]:
    assert cell is not None
    return tuple(float(summary.cells.loc[cell, key]) for key in summary.table.keys)


def test_a_cell_is_the_mean_of_its_photos_and_says_how_many() -> None:
    made = table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 20.0 + i, "ssim": p["reg"]}, photos="abc")
    cells = summarize(made).cells
    assert cells["psnr"].tolist() == [21.0, 21.0] and cells["n"].tolist() == [3, 3]
    assert (cells["psnr_low"] >= 20).all() and (cells["psnr_high"] <= 22).all()
    assert cells["ssim_low"].tolist() == pytest.approx([0.1, 0.5])


def test_seeds_of_one_photo_are_its_mean_not_more_photos() -> None:
    def figures(_: object, i: int) -> dict[str, float]:
        return {"psnr": [10.0, 30.0, 20.0, 20.0][i]}  # a: seeds 10, 30; b: seeds 20, 20

    summary = summarize(table({"reg": [0.1]}, figures, photos="ab", seeds="01"))
    assert summary.cells.loc[0, ["psnr", "psnr_low", "psnr_high"]].tolist() == [20.0, 20.0, 20.0]


def test_seeds_of_the_only_photo_give_the_interval() -> None:
    summary = summarize(table({"reg": [0.1]}, lambda p, i: {"psnr": 20.0 + 2 * i}, seeds="0123"))
    assert summary.cells.loc[0, "psnr_low"] < 23 < summary.cells.loc[0, "psnr_high"]


def test_one_value_has_no_interval_and_the_interval_is_the_same_each_time() -> None:
    assert all(map(math.isnan, bootstrap_interval(np.array([1.0]))))
    values = np.arange(10.0)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = [low <= 0 <= high for low, high in (bootstrap_interval(rng.normal(size=30)) for _ in range(200))]
    assert 0.88 <= np.mean(hits) <= 0.99


def test_identity_weighs_against_psnr() -> None:
    def figures(p: dict[str, float], _: int) -> dict[str, float]:
        generic = p["reg"] == 0.5
        return {"psnr": 21.0 if generic else 20.0, "identity_distance": 0.6 if generic else 0.3}

    summary = summarize(table({"reg": [0.1, 0.5]}, figures))
    assert point(summary, summary.best) == (0.1,)
    assert summary.cells["quality"].tolist() == pytest.approx([17.0, 15.0])


def test_a_restoration_without_a_face_counts_as_another_person() -> None:
    def figures(p: dict[str, float], _: int) -> dict[str, float]:
        return {"psnr": 20.0, "identity_distance": math.nan if p["reg"] == 0.5 else 0.8}

    assert summarize(table({"reg": [0.1, 0.5]}, figures)).cells["quality"].tolist() == pytest.approx(
        [12.0, 10.0]
    )


def test_a_photo_in_which_dlib_sees_no_face_is_judged_by_psnr() -> None:
    made = table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 20.0 + p["reg"], "identity_distance": math.nan})
    assert summarize(made).cells["quality"].tolist() == pytest.approx([20.1, 20.5])


def test_fewer_steps_are_recommended_where_they_cost_little() -> None:
    quality = {100: 20.0, 500: 23.7, 1000: 24.0}
    summary = summarize(
        table({"reg": [0.1], "steps": [100, 500, 1000]}, lambda p, i: {"psnr": quality[p["steps"]]})
    )
    assert point(summary, summary.best) == (0.1, 1000) and point(summary, summary.recommended) == (0.1, 500)
    assert summary.reason.startswith(
        "Recommended: reg 0.1, steps 500 (PSNR 23.7 dB). Of the cells within 0.5 dB"
    )
    assert summary.command == "reg=0.1 steps=500"


def test_of_equal_steps_within_tolerance_the_better_is_recommended() -> None:
    quality = {0.1: 23.9, 0.2: 24.0, 0.3: 23.8}
    summary = summarize(
        table({"reg": [0.1, 0.2, 0.3], "steps": [100]}, lambda p, i: {"psnr": quality[p["reg"]]})
    )
    assert summary.recommended == summary.best == 1


def test_a_photo_that_came_blurred_gets_the_kernel_that_fits_in_sharpness_and_then_the_largest_reg() -> None:
    """The narrowest kernel fits best and is not taken: what it leaves too sharp counts against it."""
    fits, sharpness = {5: 30.3, 7: 30.0, 9: 29.9, 11: 29.0}, {5: 4.0, 7: 0.5, 9: -3.0, 11: -6.0}
    made = table(
        {"reg": [0.1, 0.5, 1.0], "degradation.kernel_size": [5, 7, 9, 11]},
        lambda p, i: {
            "fit_psnr": fits[p["degradation.kernel_size"]] - (p["reg"] > 0.5) - p["reg"] / 10,
            "fit_sharpness": sharpness[p["degradation.kernel_size"]],
        },
    )
    summary = summarize(made)
    assert not summary.original_known
    assert point(summary, summary.best) == (0.1, 7) and point(summary, summary.recommended) == (0.5, 7)
    assert "With kernel size 7 the restored face, degraded again, comes nearest" in summary.reason
    assert "The original is not known" in summary.reason


def test_where_only_the_search_varies_the_fit_alone_counts() -> None:
    made = table(
        {"reg": [0.1, 0.5]}, lambda p, i: {"fit_psnr": 30 - p["reg"], "fit_sharpness": -9 * p["reg"]}
    )
    summary = summarize(made)
    assert point(summary, summary.best) == (0.1,) and point(summary, summary.recommended) == (0.5,)


def test_a_cell_that_lacks_a_photo_does_not_compete() -> None:
    def figures(p: dict[str, float], i: int) -> dict[str, float] | None:
        return None if p["reg"] == 0.5 and i == 1 else {"psnr": 30.0 if p["reg"] == 0.5 else 20.0}

    summary = summarize(table({"reg": [0.1, 0.5]}, figures, photos="ab"))
    assert point(summary, summary.best) == (0.1,)
    assert summary.cells["status"].tolist() == ["FINISHED", "PARTIAL"] and summary.cells["n"].tolist() == [
        2,
        1,
    ]
    assert "1 of 2 cells is incomplete" in summary.reason


def test_a_best_cell_at_the_edge_is_said_to_be_there() -> None:
    summary = summarize(table({"reg": [0.1, 0.2, 0.5], "steps": [100, 500]}))
    assert "at the edge of the grid (reg 0.1)" in summary.reason


def test_nothing_finished_is_no_recommendation_and_no_error() -> None:
    summary = summarize(table({"reg": [0.1, 0.5]}, lambda p, i: None))
    assert summary.best is summary.recommended is None and summary.command == ""
    assert (
        summary.cells["status"].tolist() == ["FAILED", "FAILED"] and "nothing to recommend" in summary.reason
    )


def test_a_single_setting_is_a_cell_of_its_own() -> None:
    summary = summarize(table({}))
    assert summary.best == 0 and summary.reason.startswith("Recommended: the only setting (PSNR")


def test_a_sweep_of_which_nothing_was_ever_run_has_no_cells() -> None:
    nothing = Table(table({}).rows[:0], (), (), "a sweep")
    summary = summarize(nothing)
    assert summary.cells.empty and summary.best is None and "nothing to recommend" in summary.reason
