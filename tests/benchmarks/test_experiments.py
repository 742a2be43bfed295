"""The figures in an experiment's header are found, compared and replaced, and nothing else of the file is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.experiments import FOLDER, differences, lines_of, split
from sweeps.results.summarize import Summary, summarize
from tests.sweeps.made import table

FILE = """# @package _global_
# What for.
#
# Measured with an old net: reg 0.1 17.9.
#   a line of its
#
defaults:
  - override /degradation: blur
"""


def summary(better: float = 0.0) -> Summary:
    def figures(p: Mapping[str, Any], i: int) -> dict[str, float]:
        psnr = 14.0 + p["steps"] / 100 - p["reg"] + (better if p["reg"] == 0.5 else 0.0)
        return {"psnr": psnr, "consistent_psnr": psnr + 2, "identity_distance": 0.5}

    return summarize(table({"reg": [0.1, 0.5], "steps": [100, 500]}, figures))


def lines(better: float = 0.0) -> list[str]:
    return lines_of("some_grid", ["seed=1"], summary(better), 1.25)


def test_the_block_has_a_table_per_metric_of_the_final_picture_and_the_recommendation() -> None:
    assert lines() == [
        "# Measured by `python -m benchmarks.experiments some_grid seed=1 --write` with another net, 1.2 CPU min:",
        "#   PSNR, consistent [dB]",
        "#              steps 100   500",
        "#     reg 0.1       16.9  20.9",
        "#     reg 0.5       16.5  20.5",
        "#   identity distance",
        "#              steps 100   500",
        "#     reg 0.1       0.50  0.50",
        "#     reg 0.5       0.50  0.50",
        "# Recommended: reg 0.1, steps 500 (2 of 4 cells not told apart from the best).",
    ]


def test_only_the_block_is_replaced() -> None:
    before, written, after = split(FILE)
    assert written == ["# Measured with an old net: reg 0.1 17.9.", "#   a line of its"]
    again = split(before + "\n".join(lines()) + "\n" + after)
    assert again == (before, lines(), after) and before + "\n".join(written) + "\n" + after == FILE


def test_a_figure_that_has_moved_is_named_with_both_values_and_small_moves_are_not() -> None:
    assert differences(lines(), lines()) == []
    assert differences(lines(), lines(better=0.2)) == []
    assert differences(lines(), lines(better=-0.8)) == [
        "PSNR, consistent [dB]: reg 0.5 16.5 20.5 is now reg 0.5 15.7 19.7"
    ]
    assert "another recommendation" in differences(lines(), lines(better=3.0))[0]
    fewer = [line.replace("2 of 4 cells", "3 of 4 cells") for line in lines()]
    assert differences(lines(), fewer) == []
    assert "other metrics" in differences(split(FILE)[1], lines())[0]


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_experiments_header_has_a_place_for_its_figures(name: str) -> None:
    before, _, after = split((FOLDER / f"{name}.yaml").read_text())
    assert before.startswith("# @package _global_") and after.startswith("#\n")
