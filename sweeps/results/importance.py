"""Which settings matter: how much of the differences in quality each axis makes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeps.results.axes import Axis
from sweeps.results.criterion import QUALITY

FEWEST = 4  # cells from which anything can be said
TREES, REPEATS = 200, 10
MOST_PAIRED = 6  # axes of which pairs are looked at


@dataclass(frozen=True)
class Importance:
    """Shares between 0 and 1, the largest first."""

    shares: tuple[tuple[str, float], ...]  # reg → 0.6; "reg × steps" for what only their combination explains
    method: str


def importance_of(cells: pd.DataFrame, axes: Sequence[Axis]) -> Importance | None:
    """By functional ANOVA where every cell of the grid has a quality, else by permutation importance.

    None for fewer than two axes or four cells, or where all cells have one quality.
    """
    known = cells[cells[QUALITY].notna()] if len(cells) else cells
    if len(axes) < 2 or len(known) < FEWEST or float(known[QUALITY].std()) < 1e-9:
        return None
    sizes = [len(axis.values) for axis in axes]
    if len(known) == int(np.prod(sizes)):
        places = [known[axis.key].map(axis.values.index) for axis in axes]
        ordered = known.iloc[np.lexsort([place.to_numpy() for place in places[::-1]])]
        shares = variance_shares(ordered[QUALITY].to_numpy().reshape(sizes), [axis.label for axis in axes])
        return Importance(_largest_first(shares), "functional ANOVA: share of the variance over the grid")
    return Importance(
        _largest_first(permutation_shares(known, axes)),
        "permutation importance with a random forest: shares of the loss of fit when a setting is shuffled",
    )


def variance_shares(values: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """A complete grid's variance, split into each axis's own part and that of each pair (Sobol 1993, eq. 9).

    values: one dimension per name. What three and more settings explain together is "higher orders".
    """
    total = float(values.var())
    axes = range(values.ndim)
    mean = values.mean()
    single = {i: values.mean(axis=tuple(k for k in axes if k != i)) - mean for i in axes}
    shares = {names[i]: float((effect**2).mean()) / total for i, effect in single.items()}
    if values.ndim <= MOST_PAIRED:
        for i, k in itertools.combinations(axes, 2):
            both = values.mean(axis=tuple(a for a in axes if a not in (i, k))) - mean
            effect = both - single[i][:, None] - single[k][None, :]
            shares[f"{names[i]} × {names[k]}"] = float((effect**2).mean()) / total
    rest = 1 - sum(shares.values())
    if rest > 1e-6:
        shares["higher orders"] = rest
    return shares


def permutation_shares(cells: pd.DataFrame, axes: Sequence[Axis]) -> dict[str, float]:
    """Breiman 2001, section 10, on a forest that has seen all cells; the same each time."""
    from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]
    from sklearn.inspection import permutation_importance  # type: ignore[import-untyped]

    places = pd.DataFrame({axis.label: cells[axis.key].map(axis.values.index) for axis in axes}).to_numpy()
    quality = cells[QUALITY].to_numpy()
    forest = RandomForestRegressor(TREES, random_state=0).fit(places, quality)
    found = permutation_importance(forest, places, quality, n_repeats=REPEATS, random_state=0)
    losses = np.maximum(found.importances_mean, 0)
    total = losses.sum() or 1.0
    return {axis.label: float(loss / total) for axis, loss in zip(axes, losses, strict=True)}


def _largest_first(shares: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(shares.items(), key=lambda share: -share[1]))
