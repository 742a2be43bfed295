"""python -m sweeps report: a sweep, or a whole experiment, as one HTML file; and table: as rows and columns."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inversion.errors import ConfigError
from sweeps.home import home

BESIDE = Path()  # --paper without a folder


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Besides --uri."""
    parser.add_argument("name", help="an experiment's name, or a sweep's parent run id (or the start of it)")
    parser.add_argument(
        "--output", type=Path, default=Path("report.html"), help="file of the report [report.html]"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        nargs="?",
        const=Path("report.csv"),
        metavar="FILE",
        help="write the table as well, a row per run [report.csv]",
    )
    parser.add_argument(
        "--paper",
        type=Path,
        nargs="?",
        const=BESIDE,
        metavar="FOLDER",
        help="write every figure as SVG and PDF, captions.md, table.tex, table.csv and report.tex as well [beside the "
        "report, in a folder of its name]",
    )


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Besides --uri."""
    parser.add_argument("name", nargs="?", default="inversion", help="as for report [inversion]")
    parser.add_argument("--output", type=Path, help="write CSV to this file [standard output]")


def report(arguments: argparse.Namespace) -> int:
    """Write the report, and keep it with the sweep where the name is one. Raises ConfigError, OSError."""
    from inversion.record.open import absolute_uri
    from inversion.runtime.atomic import write_file
    from sweeps.report.compare import log_report
    from sweeps.report.page import render
    from sweeps.report.source import read_source
    from sweeps.results.frame import joined
    from sweeps.results.store import Store
    from sweeps.results.summarize import study

    uri = absolute_uri(arguments.uri, home())
    store = Store(uri)
    found = study(store.read(arguments.name))
    if all(summary.table.rows.empty for summary in found.summaries):
        raise ConfigError(f"There is nothing to report: no run is recorded in {arguments.name!r}.")
    source = read_source(store, found)
    page = render(found, source)
    write_file(arguments.output, page.encode())
    print(f"{found.reason}\n\n  {arguments.output} ({len(page.encode()) / 1e6:.1f} MB)")
    if "sweep" in found.facts:
        log_report(uri, found.facts["sweep"], page)
    if arguments.csv is not None:
        table = joined([summary.table for summary in found.summaries])
        write_file(arguments.csv, table.to_csv(index=False).encode())
        print(f"  {arguments.csv}")
    if arguments.paper is not None:
        from sweeps.report.paper.folder import write_paper

        folder = arguments.output.with_suffix("") if arguments.paper is BESIDE else arguments.paper
        files = write_paper(found, source, folder)
        print(f"  {folder}/ ({len(files)} files; pdflatex report.tex, run twice, makes the document)")
    return 0


def table(arguments: argparse.Namespace) -> int:
    """Every run as CSV. Raises ConfigError, OSError."""
    from inversion.runtime.atomic import write_file
    from sweeps.results.frame import runs_frame

    frame = runs_frame(arguments.name, arguments.uri)
    if frame.empty:
        raise ConfigError(f"There is nothing to show: no run is recorded in {arguments.name!r}.")
    if arguments.output is None:
        frame.to_csv(sys.stdout, index=False)
    else:
        write_file(arguments.output, frame.to_csv(index=False).encode())
        print(f"  {arguments.output} ({len(frame)} rows)")
    return 0
