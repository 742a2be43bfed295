"""Means and intervals per cell, what quality is, and what is recommended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeps.results.summarize import Summary, summarize
from sweeps.results.table import Table
from sweeps.results.task import Task
from tests.sweeps.made import table


def point(summary: Summary, cell: int | None) -> tuple[float, ...]:
    assert cell is not None
    return tuple(float(summary.cells[key].iloc[cell]) for key in summary.table.keys)


def best(summary: Summary) -> tuple[float, ...]:
    return point(summary, summary.verdicts[0].best)


def recommended(summary: Summary) -> tuple[float, ...]:
    return point(summary, summary.verdicts[0].recommended)


# ---------------------------------------------------------------- cells


def test_a_cell_is_the_mean_of_its_photos_and_says_how_many() -> None:
    made = table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 20.0 + i, "ssim": p["reg"]}, photos="abc")
    cells = summarize(made).cells
    assert cells["psnr"].tolist() == [21.0, 21.0] and cells["n"].tolist() == [3, 3]
    assert (cells["psnr_low"] >= 20).all() and (cells["psnr_high"] <= 22).all()
    assert cells["ssim_low"].tolist() == pytest.approx([0.1, 0.5])


def test_seeds_of_one_photo_are_its_mean_not_more_photos() -> None:
    def metrics(_: object, i: int) -> dict[str, float]:
        return {"psnr": [10.0, 30.0, 20.0, 20.0][i]}  # a: seeds 10, 30; b: seeds 20, 20

    summary = summarize(table({"reg": [0.1]}, metrics, photos="ab", seeds="01"))
    assert [summary.cells[name][0] for name in ("psnr", "psnr_low", "psnr_high")] == [20.0, 20.0, 20.0]


def test_seeds_of_the_only_photo_give_the_interval() -> None:
    summary = summarize(table({"reg": [0.1]}, lambda p, i: {"psnr": 20.0 + 2 * i}, seeds="0123"))
    assert summary.cells["psnr_low"][0] < 23 < summary.cells["psnr_high"][0]


# ---------------------------------------------------------------- quality


def test_identity_weighs_against_psnr() -> None:
    def metrics(p: Mapping[str, Any], _: int) -> dict[str, float]:
        generic = p["reg"] == 0.5
        return {"psnr": 21.0 if generic else 20.0, "identity_distance": 0.6 if generic else 0.3}

    summary = summarize(table({"reg": [0.1, 0.5]}, metrics))
    assert best(summary) == (0.1,)
    assert summary.cells["quality"].tolist() == pytest.approx([17.0, 15.0])


def test_a_restoration_without_a_face_counts_as_another_person() -> None:
    def metrics(p: Mapping[str, Any], _: int) -> dict[str, float]:
        return {"psnr": 20.0, "identity_distance": math.nan if p["reg"] == 0.5 else 0.8}

    assert summarize(table({"reg": [0.1, 0.5]}, metrics)).cells["quality"].tolist() == pytest.approx([12, 10])


def test_a_photo_in_which_dlib_sees_no_face_is_judged_by_psnr() -> None:
    made = table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 20.0 + p["reg"], "identity_distance": math.nan})
    assert summarize(made).cells["quality"].tolist() == pytest.approx([20.1, 20.5])


def test_the_picture_that_people_take_home_decides() -> None:
    """The restoration alone would say reg 0.1; where nothing was put back it is the consistent picture itself."""

    def metrics(p: Mapping[str, Any], _: int) -> dict[str, float]:
        return {
            0.1: {"psnr": 24.0, "consistent_psnr": 25.0},
            0.5: {"psnr": 22.0, "consistent_psnr": 28.0},
        }.get(p["reg"], {"psnr": 26.0})

    summary = summarize(table({"reg": [0.1, 0.5, 0.9]}, metrics))
    assert summary.cells["quality"].tolist() == [25.0, 28.0, 26.0] and best(summary) == (0.5,)
    assert "consistent PSNR 28.0 dB" in summary.verdicts[0].reason


@pytest.mark.parametrize(
    ("degradation", "metric", "better"), [("inpaint", "hole_psnr", 0.5), ("grayscale", "colour_error", 0.1)]
)
def test_a_task_is_judged_by_its_own_metric_where_runs_have_it(
    degradation: str, metric: str, better: float
) -> None:
    """PSNR alone says reg 0.1 of both; a hole's PSNR is better high, a colour error low."""

    def metrics(p: Mapping[str, Any], _: int) -> dict[str, float]:
        return {"psnr": 22.0 - p["reg"], f"consistent_{metric}": 10 * p["reg"]}

    summary = summarize(table({"reg": [0.1, 0.5]}, metrics, task=Task(degradation)))
    assert best(summary) == (better,) and summary.criterion.likeness == metric
    assert summarize(table({"reg": [0.1, 0.5]}, task=Task(degradation))).criterion.likeness == "psnr"


