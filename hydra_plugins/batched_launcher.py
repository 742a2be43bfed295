"""launcher=batched: the points of a sweep that can share an optimizer pass do. Hydra finds launchers by this folder."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

ConfigStore.instance().store(
    group="hydra/launcher",
    name="batched",
    node={"_target_": "hydra_plugins.batched_launcher.BatchedLauncher"},
    provider="inversion",
)


class BatchedLauncher(Launcher):
    """Composes all points of a batch of Hydra's, then runs them together in this process."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from sweeps.execute.batched import launch  # late: every start of run.py reads this file

        return launch(self.hydra_context, self.config, job_overrides, initial_job_idx)
