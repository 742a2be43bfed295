"""python -m sweeps report NAME --paper FOLDER: every figure and table, ready to be put into a document."""

from __future__ import annotations

from pathlib import Path

from inversion.errors import ConfigError
from inversion.runtime.atomic import write_file
from sweeps.report.figures.style import save_vector
from sweeps.report.paper import latex
from sweeps.report.paper.plates import plates, slug
from sweeps.report.source import Source
from sweeps.results.frame import joined
from sweeps.results.summarize import Study

DOCUMENT = "report.tex"


def write_paper(study: Study, source: Source, folder: Path) -> list[Path]:
    """Figures as SVG and PDF, captions.md, table.tex, table.csv and report.tex, which compiles in this folder.

    Returns the files. Those of an earlier report are replaced. Raises ConfigError for a folder with files of somebody
    else's, OSError.
    """
    refuse_foreign_files(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    captions, parts, tables = [f"# {study.title}\n"], [], []

    def write(name: str, text: str) -> None:
        write_file(folder / name, text.encode())
        files.append(folder / name)

    for summary in study.summaries:
        prefix = "" if len(study.summaries) == 1 else f"{slug(summary.table.task.title)}_"
        figures: list[latex.Graphic] = []
        for plate in plates(summary, source):
            name = prefix + plate.name
            drawn = plate.make()
            save_vector(drawn, folder / name)
            files += [folder / f"{name}.svg", folder / f"{name}.pdf"]
            captions.append(f"**{name}** {plate.caption}\n")
            figures.append(latex.Graphic(name, plate.caption, drawn.get_figwidth()))
        table = latex.table(summary, slug(summary.table.task.title).replace("_", "-"))
        tables.append(table)
        captions.append(f"**{prefix}table** {latex.caption(summary)}\n")
        words = latex.paragraphs(f"{summary.reason}\n{summary.criterion.reason}")
        body = "\n\n".join([words, table, latex.figures(figures), latex.settings(summary.table.constants)])
        parts.append((summary.table.task.title.capitalize(), body))
    write("captions.md", "\n".join(captions))
    write("table.tex", "\n".join(tables))
    write("table.csv", joined([summary.table for summary in study.summaries]).to_csv(index=False))
    write(DOCUMENT, latex.document(study.title, study.facts.get("started", ""), latex.sections(parts)))
    return files


def refuse_foreign_files(folder: Path) -> None:
    """A folder with files is one of ours where its report.tex says so. Raises ConfigError."""
    document = folder / DOCUMENT
    if document.is_file() and document.read_bytes().startswith(latex.MARK.encode()):
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"--paper writes into a folder of its own. Got {folder}, which has other files; a new folder would work."
        )
