"""The composed configuration of one job, typed: what every later step reads instead of dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from conf.check import checked
from conf.schema import Launcher, Tracking
from inversion.search.hyperparameters import Hyperparameters
from sweeps.plan.files import located

Node = Mapping[str, Any]  # of a group whose object Hydra builds: `_target_` and its arguments
DIGITS = 12  # significant digits of a number: range(0.1,0.4,0.1) ends at 0.3, not at 0.30000000000000004


@dataclass(frozen=True, eq=False)
class Config:
    """Everything that a person has set. `values` is the whole of it in plain types, as it is recorded.

    Files have in `values` the names that they were given; everything else says where they lie on this machine.
    """

    values: Mapping[str, Any]
    degraded: bool
    paste: bool | None
    start: str | None
    seed: int
    device: str
    precision: str
    rerun: bool
    generator: Node
    degradation: Node
    loss: Node
    input: Node
    tracking: Tracking
    launcher: Launcher
    here: Mapping[str, str] = field(default_factory=dict)  # a file as `values` names it -> where it lies

    @classmethod
    def of(cls, composed: DictConfig | Mapping[str, Any], here: Mapping[str, str] | None = None) -> Config:
        """From what Hydra has composed, or from a record's config.yaml. Raises ConfigError: see conf/check.py.

        here: files that were sent to this machine, else everything lies where it is said to be.
        """
        plain = (
            OmegaConf.to_container(composed, resolve=True) if isinstance(composed, DictConfig) else composed
        )
        values = {key: shared(value) for key, value in checked(rounded(plain)).items()}
        local = located(values, here or {})
        own = {name: local[name] for each in fields(cls) if (name := each.name) not in ("values", "here")}
        own["tracking"] = Tracking(**values["tracking"])
        known = {each.name for each in fields(Launcher)}
        own["launcher"] = Launcher(**{k: v for k, v in values["launcher"].items() if k in known})
        return cls(values=values, here=here or {}, **own)

    def in_sweep(self) -> Config:
        """What a single run does for its person is left out: no whole photo per grid point, unless asked for."""
        if self.paste is not None:
            return self
        return replace(self, paste=False, values={**self.values, "paste": False})

    @cached_property
    def hyperparameters(self) -> Hyperparameters:
        """Raises ConfigError for values that cannot work."""
        return Hyperparameters.of(self.values)

    @property
    def networks(self) -> str:
        """What two jobs must have in common to share generator and loss in memory, as text."""
        return json.dumps([self.generator, self.loss, self.device, self.precision], sort_keys=True)


def shared(value: Any) -> Any:
    """A group's settings as one object for all points that have them: memory must not grow with a sweep."""
    return _shared(json.dumps(value)) if isinstance(value, (Mapping, list)) else value


@lru_cache(maxsize=4096)
def _shared(text: str) -> Any:
    return json.loads(text)


def rounded(value: Any) -> Any:
    """The same settings without the last digits, in which two spellings of one number differ."""
    if isinstance(value, Mapping):
        return {key: rounded(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(child) for child in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
