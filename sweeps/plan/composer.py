"""Composes the points of a sweep, in microseconds each: Hydra takes a third of a second for one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf._utils import split_key
from omegaconf.errors import OmegaConfBaseException

from sweeps.plan.interpolations import dotted, followers

Path = tuple[str | int, ...]
NUMBERED = "${hydra.job.num}"  # the name of a job's folder, unless somebody has another one


class Composer:
    """Points that differ in plain values only are copies of one composition; each choice of groups is composed once."""

    def __init__(self, config: DictConfig) -> None:
        """config: the sweep's own, as Hydra hands it to callbacks and launchers."""
        self.config = config
        self._loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser.create()
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._families: dict[tuple[tuple[str, ...], frozenset[str]], _Family] = {}
        self._plain: dict[str, bool] = {}  # key -> whether it is one of a plain value

    def values(self, words: Sequence[str]) -> Mapping[str, Any]:
        """One job's settings, resolved, in plain types, without the node `hydra`. What points share is one object.

        Raises ConfigCompositionException, and OmegaConf's exceptions for what cannot be resolved.
        """
        values, rest = self._parted(words)
        latest = {key_of(word): word for word in values}
        kind = rest, frozenset(latest)
        try:
            if kind not in self._families:
                self._families[kind] = _Family(self.settings(rest), list(latest), self._value)
            return self._families[kind].values(list(latest.values()))
        except (OmegaConfBaseException, HydraException, _NotSeparable):
            return _plain(self.settings(words))

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

    def subfolder(self, words: Sequence[str], number: int) -> str:
        """Where a job's record lies in the sweep's folder."""
        sweep = self.config.hydra.sweep
        if OmegaConf.to_container(sweep, resolve=False)["subdir"] == NUMBERED:  # type: ignore[index, call-overload]
            return str(number)
        composed, running = self.job(words, number), HydraConfig.instance().cfg
        try:
            HydraConfig.instance().set_config(composed)  # which ${hydra:…} reads
            return str(composed.hydra.sweep.subdir)
        finally:
            HydraConfig.instance().cfg = running

    def choice(self, words: Sequence[str], group: str) -> str:
        """Which file of a group a job has."""
        return str(self._base(self._parted(words)[1]).hydra.runtime.choices[group])

    def _compose(self, words: Sequence[str]) -> DictConfig:
        values, rest = self._parted(words)
        composed = copy.deepcopy(self._base(rest))
        try:
            for word in values:
                OmegaConf.update(composed, key_of(word), self._value(word))
        except (OmegaConfBaseException, HydraException):  # Hydra says what is wrong, in its own words
            return self._loader.load_sweep_config(self.config, list(words))
        return composed

    def _base(self, rest: tuple[str, ...]) -> DictConfig:
        if rest not in self._composed:
            self._composed[rest] = self._loader.load_sweep_config(self.config, list(rest))
        return self._composed[rest]

    def _parted(self, words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """Overrides by plain values, and all others."""
        values = [word for word in words if self.is_plain_value(word)]
        return values, tuple(word for word in words if not self.is_plain_value(word))

    def is_plain_value(self, word: str) -> bool:
        """Of a key of the settings that chooses no group; also of no dictionary, which may be one."""
        key = word.partition("=")[0]
        if key not in self._plain:
            missing = object()
            node = missing if key[0] in "+~" else OmegaConf.select(self.config, key, default=missing)
            self._plain[key] = node is not missing and not OmegaConf.is_config(node)
        return self._plain[key]

    def _value(self, word: str) -> Any:
        return self._parser.parse_override(word).value()


class _NotSeparable(Exception):
    """A setting follows from several others: points must be composed one by one."""


class _Family:
    """Points that choose the same groups and set the same keys: each value is composed alone, once."""

    def __init__(self, base: DictConfig, keys: Sequence[str], parse: Callable[[str], Any]) -> None:
        """base: settings without the keys' values. parse: an override's value. Raises _NotSeparable."""
        reads = list(followers(base, keys).values())
        if any(len(read) > 1 for read in reads):
            raise _NotSeparable
        self._followed = set().union(*reads)
        self._base = base
        self._alone = copy.deepcopy(base)  # in which values are put one after the other
        self._whole = _plain(base)
        self._parse = parse
        self._changes: dict[str, list[tuple[Path, Any]]] = {}  # override -> what it makes of the base

    def values(self, words: Sequence[str]) -> Mapping[str, Any]:
        """Of one point. words: an override of each key."""
        whole: Any = self._whole
        for word in words:
            if word not in self._changes:
                self._changes[word] = self._compose(word)
            for path, value in self._changes[word]:
                whole = _replaced(whole, path, value)
        return whole  # type: ignore[no-any-return]

    def _compose(self, word: str) -> list[tuple[Path, Any]]:
        key, value = key_of(word), self._parse(word)
        if "${" in str(value):
            raise _NotSeparable
        changed = copy.deepcopy(self._base) if dotted(key) in self._followed else self._alone
        OmegaConf.update(changed, key, value)
        if dotted(key) in self._followed:
            return list(_differences(self._whole, _plain(changed)))
        path, found = _path(self._whole, key), OmegaConf.select(changed, key)
        return [(path, OmegaConf.to_container(found) if OmegaConf.is_config(found) else found)]


def key_of(word: str) -> str:
    """The setting that a word of the command line names: reg=0.5 and ++reg=0.5 -> reg."""
    return word.partition("=")[0].lstrip("+~")


def _path(value: Any, key: str) -> Path:
    """phases.0.steps -> ("phases", 0, "steps")"""
    path: list[str | int] = []
    for part in split_key(key):
        path.append(int(part) if isinstance(value, list) else part)
        value = value[path[-1]]
    return tuple(path)


def _plain(config: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]


def _differences(before: Any, after: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """The places at which two containers differ, and what stands there in the second one."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return [change for key in before for change in _differences(before[key], after[key], (*path, key))]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [change for i, (old, new) in pairs for change in _differences(old, new, (*path, i))]
    same = type(before) is type(after) and before == after
    return [] if same else [(path, after)]


def _replaced(value: Any, path: Path, new: Any) -> Any:
    """The same with another value at one place; everything beside the way there is shared, not copied."""
    if not path:
        return new
    key, *rest = path
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[key] = _replaced(value[key], tuple(rest), new)  # type: ignore[index]
    return copied
