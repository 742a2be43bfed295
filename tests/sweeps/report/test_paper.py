"""--paper: figures as vectors, tables and a document that compiles, whatever the photos are called."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from inversion.errors import ConfigError
from sweeps.report.paper import latex
from sweeps.report.paper.folder import make_room, write_paper
from sweeps.report.paper.plates import plates
from sweeps.report.source import Source
from sweeps.results.summarize import Study, summarize
from sweeps.results.task import Task
from tests.sweeps.made import by_formula, losses, picture, table

HOSTILE = r"50%_$x$ & {a}~b^c\d#é漢" + "\n.png"


def metrics(p: Mapping[str, Any], i: int) -> dict[str, float] | None:
    return None if p["reg"] == 0.5 and i == 1 else by_formula(p, i) | {"loss": 1.0}


def pictures_in(folder: Path) -> Callable[[str, str], Path | None]:
    """Where each run's pictures lie; of no run there is one of the alignment."""

    def file(run_id: str, name: str) -> Path | None:
        path = folder / f"{run_id}-{name}"
        found = picture(run_id, name)
        if name == "alignment.png" or found is None:
            return None
        found.save(path)
        return path

    return file


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file, folder = pictures_in(tmp_path_factory.mktemp("pictures")), tmp_path_factory.mktemp("paper")
    made = table({"reg": [0.1, 0.5], "steps": [10, 100]}, metrics, photos=[HOSTILE, "me.png"])
    other = table({"reg": [0.1, 0.5]}, task=Task("grayscale"))
    source = Source({"loss": losses(made)["loss"] | losses(other)["loss"]}, file)
    write_paper(Study((summarize(made), summarize(other))), source, folder)
    return folder


def test_every_figure_is_a_vector_twice_and_has_its_caption_in_both_texts(paper: Path) -> None:
    svgs, pdfs = ({path.stem for path in paper.glob(f"*.{ending}")} for ending in ("svg", "pdf"))
    assert (
        svgs == pdfs
        and {"blur_pictures_1", "blur_pictures_2"} <= svgs
        and "blur_losses_by_reg" in svgs
        and "blur_failures_1" in svgs
    )
    captions, document = (paper / "captions.md").read_text(), (paper / "report.tex").read_text()
    for name in svgs:
        assert f"**{name}** " in captions and f"{{{name}.pdf}}" in document


def test_words_stay_words_and_axes_are_labelled(paper: Path) -> None:
    drawn = (paper / "blur_losses_by_reg.svg").read_text()
    assert ">step</text>" in drawn and ">total loss (log scale)</text>" in drawn and ">reg</text>" in drawn


def test_the_table_has_a_row_per_cell_and_the_csv_one_per_run(paper: Path) -> None:
    assert (paper / "table.tex").read_text().count(r"\\" + "\n") == 2 + 4 + 2  # captions, cells
    with (paper / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 + 2 and {row["photo"] for row in rows} == {HOSTILE, "me.png", "hopper"}


def test_any_text_is_plain_latex() -> None:
    escaped = latex.escape(HOSTILE)
    assert re.search(r"(?<!\\)[%#&_]", escaped) is None and "\n" not in escaped
    assert escaped.isascii() or set(filter(lambda c: not c.isascii(), escaped)) == {"é"}
    assert "[U+6F22]" in escaped


def test_narrow_figures_stand_side_by_side_and_wide_ones_alone_in_their_order() -> None:
    widths = {"a": 3.0, "b": 3.1, "c": 3.0, "d": 6.5, "e": 2.0}
    text = latex.figures([latex.Graphic(name, "What.", width) for name, width in widths.items()])
    floats = text.split(r"\end{figure}")[:-1]
    assert [re.findall(r"\{(\w)\.pdf\}", one) for one in floats] == [["a", "b"], ["c"], ["d"], ["e"]]
    assert [one.count("minipage") for one in floats] == [4, 0, 0, 0]


def test_settings_that_all_runs_share_stand_in_two_columns_and_their_names_can_be_broken() -> None:
    text = latex.settings({"loss._target_": "a.b.C", "steps": "50", "space": "w+"})
    assert text.count(r" \\" + "\n") == 2 and r"loss.\allowbreak{}\_\allowbreak{}target\_ &" in text
    assert latex.settings({}) == ""


def test_a_sweep_over_one_axis_has_lines_and_a_grid_has_heatmaps(paper: Path) -> None:
    assert (paper / "grayscale_metrics_by_reg.svg").exists() and (paper / "blur_heatmap_psnr.svg").exists()
    assert not list(paper.glob("grayscale_heatmap*"))


@pytest.mark.slow
def test_the_document_compiles_as_it_is(paper: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip(
            "no pdflatex; apt-get install texlive-latex-recommended texlive-fonts-recommended lmodern"
        )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=paper, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]


def test_what_an_earlier_report_has_listed_goes_and_everything_else_stays(tmp_path: Path) -> None:
    wide, narrow = table({"reg": [0.1, 0.5], "steps": [10, 100]}), table({"reg": [0.1, 0.5]})
    folder = tmp_path / "paper"
    for made in (wide, narrow):
        study = Study((summarize(made),))
        files = write_paper(study, Source(losses(made), lambda run, name: None), folder)
        assert {path.name for path in files} == set(os.listdir(folder)) - {
            "paper.json",
            "report.pdf",
            "thesis",
        }
        (folder / "report.pdf").write_text("compiled by hand")
        (folder / "thesis").mkdir(exist_ok=True)
    assert not list(folder.glob("heatmap_*")) and (folder / "report.pdf").read_text() == "compiled by hand"


def test_a_file_of_somebody_else_is_no_obstacle_unless_it_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "table.csv").write_text("mine")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ConfigError, match="table.csv is in the way"):
        make_room(tmp_path, ["pictures.svg", "table.csv"])
    assert sorted(os.listdir(tmp_path)) == before
    make_room(tmp_path, ["pictures.svg"])
    # A person's link goes, what it points to stays.
    (tmp_path / "pictures.svg").symlink_to(tmp_path / "table.csv")
    make_room(tmp_path, ["report.tex"])
    assert (tmp_path / "table.csv").read_text() == "mine" and not os.path.lexists(tmp_path / "pictures.svg")


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"files": ["../outside.txt", "/etc/hosts", 7]}'])
def test_a_list_that_is_none_of_ours_removes_nothing(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("mine")
    (folder / "paper.json").write_text(text)
    with suppress(ConfigError):
        make_room(folder, ["report.tex"])
    assert (tmp_path / "outside.txt").read_text() == "mine" and (folder / "paper.json").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "paper").write_text("mine")
    with pytest.raises(ConfigError, match="a new folder would work"):
        make_room(tmp_path / "paper", ["report.tex"])


@pytest.mark.parametrize("has_pictures", [True, False])
def test_figures_of_several_panels_have_names_of_their_own(tmp_path: Path, has_pictures: bool) -> None:
    made = table({"reg": [0.1, 0.5], "steps": [10, 100], "seeds": [1, 2]})
    files = pictures_in(tmp_path) if has_pictures else lambda run, name: None
    names = [plate.name for plate in plates(summarize(made), Source(losses(made), files))]
    assert len(set(names)) == len(names) and {"pictures_1", "pictures_2"} <= set(names)
    assert ("given" in names) == has_pictures
