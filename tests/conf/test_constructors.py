"""Schemas are read from source: what is read equals what importing the class tells, and nothing is imported for it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conf.constructors import arguments
from conf.derived import schema
from tests.conf.choices import CONF, PROJECT, TARGETS

OUTSIDE = '''
from __future__ import annotations
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Union

LEVELS = 4

@dataclass
class Base:
    first: int  # of all

@dataclass
class Posterize(Base):
    """Few colours.

    how: round or floor,
        one of them

    Source: none.
    """

    levels: int = LEVELS  # of each channel
    how: Literal["round", "floor"] = "round"
    size: float | str | None = None
    sigma: Optional[float] = None
    box: Sequence[float] = (0.0, 1.0)
    parts: list[Any] = field(default_factory=list)
    either: Union[int, str] = 1
    known: Any = field(default=None, repr=False)

class Plain(Base):
    def __init__(self, a: int,
                 b: float = 0.5,  # the second
                 *, c: bool = True) -> None:
        """a: the first"""

class Open:
    def __init__(self, **anything: int) -> None: ...

class Computed:
    def __init__(self, a: float = 1 / 3) -> None: ...
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that nobody has imported."""
    (tmp_path / "outside_classes.py").write_text(OUTSIDE)
    monkeypatch.syspath_prepend(tmp_path)
    return "outside_classes"


@pytest.mark.parametrize("target", TARGETS)
def test_arguments_read_from_source_are_those_of_the_imported_class(target: str) -> None:
    found = get_object(target)
    read = arguments(target)
    assert read is not None
    if not dataclasses.is_dataclass(found):
        assert [each.name for each in read] == list(found.__code__.co_varnames[: found.__code__.co_argcount])
        return
    fields = [f for f in dataclasses.fields(found) if f.compare and f.repr]
    assert [each.name for each in read] == [f.name for f in fields]
    assert [each.default for each in read] == [f.default for f in fields]
    assert [schema(target).__dataclass_fields__[f.name].default for f in fields if f.default != ()] == [  # type: ignore[union-attr]
        f.default for f in fields if f.default != ()
    ]


def test_a_class_outside_the_package_is_read_with_its_bases_comments_and_docstring(outside: str) -> None:
    read = arguments(f"{outside}.Posterize")
    assert read is not None
    assert {each.name: (each.default, each.meaning) for each in read} == {
        "first": (MISSING, "of all"),
        "levels": (4, "of each channel"),
        "how": ("round", "round or floor, one of them"),
        "size": (None, ""),
        "sigma": (None, ""),
        "box": ((0.0, 1.0), ""),
        "parts": ([], ""),
        "either": (1, ""),
    }
    assert outside not in sys.modules


def test_a_plain_class_is_read_by_its_init(outside: str) -> None:
    read = arguments(f"{outside}.Plain")
    assert read is not None
    assert [(each.name, each.default, each.meaning) for each in read] == [
        ("a", MISSING, "the first"),
        ("b", 0.5, "the second"),
        ("c", True, ""),
    ]


@pytest.mark.parametrize("name", ["Open", "Computed", "Nowhere"])
def test_what_only_running_the_code_could_tell_has_no_schema(name: str, outside: str) -> None:
    assert arguments(f"{outside}.{name}") is None and schema(f"{outside}.{name}") is None


@pytest.mark.parametrize("target", ["no_such_package.Class", "math.sqrt", "torch.nn.Linear", "Class", ""])
def test_what_has_no_source_has_no_schema(target: str) -> None:
    assert schema(target) is None


@pytest.mark.parametrize(
    ("setting", "given", "kept"),
    [
        ("size", 5, 5),
        ("size", 5.5, 5.5),
        ("size", "auto", "auto"),
        ("size", None, None),
        ("sigma", 1, 1.0),
        ("box", [0, 1], [0.0, 1.0]),
        ("either", "x", "x"),
    ],
)
def test_a_schema_keeps_the_type_that_the_annotation_says(
    setting: str, given: object, kept: object, outside: str
) -> None:
    known = schema(f"{outside}.Posterize")
    assert known is not None
    value = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(known), {setting: given}))[setting]  # type: ignore[call-overload, index]
    assert value == kept and type(value) is type(kept)


@pytest.mark.parametrize(
    ("setting", "given", "message"),
    [
        ("levels", "many", "could not be converted to Integer"),
        ("sigma", "big", "could not be converted to Float"),
        ("level", 4, "Key 'level' not in 'Posterize'"),
        ("known", 1, "Key 'known' not in 'Posterize'"),  # the class fills it in by itself
    ],
)
def test_a_schema_refuses_wrong_keys_and_types(
    setting: str, given: object, message: str, outside: str
) -> None:
    known = schema(f"{outside}.Posterize")
    assert known is not None
    with pytest.raises(OmegaConfBaseException, match=message):
        OmegaConf.merge(OmegaConf.structured(known), {setting: given})


def test_help_and_completion_import_no_torch_and_no_mlflow() -> None:
    for arguments_ in (["--help"], ["degradation=blur", "--cfg", "job"]):
        code = (
            "import sys, runpy; sys.argv = ['run.py', *sys.argv[1:]]\n"
            "try: runpy.run_path('run.py', run_name='__main__')\n"
            "finally: print('\\nIMPORTED', *sys.modules)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments_], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        imported = set(done.stdout.rpartition("IMPORTED")[2].split())
        assert "hydra" in imported
        assert not imported & {"torch", "mlflow", "numpy", "PIL", "pandas", "matplotlib", "dlib"}


def test_no_yaml_repeats_a_type_by_hand() -> None:
    """conf/schema.py types what no class types: the top level, tracking and launchers."""
    text = (CONF / "schema.py").read_text()
    assert not [
        target for target in TARGETS if f"{target.rpartition('.')[2]}(" in text or f'{target}"' in text
    ]