def test_the_formula_is_what_is_computed() -> None:
    known = summarize(table({"reg": [0.1]}, lambda p, i: {"psnr": 20.0, "identity_distance": 0.25}))
    assert known.criterion.formula == "quality = PSNR − 10 · identity distance, of the consistent picture"
    assert known.cells.loc[0, "quality"] == 20.0 - 10 * 0.25
    colour = summarize(
        table(
            {"reg": [0.1]},
            lambda p, i: {"psnr": 20.0, "colour_error": 3.0, "identity_distance": 0.25},
            task=Task("grayscale"),
        )
    )
    assert colour.criterion.formula.startswith("quality = − colour error − 10 · identity distance")
    assert colour.cells.loc[0, "quality"] == -3.0 - 10 * 0.25


# ---------------------------------------------------------------- recommendation


def test_fewer_steps_are_recommended_where_they_cost_little() -> None:
    quality = {100: 20.0, 500: 23.7, 1000: 24.0}
    summary = summarize(
        table({"reg": [0.1], "steps": [100, 500, 1000]}, lambda p, i: {"psnr": quality[p["steps"]]})
    )
    assert best(summary) == (0.1, 1000) and recommended(summary) == (0.1, 500)
    verdict = summary.verdicts[0]
    assert verdict.reason.startswith("Recommended: reg 0.1, steps 500 (PSNR 23.7 dB). 2 of 3 cells cannot be")
    assert verdict.command == "reg=0.1 steps=500"
    assert [summary.mark(i) for i in range(3)] == ["", "recommended", "alike"]


def test_of_cells_that_cannot_be_told_apart_and_cost_the_same_the_middle_one_is_recommended() -> None:
    quality = {0.1: 23.9, 0.2: 24.0, 0.3: 23.8, 0.4: 20.0}
    for better in (0.1, 0.2, 0.3):  # whichever noise lifts

        def metrics(p: Mapping[str, Any], i: int, better: float = better) -> dict[str, float]:
            return {"psnr": quality[p["reg"]] + 0.1 * (p["reg"] == better)}

        summary = summarize(table({"reg": list(quality)}, metrics))
        assert recommended(summary) == (0.2,)


def test_noise_of_the_size_that_launchers_make_does_not_move_the_recommendation() -> None:
    """The same grid three times, each run up to 0.1 dB apart, as rounding between launchers does."""
    seen = set()
    for launcher in range(3):

        def metrics(p: Mapping[str, Any], i: int, launcher: int = launcher) -> dict[str, float]:
            shift = 0.1 * math.sin(1e4 * p["reg"] + p["steps"] + 7 * launcher + i)
            return {"psnr": 20 + 3 * math.log10(p["steps"] / 100) - 4 * (p["reg"] - 0.3) ** 2 + shift}

        made = table({"reg": [0.001, 0.1, 0.3, 0.5, 0.8], "steps": [100, 500, 1000]}, metrics, seeds="012")
        seen.add(recommended(summarize(made)))
    assert len(seen) == 1


