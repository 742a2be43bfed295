"""The command line's settings for whoever does without a command line: one source, the files of conf/."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from conf.check import checked
from conf.schema import preset_for, register
from inversion.degradations.degradation import Degradation
from inversion.errors import ConfigError
from inversion.search.hyperparameters import Hyperparameters


def preset(
    name: str | None = None,
    degradation: Degradation | None = None,
    generator: str = "portraits",
    **changed: Any,
) -> Hyperparameters:
    """A preset of conf/hyperparameters, some of its values changed: preset("deblur", steps=100).

    name: None takes the one that the command line takes for this degradation on this generator, a file of
    conf/generator. Raises ConfigError.
    """
    if name is None:
        name = preset_for(degradation_name(degradation), generator)
    values = dict(composed(f"hyperparameters={name}"))
    unknown = changed.keys() - Hyperparameters.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(sorted(Hyperparameters.__dataclass_fields__))
        raise ConfigError(f"No such hyperparameter: {', '.join(sorted(unknown))}. There are {known}.")
    return Hyperparameters.of(values | changed)


def degradation_name(degradation: Degradation | None) -> str:
    """The file of conf/degradation that builds a class: it has the name of the class's module."""
    return "none" if degradation is None else type(degradation).__module__.rpartition(".")[2]


@lru_cache(maxsize=64)
def composed(*overrides: str) -> dict[str, Any]:
    """What `python run.py OVERRIDE …` would be given, in plain types. Raises ConfigError with Hydra's words."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    register()
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(str(error)) from error
    assert isinstance(config, dict)
    return checked({str(key): value for key, value in config.items()})
