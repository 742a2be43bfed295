"""What a class or function takes, read from its source instead of by importing it: --help must not wait for torch."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import MISSING

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor."""

    name: str
    annotation: ast.expr | None
    default: Any  # MISSING: it must be given
    meaning: str  # its trailing comment, else its line `name: …` of the docstring; "" without either


class Unreadable(Exception):
    """No Python source, or a default that only running the code can tell."""


@cache
def arguments(target: str) -> tuple[Argument, ...] | None:
    """Of the class or function that `_target_` names; None where its source cannot be read.

    Fields of a dataclass, its bases' first, without those that `bind` fills in: field(…, compare=False or repr=False).
    """
    module, _, name = target.rpartition(".")
    try:
        return tuple(_by_name(module, name).values())
    except (Unreadable, OSError, SyntaxError):
        return None


def comments(source: str) -> dict[int, str]:
    """Line number → the comment at its end; lines of nothing but a comment are left out."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
            found[token.start[0]] = token.string.lstrip("# ").strip()
    return found


@dataclass(frozen=True)
class _Module:
    name: str
    tree: ast.Module
    comments: dict[int, str]
    is_package: bool

    def imported(self, name: str) -> tuple[str, str] | None:
        """Module and name from which `from … import name` takes it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._absolute(node), alias.name
        return None

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        package = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*package, *filter(None, [node.module])])

    def value(self, node: ast.expr) -> Any:
        """A literal, or a constant of the module that is one; MISSING is OmegaConf's."""
        if isinstance(node, ast.Name) and node.id == "MISSING":
            return MISSING
        if isinstance(node, ast.Name):
            for line in self.tree.body:
                if isinstance(line, ast.Assign) and any(ast.unparse(t) == node.id for t in line.targets):
                    return self.value(line.value)
        try:
            return ast.literal_eval(node)
        except ValueError as error:
            raise Unreadable(ast.unparse(node)) from error


@cache
def _read(name: str) -> _Module:
    """A module's source, found without importing the packages around it."""
    top, *rest = name.split(".")
    try:
        spec = find_spec(top)  # of a top-level name: imports nothing
    except (ImportError, ValueError) as error:
        raise Unreadable(name) from error
    if spec is None:
        raise Unreadable(name)
    places = [Path(place).joinpath(*rest) for place in spec.submodule_search_locations or []]
    candidates = [path for place in places for path in (place / "__init__.py", place.with_suffix(".py"))]
    if not rest and not places and spec.origin:
        candidates = [Path(spec.origin)]
    for path in candidates:
        if path.suffix == ".py" and path.is_file():
            source = path.read_text(encoding="utf-8")
            return _Module(name, ast.parse(source), comments(source), path.name == "__init__.py")
    raise Unreadable(name)


def _by_name(module_name: str, name: str) -> dict[str, Argument]:
    module = _read(module_name)
    for node in module.tree.body:
        if isinstance(node, Definition) and node.name == name:
            return _of(module, node)
    origin = module.imported(name)
    if origin is None:
        raise Unreadable(f"{module_name}.{name}")
    return _by_name(*origin)


def _of(module: _Module, node: Definition) -> dict[str, Argument]:
    if isinstance(node, ast.FunctionDef):
        return {each.name: each for each in _of_function(module, node, ast.get_docstring(node))}
    found: dict[str, Argument] = {}
    for base in node.bases:
        found |= _of_base(module, base)
    text = ast.get_docstring(node)
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return found | {each.name: each for each in _of_dataclass(module, node, text)}
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name == "__init__":
            text = "\n\n".join(filter(None, (text, ast.get_docstring(line))))
            return {each.name: each for each in _of_function(module, line, text)}
    return found


def _of_base(module: _Module, base: ast.expr) -> dict[str, Argument]:
    """What a base class adds; nothing where it is not a class with source, such as ABC."""
    try:
        return _by_name(module.name, ast.unparse(base))
    except (Unreadable, OSError, SyntaxError):
        return {}


def _of_dataclass(module: _Module, node: ast.ClassDef, text: str | None) -> Iterator[Argument]:
    for line in node.body:
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        name, default = line.target.id, MISSING
        if isinstance(line.value, ast.Call) and ast.unparse(line.value.func).endswith("field"):
            words = {word.arg: word.value for word in line.value.keywords}
            if any(ast.unparse(words[w]) == "False" for w in ("compare", "repr", "init") if w in words):
                continue
            if "default_factory" in words:
                made: dict[str, Any] = {"list": [], "dict": {}, "tuple": []}
                default = made.get(ast.unparse(words["default_factory"]), MISSING)
            elif "default" in words:
                default = module.value(words["default"])
        elif line.value is not None:
            default = module.value(line.value)
        lines = range(line.lineno, (line.end_lineno or line.lineno) + 1)
        comment = " ".join(module.comments[number] for number in lines if number in module.comments)
        yield Argument(name, line.annotation, default, comment or _documented(text, name))


def _of_function(module: _Module, node: ast.FunctionDef, text: str | None) -> Iterator[Argument]:
    if node.args.vararg or node.args.kwarg:
        raise Unreadable(f"{node.name} takes any argument")
    given = [*node.args.posonlyargs, *node.args.args]
    given = given[1:] if given and given[0].arg in ("self", "cls") else given
    defaults = [None] * (len(given) - len(node.args.defaults)) + node.args.defaults[-len(given) :]
    every = [
        *zip(given, defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    lines = [argument.lineno for argument, _ in every]
    for argument, default in every:
        alone = lines.count(argument.lineno) == 1 and argument.lineno != node.lineno
        comment = module.comments.get(argument.lineno, "") if alone else ""
        value = MISSING if default is None else module.value(default)
        yield Argument(argument.arg, argument.annotation, value, comment or _documented(text, argument.arg))


def _documented(text: str | None, name: str) -> str:
    """The line `name: …` of a docstring, with those that go on with it."""
    found = re.search(rf"^ *{name}: (.+(?:\n(?! *\w+: | *$).+)*)", text or "", re.MULTILINE)
    return "" if found is None else " ".join(found[1].split())
