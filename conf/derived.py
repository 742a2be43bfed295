"""A structured config for every class that a YAML file builds, made from the class's own arguments."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import field, make_dataclass
from functools import cache
from typing import Any, Optional, Union

from omegaconf import MISSING

from conf.constructors import arguments

Field = tuple[str, Any, Any]  # name, type, dataclasses.field(…)

PRIMITIVES = {"int": int, "float": float, "str": str, "bool": bool, "Path": str}
LISTS = ("list", "List", "Sequence", "tuple", "Tuple", "Iterable")


@cache
def schema(target: str) -> type | None:
    """A dataclass that OmegaConf checks keys and types by; None where the class's source cannot be read.

    target: as in `_target_`. A list of objects brings `_convert_: all`: without it Hydra would hand over configs in
    the place of the objects that it has built.
    """
    if arguments(target) is None:
        return None
    own = arguments_as_fields(target)
    fields: list[Field] = [("_target_", str, field(default=target))]
    if any(kind == list[Any] for _, kind, _ in own):
        fields.append(("_convert_", str, field(default="all")))
    return make_dataclass(target.rpartition(".")[2], fields + own)


def arguments_as_fields(
    target: str,
    *,
    without: Collection[str] = (),
    types: Mapping[str, Any] | None = None,  # where they are not what the annotation says
    missing: bool = False,  # no defaults: a YAML file has them
) -> list[Field]:
    """For make_dataclass. Raises ValueError where the source cannot be read."""
    known = arguments(target)
    if known is None:
        raise ValueError(f"{target} has no Python source that can be read")
    return [
        (
            argument.name,
            (types or {}).get(argument.name, value_type(argument.annotation)),
            _default(MISSING if missing else argument.default),
        )
        for argument in known
        if argument.name not in without
    ]


def value_type(annotation: ast.expr | None) -> Any:
    """The type that OmegaConf checks a value by; Any where it has no such type.

    A whole number passes for a float, so a union that has float has int, too; `float | None` alone makes 1.0 of 1.
    """
    kinds = list(dict.fromkeys(_kinds(annotation)))
    optional, kinds = None in kinds, [kind for kind in kinds if kind is not None]
    if (
        not kinds
        or Any in kinds
        or (len(kinds) > 1 and not all(kind in PRIMITIVES.values() for kind in kinds))
    ):
        return Any
    if len(kinds) > 1 and float in kinds and int not in kinds:
        kinds.insert(0, int)
    kind = kinds[0] if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007 - of a list that is known at run time
    return Optional[kind] if optional else kind  # noqa: UP045 - as above


def _kinds(node: ast.expr | None) -> list[Any]:
    """The members of a union, None for None."""
    match node:
        case ast.Constant(value=None):
            return [None]
        case ast.Constant(value=str() as text):
            return _kinds(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _kinds(left) + _kinds(right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return [*_kinds(inner), None]
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            return [kind for member in members for kind in _kinds(member)]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choice):
            members = choice.elts if isinstance(choice, ast.Tuple) else [choice]
            return [type(each.value) if isinstance(each, ast.Constant) else Any for each in members]
        case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in LISTS:
            first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
            return [list[value_type(first)]]  # type: ignore[misc]
        case ast.Name(id=name):
            return [PRIMITIVES.get(name, Any)]
        case _:
            return [Any]


def _default(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return field(default_factory=lambda: list(value))
    return field(default_factory=lambda: dict(value)) if isinstance(value, dict) else field(default=value)
