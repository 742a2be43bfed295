"""The sweeper of grids: Hydra's own, without its check of every point. Hydra finds sweepers by this folder."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sweeps.plan.sweeper import CHECKED

ConfigStore.instance().store(
    group="hydra/sweeper",
    name="checked",
    node=BasicSweeperConf(_target_=CHECKED),
    provider="inversion",
)


class CheckedSweeper(BasicSweeper):
    """Runs the points of a grid or a table that sweeps/plan/grid.py has composed and checked before the sweep began.

    A launcher that starts processes gets packs of points.
    """

    rows: Sequence[list[str]] = ()  # of points=FILE

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from sweeps.execute.callback import opened_sweep  # late: every start of run.py reads this file

        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.rows = opened_sweep(hydra_context.callbacks).grid.rows
        if "points_per_job" in config.launcher:
            from sweeps.execute.launching import Packing  # late, as above

            assert self.launcher is not None  # Hydra's setup has just made it
            self.launcher = Packing(self.launcher, hydra_context, config)  # type: ignore[assignment]

    def split_arguments(  # type: ignore[override]  # Hydra's is static, and calls it as a method
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Hydra's product of all axes, with each row of points=FILE."""
        from sweeps.plan.points import split  # late, as above

        return split(overrides, self.rows, max_batch_size)

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Nothing: Hydra would compose every point here once more, a third of a second each."""