def test_a_best_cell_apart_from_the_others_is_called_the_best() -> None:
    summary = summarize(table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 24 - 4 * p["reg"]}))
    assert summary.mark(0) == "best" and "It is the best" in summary.verdicts[0].reason
    assert "seeds=3 would measure it" in summary.reason


def test_a_difference_within_the_spread_of_the_seeds_is_none() -> None:
    """1 dB apart, and seeds scatter by 2 dB; with a scatter of 0.1 dB the same difference counts."""

    def metrics(scatter: float) -> Any:
        return lambda p, i: {
            "psnr": 24.0 - (p["reg"] > 0.2) + scatter * [1, -1, 0][i] * (1 if p["reg"] > 0.2 else -1)
        }

    noisy = summarize(table({"reg": [0.1, 0.5]}, metrics(2.0), seeds="012"))
    quiet = summarize(table({"reg": [0.1, 0.5]}, metrics(0.1), seeds="012"))
    assert noisy.noise.spread == pytest.approx(2.0) and quiet.noise.spread == pytest.approx(0.1)
    assert noisy.verdicts[0].alike == (0, 1) and quiet.verdicts[0].alike == (0,)
    assert "Another seed moves a cell's quality by 2.00 dB" in noisy.reason


def test_photos_that_differ_much_do_not_hide_what_each_of_them_says() -> None:
    """Paired: every photo is 1 dB better, whatever lies between the photos."""
    made = table({"reg": [0.1, 0.5]}, lambda p, i: {"psnr": 10.0 * (i + 1) - (p["reg"] > 0.2)}, photos="abcd")
    assert summarize(made).verdicts[0].alike == (0,)


def test_other_degradations_are_other_problems_where_the_original_is_known() -> None:
    made = table(
        {"degradation.kernel_size": [5, 21], "reg": [0.1, 0.5]},
        lambda p, i: {
            "psnr": 30
            - p["degradation.kernel_size"] / 2
            - 4 * abs(p["reg"] - p["degradation.kernel_size"] / 42)
        },
    )
    summary = summarize(made)
    assert [verdict.problem for verdict in summary.verdicts] == ["kernel size 5", "kernel size 21"]
    assert [point(summary, verdict.best) for verdict in summary.verdicts] == [(5, 0.1), (21, 0.5)]


def test_a_photo_that_came_blurred_gets_the_kernel_that_fits_in_sharpness_and_then_the_largest_reg() -> None:
    """The narrowest kernel fits best and is not taken: what it leaves too sharp counts against it."""
    fits, sharpness = {5: 30.3, 7: 30.0, 9: 29.9, 11: 29.0}, {5: 4.0, 7: 0.5, 9: -3.0, 11: -6.0}
    made = table(
        {"reg": [0.1, 0.5, 1.0], "degradation.kernel_size": [5, 7, 9, 11]},
        lambda p, i: {
            "fit_psnr": fits[p["degradation.kernel_size"]] - (p["reg"] > 0.5) - p["reg"] / 10,
            "fit_sharpness": sharpness[p["degradation.kernel_size"]],
        },
        task=Task("blur", arrives_degraded=True),
    )
    summary = summarize(made)
    assert not summary.criterion.original_known
    assert best(summary) == (0.1, 7) and recommended(summary) == (0.5, 7)
    reason = summary.verdicts[0].reason
    assert "With kernel size 7 the restored face, degraded again, comes nearest" in reason
    assert "The original is not known" in summary.criterion.reason


def test_a_blur_is_told_by_what_the_photo_lacks_and_not_by_what_feature_maps_fit() -> None:
    """Then of the cells that fit it the largest reg: 9 draws somebody else."""
    misfit = {5: 90.0, 7: 0.0, 9: 11.0, 11: 40.0}
    made = table(
        {"reg": [0.1, 0.5, 9.0], "degradation.kernel_size": [5, 7, 9, 11]},
        lambda p, i: {
            "fit_psnr": 50 - p["degradation.kernel_size"] - (p["reg"] > 1) - p["reg"] / 10,
            "fit_sharpness": 0.0,
            "blur_misfit": misfit[p["degradation.kernel_size"]],
        },
        task=Task("blur", arrives_degraded=True),
    )
    summary = summarize(replace(made, constants={"feature_steps": "60"}))
    (verdict,) = summary.verdicts
    assert best(summary)[1] == 7 and recommended(summary) == (0.5, 7)
    assert {summary.cells["degradation.kernel_size"][i] for i in verdict.alike} == {7, 9}
    assert "Kernel size 7 explains best which spatial frequencies the photo lacks" in verdict.reason
    assert "edge of the grid" not in verdict.reason  # reg has no part in the misfit
    assert "the true one is among them" in summary.reason and "feature_steps" not in summary.reason


