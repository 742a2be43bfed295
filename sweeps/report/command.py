"""python -m sweeps report: a sweep, or a whole experiment, as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from inversion.errors import ConfigError
from sweeps.home import home


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(arguments: argparse.Namespace) -> int:
    """Write the report, and keep it with the sweep where the name is one. Raises ConfigError, OSError."""
    from inversion.record.atomic import write_file
    from inversion.record.open import absolute_uri
    from sweeps.report.compare import log_report
    from sweeps.report.page import read_losses, render
    from sweeps.results.summarize import summarize
    from sweeps.results.table import Store

    uri = absolute_uri(arguments.uri, home())
    store = Store(uri)
    summary = summarize(store.read(arguments.name))
    if summary.table.rows.empty:
        raise ConfigError(f"There is nothing to report: no run is recorded in {arguments.name!r}.")
    page = render(summary, read_losses(store, summary), store.file)
    write_file(arguments.output, page.encode())
    print(f"{summary.reason}\n\n  {arguments.output} ({len(page.encode()) / 1e6:.1f} MB)")
    if "sweep" in summary.table.facts:
        log_report(uri, summary.table.facts["sweep"], page)
    if arguments.csv is not None:
        write_file(arguments.csv, summary.table.tidy().to_csv(index=False).encode())
        print(f"  {arguments.csv}")
    return 0
