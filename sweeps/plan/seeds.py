"""seeds=3: every point of a grid once more for each of three seeds, so that the report knows how much is chance."""

from __future__ import annotations

from omegaconf import DictConfig, open_dict

from conf.ranges import RANGES
from inversion.errors import ConfigError
from inversion.reading.printable import printable
from sweeps.plan.composer import key_of
from sweeps.plan.sweeper import knows_its_points, name_of


def repeat(config: DictConfig) -> None:
    """Write seeds=N as the axis seed=S,S+1,… into what Hydra starts jobs from; every launcher runs the same points.

    config: a sweep's own, as Hydra hands it to callbacks; S is its seed. Nothing changes for seeds=1.
    Raises ConfigError where seeds or seed is an axis, and for a sweeper that chooses its points as it goes.
    """
    sweeper, task = config.hydra.sweeper, config.hydra.overrides.task
    words = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()] + [
        str(w) for w in task
    ]
    given = {key_of(word): word.partition("=")[2] for word in words}
    if given.get("seeds", str(config.seeds)) != str(config.seeds):
        raise ConfigError(
            f"seeds is one number for a whole grid. Got seeds={given['seeds']}; seeds=3 would work."
        )
    if config.seeds == 1:
        return
    if config.seeds not in RANGES["seeds"]:
        raise ConfigError(
            f"seeds must be {RANGES['seeds']}. Got seeds={printable(config.seeds, 40)}; 3 would work."
        )
    if given.get("seed", str(config.seed)) != str(config.seed):
        raise ConfigError(
            f"seeds={config.seeds} sets the axis seed itself. Got seed={given['seed']} as well; leave one out."
        )
    if not knows_its_points(config):
        raise ConfigError(
            f"seeds={config.seeds} repeats the points of a grid. Got {name_of(config)}, which chooses its points as "
            "it goes; leave seeds out."
        )
    with open_dict(config):
        config.hydra.overrides.task = [word for word in task if key_of(str(word)) != "seed"]
        config.hydra.overrides.task.append(
            f"seed={','.join(map(str, range(config.seed, config.seed + config.seeds)))}"
        )


def refuse_without_sweep(config: DictConfig) -> None:
    """A single run has no points to repeat. Raises ConfigError."""
    if config.seeds != 1:
        raise ConfigError(
            f"seeds={config.seeds} repeats every point of a sweep, and this is a single run: add -m. For several "
            f"restorations of one photo in one run: samples={config.seeds}."
        )
