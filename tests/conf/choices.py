"""Every YAML file of conf/, as it is chosen on the command line, and every class that one of them builds."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from conf.schema import register

PROJECT = Path(__file__).parents[2]
CONF = PROJECT / "conf"
CHOICES = [
    f"{'+' * (path.parent.name == 'experiment')}{path.parent.name}={path.stem}"  # not in the defaults list
    for path in sorted(CONF.glob("*/*.yaml"))
]
_TEXTS = [path.read_text() for path in CONF.glob("*/*.yaml")]
TARGETS = sorted({found for text in _TEXTS for found in re.findall(r"/schema/(\w+(?:\.\w+)+)@", text)})


@cache
def _composed(overrides: tuple[str, ...]) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", list(overrides), return_hydra_config=True)
    OmegaConf.set_readonly(config, True)
    return config


@cache
def _resolved(overrides: tuple[str, ...]) -> DictConfig:
    composed_ = _composed(overrides)
    config = OmegaConf.masked_copy(composed_, [str(key) for key in composed_ if key != "hydra"])
    OmegaConf.resolve(config)
    return config


def composed(*overrides: str, hydra: bool = False) -> DictConfig:
    """Composed once for all tests, since it takes half a second; what must be given is.

    hydra: as Hydra has it, with its own node and unresolved, to be read only; else a copy of the test's own.
    """
    needed = ["generator.path=x.pkl"] if any(word.endswith("file") for word in overrides) else []
    words = (*overrides, *needed)
    return _composed(words) if hydra else copy.deepcopy(_resolved(words))


def changed(values: dict[str, Any], override: str) -> dict[str, Any]:
    """Plain settings, one of them as `key=value` on the command line would have it."""
    parsed = OverridesParser.create().parse_override(override)
    config = OmegaConf.create(values)
    OmegaConf.update(config, parsed.get_key_element(), parsed.value())
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
