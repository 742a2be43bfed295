"""Composes the points of a sweep, in milliseconds each: Hydra takes a third of a second for one."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException


class Composer:
    """Points that differ in plain values only are copies of one composition; each choice of groups is composed once."""

    def __init__(self, config: DictConfig) -> None:
        """config: the sweep's own, as Hydra hands it to callbacks and launchers."""
        self.config = config
        self._loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser.create()
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def settings(self, words: Sequence[str]) -> DictConfig:
        """One job's settings, without the node `hydra`. Raises ConfigCompositionException."""
        composed = self._compose(words)
        with open_dict(composed):
            del composed["hydra"]
        return composed

    def job(self, words: Sequence[str], number: int) -> DictConfig:
        """The whole configuration of a job, as Hydra's own launcher makes it. Raises ConfigCompositionException."""
        composed = self._compose(words)
        with open_dict(composed):
            hydra = composed.hydra
            hydra.job.id = hydra.job.num = number
            hydra.overrides.task = list(words)
            names = hydra.job.config.override_dirname
            hydra.job.override_dirname = get_overrides_dirname(
                overrides=self._parser.parse_overrides(list(words)),
                kv_sep=names.kv_sep,
                item_sep=names.item_sep,
                exclude_keys=names.exclude_keys,
            )
        return composed

    def _compose(self, words: Sequence[str]) -> DictConfig:
        values = [word for word in words if self.is_plain_value(word)]
        rest = tuple(word for word in words if word not in values)
        if rest not in self._composed:
            self._composed[rest] = self._loader.load_sweep_config(self.config, list(rest))
        composed = copy.deepcopy(self._composed[rest])
        try:
            for override in self._parser.parse_overrides(values):
                OmegaConf.update(composed, override.get_key_element(), override.value())
        except (OmegaConfBaseException, HydraException):  # Hydra says what is wrong, in its own words
            return self._loader.load_sweep_config(self.config, list(words))
        return composed

    def is_plain_value(self, word: str) -> bool:
        """Of a key of the settings that chooses no group; also of no dictionary, which may be one."""
        missing = object()
        node = missing if word[0] in "+~" else OmegaConf.select(self.config, key_of(word), default=missing)
        return node is not missing and not OmegaConf.is_config(node)


def key_of(word: str) -> str:
    """The setting that a word of the command line names: reg=0.5 and ++reg=0.5 -> reg."""
    return word.partition("=")[0].lstrip("+~")
