"""seeds=3 repeats every point of a grid, and says so where it cannot."""

from __future__ import annotations

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from inversion.errors import ConfigError
from sweeps.plan.grid import Grid, read_grid
from sweeps.plan.seeds import refuse_without_sweep, repeat

pytestmark = pytest.mark.usefixtures("hydra")
FAST = ["input=synthetic", "generator=portraits64"]


def composed(*words: str, params: dict[str, str] | None = None) -> DictConfig:
    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("config", [*FAST, *words], run_mode=RunMode.MULTIRUN)
    config.hydra.sweeper.params = params
    return config


def repeated(*words: str, params: dict[str, str] | None = None) -> Grid:
    config = composed(*words, params=params)
    repeat(config)
    return read_grid(config)


def test_each_point_is_run_with_the_seed_and_the_next_ones() -> None:
    found = repeated("reg=0.1,0.5", "seeds=3", "seed=4")
    assert [cell.point for cell in found.cells] == [
        f"reg={r} seed={s}" for r in (0.1, 0.5) for s in (4, 5, 6)
    ]


def test_a_forced_setting_is_the_same_setting() -> None:
    """++seed=5 is what seed=5 is: it comes once, and its column is called seed."""
    forced, plain = (
        repeated("++reg=0.1,0.5", "seeds=2", "++seed=5"),
        repeated("reg=0.1,0.5", "seeds=2", "seed=5"),
    )
    assert forced.axes == plain.axes == {"reg": ["0.1", "0.5"], "seed": ["5", "6"]}
    assert forced.cells == plain.cells


def test_an_experiments_own_axes_are_repeated_too() -> None:
    assert len(repeated("seeds=2", params={"steps": "2,3"}).cells) == 4


def test_runs_with_and_without_seeds_are_the_same_runs() -> None:
    once, thrice = (repeated("reg=0.1,0.5", word).cells for word in ("seeds=1", "seeds=3"))
    assert {cell.fingerprint for cell in once} < {cell.fingerprint for cell in thrice}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seeds=1,3"], "one number for a whole grid"),
        (["reg=0.1,0.5", "seeds=1000000000"], "from 1 to 10000"),
        (["reg=0.1,0.5", "seeds=0"], "from 1 to 10000"),
        (["seeds=3", "seed=0,1"], "leave one out"),
        (["seeds=3", "++seed=0,1"], "leave one out"),
        (["++seeds=1,3"], "one number for a whole grid"),
    ],
)
def test_two_answers_to_one_question_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        repeated(*words)


def test_a_sweeper_without_a_grid_and_a_single_run_have_nothing_to_repeat() -> None:
    config = composed("seeds=3")
    with pytest.raises(ConfigError, match="add -m"):
        refuse_without_sweep(config)
    config.hydra.sweeper._target_ = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
    with pytest.raises(ConfigError, match="OptunaSweeper"):
        repeat(config)


def test_hydras_own_product_of_axes_repeats_its_points_as_well() -> None:
    config = composed("seeds=3", "hydra/sweeper=basic")
    repeat(config)
    assert "seed=0,1,2" in config.hydra.overrides.task
