"""Which settings a sweep varies, in what order they are shown, and what they are called."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from inversion.length import SPELLED
from sweeps.plan.fingerprint import IGNORED

Value: TypeAlias = int | float | str  # null, booleans and lists stay texts, spelt as on the command line

# Another photo or another seed repeats a cell: that is what intervals are made of, not an axis.
REPEATS = {"image", "input.image", "input.seed", "seed"}
NO_AXES = (IGNORED - {"generator"}) | REPEATS
FIRST = ("generator._target_", "generator.name", "loss._target_", "degradation._target_", "reg", "steps")
CHECKPOINT = "checkpoint"  # the file's hash: no setting, but two nets under one name are two nets
MOST_CELLS = 5000  # of a product of axes that is still a grid
FILLED = 0.5  # of the product must have runs; random search fills far less


@dataclass(frozen=True)
class Axis:
    """One setting that differs among runs."""

    key: str  # its MLflow param and its column: "reg", "degradation.kernel_size", "loss._target_"
    values: tuple[Value, ...]  # numbers by size, then texts
    followers: tuple[str, ...] = ()  # settings that this one decides, such as a degradation its preset's reg

    @property
    def setting(self) -> str:
        """As the command line spells it: loss._target_ is chosen by loss=…"""
        return self.key.removesuffix("._target_")

    @property
    def label(self) -> str:
        """For people: degradation.kernel_size -> kernel size."""
        return self.setting.rsplit(".", 1)[-1].replace("_", " ")

    @property
    def is_numeric(self) -> bool:
        return not any(isinstance(value, str) for value in self.values)


@dataclass(frozen=True)
class Layout:
    """Where each axis goes: down, across, and one panel per combination of the others."""

    down: Axis | None
    across: Axis | None
    panels: tuple[Axis, ...]


def spell(value: object) -> str:
    """0.001 -> 0.001, 100000.0 -> 100000, True -> true."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def parse(text: str) -> Value:
    """'100' -> 100, '0.1' -> 0.1; anything else, nan and infinities included, stays a text."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < float("inf") else text


def find_axes(params: pd.DataFrame, declared: Sequence[str] = ()) -> tuple[Axis, ...]:
    """The settings that differ among runs, the most telling first.

    params: a row per run, a column per MLflow param, texts; a param that a run lacks is NaN.
    declared: what the sweep was asked to vary, as on its command line: these come first, in that order. A
              setting that another axis decides (a preset's reg, the copy of a key inside a group) is that
              one's follower.
    """
    texts = params.fillna("null").astype(str)
    differing = [key for key in map(str, texts.columns) if texts[key].nunique() > 1 and not _ignored(key)]
    named = [key for name in declared for key in differing if _belongs(key, name)]
    named = list(dict.fromkeys(named))
    others = sorted((key for key in differing if key not in named), key=_rank)
    leaders: dict[str, list[str]] = {}
    chosen = {name for name in declared if name in differing}
    for key in [*named, *others]:
        leader = None if key in chosen else next((a for a in leaders if _decides(texts, a, key)), None)
        if leader is None:
            leaders[key] = []
        else:
            leaders[leader].append(key)
    return tuple(
        Axis(key, order(set(column(texts[key]))), tuple(followers)) for key, followers in leaders.items()
    )


def column(texts: pd.Series) -> list[Value]:
    """A param's texts as values: a `_target_` is named by its module, everything else is parsed."""
    if not str(texts.name).endswith("._target_"):
        return [parse(text) for text in texts]
    stems = texts.map(lambda text: text.rsplit(".", 2)[-2] if text.count(".") > 1 else text)
    return list(
        stems if stems.nunique() == texts.nunique() else texts.map(lambda text: text.rsplit(".", 1)[-1])
    )


def order(values: set[Value]) -> tuple[Value, ...]:
    """Numbers by size, then lengths with a unit by unit and size, then other texts."""

    def place(text: str) -> tuple[bool, str, float, str]:
        found = SPELLED.fullmatch(text)
        return (True, "", 0.0, text) if found is None else (False, found[2], float(found[1]), text)

    numbers = sorted(value for value in values if not isinstance(value, str))
    return (*numbers, *sorted((value for value in values if isinstance(value, str)), key=place))


def is_grid(axes: Sequence[Axis], combinations: int) -> bool:
    """Whether at least half of all combinations were run, so that the rest is missing and not just not asked for."""
    cells = 1
    for axis in axes:
        cells *= len(axis.values)
    return cells <= MOST_CELLS and combinations >= FILLED * cells


def arrange(axes: Sequence[Axis]) -> Layout:
    """steps run across and reg down where they are axes; else numbers before texts, many values before few."""
    left = list(axes)

    def take(wanted: str) -> Axis | None:
        if not left:
            return None
        best = max(left, key=lambda a: (a.key == wanted, a.key != "reg", a.is_numeric, len(a.values)))
        left.remove(best)
        return best

    across, down = take("steps"), take("reg")
    return Layout(down, across, tuple(left))


def overrides(point: pd.Series | Mapping[Any, Any], axes: Sequence[Axis]) -> str:
    """What sets this point on run.py's command line: reg=0.1 steps=500."""
    words = []
    for axis in axes:
        if axis.key not in (CHECKPOINT, "photo"):
            words.append(shlex.quote(f"{axis.setting}={spell(point[axis.key])}"))
    return " ".join(words)


def describe(point: pd.Series | Mapping[Any, Any], axes: Sequence[Axis]) -> str:
    """reg 0.1, steps 500; 'the only setting' without axes."""
    return ", ".join(f"{axis.label} {spell(point[axis.key])}" for axis in axes) or "the only setting"


def _ignored(key: str) -> bool:
    return key in NO_AXES or key.split(".")[0] in NO_AXES


def _belongs(key: str, name: str) -> bool:
    """Whether a param is what the command line calls `name`: itself, or a part of the group."""
    return key == name or key.startswith(f"{name}.")


def _rank(key: str) -> tuple[int, bool, int, str]:
    known = FIRST.index(key) if key in FIRST else len(FIRST)
    return known, key.startswith("input."), key.count("."), key


def _decides(texts: pd.DataFrame, leader: str, key: str) -> bool:
    return bool((texts.groupby(leader)[key].nunique() == 1).all())
