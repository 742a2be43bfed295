"""What the points of a sweep share in one process, made once: networks and aligned photos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from inversion.device import choose_device
from inversion.inputs import Inputs
from inversion.model import Model, build
from inversion.objective import PerceptualLoss


def networks(settings: Mapping[str, Any]) -> tuple[Model, PerceptualLoss]:
    """The generator and the loss that these settings name, on their device."""
    return _networks(_text(settings["generator"]), _text(settings["loss"]), settings["device"])


def photos(settings: Mapping[str, Any]) -> Inputs:
    """The photos that these settings name, aligned for their generator. Raises ConfigError, AlignmentError."""
    source = instantiate(settings["input"])
    changed = tuple(_written(getattr(source, name, None)) for name in ("image", "mask"))
    names = _text(settings["input"]), _text(settings["generator"]), _text(settings["loss"])
    return _photos(*names, settings["device"], changed)


@lru_cache(maxsize=1)
def _networks(generator: str, loss: str, device: str) -> tuple[Model, PerceptualLoss]:
    model = build(instantiate(json.loads(generator)), choose_device(device))
    return model, instantiate(json.loads(loss)).bind(model.discriminator, model.w_avg.device)


@lru_cache(maxsize=4)
def _photos(source: str, generator: str, loss: str, device: str, changed: tuple[int, ...]) -> Inputs:
    model, _ = _networks(generator, loss, device)
    return instantiate(json.loads(source)).load(model.generator)


def _text(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _written(path: str | None) -> int:
    """When a file or folder was last written; one that cannot be read is refused by name when it is read."""
    try:
        return 0 if path is None else Path(path).stat().st_mtime_ns
    except OSError:
        return 0
