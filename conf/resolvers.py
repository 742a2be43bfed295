"""What YAML files say with ${name:…}: files beside them, the environment, the text of --help."""

from __future__ import annotations

import os
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conf.folders import config_file


def environment(name: str, otherwise: str) -> str:
    """${environment:NAME,default}: a variable of the environment; one that is empty is none."""
    return os.environ.get(name) or otherwise


def artifacts_for(uri: str | None) -> str | None:
    """Where artifacts go: beside a database, to the place that a server has, or nowhere without a store (null)."""
    if uri is None or not uri.startswith("sqlite:"):
        return None
    return str(Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts")


def settings_help(*, _root_: DictConfig) -> str:
    from conf.help import settings_help  # reads sources, which only --help needs

    return settings_help(_root_)


def register() -> None:
    """Make them known to OmegaConf."""
    for resolver in (config_file, environment, artifacts_for, settings_help):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
