"""Which sweeper a sweep has, and what that means for its points."""

from __future__ import annotations

from omegaconf import DictConfig

CHECKED = "hydra_plugins.checked_sweeper.CheckedSweeper"  # conf/config.yaml chooses it
PRODUCT = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def is_checked(config: DictConfig) -> bool:
    """Whether the sweeper is this program's own: it reads points=FILE, and gives launchers packs of points.

    config: a sweep's own, as Hydra hands it to callbacks; so below.
    """
    return bool(config.hydra.sweeper["_target_"] == CHECKED)


def knows_its_points(config: DictConfig) -> bool:
    """Whether all points are known before the first one starts. Others, such as Optuna's, choose as they go."""
    return is_checked(config) or config.hydra.sweeper["_target_"] == PRODUCT


def name_of(config: DictConfig) -> str:
    """CheckedSweeper"""
    return str(config.hydra.sweeper["_target_"].rpartition(".")[2])
