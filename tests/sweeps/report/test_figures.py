"""What a heatmap and the curves show, read off the figures themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inversion.pictures.curves import to_image
from sweeps.report.figures.heatmap import draw_heatmap, heatmap_numbers
from sweeps.report.figures.loss_curves import curve_numbers, draw_curves, main_axes
from sweeps.report.figures.slices import End, draw_slices, named, slice_numbers, together
from sweeps.report.figures.style import MOST_NAMED, save_vector
from sweeps.results.axes import Axis
from sweeps.results.summarize import Summary, summarize
from sweeps.results.table import Table
from tests.sweeps.made import by_formula, losses, table

REGS, STEPS = [0.001, 0.1, 0.5], [100, 500]


def mesh(figure: Figure) -> QuadMesh:
    return next(c for axes in figure.axes for c in axes.collections if isinstance(c, QuadMesh))


def luminance(figure: Figure) -> np.ndarray:
    drawn = mesh(figure)
    figure.canvas.draw()
    return np.asarray(drawn.get_facecolor())[:, :3] @ [0.299, 0.587, 0.114]


def frames(figure: Figure) -> dict[str, tuple[float, float]]:
    """Line style → column and row of its frame."""
    found = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    return {str(p.get_linestyle()): (int(p.get_x()), int(p.get_y())) for p in found}


@pytest.fixture
def grid() -> Summary:
    return summarize(table({"reg": REGS, "steps": STEPS}))


def test_a_heatmap_has_steps_across_reg_down_and_every_mean_in_its_place(grid: Summary) -> None:
    values = np.asarray(mesh(draw_heatmap(heatmap_numbers(grid, "psnr"))).get_array()).reshape(3, 2)
    expected = [[by_formula({"reg": reg, "steps": steps}, 0)["psnr"] for steps in STEPS] for reg in REGS]
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize("metric", ["psnr", "identity_distance", "seconds"])
def test_bright_is_good_whichever_way_a_metric_goes(grid: Summary, metric: str) -> None:
    figure = draw_heatmap(heatmap_numbers(grid, metric))
    values = np.asarray(mesh(figure).get_array()).ravel()
    best = values.argmax() if metric == "psnr" else values.argmin()
    assert luminance(figure).argmax() == best


def test_a_sharpness_is_bright_where_it_is_nearest_to_zero() -> None:
    made = table(
        {"degradation.kernel_size": [5, 7, 9]},
        lambda p, i: {"fit_psnr": 20.0, "fit_sharpness": 7.5 - p["degradation.kernel_size"]},
    )
    bright = luminance(draw_heatmap(heatmap_numbers(summarize(made), "fit_sharpness")))
    assert bright.argmax() == 1 and bright[0] < bright[1] > bright[2]


def test_the_recommended_cell_and_those_alike_are_framed() -> None:
    quality = {100: 20.0, 500: 23.8, 1000: 24.0}
    made = table({"reg": [0.1], "steps": list(quality)}, lambda p, i: {"psnr": quality[p["steps"]]})
    assert frames(draw_heatmap(heatmap_numbers(summarize(made), "psnr"))) == {":": (2, 0), "--": (1, 0)}


def test_a_cell_apart_from_all_others_has_the_solid_frame(grid: Summary) -> None:
    assert frames(draw_heatmap(heatmap_numbers(grid, "psnr"))) == {"-": (1, 0)} and grid.mark(1) == "best"


def test_a_cell_without_a_value_says_why() -> None:
    made = table({"reg": REGS, "steps": STEPS}, lambda p, i: None if p["reg"] == 0.5 else by_formula(p, i))
    axes = draw_heatmap(heatmap_numbers(summarize(made), "psnr")).axes[0]
    assert [text.get_text() for text in axes.texts].count("failed") == 2


def test_runs_that_are_no_grid_are_points_over_each_axis() -> None:
    points = [(0.1 * (1 + i * i), 10 + 7 * i) for i in range(6)]
    made = summarize(table({"reg": [], "steps": []}, points=points))
    figure = draw_slices(slice_numbers(made, "psnr"))
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [6, 6]  # type: ignore[arg-type]
    assert [axes.get_xlabel() for axes in figure.axes] == ["reg", "steps"]


def test_every_run_has_a_curve_in_each_panel_coloured_by_that_panels_axis(grid: Summary) -> None:
    made = losses(grid.table)["loss"]
    figure = draw_curves([curve_numbers(grid, made, "loss", axis) for axis in main_axes(grid)])
    by_reg, by_steps = figure.axes
    finished = [axes.collections[0] for axes in figure.axes]
    assert [len(lines.get_paths()) for lines in finished] == [6, 6]
    assert [len(set(map(str, lines.get_edgecolor()))) for lines in finished] == [3, 2]
    assert [len(axes.collections[1].get_paths()) for axes in figure.axes] == [0, 0], "none is unfinished"
    assert by_reg.get_yscale() == "log"
    assert (by_reg.get_xlabel(), by_reg.get_ylabel()) == ("step", "total loss (log scale)")


def test_a_linear_scale_keeps_what_has_no_logarithm(grid: Summary) -> None:
    made = {run: series - series.iloc[-1] for run, series in losses(grid.table)["loss"].items()}
    log, linear = (curve_numbers(grid, made, "loss", None, scale) for scale in ("log", "linear"))
    assert np.isnan(log.curves[0].losses).sum() == 1 and not np.isnan(linear.curves[0].losses).any()
    assert draw_curves([linear]).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize("count", [15, 60])
def test_a_legend_names_fifteen_values_and_thins_more(count: int) -> None:
    made = summarize(table({"reg": [i / 100 for i in range(1, count + 1)]}))
    figure = draw_curves([curve_numbers(made, losses(made.table)["loss"], "loss", made.table.axes[0])])
    legend = figure.axes[0].get_legend()
    assert legend is not None and min(count, 15) <= len(legend.get_texts()) <= MOST_NAMED + 1


def test_a_sweep_without_runs_has_its_figures_too() -> None:
    nothing = summarize(Table(table({}).rows[:0], (), (), "a sweep"))
    for figure in (draw_heatmap(heatmap_numbers(nothing, "quality")), draw_curves([])):
        assert to_image(figure).width > 100


def test_texts_stay_texts_in_vector_figures_and_the_same_figure_is_the_same_file(
    grid: Summary, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_vector(draw_heatmap(heatmap_numbers(grid, "psnr")), tmp_path / name / "psnr")
    drawn = (tmp_path / "one" / "psnr.svg").read_text()
    assert "PSNR [dB]</text>" in drawn and ">steps</text>" in drawn
    for ending in ("svg", "pdf"):
        first, second = ((tmp_path / name / f"psnr.{ending}").read_bytes() for name in ("one", "two"))
        assert first == second


def test_numbers_on_an_axis_do_not_stand_on_one_another() -> None:
    regs = Axis("reg", (0.001, 0.5, 10, 40))
    assert named(regs, width=300) == [0.001, 0.5, 10, 40] and named(regs, width=90) == [0.001, 0.5, 40]


def test_a_slice_joins_cells_that_differ_in_its_setting_only_and_names_the_lines() -> None:
    made = summarize(table({"reg": [0.1, 0.5], "steps": [10, 100, 1000]}))
    first, _ = draw_slices(slice_numbers(made, "psnr")).axes
    joined = [line.get_ydata() for line in first.lines]
    assert [np.size(y) for y in joined] == [2, 2, 2] and [text.get_text() for text in first.texts] == [
        "10",
        "100",
        "1000",
    ]
    assert first.get_title(loc="right") == "ends: steps"


def test_ends_of_lines_that_meet_share_their_text() -> None:
    ends = [End(1, 5.0, "c"), End(1, 2.0, "a"), End(1, 2.1, "b"), End(2, 2.1, "d")]
    assert [end.text for end in together(ends, 0.2)] == ["a, b", "c", "d"]


def test_texts_stand_on_an_axis_in_its_order_whichever_line_is_drawn_first() -> None:
    points = [(0.1, "c"), (0.1, "d"), (0.2, "a"), (0.2, "c"), (0.2, "d")]
    made = summarize(table({"reg": [0.1, 0.2], "loss": ["a", "c", "d"]}, points=points))
    drawn = draw_slices(slice_numbers(made, "psnr")).axes[1]
    drawn.figure.canvas.draw()
    assert [label.get_text() for label in drawn.get_xticklabels()] == ["a", "c", "d"]
