"""The commands beside a restoration: look at recorded runs, and after them."""

from __future__ import annotations

import argparse
import sys

from conf.resolvers import artifacts_for, environment
from inversion.errors import ConfigError
from inversion.record import sync
from inversion.record.mlflow_store import clear_errors
from inversion.record.open import absolute_uri, open_store
from sweeps import ui
from sweeps.home import home
from sweeps.report import command
from sweeps.results import missing, progress

EXPERIMENT = "inversion"
APP_PORT = 7860


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code. MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME are the defaults, as for run.py."""
    uri = environment("MLFLOW_TRACKING_URI", ui.STORE)
    name = environment("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    parser = argparse.ArgumentParser(prog="python -m sweeps", description=__doc__)
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--uri", default=uri, help=f"of the store; a path is relative to {home()} [{uri}]")
    commands = parser.add_subparsers(required=True)

    show = commands.add_parser("ui", parents=[store], help="open the MLflow UI over the project's runs")
    show.add_argument("--experiment", default=name)
    show.add_argument("--port", type=port, default=ui.PORT)
    show.set_defaults(run=lambda chosen: ui.serve(chosen.uri, chosen.experiment, chosen.port, home()))

    gaps = commands.add_parser(
        "missing", parents=[store], help="list what sweeps still lack, and the command that fills it"
    )
    gaps.add_argument("experiment", nargs="?", default=name)
    gaps.set_defaults(run=lambda chosen: missing.show(chosen.uri, chosen.experiment, home()))

    far = commands.add_parser(
        "watch", parents=[store], help="show how far sweeps are that run anywhere, until they end"
    )
    far.add_argument("experiment", nargs="?", default=name)
    far.add_argument("--once", action="store_true", help="look once; the exit code is 0 when all is done")
    far.set_defaults(run=lambda chosen: progress.watch(chosen.uri, chosen.experiment, home(), chosen.once))

    dead = commands.add_parser("reap", parents=[store], help="mark runs as KILLED whose process is gone")
    dead.add_argument("experiment", nargs="?", default=name)
    dead.add_argument("--host", help="a machine that is gone for good: all of its running runs are given up")
    dead.set_defaults(run=lambda chosen: missing.reap(chosen.uri, chosen.experiment, chosen.host, home()))

    page = commands.add_parser(
        "report", parents=[store], help="write a sweep or an experiment as one HTML file"
    )
    command.add_report_arguments(page)
    page.set_defaults(run=command.report)

    rows = commands.add_parser("table", parents=[store], help="write every run as one row of a CSV table")
    command.add_table_arguments(rows)
    rows.set_defaults(run=command.table)

    own = commands.add_parser("app", help="open the page on which a photo is restored")
    own.add_argument("--port", type=port, default=APP_PORT, help=f"of the page [{APP_PORT}]")
    own.add_argument(
        "settings", nargs="*", metavar="setting=value", help="of every restoration, as for run.py"
    )
    own.set_defaults(uri=uri, run=lambda chosen: open_app(chosen.port, chosen.settings))

    late = commands.add_parser("sync", parents=[store], help="bring in what MLflow missed while it was away")
    late.add_argument("experiment", nargs="?", help="only its runs [those of every experiment]")
    late.set_defaults(run=lambda chosen: bring_in(chosen.uri, chosen.experiment))

    chosen = parser.parse_args(arguments)
    try:
        with clear_errors(chosen.uri):
            return int(chosen.run(chosen))
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def port(word: str) -> int:
    """A number of the command line that a server can listen at."""
    if not (word.isdigit() and 1 <= int(word) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is 1 to 65535. Got {word}.")
    return int(word)


def open_app(port: int, settings: list[str]) -> int:
    """Serve the page until Ctrl-C. Raises ConfigError."""
    from sweeps.app.serve import serve  # imports torch, which the other commands do without

    return serve(port, settings)


def bring_in(uri: str, experiment: str | None) -> int:
    """Print the folders whose runs MLflow has now; returns 1 where some cannot be read.

    Raises ConfigError, OSError where the store is still away.
    """
    place = absolute_uri(uri, home())
    names = [experiment] if experiment else sorted(sync.experiments_behind(place))
    stores = [open_store(place, name, artifacts_for(uri), home()) for name in names]
    synced = [sync.sync(store) for store in stores if store is not None]
    folders = [folder for each in synced for folder in each.done]
    print(f"{len(folders)} runs brought in." + "".join(f"\n  {folder}" for folder in folders))
    damaged = sync.unreadable(place)  # though nothing else may be behind
    for each in synced:
        damaged |= each.damaged
    print("".join(f"{why}\n" for why in damaged.values()), end="", file=sys.stderr)
    return 1 if damaged else 0
