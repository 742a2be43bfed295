"""Read a pickle as data: nothing that the file names is ever looked up, imported or called.

Python's own unpickler obeys the file; a whitelist only narrows what it may call. This one has nothing to
call: each object that the file wants built becomes an inert `Call`, each name a `Name`, and a name that no
network file needs is refused. Opcodes are split by the standard library's pickletools, which decodes without
executing. Work and memory stay in proportion to the size of the file.
"""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inversion.checkpoints.budget import Budget
from inversion.errors import CheckpointError

MAX_LINE = 4096  # bytes in one line of the old text opcodes that holds a name or a number
MAX_TEXT = 64 << 20  # bytes in one text: Python may take four for each
MAX_BITS = 128  # of a whole number; longer ones cannot even be printed
BIG = 1 << 16  # bytes from which a value stays where it is in the file, instead of being copied

OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
TEXTS = frozenset({"UNICODE", "STRING"})  # whose line may be long: weights in protocol 0
DECODED = frozenset(
    {"BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "LONG4"}
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
# How protocols 0 and 1 write an object: _reconstructor(class, base, what the base is made of).
RECONSTRUCTORS = frozenset({"copy_reg._reconstructor", "copyreg._reconstructor"})
EXPECTED = RECONSTRUCTORS | {"builtins.object", "builtins.dict", "__builtin__.object", "__builtin__.dict"}


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


@dataclass(frozen=True, eq=False)
class Persistent:
    """A reference to something outside the pickle, such as a storage of numbers that follows it in the file."""

    key: Any


MARK = Name("(mark)")


def parse(data: memoryview, expected: frozenset[str], budget: Budget) -> Any:
    """The tree that a pickle describes: plain values, `Name`, `Call` and `Persistent`; large bytes as slices of it.

    expected: the only names that may occur. Raises CheckpointError naming whatever else the file asks for.
    """
    return Stream(data, budget).parse(expected)


class Stream:
    """Pickles and bytes, one after the other in memory, or in a file that is mapped into it.

    It never allocates for bytes that are not there: a claimed length is compared with what is left.
    """

    def __init__(self, data: memoryview, budget: Budget) -> None:
        self.data, self.budget, self.at = data, budget, 0
        self.longest, self.longest_line = len(data), MAX_LINE

    def parse(self, expected: frozenset[str], persistent: bool = False) -> Any:
        """The next pickle's tree; see the function of this name. persistent: whether it may refer to storages."""
        machine = _Machine(expected, persistent)
        try:
            while (opcode := self.opcode()).name != "STOP":
                self.longest_line = MAX_TEXT if opcode.name in TEXTS else MAX_LINE
                self.longest = MAX_TEXT if opcode.name in DECODED else len(self.data)
                argument = None if opcode.arg is None else opcode.arg.reader(self)  # type: ignore[arg-type]
                self.longest = len(self.data)
                if isinstance(argument, str | bytearray) and len(argument) > BIG:
                    self.budget.memory(sys.getsizeof(argument))
                machine.step(opcode.name, argument)
            return machine.pop()
        except CheckpointError:
            raise
        except Exception as error:  # damage raises ValueError, KeyError, struct.error and more
            raise CheckpointError(f"a truncated or damaged pickle ({error}); download it again") from error

    def opcode(self) -> pickletools.OpcodeInfo:
        self.budget.operation()
        code = bytes(self.read(1))
        if code not in OPCODES:
            raise ValueError(f"byte {code!r} at {self.at - 1:,} is no operation")
        return OPCODES[code]

    def read(self, count: int) -> bytes | memoryview:
        left = len(self.data) - self.at
        if not 0 <= count <= min(left, self.longest):
            raise ValueError(f"it announces {count:,} bytes where {left:,} are left, or a text too long")
        self.at += count
        part = self.data[self.at - count : self.at]
        return part if count >= BIG else bytes(part)

    def readline(self) -> bytes:
        """Up to and with the next line break."""
        line = bytearray()
        while not line.endswith(b"\n"):
            part = bytes(self.data[self.at : self.at + MAX_LINE])
            part = part[: part.find(b"\n") + 1 or None]
            if not part or len(line) > self.longest_line:
                raise ValueError("a line without end")
            line += part
            self.at += len(part)
        return bytes(line)


class _Machine:
    """The pickle stack machine (PEP 307, 3154) without its ability to act."""

    def __init__(self, expected: frozenset[str], persistent: bool) -> None:
        self.expected, self.persistent = expected, persistent
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
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise CheckpointError(
                    f"the pickle holds a number of {argument.bit_length():,} bits; it is not read"
                )
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
        elif opcode == "BINPERSID" and self.persistent:
            push(Persistent(self.pop()))
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
                f"the pickle asks for {name[:200]!r}, which no StyleGAN file needs; it is not read, and nothing of "
                "it was run. A net saved as a whole object: save its state_dict() instead, where its code is"
            )
        return Name(name)

    def call(self, maker: Any, arguments: Any) -> None:
        if not isinstance(maker, Name) or not isinstance(arguments, tuple):
            raise CheckpointError(
                f"the pickle calls a {type(maker).__name__} that it made itself; it is not read"
            )
        name, items = maker.name, {}
        if name in RECONSTRUCTORS and len(arguments) == 3 and isinstance(arguments[0], Name):
            name = arguments[0].name
            items = arguments[2] if isinstance(arguments[2], dict) else {}
            arguments = ()
        self.stack.append(Call(name, arguments, items=items))

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
