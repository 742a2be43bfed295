"""Read a pickle as data: nothing that the file names is ever looked up, imported or called.

Python's own unpickler obeys the file; a whitelist only narrows what it may call. This one has nothing to
call: each object that the file wants built becomes an inert `Call`, each name a `Name`, and a name that no
network file needs is refused. Opcodes are split by the standard library's pickletools, which decodes without
executing. Work and memory stay in proportion to the size of the file.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from inversion.errors import CheckpointError

MAX_OPERATIONS = 1_000_000  # a 1024 px StyleGAN2 training snapshot takes about 40,000
MAX_TEXT_LINE = 1 << 16  # bytes in one line of the old text opcodes

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8".split()
)
EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,  # a set of the file's objects would hash them; a list is enough to look at
}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
FETCHES = frozenset({"GET", "BINGET", "LONG_BINGET"})
KEYS = (str, int, float, bytes, type(None))


@dataclass(frozen=True)
class Name:
    """A class or function that the file mentions: 'collections.OrderedDict'."""

    name: str


@dataclass(eq=False)
class Call:
    """An object that the file wanted built: by what, from what, and what was put into it afterwards."""

    maker: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


MARK = Name("(mark)")


def parse(path: Path, expected: frozenset[str]) -> Any:
    """The tree that a pickle file describes: plain values, `Name` and `Call`.

    expected: the only names that may occur. Raises CheckpointError naming whatever else the file asks for.
    """
    with open(path, "rb") as file:
        return parse_stream(file, path.stat().st_size, expected)


def parse_stream(file: BinaryIO, size: int, expected: frozenset[str]) -> Any:
    """The same from an open stream of `size` bytes."""
    machine = _Machine(expected)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(_Bounded(file, size))):  # type: ignore[arg-type]
            if count >= MAX_OPERATIONS:
                raise CheckpointError(
                    f"a pickle of more than {MAX_OPERATIONS:,} operations is no network file"
                )
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except CheckpointError:
        raise
    except (ValueError, OverflowError, MemoryError, IndexError, KeyError, TypeError) as error:
        raise CheckpointError(f"a truncated or damaged pickle ({error}); download it again") from error
    raise CheckpointError("a truncated pickle (it never ends); download it again")


class _Bounded:
    """A stream that never allocates for bytes that the file does not have."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.left = size

    def read(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError(f"it announces {count:,} bytes where {self.left:,} are left")
        self.left -= count
        return self.file.read(count)

    def readline(self) -> bytes:
        line = self.file.readline(min(self.left, MAX_TEXT_LINE))
        self.left -= len(line)
        return line


class _Machine:
    """The pickle stack machine (PEP 307, 3154) without its ability to act."""

    def __init__(self, expected: frozenset[str]) -> None:
        self.expected = expected
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise ValueError("a mark where a value belongs")
        return value

    def pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]

    def top(self) -> Any:
        return self.stack[-1]

    def step(self, opcode: str, argument: Any) -> None:
        """Carry out one operation. Raises CheckpointError for an operation that network files do not use."""
        push = self.stack.append
        if opcode in LITERALS:
            push(argument)
        elif opcode in STORES:
            self.memo[argument] = self.top()
        elif opcode == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif opcode in FETCHES:
            push(self.memo[argument])
        elif opcode in CONSTANTS:
            push(CONSTANTS[opcode])
        elif opcode in EMPTY:
            push(EMPTY[opcode]())
        elif opcode in TUPLES:
            values = [self.pop() for _ in range(TUPLES[opcode])]
            push(tuple(values[::-1]))
        elif opcode == "MARK":
            push(MARK)
        elif opcode == "TUPLE":
            push(tuple(self.pop_to_mark()))
        elif opcode in ("LIST", "FROZENSET"):
            push(self.pop_to_mark())
        elif opcode == "DICT":
            values = self.pop_to_mark()
            push({})
            self.set_items(values)
        elif opcode == "APPEND":
            self.extend([self.pop()])
        elif opcode in ("APPENDS", "ADDITEMS"):
            self.extend(self.pop_to_mark())
        elif opcode == "SETITEM":
            value, key = self.pop(), self.pop()
            self.set_items([key, value])
        elif opcode == "SETITEMS":
            self.set_items(self.pop_to_mark())
        elif opcode == "POP":
            self.stack.pop()
        elif opcode == "POP_MARK":
            self.pop_to_mark()
        elif opcode == "DUP":
            push(self.top())
        elif opcode == "GLOBAL":
            push(self.name(*argument.split(" ", 1)))
        elif opcode == "STACK_GLOBAL":
            attribute, module = self.pop(), self.pop()
            push(self.name(module, attribute))
        elif opcode in ("REDUCE", "NEWOBJ"):
            arguments, maker = self.pop(), self.pop()
            self.call(maker, arguments)
        elif opcode == "BUILD":
            self.build(self.pop())
        elif opcode not in ("PROTO", "FRAME"):
            raise CheckpointError(
                f"the pickle uses {opcode}, which network files do not need; it is not read"
            )

    def name(self, module: Any, attribute: Any) -> Name:
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise CheckpointError("the pickle computes the name of what it wants to call; it is not read")
        name = f"{module}.{attribute}"
        if name not in self.expected:
            raise CheckpointError(
                f"the pickle asks for {name[:200]!r}, which no StyleGAN2 file needs; "
                "it is not read, and nothing of it was run"
            )
        return Name(name)

    def call(self, maker: Any, arguments: Any) -> None:
        if not isinstance(maker, Name) or not isinstance(arguments, tuple):
            raise CheckpointError(
                f"the pickle calls a {type(maker).__name__} that it made itself; it is not read"
            )
        self.stack.append(Call(maker.name, arguments))

    def build(self, state: Any) -> None:
        target = self.top()
        if not isinstance(target, Call) or target.state is not None:
            raise CheckpointError(f"the pickle sets attributes of a {type(target).__name__}; it is not read")
        target.state = state

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise CheckpointError(f"the pickle appends to a {type(target).__name__}; it is not read")
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.top()
        items = target.items if isinstance(target, Call) else target
        if not isinstance(items, dict) or len(values) % 2:
            raise CheckpointError(f"the pickle sets items of a {type(target).__name__}; it is not read")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, KEYS):
                raise CheckpointError(f"the pickle uses a {type(key).__name__} as a key; it is not read")
            items[key] = value


def parse_bytes(data: bytes, expected: frozenset[str]) -> Any:
    """The same from bytes in memory."""
    return parse_stream(io.BytesIO(data), len(data), expected)
