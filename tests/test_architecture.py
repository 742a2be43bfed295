"""The plan of the house in docs/architecture.md matches the code, and imports only point one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = ("conf", "inversion", "sweeps", "hydra_plugins")
LONGEST = 300  # lines
NAMES = sorted(
    set(re.findall(r"`((?:inversion|sweeps)(?:\.\w+)+)`", (PROJECT / "docs/architecture.md").read_text()))
)


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module that is installed."""
    found = {}
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """What a module needs before it can be used: imports in functions and for type checkers are not among it."""
    waiting: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inside & KNOWN.keys() or {node.module}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += list(ast.iter_child_nodes(node))


KNOWN = modules()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_the_plan_is_there(name: str) -> None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return
    pytest.fail(f"{name} cannot be imported")


def test_the_plan_names_the_whole_way() -> None:
    assert len(NAMES) >= 10


def test_no_module_imports_itself_by_a_detour() -> None:
    needs = {name: KNOWN.keys() & set(imports(path)) - {name} for name, path in KNOWN.items()}
    order: list[str] = []
    while needs:
        ready = sorted(name for name, own in needs.items() if not own & needs.keys())
        assert ready, f"these import each other: {sorted(needs)}"
        order += ready
        for name in ready:
            del needs[name]


def test_no_library_module_imports_a_script_or_a_room_above_it() -> None:
    above = {"inversion": ("sweeps", "run", "benchmarks", "training", "tests")}
    scripts = ("run", "benchmarks", "training", "tests")
    for name, path in KNOWN.items():
        forbidden = above.get(name.split(".")[0], scripts)
        wrong = [m for m in imports(path) if m.split(".")[0] in forbidden]
        assert not wrong, f"{name} imports {wrong}"


def test_damage_is_found_without_a_generator() -> None:
    """Looking at a photo needs operators and bounds only, and no operator looks for damage by itself."""
    for name, path in KNOWN.items():
        rooms = {
            ".".join(needed.split(".")[:2]) for needed in imports(path) if needed.startswith("inversion.")
        }
        reading = {"inversion.images", "inversion.errors"} if name == "inversion.damage.__main__" else set()
        if name.startswith("inversion.damage"):
            leaves = {"inversion.reading", "inversion.deviation"}
            allowed = {"inversion.damage", "inversion.degradations", *leaves, *reading}
            assert rooms <= allowed, f"{name} imports {rooms}"
        if name.startswith("inversion.degradations"):
            assert "inversion.damage" not in rooms, f"{name} imports {rooms}"


def test_a_file_can_be_read_in_one_sitting() -> None:
    """Checkpoint readers excepted: a dialect is one idea, and a long one."""
    lengths = {
        name: len(path.read_text().splitlines())
        for name, path in KNOWN.items()
        if not name.startswith("inversion.checkpoints")
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}
