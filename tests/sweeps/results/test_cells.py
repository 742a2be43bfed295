"""Cells of a table by place, and distances in it, as their plain definitions give them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sweeps.results.cells import places_of
from sweeps.results.verdict import _distances


def test_every_problem_is_in_the_cell_of_its_point_in_the_order_of_the_rows() -> None:
    rows = pd.DataFrame({"reg": [0.5, 0.1, 0.5, 0.1, 2.0], "steps": ["5", "5", "5", "9", "5"]})
    assert [places.tolist() for places in places_of(rows, ["reg", "steps"])] == [[0, 2], [1], [3], [4]]
    assert [places.tolist() for places in places_of(rows, ["reg"])] == [[0, 2], [1, 3], [4]]
    assert [places.tolist() for places in places_of(rows, [])] == [[0, 1, 2, 3, 4]]
    assert places_of(rows[:0], ["reg"]) == places_of(rows[:0], []) == []


def test_distances_to_all_others_are_summed_without_a_table_of_all_pairs() -> None:
    places = np.random.default_rng(0).integers(20, size=100).astype(float)
    assert np.array_equal(_distances(places), np.abs(places[:, None] - places).sum(axis=1))
