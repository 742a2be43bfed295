"""python -m sweeps {ui,missing,reap,report,table}: look at recorded runs, and after them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inversion.errors import ConfigError
from inversion.record.mlflow_store import clear_errors
from sweeps import ui
from sweeps.report import command
from sweeps.results import missing

PROJECT = Path(__file__).resolve().parent.parent
STORE = "sqlite:///mlflow.db"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=__doc__)
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--uri", default=STORE, help=f"of the store; relative to the project [{STORE}]")
    commands = parser.add_subparsers(required=True)

    show = commands.add_parser("ui", parents=[store], help="open the MLflow UI over the project's runs")
    show.add_argument("--experiment", default="inversion")
    show.add_argument("--port", type=int, default=ui.PORT)
    show.set_defaults(run=lambda chosen: ui.serve(chosen.uri, chosen.experiment, chosen.port, PROJECT))

    gaps = commands.add_parser(
        "missing", parents=[store], help="list what sweeps still lack, and the command that fills it"
    )
    gaps.add_argument("experiment", nargs="?", default="inversion")
    gaps.set_defaults(run=lambda chosen: missing.show(chosen.uri, chosen.experiment, PROJECT))

    dead = commands.add_parser("reap", parents=[store], help="mark runs as KILLED whose process is gone")
    dead.add_argument("experiment", nargs="?", default="inversion")
    dead.add_argument("--host", help="a machine that is gone for good: all of its running runs are given up")
    dead.set_defaults(run=lambda chosen: missing.reap(chosen.uri, chosen.experiment, chosen.host, PROJECT))

    page = commands.add_parser(
        "report", parents=[store], help="write a sweep or an experiment as one HTML file"
    )
    command.add_report_arguments(page)
    page.set_defaults(run=command.report)

    rows = commands.add_parser("table", parents=[store], help="write every run as one row of a CSV table")
    command.add_table_arguments(rows)
    rows.set_defaults(run=command.table)

    chosen = parser.parse_args(arguments)
    try:
        with clear_errors(chosen.uri):
            return int(chosen.run(chosen))
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
