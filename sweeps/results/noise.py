"""How large a difference between two cells must be to mean something: intervals, paired differences, noise floor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DRAWS = 2000
LEVEL = 0.95
# Launchers and thread numbers change rounding, and a search amplifies it. By unit: differences of quality up to these
# are never called one, and benchmarks.experiments allows them. docs/robustness.md: one run moves by about 0.1 dB,
# 0.15 ΔE and 0.01 of identity distance, which counts ten times; the worst of eight several times as far. χ²: of the
# blur that a photo shows; 95 % of true ones are nearer to the best (python -m benchmarks.blind_blur bench256).
MISFIT = "χ²"
SMALLEST = {"dB": 0.5, "ΔE": 2.0, MISFIT: 12.0}


@dataclass(frozen=True)
class Noise:
    """What repeats of one cell say about the differences between cells."""

    # Standard deviation of quality over seeds, pooled over cells and photos; None: no repeats.
    spread: float | None
    freedom: int  # degrees of freedom of that spread
    cells: int  # over which it is pooled
    seeds: int  # per cell at most
    unit: str = "dB"

    @property
    def smallest(self) -> float:
        """Differences up to it are never called one, whatever the seeds say."""
        return SMALLEST[self.unit]

    def floor(self, repeats: int, cells: int) -> float:
        """The difference between two means up to which noise explains it; `smallest` at least.

        In 95 % of grids whose cells are all equal no two of them differ by more: Student's t, since few repeats know
        little of their spread, with Bonferroni's correction, since the best of many cells is best by luck as well.
        repeats: problems per cell. cells: how many are compared.
        """
        from scipy.special import stdtrit

        if self.spread is None:
            return self.smallest
        pairs = max(1, cells * (cells - 1) // 2)
        quantile = float(stdtrit(self.freedom, 1 - (1 - LEVEL) / (2 * pairs)))
        return max(self.smallest, quantile * self.spread * math.sqrt(2 / max(repeats, 1)))

    def words(self) -> str:
        """For the recommendation."""
        if self.unit == MISFIT:
            return (
                f"Blurs within {self.smallest:g} {MISFIT} of the best are not told apart: the true one is among them "
                "for 95 % of photos."
            )
        if self.spread is None:
            return (
                f"No cell was repeated with another seed, so {self.smallest:g} {self.unit} stand for the noise; "
                "seeds=3 would measure it."
            )
        return (
            f"Another seed moves a cell's quality by {self.spread:.2f} {self.unit} (standard deviation, pooled over "
            f"{self.cells} cells of up to {self.seeds} seeds)."
        )


def measure_noise(rows: pd.DataFrame, keys: list[str], quality: str, unit: str = "dB") -> Noise:
    """From the repeats with other seeds. rows: finished problems. unit: of the quality."""
    groups = [group[quality].dropna().to_numpy() for _, group in rows.groupby([*keys, "photo"])]
    repeated = [values for values in groups if len(values) > 1]
    if not repeated:
        return Noise(None, 0, 0, 1, unit)
    freedom = sum(len(values) - 1 for values in repeated)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in repeated)
    cells = rows.groupby(keys).ngroups if keys else 1
    return Noise(math.sqrt(squares / freedom), freedom, cells, max(map(len, repeated)), unit)


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


def units(
    rows: pd.DataFrame, cells: Sequence[np.ndarray], quality: str, several_photos: bool
) -> dict[int, pd.Series]:
    """Each cell's independent values: one per photo (its seeds' mean), or one per seed of the only photo.

    cells: places of their problems among the rows.
    """
    numbers = np.full(len(rows), -1)
    for i, places in enumerate(cells):
        numbers[places] = i
    means = rows.groupby([numbers, "photo" if several_photos else "seed"])[quality].mean().dropna()
    owners, names = means.index.get_level_values(0).to_numpy(), means.index.get_level_values(1)
    bounds = np.searchsorted(owners, np.arange(len(cells) + 1))
    found = means.to_numpy()
    return {
        i: pd.Series(found[first:last], index=names[first:last])
        for i, (first, last) in enumerate(itertools.pairwise(bounds))
    }


def can_be_told_apart(better: pd.Series, other: pd.Series, floor: float) -> bool:
    """Whether `better` beats `other` by more than noise. Both: as from `units`.

    The mean of the paired differences must exceed the floor, and with two or more pairs their 95 % bootstrap interval
    must lie above zero.
    """
    differences = (better - other).dropna().to_numpy()
    if not len(differences) or differences.mean() <= floor:
        return False
    return len(differences) < 2 or bootstrap_interval(differences)[0] > 0
