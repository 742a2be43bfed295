"""What Hydra dies of instead of refusing it, said in one line: words that its grammar runs out of numbers or stack at,
and files of --config-dir that are no YAML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from inversion.reading.printable import printable

FOLDER = ("--config-dir", "-cd")  # options that name a folder of files beside conf/
DIES = (ValueError, OverflowError, RecursionError)  # numbers of 5,000 digits, range(1,2,0), [[[[…


def unreadable(words: Sequence[str]) -> str | None:
    """What is wrong with a command line, its own files included; None: nothing, or what Hydra says by itself."""
    for word in words:
        if word.startswith("-"):
            continue
        try:
            number_of_values(OverridesParser.create().parse_override(word))
        except HydraException:
            continue
        except DIES as error:
            return f"This is no value of a setting: {printable(word, 80)} ({printable(error, 100)})."
    for file in _own_files(words):
        try:
            OmegaConf.load(file)
        except (yaml.YAMLError, OmegaConfBaseException, OSError, *DIES) as error:
            return f"This is no file of settings: {printable(file, 200)} ({printable(error, 200)})."
    return None


def number_of_values(override: Override) -> int:
    """How many a word of the command line gives its setting. Raises ValueError, OverflowError for an endless range."""
    value = override.value()
    if isinstance(value, RangeSweep) and value.start is not None and value.stop is not None:
        if not value.step:
            raise ValueError("a range needs a step")
        return max(0, math.ceil((value.stop - value.start) / value.step))
    return len(value.list) if isinstance(value, ChoiceSweep) else 1


def _own_files(words: Sequence[str]) -> Iterator[Path]:
    """Files of --config-dir that a word chooses: experiment=mine is experiment/mine.yaml."""
    folders = [
        Path(value if equals else following)
        for word, following in zip(words, [*words[1:], ""], strict=True)
        for option, equals, value in [word.partition("=")]
        if option in FOLDER
    ]
    for word in words:
        group, _, names = word.lstrip("+").partition("=")
        for name in names.strip("[]").split(","):
            for folder in folders:
                file = folder / group.partition("@")[0] / f"{name.strip()}.yaml"
                if not word.startswith("-") and len(str(file)) < 4096 and file.is_file():
                    yield file
