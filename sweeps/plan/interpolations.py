"""Which settings follow from which others: what ${…} in a composed configuration may read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import Container, DictConfig

READS_BY_NAME = ("oc.select", "oc.deprecated", "oc.dict")  # resolvers whose arguments are keys
NAME = re.compile(r"[\w.]+")


def followers(config: DictConfig, keys: Sequence[str]) -> dict[str, set[str]]:
    """Settings that may follow from any of these keys -> from which.

    Decided by what is written, without resolving anything: every name within ${…} counts as read, a name above or below
    a key as that key, and what cannot be told, such as a name that is itself computed, as reading all of them. A key
    itself is going to be set, and follows from nothing.
    """
    keys = [dotted(key) for key in keys]
    texts = {path: text for path, text in _interpolations(config) if path not in keys}
    reads = {path: _read_directly(text, keys) for path, text in texts.items()}
    through = {
        path: [other for other in texts if other != path and any(_related(n, other) for n in _names(text))]
        for path, text in texts.items()
    }
    for _ in texts:  # as often as the longest chain can be
        for path, others in through.items():
            reads[path] = reads[path].union(*(reads[other] for other in others))
    return {path: read for path, read in reads.items() if read}


def _read_directly(text: str, keys: Sequence[str]) -> set[str]:
    nested = text.count("${") > 1 and any(name in text for name in READS_BY_NAME)
    if nested or "${." in text:  # computed or relative names
        return set(keys)
    return {key for key in keys if any(_related(name, key) for name in _names(text))}


def _names(text: str) -> list[str]:
    return [name.strip(".") for name in NAME.findall(dotted(text))]


def _related(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.") or key.startswith(f"{name}.")


def dotted(key: str) -> str:
    """phases[0].steps -> phases.0.steps"""
    return key.replace("[", ".").replace("]", "")


def _interpolations(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Place and text of every interpolation."""
    if not isinstance(node, Container):
        return
    if node._is_interpolation():
        yield path, str(node._value())
        return
    if node._is_none() or node._is_missing():
        return
    content: Any = node._content  # nodes as they are: reading them would resolve them
    pairs = enumerate(content) if isinstance(content, list) else content.items()
    for key, child in pairs:
        place = f"{path}.{key}".strip(".")
        if child is not None and child._is_interpolation():
            yield place, str(child._value())
        else:
            yield from _interpolations(child, place)