@pytest.mark.parametrize(("steps", "said"), [("60", True), ("0", False)])
def test_what_feature_maps_fit_under_any_degradation_is_said_not_to_be_told_apart(
    steps: str, said: bool
) -> None:
    made = table(
        {"degradation.quality": [5, 50]},
        lambda p, i: {"fit_psnr": 30.0, "fit_sharpness": 0.0},
        task=Task("jpeg", arrives_degraded=True),
    )
    summary = summarize(replace(made, constants={"feature_steps": steps}))
    for shown in (
        f"{summary.reason} {summary.criterion.reason}",
        f"{summary.certainty} {summary.criterion.reason}",
    ):
        # Once, in documents and on the page.
        assert shown.count("feature_steps=0 leaves them as they are") == said


def test_where_only_the_search_varies_the_fit_alone_counts() -> None:
    made = table(
        {"reg": [0.1, 0.5]}, lambda p, i: {"fit_psnr": 30 - p["reg"], "fit_sharpness": -9 * p["reg"]}
    )
    summary = summarize(made)
    assert best(summary) == (0.1,) and recommended(summary) == (0.5,)


def test_a_cell_that_lacks_a_photo_does_not_compete() -> None:
    def metrics(p: Mapping[str, Any], i: int) -> dict[str, float] | None:
        return None if p["reg"] == 0.5 and i == 1 else {"psnr": 30.0 if p["reg"] == 0.5 else 20.0}

    summary = summarize(table({"reg": [0.1, 0.5]}, metrics, photos="ab"))
    assert best(summary) == (0.1,)
    assert summary.cells["status"].tolist() == ["FINISHED", "PARTIAL"]
    assert summary.cells["n"].tolist() == [2, 1]
    assert "1 of 2 cells is incomplete" in summary.verdicts[0].reason


def test_cells_that_all_lack_the_same_photo_compete_by_the_others() -> None:
    made = table({"reg": [0.1, 0.5]}, lambda p, i: None if i else {"psnr": 30.0 - 9 * p["reg"]}, photos="ab")
    summary = summarize(made)
    assert best(summary) == (0.1,)
    reason = summary.verdicts[0].reason
    assert "incomplete" not in reason and "by the 1 of 2 runs per cell that finished" in reason


def test_a_best_cell_at_the_edge_is_said_to_be_there() -> None:
    summary = summarize(table({"reg": [0.1, 0.2, 0.5], "steps": [100, 500]}))
    assert "at the edge of the grid (reg 0.1)" in summary.verdicts[0].reason


def test_nothing_finished_is_no_recommendation_and_no_error() -> None:
    summary = summarize(table({"reg": [0.1, 0.5]}, lambda p, i: None))
    (verdict,) = summary.verdicts
    assert verdict.best is verdict.recommended is None and verdict.command == ""
    assert summary.cells["status"].tolist() == ["FAILED", "FAILED"]
    assert "nothing to recommend" in verdict.reason


def test_a_single_setting_is_a_cell_of_its_own() -> None:
    summary = summarize(table({}))
    assert summary.verdicts[0].best == 0
    assert summary.reason.startswith("Recommended: the only setting (PSNR")


def test_a_sweep_of_which_nothing_was_ever_run_has_no_cells() -> None:
    summary = summarize(Table(table({}).rows[:0], (), (), "a sweep"))
    assert summary.cells.empty and "nothing to recommend" in summary.reason
