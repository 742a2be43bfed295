"""No pickle runs anything: the reader has nothing to run it with."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import pickle
import struct
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

from inversion.checkpoints import budget
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call, Name, parse
from inversion.checkpoints.load import PICKLE_NAMES, load
from inversion.errors import CheckpointError


def parse_bytes(data: bytes, expected: frozenset[str]) -> Any:
    return parse(memoryview(data), expected, Budget(len(data)))


class Reduced:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.answer = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.answer


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def glob(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def hostile(canary: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles that would create the canary file, and the word by which each must be refused."""
    touch = f"touch {canary}"
    create = f"open({str(canary)!r}, 'w').close()"
    system = pickle.dumps(Reduced(os.system, touch), 4)
    nested = io.BytesIO()
    torch.save({"x": Reduced(os.system, touch)}, nested, _use_new_zipfile_serialization=False)
    easy = glob("dnnlib.util", "EasyDict")
    return {
        "os.system": (system, "posix.system"),
        "os.system, old protocol": (b"\x80\x02" + pickle.dumps(Reduced(os.system, touch), 0), "posix.system"),
        "builtins.eval": (pickle.dumps(Reduced(eval, create), 4), "builtins.eval"),
        "builtins.exec": (pickle.dumps(Reduced(exec, create), 4), "builtins.exec"),
        "builtins.getattr": (b"\x80\x04" + glob("builtins", "getattr") + b".", "builtins.getattr"),
        "pickle within": (pickle.dumps(Reduced(pickle.loads, system), 4), "_pickle.loads"),
        "copyreg": (b"\x80\x02" + glob("copyreg", "__newobj__") + b".", "copyreg.__newobj__"),
        "subprocess by dotted name": (
            b"\x80\x04" + text("collections") + text("OrderedDict.__init__.__globals__") + b"\x93.",
            "OrderedDict.__init__",
        ),
        "name taken from a computed value": (b"\x80\x04" + text("os") + b"N\x93.", "computes the name"),
        "INST": (b"\x80\x02(" + text(touch) + b"ios\nsystem\n.", "INST"),
        "OBJ": (b"\x80\x02(" + easy + text(touch) + b"o.", "OBJ"),
        "EXT1": (b"\x80\x02\x82\x01.", "EXT1"),
        "persistent id": (b"\x80\x02" + b"Pos.system\n" + b".", "PERSID"),
        "binary persistent id": (b"\x80\x02" + text("os") + b"Q.", "BINPERSID"),
        "attributes of a class": (
            b"\x80\x02" + easy + b"}" + text("__setstate__") + glob("builtins", "set") + b"sb.",
            "attributes of a Name",
        ),
        "attributes of a list": (b"\x80\x02]}b.", "attributes of a list"),
        "items of a class": (b"\x80\x02" + easy + text("a") + text("b") + b"s.", "items of a Name"),
        "attributes of a class by slots": (
            b"\x80\x02" + easy + b"N}" + text("__new__") + text("x") + b"s\x86b.",
            "attributes of a Name",
        ),
        "attributes set twice": (b"\x80\x02" + easy + b")R}b}b.", "attributes of a Call"),
        "calling a call": (b"\x80\x02" + easy + b")R)R.", "calls a Call"),
        "appending to a call": (b"\x80\x02" + easy + b")R" + text("a") + b"a.", "appends to a Call"),
        "unhashable key": (b"\x80\x02}]Ns.", "list as a key"),
        "deep key": (b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.", "tuple as a key"),
    }


@pytest.mark.parametrize("trick", hostile(Path("canary")))
def test_hostile_pickles_are_refused_by_name_and_nothing_runs(trick: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data, word = hostile(canary)[trick]
    path = tmp_path / "evil.pkl"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=word.replace("(", r"\(")) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert not canary.exists()


def test_the_canary_would_sing_if_a_pickle_were_obeyed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(hostile(canary)["os.system"][0])
    assert canary.exists()


def test_a_name_is_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sly_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CheckpointError, match="sly_module.anything"):
        parse_bytes(b"\x80\x02" + glob("sly_module", "anything") + b".", PICKLE_NAMES)
    assert "sly_module" not in sys.modules


