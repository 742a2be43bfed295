"""Hydra parses each file of conf/ again for every configuration that is composed: here once per process."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra.plugins.config_source import ConfigResult

# conf/ as a folder and as a package, and Hydra's own; folders that tests write are read each time.
PLACES = {str(Path(__file__).parents[1] / "conf"), "conf", "hydra.conf"}
Load = Callable[[Any, str], ConfigResult]


@contextmanager
def files_read_once() -> Iterator[None]:
    known: dict[tuple[str, str], ConfigResult] = {}

    def once(load: Load) -> Load:
        def load_config(source: Any, config_path: str) -> ConfigResult:
            if source.path not in PLACES:
                return load(source, config_path)
            key = source.path, config_path
            if key not in known:
                known[key] = load(source, config_path)
            found = copy.deepcopy(known[key])  # Hydra takes the defaults list out of it
            found.provider = source.provider
            return found

        return load_config

    with pytest.MonkeyPatch.context() as patch:
        for kind in (FileConfigSource, ImportlibResourcesConfigSource):
            patch.setattr(kind, "load_config", once(kind.load_config))
        yield
