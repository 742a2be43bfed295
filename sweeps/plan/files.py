"""Which settings name files, so that these can be sent to another machine and found there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sweeps.plan.fingerprint import FILES, PATHS, is_word

KEYS = PATHS | FILES | {"path"}  # wherever they occur; path: of a checkpoint


def named(values: Any, key: str = "") -> Iterator[str]:
    """Every file or folder that settings in plain types name, as they name it."""
    if isinstance(values, Mapping):
        for name, child in values.items():
            yield from named(child, name)
    elif isinstance(values, (list, tuple)):
        for child in values:
            yield from named(child, key)
    elif names_file(key, values):
        yield values


def located(values: Any, here: Mapping[str, str], key: str = "") -> Any:
    """The same settings with the files of this machine. here: a file as the settings name it -> where it lies."""
    if not here:
        return values
    if isinstance(values, Mapping):
        return {name: located(child, here, name) for name, child in values.items()}
    if isinstance(values, (list, tuple)):
        return [located(child, here, key) for child in values]
    return here.get(values, values) if names_file(key, values) else values


def names_file(key: str, value: Any) -> bool:
    return key in KEYS and isinstance(value, str) and not is_word(key, value)
