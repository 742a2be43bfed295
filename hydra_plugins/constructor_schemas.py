"""defaults: [/schema/package.module.Class@_here_, _self_] gives a YAML file the keys and types of that class."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from conf.derived import schema

SCHEME = "constructor"
GROUP = "schema/"


class ConstructorSchemas(ConfigSource):
    """The group `schema`, in which every class whose source can be read is a config."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        config = OmegaConf.structured(schema(_target(config_path)))
        return ConfigResult(self.provider, f"{SCHEME}://", config, header={"package": None})

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return False  # nothing to list, to choose from or to complete

    def is_config(self, config_path: str) -> bool:
        path = config_path.removesuffix(".yaml")
        return path.startswith(GROUP) and "." in path and schema(_target(path)) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        return []


class ConstructorSearchPath(SearchPathPlugin):
    """Hydra asks this source after the folders of YAML files."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("inversion", f"{SCHEME}://")


def _target(config_path: str) -> str:
    return config_path.removesuffix(".yaml").removeprefix(GROUP)
