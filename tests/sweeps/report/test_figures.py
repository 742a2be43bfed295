"""What a heatmap and the curves show, read off the figures themselves."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from inversion.pictures.curves import to_image
from sweeps.report import figures
from sweeps.results.summarize import Summary, summarize
from sweeps.results.table import Table
from tests.sweeps.made import by_formula, losses, table

REGS, STEPS = [0.001, 0.1, 0.5], [100, 500]


def mesh(figure: Figure) -> QuadMesh:
    return next(c for axes in figure.axes for c in axes.collections if isinstance(c, QuadMesh))


def luminance(figure: Figure) -> np.ndarray:
    drawn = mesh(figure)
    figure.canvas.draw()  # type: ignore[attr-defined]
    return np.asarray(drawn.get_facecolors())[:, :3] @ [0.299, 0.587, 0.114]


def frames(figure: Figure) -> dict[str, tuple[float, float]]:
    """Line style → column and row of its frame."""
    found = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and not p.get_fill()]
    return {str(p.get_linestyle()): (int(p.get_x()), int(p.get_y())) for p in found}


@pytest.fixture
def grid() -> Summary:
    return summarize(table({"reg": REGS, "steps": STEPS}))


def test_a_heatmap_has_steps_across_reg_down_and_every_mean_in_its_place(grid: Summary) -> None:
    values = np.asarray(mesh(figures.heatmap(grid, "psnr")).get_array()).reshape(3, 2)
    expected = [[by_formula({"reg": reg, "steps": steps}, 0)["psnr"] for steps in STEPS] for reg in REGS]
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize("metric", ["psnr", "identity_distance", "seconds"])
def test_bright_is_good_whichever_way_a_metric_goes(grid: Summary, metric: str) -> None:
    figure = figures.heatmap(grid, metric)
    values = np.asarray(mesh(figure).get_array()).ravel()
    best = values.argmax() if metric == "psnr" else values.argmin()
    assert luminance(figure).argmax() == best


def test_a_sharpness_is_bright_where_it_is_nearest_to_zero() -> None:
    made = table(
        {"degradation.kernel_size": [5, 7, 9]},
        lambda p, i: {"fit_psnr": 20.0, "fit_sharpness": 7.5 - p["degradation.kernel_size"]},
    )
    bright = luminance(figures.heatmap(summarize(made), "fit_sharpness"))
    assert bright.argmax() == 1 and bright[0] < bright[1] > bright[2]


def test_best_and_recommended_cells_are_framed() -> None:
    quality = {100: 20.0, 500: 23.8, 1000: 24.0}
    made = table({"reg": [0.1], "steps": list(quality)}, lambda p, i: {"psnr": quality[p["steps"]]})
    assert frames(figures.heatmap(summarize(made), "psnr")) == {"-": (2, 0), "--": (1, 0)}


def test_a_cell_without_a_value_says_why() -> None:
    made = table({"reg": REGS, "steps": STEPS}, lambda p, i: None if p["reg"] == 0.5 else by_formula(p, i))
    axes = figures.heatmap(summarize(made), "psnr").axes[0]
    assert [text.get_text() for text in axes.texts].count("failed") == 2


def test_runs_that_are_no_grid_are_points() -> None:
    points = [(0.1 * (1 + i * i), 10 + 7 * i) for i in range(6)]
    made = table({"reg": [], "steps": []}, points=points)
    figure = figures.heatmap(summarize(made), "psnr")
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [6, 6]  # type: ignore[arg-type]


def test_every_run_has_a_curve_on_a_log_scale_in_the_colour_of_its_reg(grid: Summary) -> None:
    figure = figures.loss_curves(grid, losses(grid.table))
    (axes,) = figure.axes
    assert axes.get_yscale() == "log" and len(axes.lines) == 6
    assert len({line.get_color() for line in axes.lines}) == 3


def test_what_agrees_with_the_photo_is_named_and_judged_like_its_own_kind() -> None:
    assert figures.title("consistent_psnr") == "PSNR [dB], agreeing with the photo"
    assert not figures.lower_is_better("consistent_psnr")
    assert figures.lower_is_better("consistent_identity_distance") and figures.lower_is_better(
        "discriminator"
    )


def test_a_sweep_without_runs_has_its_figures_too() -> None:
    nothing = summarize(Table(table({}).rows[:0], (), (), "a sweep"))
    for figure in (figures.heatmap(nothing, "quality"), figures.loss_curves(nothing, {})):
        assert to_image(figure).width > 100


@pytest.mark.parametrize("prefix", ["", "consistent_", "samples_mean_"])
def test_a_figure_of_another_picture_is_read_like_the_restorations(prefix: str) -> None:
    assert figures.title(f"{prefix}psnr").startswith("PSNR [dB]")
    assert not figures.lower_is_better(f"{prefix}psnr") and figures.lower_is_better(
        f"{prefix}identity_distance"
    )
