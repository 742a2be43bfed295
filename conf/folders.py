"""Where config files lie: in conf/ and in --config-dir."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

CONF = Path(__file__).parent


def config_folders() -> Iterator[Path]:
    """In the order in which Hydra looks into them."""
    if GlobalHydra.instance().is_initialized():
        found = GlobalHydra.instance().config_loader().get_search_path().get_path()
        sources = [str(source.path) for source in found]
    elif HydraConfig.initialized():  # in a worker of a launcher
        runtime = HydraConfig.get().runtime
        sources = [f"{source.schema}://{source.path}" for source in runtime.config_sources]
    else:
        sources = ["pkg://conf"]
    for source in sources:
        if source == "pkg://conf":
            yield CONF
        elif source.startswith("file://") or "://" not in source:
            yield Path(source.removeprefix("file://"))


def config_file(name: str) -> str:
    """${config_file:experiment/blurred.png}: a file in conf/ or in --config-dir, wherever a person stands.

    Raises FileNotFoundError.
    """
    for folder in config_folders():
        if (folder / name).is_file():
            return str(folder / name)
    places = ", ".join(map(str, config_folders()))
    raise FileNotFoundError(f"There is no file {name} in the config folders. Got {places}.")
