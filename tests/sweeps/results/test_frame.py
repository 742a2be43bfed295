"""Everything recorded as one tidy table, from Python and from the command line."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from sweeps.commands import main
from sweeps.results.frame import runs_frame
from tests.sweeps.recorded import Sweep, grid

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    made = grid(Sweep(tmp_path), regs=(0.1, 0.5), steps=(10, 100))
    made.add(
        {"reg": 0.3, "degradation._target_": "inversion.degradations.grayscale.Grayscale"}, {"psnr": 20.0}
    )
    return made.finish()


def test_all_tasks_are_in_one_frame_and_a_setting_that_one_does_not_vary_has_its_value(sweep: Sweep) -> None:
    frame = runs_frame("inversion", sweep.uri)
    assert frame["task"].tolist() == ["blur"] * 4 + ["grayscale"]
    assert (float(frame["reg"][4]), float(frame["steps"][4])) == (0.3, 100)
    assert frame["photo"].tolist() == ["hopper.jpg"] * 5
    assert frame.columns[:6].tolist() == ["task", "reg", "steps", "photo", "seed", "status"]


def test_the_command_prints_the_same_as_csv(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", "inversion", "--uri", sweep.uri]) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert printed["psnr"].tolist() == pytest.approx(runs_frame("inversion", sweep.uri)["psnr"].tolist())
