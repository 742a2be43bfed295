"""python -m sweeps report NAME --paper FOLDER: every figure and table, ready to be put into a document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from inversion.errors import ConfigError
from inversion.reading.json_object import read_object
from inversion.record.own_folder import is_inside
from inversion.runtime.atomic import write_file
from sweeps.report.figures.style import save_vector
from sweeps.report.paper import latex
from sweeps.report.paper.plates import plates, slug
from sweeps.report.source import Source
from sweeps.results.frame import joined
from sweeps.results.summarize import Study

TEXTS = ("captions.md", "table.tex", "table.csv", "report.tex")
LIST = "paper.json"  # {"files": [...]}: what was written here, itself excepted


def write_paper(study: Study, source: Source, folder: Path) -> list[Path]:
    """Figures as SVG and PDF, captions.md, table.tex, table.csv and report.tex, which compiles in this folder.

    Returns the files. Those that an earlier call has written here and listed are replaced or removed, others stay.
    Raises ConfigError for a file of somebody else's under one of these names, OSError.
    """
    several = len(study.summaries) > 1
    planned = [
        (summary, f"{slug(summary.table.task.title)}_" * several, list(plates(summary, source)))
        for summary in study.summaries
    ]
    stems = [prefix + plate.name for _, prefix, drawn in planned for plate in drawn]
    files = make_room(folder, [*(f"{stem}.{end}" for stem in stems for end in ("svg", "pdf")), *TEXTS])
    captions, parts, tables = [f"# {study.title}\n"], [], []
    for summary, prefix, drawn in planned:
        figures: list[latex.Graphic] = []
        for plate in drawn:
            figure = plate.make()
            save_vector(figure, folder / f"{prefix}{plate.name}")
            captions.append(f"**{prefix}{plate.name}** {plate.caption}\n")
            figures.append(latex.Graphic(prefix + plate.name, plate.caption, figure.get_figwidth()))
        table = latex.table(summary, slug(summary.table.task.title).replace("_", "-"))
        tables.append(table)
        captions.append(f"**{prefix}table** {latex.caption(summary)}\n")
        words = latex.paragraphs(f"{summary.reason}\n{summary.criterion.reason}")
        body = "\n\n".join([words, table, latex.figures(figures), latex.settings(summary.table.constants)])
        parts.append((summary.table.task.title.capitalize(), body))
    document = latex.document(study.title, study.facts.get("started", ""), latex.sections(parts))
    rows = joined([summary.table for summary in study.summaries]).to_csv(index=False)
    for name, text in zip(TEXTS, ("\n".join(captions), "\n".join(tables), rows, document), strict=True):
        write_file(folder / name, text.encode())
    return files


def make_room(folder: Path, names: Iterable[str]) -> list[Path]:
    """Remove what an earlier --paper has listed, and list these names, whose paths are returned.

    Raises ConfigError, before anything is removed, where somebody else's file has one of the names.
    """
    names = list(names)
    if os.path.lexists(folder) and not folder.is_dir():
        raise ConfigError(
            f"--paper writes into a folder. Got {folder}, which is none; a new folder would work."
        )
    earlier = listed(folder)
    for name in (LIST, *names):
        if name not in earlier and os.path.lexists(folder / name):
            raise ConfigError(
                f"{folder / name} is in the way: no earlier --paper has listed it as its own in {LIST}, so it is "
                "neither overwritten nor removed. Move it, or name another folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    _list(folder, dict.fromkeys([*earlier, *names]))  # first, so that a kill leaves no file of unknown origin
    for name in earlier[1:]:
        if not (folder / name).is_dir() or (folder / name).is_symlink():
            (folder / name).unlink(missing_ok=True)
    _list(folder, names)
    return [folder / name for name in names]


def listed(folder: Path) -> list[str]:
    """The list itself and the files that it says are --paper's own; nothing where there is no such list."""
    files = read_object(folder / LIST).get("files")
    return [LIST, *(name for name in files if is_inside(folder, name))] if isinstance(files, list) else []


def _list(folder: Path, names: Iterable[str]) -> None:
    write_file(
        folder / LIST, json.dumps({"files": [name for name in names if name != LIST]}, indent=1).encode()
    )
