"""launcher=local and launcher=batched: the points of a sweep in this process. Hydra finds launchers by this folder."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

for name, target in {"local": "LocalLauncher", "batched": "BatchedLauncher"}.items():
    ConfigStore.instance().store(
        group="hydra/launcher",
        name=name,
        node={"_target_": f"hydra_plugins.batched_launcher.{target}"},
        provider="inversion",
    )


class LocalLauncher(Launcher):
    """Composes and runs the points of a batch of Hydra's one after the other."""

    together = False

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from sweeps.execute.launching import launch_here  # late: every start of run.py reads this file

        return launch_here(self.hydra_context, self.config, job_overrides, initial_job_idx, self.together)


class BatchedLauncher(LocalLauncher):
    """Composes all points, then runs those together that can share an optimizer pass."""

    together = True
