"""What Hydra calls when a sweep starts, runs a job and ends."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

if TYPE_CHECKING:
    from hydra._internal.callbacks import Callbacks

    from sweeps.execute.sweep import Sweep


def refuse_secrets(config: DictConfig) -> None:
    """Ends the program where the store's address holds a password."""
    from inversion.record.mlflow_store import refuse_password

    try:
        refuse_password(config.tracking.uri or "")
    except ValueError as error:
        sys.exit(str(error))


def opened_sweep(callbacks: Callbacks) -> Sweep:
    """What on_multirun_start has opened. Ends the program where the command has taken the callback away."""
    for each in callbacks.callbacks:
        if isinstance(each, SweepCallback) and each.sweep is not None:
            return each.sweep
    sys.exit(
        "hydra.callbacks.sweep opens a sweep, and this command leaves it out: keep what conf/config.yaml has."
    )


class SweepCallback(Callback):
    """Opens and closes the sweep; travels to the workers as what they must know of the process that waits for them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.folder = os.getcwd()  # where the relative paths of the command line start
        self.sweep: Sweep | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"pid": self.pid, "folder": self.folder, "sweep": None}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Refuses, before Hydra writes the configuration down, what must not be written, and what is a sweep's."""
        from inversion.errors import ConfigError
        from sweeps.plan import points, seeds

        refuse_secrets(config)
        try:
            points.refuse_without_sweep(config)
            seeds.refuse_without_sweep(config)
        except ConfigError as error:
            sys.exit(str(error))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Ends the program when the sweep cannot be started: Hydra would turn an exception into a warning."""
        from sweeps.execute.sweep import Sweep

        refuse_secrets(config)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill closes what is open, like Ctrl-C
        try:
            self.sweep = Sweep(config)
        except Exception as error:
            if os.environ.get("HYDRA_FULL_ERROR") == "1":
                traceback.print_exc()
            cause = "" if error.__cause__ is None else str(error.__cause__)
            sys.exit(f"{type(error).__name__}: {error}" + (f"\n{cause}" if cause not in str(error) else ""))
        atexit.register(self.sweep.close)  # on_multirun_end is not called when a job has failed

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        if self.sweep is not None:
            self.sweep.close()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        from sweeps.execute.process import end_with_parent

        if os.path.isdir(self.folder):
            os.chdir(self.folder)  # Ray starts its workers elsewhere
        if os.getppid() == self.pid:  # a worker on this machine, and not the process itself
            end_with_parent()
