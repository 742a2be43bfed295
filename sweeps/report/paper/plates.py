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
from sweeps.report.figures.slices import COLUMNS, draw_slices, slice_numbers
from sweeps.report.figures.style import new_figure
from sweeps.report.paper import rows
from sweeps.report.paper.picture_grid import draw_grid, grid_numbers
from sweeps.report.sheets.cell import Picture
from sweeps.report.sheets.sizes import MOST_PHOTOS
from sweeps.report.source import Source
from sweeps.results.axes import Axis
from sweeps.results.gaps import PHOTO
from sweeps.results.summarize import Summary

MAPPED = frozenset({"quality", *catalogue.COMPARED})
MOST_PAGES = 6  # of rows
FULL, HALF, PICTURE = 6.5, 3.15, 4.6  # inches: of the text, of a figure beside another one, of a picture
CURVES, SLICE = (FULL / 2, 2.5), (FULL / 3, 2.0)  # inches of one panel
CELL = (0.85, 0.42)  # inches of a heatmap's cell, at most
FRAMES = "Frames: solid, the best; dashed, recommended; dotted, not told apart from the best."


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

    yield from _pictures(summary, picture)
    yield from _metrics(summary)
    if summary.importance is not None:
        yield Plate(
            "importance",
            f"Importance of the settings for quality, by {summary.importance.method}.",
            partial(draw_importance, summary.importance),
        )
    if summary.table.terms:
        yield from _losses(summary, source)
    yield from _rows(summary, source, picture)


def _pictures(summary: Summary, picture: Picture) -> Iterator[Plate]:
    """Of each of the first photos: how it was aligned, what was given, and its restorations over the grid."""
    table = summary.table.rows
    names = list(table["photo"].drop_duplicates())
    # What never came so far as to have a picture is told of among the failures.
    names = [name for name in names if (table[table["photo"] == name]["run_id"] != "").any()] or names[:1]
    for number, name in enumerate(names[:MOST_PHOTOS], start=1):
        ending, of_it = ("", "") if len(names) == 1 else (f"_{number}", f"{name}: ")
        yield from _pictures_of(summary, picture, name, ending, of_it)


def _pictures_of(summary: Summary, picture: Picture, photo: str, ending: str, of_it: str) -> Iterator[Plate]:
    """ending: of the files' names. of_it: which photo it is, where there are several."""
    runs = summary.table.rows[summary.table.rows["photo"] == photo]["run_id"]
    found = next((one for run in runs if run and (one := picture(run, "alignment.png")) is not None), None)
    if found is not None:
        yield Plate(
            f"alignment{ending}",
            f"{of_it}The photo with its 68 landmarks and the square that is cut out, and the aligned crop.",
            partial(_picture, found),
        )
    grids = grid_numbers(summary, picture, photo)
    widest = max(grid.columns for grid in grids)
    first = 0 if grids[0].is_given else 1
    alone = len(grids) + first == 2
    for number, grid in enumerate(grids, start=first):
        given = grid.is_given
        what = _given(summary) if given else "The final pictures"
        if not given:
            over = "over the grid" if grid.down or grid.across else "with their settings"
            what += f" at {grid.title}." if grid.title else f" {over}."
            what += f" Below each: what it is ranked by. {_sentence(summary.criterion.formula)}."
        name = "given" if given else "pictures" if alone else f"pictures_{number}"
        yield Plate(f"{name}{ending}", f"{of_it}{what}", partial(draw_grid, grid, None if given else widest))


def _given(summary: Summary) -> str:
    if summary.table.task.is_synthetic:
        return "The face to be found, drawn from known codes, and what the search starts from."
    return "The photo, and what the search was given."


