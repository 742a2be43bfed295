"""What the points of a sweep share in one process, made once: networks and aligned photos."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from hydra.utils import instantiate

from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build
from inversion.photos import Inputs
from inversion.runtime.device import choose_device
from inversion.search.objective import checked
from sweeps.plan.config import Config


def networks(config: Config) -> tuple[Model, PerceptualLoss]:
    """The generator and the loss that a configuration names, on their device and in their precision."""
    return _networks(config.networks)


def photos(config: Config) -> Inputs:
    """The photos that a configuration names, aligned for its generator. Raises ConfigError, AlignmentError."""
    source = instantiate(config.input)
    changed = tuple(_written(getattr(source, name, None)) for name in ("image", "mask"))
    return _photos(json.dumps(config.input, sort_keys=True), config.networks, changed)


@lru_cache(maxsize=1)
def _networks(names: str) -> tuple[Model, PerceptualLoss]:
    generator, loss, device, precision = json.loads(names)
    perceptual = checked(instantiate(loss))  # first: a checkpoint may be a download of 382 MB
    model = build(instantiate(generator), choose_device(device), precision)
    bound = perceptual.bind(model.discriminator, model.w_avg.device, model.dtype)
    return model, bound


@lru_cache(maxsize=4)
def _photos(source: str, names: str, changed: tuple[int, ...]) -> Inputs:
    model, _ = _networks(names)
    inputs: Inputs = instantiate(json.loads(source)).load(model.generator)
    return inputs


def _written(path: str | None) -> int:
    """When a file or folder was last written; one that cannot be read is refused by name when it is read."""
    try:
        return 0 if path is None else Path(path).stat().st_mtime_ns
    except OSError:
        return 0