def test_expected_names_stay_names_and_calls_stay_inert() -> None:
    data = b"\x80\x02" + glob("builtins", "set") + b"](K\x01K\x02e\x85R."
    tree = parse_bytes(data, PICKLE_NAMES)
    assert isinstance(tree, Call) and tree.maker == "builtins.set" and tree.arguments == ([1, 2],)
    assert parse_bytes(b"\x80\x02" + glob("builtins", "set") + b".", PICKLE_NAMES) == Name("builtins.set")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_values_are_read_as_python_reads_them(protocol: int) -> None:
    shared = ["twice"]
    value: dict[str, Any] = {
        "a": [1, -2, 2**70, 1.5, None, True, False],
        "b": (1, (2, 3), ()),
        "c": "ü",
        "d": [shared, shared],
    }
    if protocol > 2:
        value["e"] = b"bytes" * 100
    tree = parse_bytes(pickle.dumps(value, protocol), frozenset())
    assert tree == value
    assert tree["d"][0] is tree["d"][1]


@pytest.mark.parametrize("protocol", [2, 4])
def test_every_truncation_is_refused(protocol: int) -> None:
    data = pickle.dumps({"a": list(range(40)), "b": "text" * 20, "c": (1, 2.5)}, protocol)
    for length in range(len(data)):
        with pytest.raises(CheckpointError, match="truncated"):
            parse_bytes(data[:length], frozenset())


def test_random_damage_never_escapes_as_another_error() -> None:
    rng = torch.Generator().manual_seed(0)
    data = pickle.dumps({"a": [1, "b", (2.5, None)], "c": {"d": b"e"}, "f": torch.zeros(2)}, 4)
    for places in torch.randint(len(data), (3000, 3), generator=rng).tolist():
        damaged = bytearray(data)
        for place, value in zip(places, torch.randint(256, (3,), generator=rng).tolist(), strict=True):
            damaged[place] = value
        with contextlib.suppress(CheckpointError):
            parse_bytes(bytes(damaged), PICKLE_NAMES)


BOMBS = {
    "8 GB announced": b"\x80\x04\x8e" + struct.pack("<Q", 8 << 30) + b"short",
    "2^62 bytes announced": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"short",
    "4 GB string announced": b"\x80\x04X" + struct.pack("<I", 0xFFFFFFFF) + b"short",
    "frame of 2^62 bytes": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"N",
    "memo of 4 billion slots": b"\x80\x04Nr" + struct.pack("<I", 0xFFFFFFFF),
    "fifty thousand open lists": b"\x80\x04" + b"(" * 50_000,
    "a line without end": b"\x80\x02I" + b"9" * (1 << 20),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_cost_no_more_than_their_size(bomb: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(CheckpointError):
            parse_bytes(BOMBS[bomb], frozenset())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
    assert time.process_time() - began < 5  # of this process's CPU


def test_a_tree_of_shared_lists_is_read_without_being_unfolded() -> None:
    levels = b"".join(b"](h%ch%ceq%c" % (i - 1, i - 1, i) for i in range(1, 60))  # 2^59 lists if unfolded
    tree = parse_bytes(b"\x80\x02]q\x00" + levels + b".", frozenset())
    assert len(tree) == 2


def test_endless_operations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "OPERATIONS", 1000)
    with pytest.raises(CheckpointError, match="more than 1,000 operations"):
        parse_bytes(b"\x80\x02" + b"N0" * 500 + b"N.", frozenset())


def test_deeply_nested_values_are_no_network_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x04N" + b"\x85" * 100_000 + b".")
    with pytest.raises(CheckpointError, match="should be a dictionary with names as keys. Got tuple"):
        load(path)


def test_nothing_of_the_standard_library_is_expected_but_containers() -> None:
    allowed = {
        name for name in PICKLE_NAMES if name.split(".")[0] in (*sys.stdlib_module_names, "__builtin__")
    }
    # Each becomes an inert Call; none is ever looked up. They are what trainers save, and how old protocols write it.
    assert {name.partition(".")[0] for name in allowed} == {
        *("builtins", "__builtin__", "collections", "copyreg", "_codecs", "argparse", "types", "pathlib")
    }
    harmless = set("set dict object bytes bool slice range complex frozenset".split())
    assert {name.partition(".")[2] for name in PICKLE_NAMES} & set(dir(builtins)) == harmless
