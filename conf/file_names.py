"""Names of files on the command line, spelled as Hydra's grammar wants them.

Hydra reads image=a (1).jpg as a mistake, image=a,b.jpg as two photos, image=2024 as a number and image=照片.jpg not at
all. What is there on disk is meant as it is typed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

# Settings whose values are files or folders.
FILES = (
    "image",
    "input.image",
    "points",
    "start",
    "align.landmarks",
    "input.align.landmarks",
    "degradation.mask",
    "input.mask",
    "generator.path",
    "loss.vgg_path",
    "loss.heads_path",
    "tracking.artifacts",
)


def spelled(words: Sequence[str]) -> list[str]:
    """The words of a command line, its files quoted where Hydra would read something else; all others unchanged.

    A name that is there wins over a grid: a,b.jpg is one photo where it exists, else a and b.jpg are two.
    """
    return [_spelled(word) for word in words]


def hint(words: Sequence[str], command: str) -> str | None:
    """What to type instead, where a name lacks its setting or has fallen apart at its spaces; None: nothing to say.

    words: without the command itself, which the hint begins with.
    """
    start = 0  # of the last setting
    for i, word in enumerate(words):
        setting, equals, name = word.partition("=")
        start = i if equals else start
        if setting.lstrip("+") in FILES and "${" in name and os.path.exists(name):
            return (
                f"A file whose name contains ${{ cannot be named here, ${{…}} refers to another setting. Got {word}; "
                "rename it, or give the folder that it lies in."
            )
        if equals or word.startswith("-") or (i and words[i - 1].startswith("-")):
            continue  # the last is an option's value
        setting, _, name = " ".join(words[start : i + 1]).partition("=")
        if (found := _path(name)) is not None:
            right = f"{setting}={found}"
        elif (found := _path(word)) is not None:
            right, start = f"image={found}", i
        else:
            continue
        line = shlex.join([*words[:start], right, *words[i + 1 :]])
        return f"{word!r} is no setting. Got {shlex.join(words)}; this would work:\n  {command} {line}"
    return None


def quote(name: str) -> str:
    """A name as Hydra's grammar takes it literally: 'a (1).jpg'."""
    return QuotedString(name, Quote.single).with_quotes()


def _spelled(word: str) -> str:
    setting, _, value = word.partition("=")
    if setting.lstrip("+") not in FILES or value == "null":
        return word
    read = _read(word)
    if names := _names(value):
        return word if read == names else f"{setting}={','.join(quote(name) for name in names)}"
    return f"{setting}={quote(value)}" if read is None else word


def _names(value: str) -> list[str]:
    """The files that a value names: itself, or its parts between commas, the longest first; [] unless all are there."""
    if (whole := _path(value)) is not None:
        return [whole]
    parts = value.split(",")
    for end in range(len(parts) - 1, 0, -1):
        first = _path(",".join(parts[:end]).strip())
        if first is not None and (others := _names(",".join(parts[end:]).strip())):
            return [first, *others]
    return []


def _path(name: str) -> str | None:
    """The name as it can be opened, a leading ~ as the home folder where the shell left it; None: not there."""
    candidates = (name, os.path.expanduser(name)) if name else ()
    return next((path for path in candidates if os.path.exists(path)), None)


def _read(word: str) -> list[object] | None:
    """What Hydra makes of a word: its value, or its values in a grid; None where the grammar refuses it."""
    try:
        override: Override = OverridesParser.create().parse_override(word)
        if not override.is_sweep_override():
            return [override.value()]
        return list(override.sweep_iterator()) if override.is_choice_sweep() else []
    except (HydraException, ValueError, RecursionError):  # see conf/unreadable.py
        return None
