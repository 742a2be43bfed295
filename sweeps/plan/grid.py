"""What a sweep is made of: its axes, its points, and whether each of them can work at all."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig

from conf.unreadable import number_of_values
from inversion.errors import ConfigError
from inversion.faces.sample import sample_photo
from inversion.images import list_photos, sha256_of
from inversion.photos import ALL
from inversion.reading.printable import printable
from sweeps.plan.columns import wrong_columns
from sweeps.plan.composer import Composer, key_of
from sweeps.plan.config import Config, Node
from sweeps.plan.fingerprint import IGNORED, SYNTHETIC, fingerprint
from sweeps.plan.points import axes_of, rows_of, split, table_of
from sweeps.plan.sweeper import knows_its_points

if TYPE_CHECKING:
    from inversion.checkpoints.checkpoint import Checkpoint

MAX_POINTS = 100_000  # of a sweep; each takes a millisecond to compose, and seconds to run

log = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Cell:
    """One point of the grid and one photo: one run."""

    point: str  # reg=0.1 steps=500
    photo: str  # file name; "" for a synthetic face
    fingerprint: str
    photo_sha256: str = ""  # of the file; "" for a synthetic face


@dataclass(frozen=True)
class Grid:
    """A sweep as it was asked for."""

    axes: dict[str, list[str]]  # what is varied, and its values as on the command line
    cells: list[Cell]  # empty when the sweeper decides as it goes (optuna)
    fingerprint: str  # of the whole: the same grid asked for again has the same
    table: str | None = None  # the file that lists its points; None: the product of its axes
    rows: tuple[list[str], ...] = ()  # the table's, as from `read_points`: what was checked is what is run


def read_grid(config: DictConfig) -> Grid:
    """Compose and check every point of a sweep, before anything is started.

    config: what Hydra hands to on_multirun_start. Raises what composing raises (a key or a value that does not exist)
    and ConfigError, CheckpointError for values that cannot work, as far as that can be known without the photo.
    """
    sweeper = config.hydra.sweeper
    words = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    words += [str(word) for word in config.hydra.overrides.task]
    overrides = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(words)
    rows = rows_of(overrides)
    if knows_its_points(config):
        refuse_too_many(overrides, len(rows))
    swept = {key_of(o.get_key_element()): _values(o) for o in overrides if o.is_sweep_override()}
    axes = axes_of(rows) | swept
    composer, checker, table = Composer(config), Checker(), table_of(overrides)
    if not knows_its_points(config):
        fixed = [str(o.input_line) for o in overrides if not o.is_sweep_override()]
        checker.cells("", Config.of(composer.settings(fixed)))
        return Grid(axes, [], _digest([sweeper["_target_"], *sorted(filter(_is_relevant, words))]))
    points = list(itertools.chain(*split(overrides, rows)))
    given = {key_of(override.get_key_element()) for override in overrides} | axes.keys()
    added = {word for point in points for word in point if key_of(word) not in given}
    # The degradation of points that arrive degraded.
    axes |= {key_of(word): [word.partition("=")[2]] for word in added}
    cells: list[Cell] = []
    cannot_tell = False
    for point in points:
        try:
            values = composer.values(point)
        except HydraException:
            columns = [word.partition("=")[0] for word in rows[0]] if rows else []
            if columns and (said := wrong_columns(composer, point, columns)):
                raise ConfigError(f"{table}: {said}") from None
            raise
        settings = Config.of(values)
        cells += checker.cells(named(point, axes), settings)
        cannot_tell |= fits_all(settings)
    if cannot_tell and any(axis.startswith("degradation.") for axis in axes):
        log.warning(
            "Which degradation a photo arrived with is told by how well it is fitted, and feature maps fit it under "
            "any: feature_steps=0 leaves them as they are."
        )
    distinct = {cell.fingerprint: cell for cell in reversed(cells)}  # steps=3,3 is one point
    return Grid(axes, list(distinct.values())[::-1], _digest(sorted(distinct)), table, tuple(rows))


def refuse_too_many(overrides: Sequence[Override], rows: int) -> None:
    """Before any point is written down. rows: of a table, 0 without one. Raises ConfigError."""
    points = max(1, rows) * math.prod(number_of_values(o) for o in overrides if o.is_sweep_override())
    if points > MAX_POINTS:
        raise ConfigError(
            f"A sweep may have {MAX_POINTS:,} points. Got {printable(f'{points:,}', 40)}; fewer values, or several "
            "sweeps, would work."
        )


class Checker:
    """Checks composed settings. What many points have in common is looked at once, checkpoints and photos among it."""

    def __init__(self) -> None:
        self.hashes: dict[Path, str] = {}
        self._found: dict[str, Any] = {}

    def cells(self, point: str, config: Config) -> list[Cell]:
        """One per photo. Raises ConfigError, CheckpointError."""
        refuse_all_faces(config)
        assert config.hyperparameters  # refuses values that cannot work
        self._once(check_loss, config.loss)
        self._once(check_metrics, config.values["metrics"])
        checkpoint, resolution = self._once(read_checkpoint, config.generator)
        self._once(check_degradation, config.degradation, config.degraded, resolution)
        photos = self._once(self._photos, config.input)
        return [
            Cell(point, name, fingerprint(config.values, photo, checkpoint), photo if name else "")
            for name, photo in photos.items()
        ]

    def _once(self, look: Callable[..., Found], *settings: Any) -> Found:
        """What comes of a look at these settings; where it raises, it does so every time."""
        key = json.dumps([look.__name__, settings], sort_keys=True)
        if key not in self._found:
            self._found[key] = look(*settings)
        found: Found = self._found[key]
        return found

    def _photos(self, source: Node) -> dict[str, str]:
        """File name → sha256. Raises ConfigError for a photo that is not there."""
        if "image" not in source:
            return {"": SYNTHETIC}
        paths = [sample_photo()] if source["image"] is None else list_photos(source["image"])
        for path in paths:
            if path not in self.hashes:
                self.hashes[path] = sha256_of(path)
        return {path.name: self.hashes[path] for path in paths}


def fits_all(settings: Config) -> bool:
    """Whether a photo that arrives degraded is fitted under any degradation; a blur is told by the photo alone."""
    is_blur = settings.degradation["_target_"].endswith(".GaussianBlur")
    return settings.degraded and bool(settings.hyperparameters.steps_of_features) and not is_blur


def check_loss(loss: Node) -> None:
    """Raises ConfigError."""
    from inversion.search.objective import checked

    checked(instantiate(loss))


def check_metrics(paths: Sequence[str]) -> None:
    """Raises ConfigError."""
    from inversion.metrics.metric import load_metrics

    load_metrics(paths)


def read_checkpoint(generator: Node) -> tuple[str, int]:
    """Its sha256 and resolution. Raises ConfigError, CheckpointError."""
    checkpoint: Checkpoint = instantiate(generator)
    return checkpoint.sha256, checkpoint.architecture.img_resolution


def check_degradation(settings: Node, degraded: bool, resolution: int) -> None:
    """As far as that is possible without a photo. Raises ConfigError."""
    import torch

    from inversion.inspection import is_looked_at
    from inversion.search.blind_blur import is_to_be_found

    degradation = instantiate(settings)
    masked = settings.get("mask") is not None  # a mask goes with its photo
    found = is_looked_at(degradation, degraded) or is_to_be_found(degradation, degraded)
    if not (masked or found):
        bound, other = (degradation.in_pixels(resolution, side) for side in (1.0, 2.0))
        if bound == other:  # else how wide 100px are depends on the size of the photo's face
            bound.bind(torch.zeros(1, 3, resolution, resolution), degraded=False)


def refuse_all_faces(config: Config) -> None:
    """A sweep compares settings on one face of a photo. Raises ConfigError."""
    align = config.values["align"]
    if align and align["face"] == ALL:
        raise ConfigError(
            "align.face=all restores every face of a photo with one setting. Got it in a sweep; align.face=0,1 sweeps "
            "over two faces, and without -m all of them are restored."
        )


def named(words: Sequence[str], axes: Collection[str]) -> str:
    """A point among the others of its sweep: reg=0.1 steps=500."""
    return " ".join(word.lstrip("+") for word in words if key_of(word) in axes)


def _values(override: Override) -> list[str]:
    if override.is_discrete_sweep() and number_of_values(override) <= MAX_POINTS:
        return list(override.sweep_string_iterator())
    return [override.get_value_string()]  # an interval, or as good as one: the sampler picks from it


def _is_relevant(word: str) -> bool:
    return key_of(word).split(".")[0] not in IGNORED - {"image", "generator"}


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
