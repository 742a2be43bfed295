"""The command: `python run.py` in a checkout, `inversion-sweeps` where the package is installed."""

from __future__ import annotations

import gc
import logging
import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from conf.arrives import with_degradation
from conf.file_names import hint, spelled
from conf.help import command_name
from conf.schema import register
from conf.unreadable import unreadable
from inversion.runtime.streams import outlive_closed_pipes

log = logging.getLogger(__name__)

register()
SUBCOMMANDS = ("app", "ui", "missing", "reap", "report", "sync", "table", "watch")


def restore(config: DictConfig) -> float:
    """One job. Returns a sweep's objective, higher is better: mean PSNR to the original, else to the observed photo."""
    from inversion.errors import ConfigError  # what is imported here is slow: --help must not wait for it
    from sweeps.execute import overview
    from sweeps.execute.intent import intent
    from sweeps.execute.job import Job, Refused, score
    from sweeps.execute.rounds import run_until_done
    from sweeps.execute.run_jobs import run_jobs

    try:
        job = Job.composed(config, HydraConfig.get())
    except ConfigError as error:
        raise Refused(str(error)) from error
    if job.sweep is None and (said := intent(job, command_name())):
        log.info(said)
    (results,) = run_until_done([job], run_jobs)
    if job.sweep is None and len(results) > 1:
        overview.write(job.folder, results)
    return score(results)


def main() -> None:
    """Run what the command line says: a restoration, a sweep, or one of `python -m sweeps`."""
    outlive_closed_pipes()
    if sys.argv[1:2] and sys.argv[1] in SUBCOMMANDS:
        sys.exit(run_command(sys.argv[1:]))
    refuse_removed_folder()
    if said := hint(sys.argv[1:], command_name()):
        sys.exit(said)
    words = with_degradation(spelled(sys.argv[1:]))
    if said := unreadable(words):
        sys.exit(said)
    sys.argv[1:] = words
    gc.disable()  # until everything is imported: see inversion/runtime/heap.py
    try:
        hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")(restore)()
    except KeyboardInterrupt:
        sys.exit("Interrupted: what was reached is recorded. The same command goes on with what is missing.")


def run_command(arguments: list[str]) -> int:
    """One of the commands beside a restoration; returns the exit code."""
    refuse_removed_folder()
    from sweeps.commands import main

    return main(arguments)


def refuse_removed_folder() -> None:
    """Nothing can start in a folder that is gone, and torch's libraries then die without a reason."""
    try:
        os.getcwd()
    except FileNotFoundError:
        sys.exit(
            f"The current folder has been removed. Got {os.environ.get('PWD', 'no name')}; cd to one that exists."
        )
