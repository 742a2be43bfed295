"""How large a difference between two cells must be to mean something: intervals, paired differences, noise floor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

DRAWS = 2000
LEVEL = 0.95
NORMAL = 1.96  # standard errors of a 95 % interval
# Launchers and thread numbers change rounding, and a search amplifies it: a figure moves by up to 0.4 dB.
SMALLEST = 0.5  # dB: differences up to it are never called one


@dataclass(frozen=True)
class Noise:
    """What repeats of one cell say about the differences between cells."""

    spread: (
        float | None
    )  # standard deviation of quality over seeds, pooled over cells and photos; None: no repeats
    cells: int  # over which it is pooled
    seeds: int  # per cell at most

    def floor(self, repeats: int) -> float:
        """The difference of two cells' means that noise alone makes in 5 % of cases; SMALLEST at least.

        repeats: problems per cell.
        """
        if self.spread is None:
            return SMALLEST
        return max(SMALLEST, NORMAL * self.spread * math.sqrt(2 / max(repeats, 1)))

    def words(self, unit: str) -> str:
        """For the recommendation."""
        if self.spread is None:
            return (
                f"No cell was repeated with another seed, so {SMALLEST:g} {unit} stand for the noise; "
                "seeds=3 would measure it."
            )
        return (
            f"Another seed moves a cell's quality by {self.spread:.2f} {unit} (standard deviation, pooled over "
            f"{self.cells} cells of up to {self.seeds} seeds)."
        )


def measure_noise(rows: pd.DataFrame, keys: list[str], quality: str) -> Noise:
    """From the repeats with other seeds. rows: finished problems."""
    groups = [group[quality].dropna().to_numpy() for _, group in rows.groupby([*keys, "photo"])]
    repeated = [values for values in groups if len(values) > 1]
    if not repeated:
        return Noise(None, 0, 1)
    freedom = sum(len(values) - 1 for values in repeated)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in repeated)
    cells = rows.groupby(keys).ngroups if keys else 1
    return Noise(math.sqrt(squares / freedom), cells, max(map(len, repeated)))


def bootstrap_interval(
    values: np.ndarray, statistic: Callable[..., np.ndarray] = np.mean
) -> tuple[float, float]:
    """95 % percentile interval of the mean, or of another statistic of numpy's (Efron 1979). The same each time.

    NaN for fewer than two values.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    draws = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(statistic(values[draws], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def units(problems: pd.DataFrame, quality: str, several_photos: bool) -> pd.Series:
    """A cell's independent values: one per photo (its seeds' mean), or one per seed of the only photo."""
    return problems.groupby("photo" if several_photos else "seed")[quality].mean().dropna()


def can_be_told_apart(better: pd.Series, other: pd.Series, floor: float) -> bool:
    """Whether `better` beats `other` by more than noise. Both: as from `units`.

    The mean of the paired differences must exceed the floor, and with two or more pairs their 95 % bootstrap interval
    must lie above zero.
    """
    differences = (better - other).dropna().to_numpy()
    if not len(differences) or differences.mean() <= floor:
        return False
    return len(differences) < 2 or bootstrap_interval(differences)[0] > 0
