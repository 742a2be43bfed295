"""Refuse a composed configuration that cannot work, before anything is loaded: what came, what would work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conf.derived import schema
from conf.ranges import RANGES
from inversion.errors import ConfigError

NODES = ("generator", "degradation", "loss", "input")  # objects that Hydra builds
ALIGN = {"face": None, "landmarks": None}
NO = ("0", "no", "off", "none", "false")
YES = ("1", "yes", "on", "true")


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, `align` in one spelling. values: resolved, in plain types. Raises ConfigError."""
    settled = dict(values)
    for group in (*NODES, "tracking", "launcher"):
        if not isinstance(settled.get(group), Mapping):
            raise ConfigError(
                f"{group} must be a file of conf/{group}. Got {group}={settled.get(group)}; "
                "leave it out for the default."
            )
    if "align" in settled:
        settled["align"] = one_spelling(settled["align"], "align")
    if "align" in settled["input"]:
        settled["input"] = {
            **settled["input"],
            "align": one_spelling(settled["input"]["align"], "input.align"),
        }
    for key, node in nodes(settled):
        check_arguments(key, node)
    for key, name, value in numbers(settled):
        check_number(key, name, value)
    return settled


def one_spelling(value: Any, key: str) -> Any:
    """False, or the settings of the alignment: no, off, none, null and 0 mean false, yes, on and 1 the default."""
    if isinstance(value, Mapping):
        if unknown := value.keys() - ALIGN.keys():
            raise ConfigError(f"{key} has face and landmarks. Got {key}.{min(unknown)}.")
        face, landmarks = value.get("face"), value.get("landmarks")
        if not (landmarks is None or isinstance(landmarks, str)):
            raise ConfigError(
                f"{key}.landmarks must be the path of dlib's 68-point file, mesh, or null. Got {landmarks}."
            )
        check_number(f"{key}.face", "align.face", face)
        return value
    spelled = str(value).lower()
    if spelled in NO:
        return False
    if spelled in YES:
        return dict(ALIGN)
    raise ConfigError(
        f"{key} must be false, for a photo in FFHQ framing already, or say which face is aligned. "
        f"Got {key}={value}; {key}=false or {key}.face=1 would work."
    )


def nodes(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every object that Hydra builds, the steps of a composed degradation among them."""
    for group in NODES:
        node = values[group]
        yield group, node
        steps = node.get("steps")
        for i, step in enumerate(steps if isinstance(steps, list) else ()):
            yield f"{group}.steps.{i}", step


def check_arguments(key: str, node: Any) -> None:
    """Names and types, as far as the source of what is built can be read. Raises ConfigError."""
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key} must name what it builds by _target_. Got {node}.")
    _check_arguments(key, node["_target_"], json.dumps(node, sort_keys=True))


@lru_cache(maxsize=1024)
def _check_arguments(key: str, target: str, node: str) -> None:
    """Once for all points of a sweep that have this node, which comes as text: OmegaConf takes a millisecond for it."""
    known = schema(target)
    if known is None:
        return
    given = {name: value for name, value in json.loads(node).items() if not name.startswith("_")}
    try:
        OmegaConf.merge(OmegaConf.structured(known), given)
    except OmegaConfBaseException as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{key} cannot be used: {first}. It takes {_names(known)}.") from error


def numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every setting that has a range: its place on the command line, its name in RANGES, its value."""
    for name in RANGES:
        group, _, last = name.rpartition(".")
        if not group and name in values:
            yield name, name, values[name]
        elif group in ("tracking", "launcher") and last in values[group]:
            yield name, name, values[group][last]
    for i, phase in enumerate(values.get("phases", ())):
        yield from ((f"phases.{i}.{last}", f"Phase.{last}", value) for last, value in phase.items())
    for key, node in nodes(values):
        built = node["_target_"].rpartition(".")[2]
        yield from ((f"{key}.{last}", f"{built}.{last}", value) for last, value in node.items())


def check_number(key: str, name: str, value: Any) -> None:
    """None is left to the constructor. Raises ConfigError."""
    allowed = RANGES.get(name)
    if allowed is None or value is None:
        return
    for each in value if isinstance(value, list) else [value]:
        if each not in allowed:
            raise ConfigError(f"{key} must be {allowed}. Got {key}={value}; {allowed.example} would work.")


def _names(known: type) -> str:
    names = [name for name in known.__dataclass_fields__ if not name.startswith("_")]  # type: ignore[attr-defined]
    return ", ".join(names) or "no arguments"
