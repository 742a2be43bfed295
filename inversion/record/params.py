"""A composed config as MLflow's flat params, and names that MLflow accepts."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_KEY, MAX_PARAM_VALUE = 250, 6000  # characters (mlflow.utils.validation)


def flatten(config: Mapping[str, Any]) -> dict[str, str]:
    """A composed config as MLflow params: dotted keys, values spelt as on Hydra's command line.

    {"loss": {"lpips": 1.0}, "phases": [{"steps": 5}], "box": [1, 2], "seed": None} →
    {"loss.lpips": "1.0", "phases.0.steps": "5", "box": "[1, 2]", "seed": "null"}

    Keys are cleaned (`clean_key`). MLflow cuts values over 6000 characters without a word; here they end in a
    note that sends the reader to the run's config.yaml, which holds everything.
    """
    flat: dict[str, str] = {}
    for name, value in _leaves(config, ()):
        key = clean_key(name)
        while key in flat:  # two names that differ only in what MLflow refuses
            key = clean_key(f"{key}_")
        text = utf8(_spell(value))
        if len(text) > MAX_PARAM_VALUE:
            note = f"… [{len(text)} characters in all: see config.yaml]"
            text = text[: MAX_PARAM_VALUE - len(note)] + note
        flat[key] = text
    return flat


def utf8(text: str) -> str:
    """A text that a database takes: the bytes of a file's name that are no letters are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def clean_key(name: str) -> str:
    """The nearest name that MLflow accepts: letters, digits, `_ . - / :` and space, at most 250 characters.

    A longer name keeps its beginning and gets a digest of the whole, so that two of them stay apart.
    """
    key = re.sub(r"[^\w./: -]", "_", name).strip() or "_"
    key = posixpath.normpath(key).replace("..", "__").lstrip("/")
    key = key if key not in ("", ".") else "_"
    if len(key) > MAX_KEY:
        key = f"{key[: MAX_KEY - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return key


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, str(key)))
    elif _is_list(value) and any(isinstance(item, Mapping) or _is_list(item) for item in value):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, str(index)))
    else:
        yield ".".join(path), value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _spell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if _is_list(value):
        return "[" + ", ".join(_spell(item) for item in value) + "]"
    return "{}" if isinstance(value, Mapping) else str(value)  # only an empty mapping is a leaf
