"""The sweeper of grids: Hydra's own, without its check of every point. Hydra finds sweepers by this folder."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore

ConfigStore.instance().store(
    group="hydra/sweeper",
    name="checked",
    node=BasicSweeperConf(_target_="hydra_plugins.checked_sweeper.CheckedSweeper"),
    provider="inversion",
)


class CheckedSweeper(BasicSweeper):
    """Runs the points of a grid that sweeps/plan/grid.py has composed and checked before the sweep began."""

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Nothing: Hydra would compose every point here once more, a third of a second each."""
