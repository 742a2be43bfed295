"""What the points of a sweep share in one process, made once: networks and aligned photos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from inversion.model import Model, build
from inversion.photos import Inputs
from inversion.runtime.device import choose_device
from inversion.search.objective import PerceptualLoss, checked


def networks(settings: Mapping[str, Any]) -> tuple[Model, PerceptualLoss]:
    """The generator and the loss that these settings name, on their device and in their precision."""
    return _networks(*_named(settings))


def photos(settings: Mapping[str, Any]) -> Inputs:
    """The photos that these settings name, aligned for their generator. Raises ConfigError, AlignmentError."""
    source = instantiate(settings["input"])
    changed = tuple(_written(getattr(source, name, None)) for name in ("image", "mask"))
    return _photos(_text(settings["input"]), *_named(settings), changed)


@lru_cache(maxsize=1)
def _networks(generator: str, loss: str, device: str, precision: str) -> tuple[Model, PerceptualLoss]:
    model = build(instantiate(json.loads(generator)), choose_device(device), precision)
    return model, checked(instantiate(json.loads(loss))).bind(
        model.discriminator, model.w_avg.device, model.dtype
    )


@lru_cache(maxsize=4)
def _photos(
    source: str, generator: str, loss: str, device: str, precision: str, changed: tuple[int, ...]
) -> Inputs:
    model, _ = _networks(generator, loss, device, precision)
    return instantiate(json.loads(source)).load(model.generator)


def _named(settings: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return _text(settings["generator"]), _text(settings["loss"]), settings["device"], settings["precision"]


def _text(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _written(path: str | None) -> int:
    """When a file or folder was last written; one that cannot be read is refused by name when it is read."""
    try:
        return 0 if path is None else Path(path).stat().st_mtime_ns
    except OSError:
        return 0
