"""points=FILE: a sweep over the rows of a table, such as photos that each have steps and reg of their own."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict

from conf.arrives import with_degradation
from conf.file_names import quote, spelled
from inversion.errors import ConfigError
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular
from sweeps.plan.composer import key_of
from sweeps.plan.sweeper import is_checked, name_of

POINTS = "points"
MAX_BYTES = 4 << 20  # of a table
MAX_POINTS = 20_000  # of a table; each takes a millisecond to check, and seconds to run
# Settings that take the dotted path of a class or function.
CLASSES = ("metrics", "prior", "optimizer", "space")
RESOLVER = re.compile(r"\$\{.*:", re.DOTALL)  # ${oc.decode:…} makes any settings out of a text
NO_CODE = (
    "A table of points chooses no code. Got {}; a file of --config-dir would work, and its name as a value of "
    "the table."
)
ELSEWHERE = (POINTS, "seeds", "hydra", "tracking", "launcher", "rerun")  # of the whole sweep, no point's own


def read_points(path: str | Path) -> list[list[str]]:
    """Each row as words of the command line: [["image=a.jpg", "reg=0.3", "steps=500"], …].

    path: a CSV file. Its first line names settings, every other line is a point with a value for each of them,
    spelled as on the command line; paths start in the current folder, as there. Separated by commas or semicolons.
    At most MAX_POINTS points and MAX_BYTES. Neither a column nor a value may name code: what is built (`_target_`), or
    a class or function of somebody's own.
    Raises ConfigError.
    """
    shown = printable(path, 200)
    lines = [[cell.strip() for cell in line] for line in _lines(path) if any(cell.strip() for cell in line)]
    if not 2 <= len(lines) <= MAX_POINTS + 1:
        raise ConfigError(
            f"{shown} must name settings in its first line and give a point in each other line, such as "
            f"image,reg,steps and then me.jpg,0.5,300; {MAX_POINTS:,} at most. "
            f"Got {f'{len(lines) - 1:,} points' if len(lines) > 1 else 'no point'}."
        )
    keys = lines[0]
    if len(set(keys)) < len(keys) or not all(keys):
        raise ConfigError(
            f"Every column of {shown} needs a setting of its own. Got {printable(', '.join(keys), 200)}."
        )
    for key in keys:
        first, *rest = re.split(r"[./@:]", key.lstrip("+~"))
        if first in ELSEWHERE:
            raise ConfigError(
                f"{printable(key, 80)} holds for the whole sweep. Got it as a column of {shown}; say it beside."
            )
        if any(part.startswith("_") for part in (first, *rest)):
            raise ConfigError(NO_CODE.format(f"the column {printable(key, 80)} in {shown}"))
    return [_words(shown, keys, line) for line in lines[1:]]


def _lines(path: str | Path) -> list[list[str]]:
    """The cells of a CSV file. Raises ConfigError."""
    try:
        file = Path(path).expanduser()
        if (size := size_of_regular(file)) > MAX_BYTES:
            raise OSError(f"it has {size:,} bytes, of which at most {MAX_BYTES:,} are read")
        text = file.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = ";" if ";" in first and "," not in first else ","
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    # RuntimeError: no home folder of that name; csv.Error: a field without end.
    except (OSError, ValueError, RuntimeError, csv.Error) as error:
        raise ConfigError(
            f"{POINTS} must be a CSV file in UTF-8. Got {printable(path, 200)} ({printable(error, 200)})."
        ) from error


def take_points(config: DictConfig) -> None:
    """Write a table that an experiment or the command line names into what Hydra starts jobs from.

    config: a sweep's own, as Hydra hands it to callbacks. Raises ConfigError for a sweeper that chooses its points as
    it goes.
    """
    path = config.get(POINTS)
    if path is None:
        return
    if not is_checked(config):
        raise ConfigError(
            f"{POINTS} lists the points itself. Got {name_of(config)}, which chooses them; leave one out."
        )
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


def rows_of(overrides: Sequence[Override]) -> list[list[str]]:
    """As `read_points`, of the table among a sweep's overrides; nothing without one. A millisecond per row."""
    table = table_of(overrides)
    return [] if table is None else read_points(table)


def split(
    overrides: Sequence[Override], rows: Sequence[Sequence[str]], most: int | None = None
) -> list[list[list[str]]]:
    """Every point's words in batches of at most `most`: the product of all axes; each row of a table with it.

    rows: as `rows_of` has them. A point that arrives degraded means what it means on the command line: without a
    degradation, degradation=auto.
    Raises ConfigError for a setting that the table and the command line both give.
    """
    found = BasicSweeper.split_arguments(list(overrides), None)[0]
    if rows:
        given = {key_of(override.get_key_element()) for override in overrides}
        if both := [key for key in map(key_of, rows[0]) if key in given]:
            raise ConfigError(
                f"{both[0]} is a column of {table_of(overrides)}. Got it on the command line as well; leave one out."
            )
        found = [[*words, *row] for row in rows for words in found]
    found = [with_degradation(words) for words in found]
    return list(BasicSweeper.split_overrides_to_chunks(found, most)) if found else []


def axes_of(rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The columns of a table, and each one's values as they are spelled there. rows: as `rows_of` has them."""
    axes: dict[str, dict[str, None]] = {}
    for row in rows:
        for word in row:
            axes.setdefault(key_of(word), {})[word.partition("=")[2]] = None
    return {key: list(values) for key, values in axes.items()}


def _words(path: str, keys: Sequence[str], line: Sequence[str]) -> list[str]:
    """path: as it is shown."""
    where = f"{path}, {printable(','.join(line), 200)}"
    if len(line) != len(keys) or not all(line):
        raise ConfigError(
            f"Every point needs a value for each of {printable(', '.join(keys), 200)}. Got {where}."
        )
    words = spelled([f"{key}={cell}" for key, cell in zip(keys, line, strict=True)])
    for word in words:
        try:
            override = OverridesParser.create().parse_override(word)
        except (HydraException, ValueError, RecursionError) as error:  # ValueError: numbers of 5,000 digits
            raise ConfigError(
                f"This is no value of a setting: {printable(word, 80)}. Got {where}."
            ) from error
        if override.is_sweep_override():
            raise ConfigError(
                f"A point has one value per setting. Got {printable(word, 80)} in {where}; put it into two lines."
            )
        if _chooses_code(override.value(), key_of(word).rpartition(".")[2]):
            raise ConfigError(NO_CODE.format(f"{printable(word, 80)} in {where}"))
    return words


def _chooses_code(value: object, key: str) -> bool:
    """Whether settings that are built from this value may be of any class. key: whose value it is."""
    if isinstance(value, Mapping):
        return any(
            str(name).startswith("_") or _chooses_code(child, str(name)) for name, child in value.items()
        )
    if isinstance(value, (list, tuple)):
        return any(_chooses_code(child, key) for child in value)
    text = str(value)
    return RESOLVER.search(text) is not None or (key in CLASSES and any(mark in text for mark in ".$"))
