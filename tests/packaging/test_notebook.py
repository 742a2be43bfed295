"""docs/quickstart.ipynb runs, and what it shows is what its cells give."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.packaging.notebook import code_cells, run

PATH = Path(__file__).parents[2] / "docs" / "quickstart.ipynb"


def test_the_notebook_is_of_format_4_small_and_has_a_picture() -> None:
    notebook = json.loads(PATH.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert PATH.stat().st_size < 300_000
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_cell_runs_and_shows_the_same_kind_of_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = json.loads(PATH.read_text())
    monkeypatch.chdir(tmp_path)
    fresh = run(copy.deepcopy(kept))
    for before, now in zip(code_cells(kept), code_cells(fresh), strict=True):
        assert [output["output_type"] for output in now["outputs"]] == [
            output["output_type"] for output in before["outputs"]
        ]
        assert [set(output.get("data", ())) for output in now["outputs"]] == [
            set(output.get("data", ())) for output in before["outputs"]
        ]
    assert (tmp_path / "restored.png").is_file()
