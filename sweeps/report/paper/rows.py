"""Figures in rows: image, loss plot, setting; and what failed, with its reason."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from inversion.metrics import catalogue
from inversion.pictures.drawing import INK, MUTED
from sweeps.report.figures.style import ABSENT, GRID, POINT, literal, logarithmic, new_figure, plain
from sweeps.report.sheets.cell import Picture, final_picture
from sweeps.results.axes import describe, spell
from sweeps.results.gaps import PHOTO
from sweeps.results.summarize import Summary

WIDTH, HEIGHT = 6.7, 1.35  # inches: of a figure, of one row
ROWS = 6  # per figure
LETTERS = 46  # per line of a text


@dataclass(frozen=True)
class Row:
    """One cell, or one failed problem."""

    given: Image.Image | None  # the photo as the search got it, where rows have photos of their own
    picture: Image.Image | None
    losses: pd.Series | None  # total loss per step
    text: str  # lines


def setting_rows(summary: Summary, losses: Mapping[str, pd.Series], picture: Picture) -> list[Row]:
    """Every cell in the order of the grid; of several problems the first that has a picture."""
    rows = []
    for i in range(len(summary.cells)):
        cell, runs = summary.cells.iloc[i], [run for run in summary.problems(i)["run_id"] if run]
        shown = next(
            (run for run in runs if final_picture(picture, run) is not None), runs[0] if runs else ""
        )
        settings = [f"{axis.label} {spell(cell[axis.key])}" for axis in summary.table.axes]
        metrics = []
        for name in summary.criterion.shown:
            final = f"consistent_{name}"
            known = final if final in cell and pd.notna(cell[final]) else name
            if known in cell and pd.notna(cell[known]):
                metrics.append(catalogue.metric(known).caption(cell[known]))
        if not metrics:
            metrics = [str(cell["status"]).lower()]
        mark = summary.mark(i)
        rows.append(
            Row(
                picture(shown, "degraded.png") if shown and PHOTO in summary.table.keys else None,
                final_picture(picture, shown) if shown else None,
                losses.get(shown),
                "\n".join([*settings, "", *metrics, *([mark] if mark in ("best", "recommended") else [])]),
            )
        )
    return rows


def failure_rows(summary: Summary, losses: Mapping[str, pd.Series], picture: Picture) -> list[Row]:
    """What did not finish: what was reached, or else the photo, and the reason; what never ran, once per reason."""
    rows, table = [], summary.table.rows
    settings = [axis for axis in summary.table.axes if axis.key != PHOTO]
    unfinished = table[table["status"] != "FINISHED"]
    alike = unfinished["run_id"].where(unfinished["run_id"] != "", unfinished["reason"])
    for _, problems in unfinished.groupby([unfinished["photo"], unfinished["status"], alike], sort=False):
        problem, run = problems.iloc[0], problems["run_id"].iloc[0]
        reached = final_picture(picture, run) if run else None
        same = table[(table["photo"] == problem["photo"]) & (table["run_id"] != "")]["run_id"]
        given = next((one for r in same if (one := picture(r, "original.png")) is not None), None)
        named = describe(problem, settings) if len(problems) == 1 else f"{len(problems)} runs"
        text = f"{problem['status'].lower()}: {named}, {problem['photo']}"
        rows.append(Row(None, reached or given, losses.get(run), f"{text}\n\n{problem['reason']}"))
    return rows


def draw_rows(rows: list[Row], term: str) -> Figure:
    """At most ROWS of them: the photo as given where rows differ in it, picture, loss on a logarithmic scale, text."""
    figure = new_figure(WIDTH, HEIGHT * len(rows))
    pictures = 2 if any(row.given is not None for row in rows) else 1
    grid = figure.add_gridspec(len(rows), pictures + 2, width_ratios=(*[1.25] * pictures, 2.6, 2.6))
    for number, row in enumerate(rows):
        *left, middle, right = (figure.add_subplot(grid[number, column]) for column in range(pictures + 2))
        for axes in (*left, right):
            axes.set_axis_off()
        for axes, one in zip(left, (row.given, row.picture)[-pictures:], strict=True):
            if one is not None:
                axes.imshow(np.asarray(one.convert("RGB")), interpolation="nearest")
            else:
                axes.set_facecolor(ABSENT)
        if row.losses is None or not (row.losses > 0).any():
            middle.set_axis_off()
            middle.text(0.5, 0.5, "no loss recorded", ha="center", va="center", fontsize=8, color=MUTED)
        else:
            middle.plot(row.losses.index, row.losses.where(row.losses > 0), color=POINT, linewidth=1.1)
            middle.set_yscale("log")
            logarithmic(middle.yaxis, *middle.get_ylim())
            middle.grid(True, color=GRID, linewidth=0.5)
            plain(middle)
            middle.tick_params(labelsize=6.5)
            middle.set_ylabel(catalogue.metric(term).title, fontsize=7, color=INK)
            if number == len(rows) - 1:
                middle.set_xlabel("step", fontsize=7, color=INK)
        lines = [part for line in row.text.split("\n") for part in textwrap.wrap(line, LETTERS) or [""]]
        right.text(0, 0.98, literal("\n".join(lines[:9])), va="top", fontsize=8, color=INK, linespacing=1.25)
    return figure


def pages(rows: list[Row], most: int) -> list[list[Row]]:
    """Figures' worth of rows, at most so many figures."""
    return [rows[start : start + ROWS] for start in range(0, min(len(rows), most * ROWS), ROWS)]
