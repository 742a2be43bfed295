"""points=FILE: a sweep over the rows of a table, such as photos that each have steps and reg of their own."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict

from conf.arrives import with_degradation
from conf.file_names import quote, spelled
from inversion.errors import ConfigError
from sweeps.plan.composer import key_of

POINTS = "points"
ELSEWHERE = (POINTS, "seeds", "hydra", "tracking", "launcher", "rerun")  # of the whole sweep, no point's own


def read_points(path: str | Path) -> list[list[str]]:
    """Each row as words of the command line: [["image=a.jpg", "reg=0.3", "steps=500"], …].

    path: a CSV file. Its first line names settings, every other line is a point with a value for each of them,
    spelled as on the command line; paths start in the current folder, as there. Separated by commas or semicolons.
    Raises ConfigError.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{POINTS} must be a CSV file in UTF-8. Got {path}.") from error
    first = text.partition("\n")[0]
    lines = list(csv.reader(io.StringIO(text), delimiter=";" if ";" in first and "," not in first else ","))
    lines = [[cell.strip() for cell in line] for line in lines if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise ConfigError(
            f"{path} must name settings in its first line and give a point in each other line, such as "
            "image,reg,steps and then me.jpg,0.5,300. Got no point."
        )
    keys = lines[0]
    if len(set(keys)) < len(keys) or not all(keys):
        raise ConfigError(f"Every column of {path} needs a setting of its own. Got {', '.join(keys)}.")
    if unfit := [key for key in keys if key.lstrip("+~").split(".")[0] in ELSEWHERE]:
        raise ConfigError(
            f"{unfit[0]} holds for the whole sweep. Got it as a column of {path}; say it beside."
        )
    return [_words(path, keys, line) for line in lines[1:]]


def take_points(config: DictConfig) -> None:
    """Write a table that an experiment or the command line names into what Hydra starts jobs from.

    config: a sweep's own, as Hydra hands it to callbacks. Raises ConfigError for a sweeper that chooses its points as
    it goes.
    """
    path = config.get(POINTS)
    if path is None:
        return
    if not config.hydra.sweeper["_target_"].endswith(".CheckedSweeper"):
        name = config.hydra.sweeper["_target_"].rpartition(".")[2]
        raise ConfigError(f"{POINTS} lists the points itself. Got {name}, which chooses them; leave one out.")
    task = config.hydra.overrides.task
    with open_dict(config):
        config.hydra.overrides.task = [word for word in task if not str(word).startswith(f"{POINTS}=")]
        config.hydra.overrides.task.append(f"{POINTS}={quote(os.path.abspath(os.path.expanduser(path)))}")


def refuse_without_sweep(config: DictConfig) -> None:
    """A single run has one point. Raises ConfigError."""
    if config.get(POINTS) is not None:
        raise ConfigError(
            f"{POINTS}={config[POINTS]} lists a sweep's points, and this is a single run: add -m."
        )


def table_of(overrides: Sequence[Override]) -> str | None:
    """The table among a sweep's overrides."""
    return next((str(o.value()) for o in overrides if o.get_key_element() == POINTS and o.value()), None)


def split(overrides: Sequence[Override], most: int | None = None) -> list[list[list[str]]]:
    """Every point's words in batches of at most `most`: the product of all axes; each row of a table with it.

    A point that arrives degraded means what it means on the command line: without a degradation, degradation=auto.
    Raises ConfigError for a setting that the table and the command line both give.
    """
    found = BasicSweeper.split_arguments(list(overrides), None)[0]
    table = table_of(overrides)
    if table is not None:
        rows = read_points(table)
        given = {key_of(override.get_key_element()) for override in overrides}
        if both := [key for key in map(key_of, rows[0]) if key in given]:
            raise ConfigError(
                f"{both[0]} is a column of {table}. Got it on the command line as well; leave one out."
            )
        found = [[*words, *row] for row in rows for words in found]
    found = [with_degradation(words) for words in found]
    return list(BasicSweeper.split_overrides_to_chunks(found, most)) if found else []


def columns_of(path: str | Path) -> list[str]:
    """The first line of a table. Raises ConfigError."""
    return [word.partition("=")[0] for word in read_points(path)[0]]


def axes_of(overrides: Sequence[Override]) -> dict[str, list[str]]:
    """The columns of the table, and each one's values as they are spelled there; nothing without a table."""
    table = table_of(overrides)
    axes: dict[str, dict[str, None]] = {}
    for row in read_points(table) if table is not None else ():
        for word in row:
            axes.setdefault(key_of(word), {})[word.partition("=")[2]] = None
    return {key: list(values) for key, values in axes.items()}


def _words(path: str | Path, keys: Sequence[str], line: Sequence[str]) -> list[str]:
    where = f"{path}, {','.join(line)}"
    if len(line) != len(keys) or not all(line):
        raise ConfigError(f"Every point needs a value for each of {', '.join(keys)}. Got {where}.")
    words = spelled([f"{key}={cell}" for key, cell in zip(keys, line, strict=True)])
    for word in words:
        try:
            override = OverridesParser.create().parse_override(word)
        except HydraException as error:
            raise ConfigError(f"This is no value of a setting: {word}. Got {where}.") from error
        if override.is_sweep_override():
            raise ConfigError(
                f"A point has one value per setting. Got {word} in {where}; put it into two lines."
            )
    return words
