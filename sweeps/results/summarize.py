"""Tables → what they say: cells, the noise between them, and a recommendation per problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from inversion.metrics import catalogue
from sweeps.results.axes import describe
from sweeps.results.cells import cells_of, places_of
from sweeps.results.criterion import FITS_ALL, QUALITY, Criterion, criterion_of
from sweeps.results.gaps import PHOTO
from sweeps.results.importance import Importance, importance_of
from sweeps.results.noise import Noise, measure_noise, units
from sweeps.results.table import Table
from sweeps.results.verdict import Verdict, judge, problems_of


@dataclass(frozen=True)
class Summary:
    """What the grid of one task says."""

    table: Table
    cells: pd.DataFrame  # as from cells_of
    criterion: Criterion
    noise: Noise
    verdicts: tuple[Verdict, ...]  # one per problem

    @property
    def metrics(self) -> list[str]:
        """What the cells have means of, quality first."""
        return [QUALITY, *self.table.metrics]

    @property
    def reason(self) -> str:
        """All recommendations in words, a line per problem where there are several, and how sure they are."""
        lines = [f"{v.problem}: {v.reason}" if v.problem else v.reason for v in self.verdicts]
        if not self.certainty:
            return "\n".join(lines)
        return "\n".join([*lines, self.certainty]) if len(lines) > 1 else f"{lines[0]} {self.certainty}"

    @property
    def certainty(self) -> str:
        """What is known of the noise between cells, and what the criterion cannot tell; "" where no cells compete."""
        compared = any(verdict.best is not None and len(verdict.cells) > 1 for verdict in self.verdicts)
        words = [self.noise.words(), FITS_ALL] if self.criterion.fits_all else [self.noise.words()]
        return " ".join(words) if compared else ""

    @cached_property
    def importance(self) -> Importance | None:
        """How much of the differences in quality each setting makes."""
        return None if self.table.is_list else importance_of(self.cells, self.table.axes)

    def mark(self, cell: int) -> str:
        """best: apart from all others; alike: not told apart from the best; recommended goes before alike."""
        return self._marks.get(cell, "")

    @cached_property
    def _marks(self) -> dict[int, str]:
        marks: dict[int, str] = {}
        for verdict in reversed(self.verdicts):  # of a cell in several the first says it
            several = len(verdict.cells) > 1
            if several:
                marks |= dict.fromkeys(verdict.alike, "alike")
            if verdict.recommended is not None and (several or not verdict.problem):
                marks[verdict.recommended] = "recommended"
            if verdict.best is not None and len(verdict.alike) == 1 and several:
                marks[verdict.best] = "best"
        return marks

    def describe(self, cell: int) -> str:
        """A cell in words."""
        return describe(self.cells.iloc[cell], self.table.axes)

    def heading(self, metric: str) -> str:
        """PSNR [dB]; quality in its criterion's unit."""
        if metric == QUALITY:
            return f"quality [{self.criterion.unit}]"
        return catalogue.metric(metric).heading

    def problems(self, cell: int) -> pd.DataFrame:
        """The table's rows that a cell stands for."""
        return self.table.rows.iloc[self.places[cell]]

    @cached_property
    def places(self) -> list[np.ndarray]:
        """Of each cell the places of its problems among the table's rows."""
        return places_of(self.table.rows, self.table.keys)


@dataclass(frozen=True)
class Study:
    """What a sweep, or a whole experiment, says: a summary per task."""

    summaries: tuple[Summary, ...]

    @property
    def title(self) -> str:
        return self.summaries[0].table.title

    def command(self, summary: Summary, overrides: str) -> str:
        """Overrides that set a cell: with those of its task where the study has several."""
        return (
            overrides if len(self.summaries) == 1 else f"{summary.table.task.overrides} {overrides}".strip()
        )

    @property
    def facts(self) -> dict[str, str]:
        """About the sweep, for people."""
        return self.summaries[0].table.facts

    @property
    def reason(self) -> str:
        """The recommendations of all tasks in words, a line per task."""
        if len(self.summaries) == 1:
            return self.summaries[0].reason
        return "\n\n".join(f"{summary.table.task.title}: {summary.reason}" for summary in self.summaries)


def study(tables: Sequence[Table]) -> Study:
    """Each task for itself."""
    return Study(tuple(summarize(table) for table in tables))


def summarize(table: Table) -> Summary:
    """Means over photos and seeds per cell, and what follows from them."""
    criterion = criterion_of(table)
    rows = table.rows.assign(**{QUALITY: criterion.quality(table.rows)})
    cells = cells_of(rows, table)
    finished = rows[rows["status"] == "FINISHED"]
    noise = measure_noise(finished, table.keys, QUALITY, criterion.unit)
    several = rows["photo"].nunique() > 1 and PHOTO not in table.keys
    values = units(rows, places_of(rows, table.keys), QUALITY, several)
    verdicts = [
        judge(problem, cells.loc[numbers], values, table.axes, criterion, noise)
        for problem, numbers in problems_of(cells, table.axes, criterion)
    ]
    return Summary(table, cells, criterion, noise, tuple(verdicts))
