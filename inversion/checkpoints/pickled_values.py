"""Turn the inert calls of a parsed pickle into mappings, numbers, numpy arrays and tensors, sizes checked first."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inversion.checkpoints import torch_file
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call, Name
from inversion.checkpoints.torch_file import LEGACY_TORCH, Storages
from inversion.errors import CheckpointError

MAPPINGS = frozenset({"collections.OrderedDict", "dnnlib.util.EasyDict", "builtins.dict", "__builtin__.dict"})
HOMES = ("numpy.core", "numpy._core")  # before and since numpy 2
RECONSTRUCT = frozenset(f"{home}.multiarray._reconstruct" for home in HOMES)
SCALAR = frozenset(f"{home}.multiarray.scalar" for home in HOMES)
FROM_BUFFER = frozenset(f"{home}.numeric._frombuffer" for home in HOMES)  # protocol 5
NUMPY_TYPES = frozenset({"numpy.ndarray", "numpy.dtype"})
SETS = frozenset({"builtins.set", "__builtin__.set"})
ENCODE = "_codecs.encode"  # how protocols 0 to 2 write bytes: as text, and the name of the encoding
NO_BYTES = frozenset({"builtins.bytes", "__builtin__.bytes"})
TENSOR, PARAMETER = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"
NESTED = "torch.storage._load_from_bytes"
# What trainers save beside the tensors. It is never looked at.
BESIDE = frozenset(
    "argparse.Namespace types.SimpleNamespace collections.defaultdict torch.Size torch.device "
    "builtins.slice builtins.range builtins.complex builtins.frozenset".split()
    + [
        f"pathlib{part}.{kind}{name}"
        for part in ("", "._local")
        for kind in ("", "Pure")
        for name in ("Path", "PosixPath", "WindowsPath")
    ]
    + [f"torch.{str(dtype).removeprefix('torch.')}" for dtype in torch_file.TYPES.values()]
)
EXPECTED = (
    MAPPINGS
    | RECONSTRUCT
    | SCALAR
    | FROM_BUFFER
    | NUMPY_TYPES
    | SETS
    | NO_BYTES
    | BESIDE
    | torch_file.EXPECTED
) | {ENCODE, TENSOR, PARAMETER, NESTED}

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 40
MAX_NUMBER = 1e30  # of a setting
MAX_NAME = 200  # characters of a tensor's name


def as_mapping(value: Any, what: str, budget: Budget) -> dict[str, Any]:
    """A dict, OrderedDict or EasyDict as a plain dict with string keys."""
    if isinstance(value, Call) and value.maker in MAPPINGS and not value.arguments:
        value = value.items
    if isinstance(value, dict):
        budget.work(len(value))
    if not isinstance(value, dict) or not all(isinstance(key, str) and len(key) <= MAX_NAME for key in value):
        raise CheckpointError(f"{what} should be a dictionary with names as keys. Got {kind(value)}")
    return value


def kind(value: Any) -> str:
    """What a value is, in a word, without ever showing its content."""
    if isinstance(value, Call):
        return value.maker
    return value.name if isinstance(value, Name) else type(value).__name__


def as_text(value: Any, what: str) -> str:
    """A short text. Never str(value): lists that hold one another twice have no end when they are unfolded."""
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise CheckpointError(f"{what} should be a name. Got {kind(value)}")
    return value


def as_number(value: Any, what: str, budget: Budget) -> int | float | None:
    """A Python or numpy number of ordinary size, or None."""
    if isinstance(value, Call) and value.maker in SCALAR:
        value = as_array(value, what, budget).item()
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise CheckpointError(f"{what} should be a number. Got {kind(value)}")
    if not -MAX_NUMBER < value < MAX_NUMBER:
        raise CheckpointError(f"{what} should be a finite number of ordinary size. Got one that is not")
    return value


def as_whole(value: int | float | None, what: str) -> int | None:
    """The same, but a whole number."""
    if value is None or value == int(value):
        return None if value is None else int(value)
    raise CheckpointError(f"{what} should be a whole number. Got {value}")


def as_bytes(value: Any, what: str, budget: Budget) -> memoryview:
    """Bytes as any protocol writes them; 0 to 2 as text in Latin-1."""
    if isinstance(value, bytes | bytearray | memoryview):
        return memoryview(value)
    if isinstance(value, Call) and value.maker in NO_BYTES and not value.arguments:
        return memoryview(b"")
    if isinstance(value, Call) and value.maker == ENCODE and len(value.arguments) == 2:
        text, encoding = value.arguments
        if isinstance(text, str) and encoding in ("latin1", "latin-1"):
            budget.memory(len(text))
            return memoryview(text.encode("latin-1"))
    raise CheckpointError(f"{what} should hold bytes. Got {kind(value)}")


def as_array(value: Any, what: str, budget: Budget) -> np.ndarray:
    """A pickled numpy array or scalar of plain numbers; of large ones a view into the file."""
    order: Any = "C"
    if isinstance(value, Call) and value.maker in SCALAR and len(value.arguments) == 2:
        (dtype, data), shape = value.arguments, ()
    elif isinstance(value, Call) and value.maker in RECONSTRUCT and isinstance(value.state, tuple):
        if len(value.state) != 5:
            raise CheckpointError(f"{what} is an array of an unknown numpy format")
        _, shape, dtype, fortran, data = value.state
        order = "F" if fortran is True else "C"
    elif isinstance(value, Call) and value.maker in FROM_BUFFER and len(value.arguments) == 4:
        data, dtype, shape, order = value.arguments
    else:
        raise CheckpointError(f"{what} should be a numpy array. Got {kind(value)}")
    number_type = _number_type(dtype, what)
    content = as_bytes(data, what, budget)
    if (
        not _sizes(shape)
        or order not in ("C", "F")
        or math.prod(shape) * number_type.itemsize != len(content)
    ):
        raise CheckpointError(f"{what}: its shape and its data disagree; the file is damaged")
    return np.frombuffer(content, number_type).reshape(shape, order=order)


def _number_type(value: Any, what: str) -> np.dtype:
    """numpy.dtype('f4', False, True) with its byte order; anything but plain numbers is refused."""
    if isinstance(value, Call) and value.maker == "numpy.dtype" and value.arguments:
        code, state = value.arguments[0], value.state
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
        known = isinstance(code, str) and re.fullmatch("f[248]|[iu][1248]|b1", code)
        if known and isinstance(order, str) and order in ("<", ">", "=", "|"):
            kind: np.dtype[Any] = np.dtype(order + code)
            return kind
    raise CheckpointError(f"{what} is not an array of plain numbers")


def _sizes(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) > MAX_DIMENSIONS:
        return False
    return all(type(v) is int and 0 <= v < MAX_SIZE for v in value)


def as_tensor(value: Any, what: str, budget: Budget, storages: Storages) -> Tensor:
    """A pickled tensor or parameter of floating point numbers as contiguous float32 in memory of its own.

    storages: of the torch file that the value comes from; empty for other pickles, whose tensors bring their own.
    """
    if isinstance(value, Call) and value.maker == PARAMETER and value.arguments:
        value = value.arguments[0]
    if not isinstance(value, Call) or value.maker != TENSOR or len(value.arguments) < 4:
        raise CheckpointError(f"{what} should be a tensor of floating point numbers. Got {kind(value)}")
    numbers, offset, size, stride = value.arguments[:4]
    if not _sizes((offset,)) or not _sizes(size) or not _sizes(stride) or len(size) != len(stride):
        raise CheckpointError(f"{what}: a tensor of impossible shape; the file is damaged")
    budget.work()
    stored = _nested(numbers, what, budget) if isinstance(numbers, Call) else None
    stored = stored or torch_file.storage(numbers, storages, what)
    if stored.dtype not in FLOATS:
        raise CheckpointError(f"{what} should be a tensor of floating point numbers. Got {stored.dtype}")
    count, width = math.prod(size), stored.dtype.itemsize
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1 if count else offset
    if max(last, count) * width > len(stored.data):
        raise CheckpointError(f"{what}: its shape {list(size)} and its data disagree; the file is damaged")
    budget.memory(max((last - offset) * width, 4 * count))
    flat = torch.empty(last - offset, dtype=stored.dtype)
    flat.view(torch.uint8).numpy()[:] = np.frombuffer(stored.data[offset * width : last * width], np.uint8)
    return flat.as_strided(size, stride).to(torch.float32).contiguous()


def _nested(call: Call, what: str, budget: Budget) -> torch_file.Storage:
    """The numbers under a tensor of a plain pickle: a torch file of its own, one storage in the older format."""
    if call.maker != NESTED or len(call.arguments) != 1:
        raise CheckpointError(f"{what}: a tensor without its numbers. Got {kind(call)}")
    data = as_bytes(call.arguments[0], what, budget)
    if bytes(data[: len(LEGACY_TORCH)]) != LEGACY_TORCH:
        raise CheckpointError(f"{what}: its numbers are not in torch's storage format; it is not read")
    tree, storages = torch_file.read(data, torch_file.EXPECTED, budget)
    return torch_file.storage(tree, storages, what)
