"""The figures of a document about one task, each with its caption."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from inversion.metrics import catalogue
from sweeps.report.figures.heatmap import draw_heatmap, heatmap_numbers
from sweeps.report.figures.importance import draw_importance
from sweeps.report.figures.loss_curves import Scale, curve_numbers, draw_curves, main_axes
from sweeps.report.figures.one_run import draw_run, run_numbers
from sweeps.report.figures.slices import draw_slices, slice_numbers
from sweeps.report.figures.style import new_figure
from sweeps.report.paper import rows
from sweeps.report.paper.picture_grid import draw_grid, grid_numbers
from sweeps.report.sheets.cell import Picture
from sweeps.report.source import Source
from sweeps.results.axes import Axis, is_grid
from sweeps.results.summarize import Summary

MAPPED = (
    "quality",
    "psnr",
    "identity_distance",
    "colour_error",
    "hole_psnr",
    "fit_psnr",
    "fit_sharpness",
    "w_distance",
)
MOST_PAGES = 6  # of rows
PANEL = (4.4, 3.2)  # inches of one panel of curves


@dataclass(frozen=True)
class Plate:
    """One figure of the document."""

    name: str  # of its files
    caption: str
    make: Callable[[], Figure]


def plates(summary: Summary, source: Source) -> Iterator[Plate]:
    """Every figure of one task, in the order of the document."""
    if summary.cells.empty:
        return

    @lru_cache(maxsize=64)
    def picture(run_id: str, name: str) -> Image.Image | None:
        path = source.file(run_id, name)
        return None if path is None else Image.open(path).convert("RGB")

    yield from _pictures(summary, source, picture)
    measured = [name for name in summary.metrics if summary.cells[name].notna().any()]
    if is_grid(summary.table.axes, len(summary.cells)) and summary.table.axes:
        for name in (name for name in measured if name.removeprefix("consistent_") in MAPPED):
            yield Plate(
                f"heatmap_{name}",
                f"{_sentence(summary.heading(name))} over the grid{_meaning(name)} Solid frame: best; dashed: "
                "recommended; dotted: cells that cannot be told apart from the best.",
                partial(_heatmap, summary, name),
            )
    if summary.table.axes and "quality" in measured:
        yield Plate(
            "slices_quality",
            f"Quality against each setting. {summary.criterion.formula}.",
            partial(_slices, summary),
        )
    if summary.importance is not None:
        yield Plate(
            "importance",
            f"Importance of the settings for quality, by {summary.importance.method}.",
            partial(draw_importance, summary.importance),
        )
    if summary.table.terms:
        yield from _losses(summary, source)
    yield from _rows(summary, source, picture)


def _pictures(summary: Summary, source: Source, picture: Picture) -> Iterator[Plate]:
    grids = grid_numbers(summary, picture)
    widest = max(grid.columns for grid in grids)
    for number, grid in enumerate(grids):
        given = grid.down is None and grid.across is None and number == 0 and len(grids) > 1
        what = "The photo, and what the search was given." if given else "The final pictures"
        if not given:
            what += f" at {grid.title}." if grid.title else " over the grid."
            what += " Below each: what it is ranked by. " + summary.criterion.formula + "."
        name = "given" if given else "pictures" if len(grids) < 3 else f"pictures_{number}"
        yield Plate(name, what, partial(draw_grid, grid, None if given else widest))
    run = next((run for run in summary.table.rows["run_id"] if run and picture(run, "alignment.png")), None)
    if run is not None:
        found = picture(run, "alignment.png")
        if found is not None:
            yield Plate("alignment", "The photo with its landmarks, and aligned.", partial(_picture, found))


def _losses(summary: Summary, source: Source) -> Iterator[Plate]:
    term = summary.table.terms[-1]
    losses, axes = source.losses.get(term, {}), main_axes(summary)
    title = _sentence(catalogue.metric(term).title)
    for axis in axes:
        yield Plate(
            f"losses_by_{slug(axis.label)}",
            f"{title} of every run against the step, coloured by {axis.label}; dotted: not finished.",
            partial(_curves, summary, losses, term, axis, ("log",)),
        )
    first = axes[0] if axes else None
    yield Plate(
        "losses_linear",
        f"{title} of every run on a logarithmic and on a linear scale"
        + (f", coloured by {first.label}." if first else "."),
        partial(_curves, summary, losses, term, first, ("log", "linear")),
    )
    yield from _recommended(summary, source, term)


def _rows(summary: Summary, source: Source, picture: Picture) -> Iterator[Plate]:
    term = summary.table.terms[-1] if summary.table.terms else "loss"
    losses = source.losses.get(term, {})
    shown = rows.setting_rows(summary, losses, picture)
    for number, page in enumerate(rows.pages(shown, MOST_PAGES), start=1):
        yield Plate(
            f"settings_{number}",
            f"Image, loss plot and setting: cells {(number - 1) * rows.ROWS + 1} to "
            f"{(number - 1) * rows.ROWS + len(page)} of {len(shown)}.",
            partial(rows.draw_rows, page, term),
        )
    failed = rows.failure_rows(summary, losses, picture)
    for number, page in enumerate(rows.pages(failed, MOST_PAGES), start=1):
        yield Plate(
            f"failures_{number}",
            f"What did not finish, and why: {len(failed)} of {len(summary.table.rows)} runs, part {number}.",
            partial(rows.draw_rows, page, term),
        )


def _recommended(summary: Summary, source: Source, term: str) -> Iterator[Plate]:
    """The recommended setting's own losses."""
    chosen = summary.verdicts[0].recommended if summary.verdicts else None
    runs = [] if chosen is None else list(summary.problems(chosen)["run_id"])
    run = next((run for run in runs if run in source.losses.get(term, {})), None)
    if chosen is None or run is None:
        return
    terms = {name: known[run] for name, known in source.losses.items() if run in known}
    yield Plate(
        "loss_recommended",
        f"Every term of the loss at the recommended setting ({summary.describe(chosen)}) on a logarithmic and on a "
        "linear scale, with the step at which it has converged and a margin of a tenth of the run.",
        lambda: draw_run(run_numbers(terms, term)),
    )


def _curves(
    summary: Summary,
    losses: Mapping[str, pd.Series],
    term: str,
    axis: Axis | None,
    scales: Sequence[Scale],
) -> Figure:
    return draw_curves([curve_numbers(summary, losses, term, axis, scale) for scale in scales], PANEL)


def _heatmap(summary: Summary, name: str) -> Figure:
    return draw_heatmap(heatmap_numbers(summary, name))


def _slices(summary: Summary) -> Figure:
    return draw_slices(slice_numbers(summary, "quality"), summary.heading("quality"))


def _picture(found: Image.Image) -> Figure:
    figure = new_figure(6.7, 6.7 * found.height / found.width)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.imshow(found)
    return figure


def _meaning(name: str) -> str:
    meaning = catalogue.metric(name).meaning
    return f": {meaning}." if meaning and name != "quality" else "."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """A name for files: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower() or "task"