def _metrics(summary: Summary) -> Iterator[Plate]:
    """One axis: every metric as a line over it. A grid: a heatmap each, and quality against each setting."""
    axes = summary.table.axes
    measured = [name for name in summary.metrics if summary.cells[name].notna().any()]
    mapped = [name for name in measured if name.removeprefix("consistent_") in MAPPED]
    if len(axes) == 1:
        yield Plate(
            f"metrics_by_{slug(axes[0].label)}",
            f"Every metric against {axes[0].label}. Ringed: the best or the recommended cell."
            + (" Bars: 95 % bootstrap intervals." if (summary.cells["n"] > 1).any() else ""),
            lambda: draw_slices([slice_numbers(summary, name)[0] for name in mapped], SLICE),
        )
        return
    if summary.table.is_list:
        return  # other photos are other problems: a line through their figures says nothing
    if axes and summary.table.is_grid:
        for name in mapped:
            yield Plate(
                f"heatmap_{name}",
                f"{_sentence(summary.heading(name))} over the grid{_meaning(name)} {FRAMES}",
                partial(_heatmap, summary, name),
            )
    if axes and "quality" in measured:
        size = (FULL / min(len(axes), COLUMNS), SLICE[1])
        yield Plate(
            "slices_quality",
            f"Quality against each setting. {_sentence(summary.criterion.formula)}. "
            "Ringed: the best or the recommended cell.",
            lambda: draw_slices(slice_numbers(summary, "quality"), size),
        )


def _losses(summary: Summary, source: Source) -> Iterator[Plate]:
    term = summary.table.terms[-1]
    losses = source.losses.get(term, {})
    title = _sentence(catalogue.metric(term).title)
    scales = "on a logarithmic and on a linear scale"
    is_whole = (summary.table.rows["status"] == "FINISHED").all()
    axes: list[Axis | None] = [*main_axes(summary)]
    for axis in axes or [None]:
        yield Plate(
            f"losses_by_{slug(axis.label)}" if axis else "losses",
            f"{title} of every run against the step, {scales}"
            + (f", coloured by {axis.label}" if axis else "")
            + ("." if is_whole else "; dotted: not finished."),
            partial(_curves, summary, losses, term, axis, ("log", "linear")),
        )
    yield from _recommended(summary, source, term)


def _rows(summary: Summary, source: Source, picture: Picture) -> Iterator[Plate]:
    term = summary.table.terms[-1] if summary.table.terms else "loss"
    losses = source.losses.get(term, {})
    shown = rows.setting_rows(summary, losses, picture)
    what = "the photo as given, image" if PHOTO in summary.table.keys else "image"
    for number, page in enumerate(rows.pages(shown, MOST_PAGES), start=1):
        yield Plate(
            f"settings_{number}",
            f"{_sentence(what)}, loss plot and setting: cells {(number - 1) * rows.ROWS + 1} to "
            f"{(number - 1) * rows.ROWS + len(page)} of {len(shown)}.",
            partial(rows.draw_rows, page, term),
        )
    failed = rows.failure_rows(summary, losses, picture)
    unfinished = int((summary.table.rows["status"] != "FINISHED").sum())
    for number, page in enumerate(rows.pages(failed, MOST_PAGES), start=1):
        yield Plate(
            f"failures_{number}",
            f"What did not finish, and why: {unfinished} of {len(summary.table.rows)} runs, part {number}.",
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
    return draw_curves([curve_numbers(summary, losses, term, axis, scale) for scale in scales], CURVES)


def _heatmap(summary: Summary, name: str) -> Figure:
    """Half as wide as the text where its cells have room."""
    numbers = heatmap_numbers(summary, name)
    wide = numbers.panels[0].values.shape[1]
    abreast = min(len(numbers.panels), 4)
    half = HALF - 1.0 >= 0.38 * wide and abreast == 1
    room = ((HALF if half else FULL) / abreast - 1.0) / wide
    return draw_heatmap(numbers, (min(CELL[0], max(room, 0.2)), CELL[1]))


def _picture(found: Image.Image) -> Figure:
    figure = new_figure(PICTURE, PICTURE * found.height / found.width)
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
