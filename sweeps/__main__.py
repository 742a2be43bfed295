"""python -m sweeps {ui}: look at recorded runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inversion.errors import ConfigError
from sweeps import ui

PROJECT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("ui", help="open the MLflow UI over the project's runs")
    show.add_argument("--uri", default="sqlite:///mlflow.db", help="of the store; relative to the project")
    show.add_argument("--experiment", default="inversion")
    show.add_argument("--port", type=int, default=5000)
    chosen = parser.parse_args(arguments)
    try:
        return ui.serve(chosen.uri, chosen.experiment, chosen.port, PROJECT)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
