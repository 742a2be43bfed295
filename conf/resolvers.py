"""What YAML files say with ${name:…}: files beside them, the environment, and the text of --help."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from conf.help import settings_help

CONF = Path(__file__).parent


def config_file(name: str) -> str:
    """${config_file:experiment/blurred.png}: a file in conf/ or in --config-dir, wherever a person stands.

    Raises FileNotFoundError.
    """
    for folder in config_folders():
        if (folder / name).is_file():
            return str(folder / name)
    places = ", ".join(map(str, config_folders()))
    raise FileNotFoundError(f"there is no {name} in the config folders: {places}")


def config_folders() -> Iterator[Path]:
    """In the order in which Hydra looks into them: conf/ first, then --config-dir."""
    if GlobalHydra.instance().is_initialized():
        sources = [source.path for source in GlobalHydra.instance().config_loader().get_search_path().get_path()]
    elif HydraConfig.initialized():  # a worker of a launcher
        sources = [f"{source['schema']}://{source['path']}" for source in HydraConfig.get().runtime.config_sources]
    else:
        sources = ["pkg://conf"]
    for source in sources:
        if source == "pkg://conf":
            yield CONF
        elif source.startswith("file://") or "://" not in source:
            yield Path(source.removeprefix("file://"))


def environment(name: str, otherwise: str) -> str:
    """${environment:NAME,default}: a variable of the environment; one that is empty is none."""
    return os.environ.get(name) or otherwise


def artifacts_for(uri: str) -> str | None:
    """Where artifacts go: into a folder beside a database, to the server's own place where there is a server."""
    return "mlartifacts" if uri.startswith("sqlite:") else None


def register() -> None:
    """Make them known to OmegaConf."""
    for resolver in (config_file, environment, artifacts_for, settings_help):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
