"""Metrics of one's own beside the built-in ones, named by their dotted paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from inversion.errors import ConfigError
from inversion.metrics.catalogue import METRICS
from inversion.runtime.dotted_path import import_named


class Metric(Protocol):
    """A function of restored images and their originals: [B, 3, H, W] in [-1, 1] each -> [B].

    The value of a pair does not depend on the other pairs. It is nan where it cannot be measured.
    """

    def __call__(self, images: Tensor, originals: Tensor, /) -> Tensor: ...


def load_metrics(paths: Sequence[str]) -> dict[str, Metric]:
    """Metrics by the last part of their dotted paths, which names them in the record.

    Raises ConfigError for a path that names no function, for two of the same name, and for that of a built-in one.
    """
    metrics: dict[str, Metric] = {}
    for path in paths:
        name = path.rpartition(".")[2]
        if name in metrics:
            raise ConfigError(
                f"metrics must have different names. Got two called {name} in metrics={list(paths)}."
            )
        if name in METRICS:
            raise ConfigError(
                f"metrics must not be called as a built-in one. Got {name} in metrics={list(paths)}."
            )
        found = import_named("metrics", path, {})
        if not callable(found):
            raise ConfigError(
                f"metrics must name functions of (images, originals). Got metrics={path}, which is {found!r}."
            )
        metrics[name] = found
    return metrics


def evaluate(metrics: Mapping[str, Metric], images: Tensor, originals: Tensor) -> dict[str, list[float]]:
    """Every metric's values, B floats each; images, originals: [B, 3, H, W] in [-1, 1].

    Raises ConfigError for a metric that returns anything but one number per image.
    """
    values: dict[str, list[float]] = {}
    for name, metric in metrics.items():
        result = metric(images, originals)
        if not isinstance(result, Tensor) or result.shape != (len(images),):
            got = f"shape {list(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise ConfigError(
                f"metrics must return one number per image, a tensor of shape [{len(images)}]. Got {got} from {name}."
            )
        values[name] = result.tolist()
    return values
