"""The table of the quality benchmark: one line per method, medians over photos, seeds never counted as photos."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.quality import METHODS, REPORTS, TASKS, configuration, interval, markdown, summary
from tests.pairs import pairs


def rows(method: str, seed: int, psnr: list[float], identity: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": "blur",
            "method": method,
            "seed": seed,
            "picture": "restored",
            "photo": range(len(psnr)),
            "psnr": psnr,
            "ssim": 0.5,
            "identity": identity,
            "seconds": 2.0,
        }
    )


def test_a_line_has_medians_over_photos_of_means_over_seeds() -> None:
    nan = float("nan")
    table = summary(
        pd.concat(
            [rows("preset", 0, [20, 30, 40], [0.5, 0.7, nan]), rows("preset", 1, [22, 32, 42], [0.5] * 3)]
        )
    )
    (line,) = table.to_dict("records")
    assert line["PSNR"].startswith("31.00 [21.00, 41.00")
    assert line["same person"] == "67%" and line["no face"] == "17%"


def test_pictures_that_no_method_makes_are_listed_once() -> None:
    degraded = [rows(m, 0, [20.0], [0.5]).assign(picture="degraded photo") for m in ("preset", "robust")]
    table = summary(
        pd.concat([*degraded, rows("preset", 0, [21.0], [0.4]), rows("robust", 0, [22.0], [0.3])])
    )
    assert table["method"].tolist() == ["", "preset", "robust"]
    assert markdown(table).count("\n") == 4


def test_an_interval_holds_its_median_and_says_nothing_of_nothing() -> None:
    assert interval(pd.Series([1.0, 2.0, 3.0]), 1).startswith("2.0 [")
    assert interval(pd.Series([float("nan")]), 1) == "–"


@pytest.mark.parametrize(("method", "task"), pairs(METHODS, TASKS))
def test_every_method_has_settings_for_every_task(method: str, task: str) -> None:
    assert configuration(task, METHODS[method](task)).hyperparameters.steps > 0


def test_every_task_has_the_reports_settings() -> None:
    assert REPORTS.keys() == set(TASKS)
