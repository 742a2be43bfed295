"""Turn the inert calls of a parsed pickle into mappings, numpy arrays and tensors, sizes checked first."""

from __future__ import annotations

import io
import math
import pickle
import re
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from inversion.checkpoints.inert_pickle import Call, Name
from inversion.errors import CheckpointError

MAPPINGS = frozenset({"collections.OrderedDict", "dnnlib.util.EasyDict"})
RECONSTRUCT = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
SCALAR = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
NUMPY_TYPES = frozenset({"numpy.ndarray", "numpy.dtype"})
SETS = frozenset({"builtins.set", "__builtin__.set"})
TENSORS = frozenset(
    {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch.storage._load_from_bytes"}
)
EXPECTED = MAPPINGS | RECONSTRUCT | SCALAR | NUMPY_TYPES | SETS | TENSORS

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 40
LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # how torch.save began before its zip format


class Budget:
    """How many bytes of tensors may still be made: a file cannot hold more than it weighs."""

    def __init__(self, size: int) -> None:
        self.left = 2 * size

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise CheckpointError("its tensors together are larger than the file; it is not read")


def as_mapping(value: Any, what: str) -> dict[str, Any]:
    """A dict, OrderedDict or EasyDict as a plain dict with string keys."""
    if isinstance(value, Call) and value.maker in MAPPINGS and not value.arguments:
        value = value.items
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise CheckpointError(f"{what} should be a dictionary. Got {kind(value)}")
    return value


def kind(value: Any) -> str:
    """What a value is, in a word, without ever showing its content."""
    if isinstance(value, Call):
        return value.maker
    return value.name if isinstance(value, Name) else type(value).__name__


def as_number(value: Any, what: str) -> int | float | None:
    """A Python or numpy number, or None."""
    if isinstance(value, Call) and value.maker in SCALAR:
        value = as_array(value, what).item()
    if value is not None and not isinstance(value, int | float):
        raise CheckpointError(f"{what} should be a number. Got {kind(value)}")
    return value


def as_array(value: Any, what: str) -> np.ndarray:
    """A pickled numpy array or scalar of plain numbers."""
    if isinstance(value, Call) and value.maker in SCALAR and len(value.arguments) == 2:
        dtype, data = value.arguments
        shape: Any = ()
        order = "C"
    elif isinstance(value, Call) and value.maker in RECONSTRUCT and isinstance(value.state, tuple):
        if len(value.state) != 5:
            raise CheckpointError(f"{what} is an array of an unknown numpy format")
        _, shape, dtype, fortran, data = value.state
        order = "F" if fortran else "C"
    else:
        raise CheckpointError(f"{what} should be a numpy array. Got {kind(value)}")
    number_type = _number_type(dtype, what)
    if (
        not _sizes(shape)
        or not isinstance(data, bytes)
        or math.prod(shape) * number_type.itemsize != len(data)
    ):
        raise CheckpointError(f"{what}: its shape and its data disagree; the file is damaged")
    return np.frombuffer(data, number_type).reshape(shape, order=order)  # type: ignore[call-overload]


def _number_type(value: Any, what: str) -> np.dtype:
    """numpy.dtype('f4', False, True) with its byte order; anything but plain numbers is refused."""
    if isinstance(value, Call) and value.maker == "numpy.dtype" and value.arguments:
        code, state = value.arguments[0], value.state
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
        if isinstance(code, str) and re.fullmatch("[fiu][1248]|b1", code) and order in ("<", ">", "=", "|"):
            return np.dtype(order + code)
    raise CheckpointError(f"{what} is not an array of plain numbers")


def _sizes(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) > MAX_DIMENSIONS:
        return False
    return all(type(v) is int and 0 <= v < MAX_SIZE for v in value)


def as_tensor(value: Any, what: str, budget: Budget) -> Tensor:
    """A pickled tensor or parameter of floating point numbers as contiguous float32."""
    if isinstance(value, Call) and value.maker == "torch._utils._rebuild_parameter" and value.arguments:
        value = value.arguments[0]
    if (
        not isinstance(value, Call)
        or value.maker != "torch._utils._rebuild_tensor_v2"
        or len(value.arguments) < 4
    ):
        raise CheckpointError(f"{what} should be a tensor. Got {kind(value)}")
    storage, offset, size, stride = value.arguments[:4]
    if not _sizes((offset,)) or not _sizes(size) or not _sizes(stride) or len(size) != len(stride):
        raise CheckpointError(f"{what}: a tensor of impossible shape; the file is damaged")
    dtype, data = _storage(storage, what, budget)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1 if math.prod(size) else 0
    if max(last, math.prod(size)) * dtype.itemsize > data.nbytes():
        raise CheckpointError(f"{what}: its shape {size} and its data disagree; the file is damaged")
    tensor = torch.empty(0, dtype=dtype).set_(data, offset, size, stride)
    return tensor.to(torch.float32).contiguous()


def _storage(value: Any, what: str, budget: Budget) -> tuple[torch.dtype, torch.UntypedStorage]:
    """The numbers under a tensor: a nested torch file, read by torch's own reader of plain weights."""
    if (
        not isinstance(value, Call)
        or value.maker != "torch.storage._load_from_bytes"
        or len(value.arguments) != 1
    ):
        raise CheckpointError(f"{what}: a tensor without its numbers. Got {kind(value)}")
    data = value.arguments[0]
    if not isinstance(data, bytes) or not data.startswith(LEGACY_TORCH):
        raise CheckpointError(f"{what}: its numbers are not in torch's storage format; it is not read")
    budget.spend(len(data))
    storage = plain_torch_load(io.BytesIO(data), what)
    if not isinstance(storage, torch.storage.TypedStorage) or storage.dtype not in FLOATS:
        raise CheckpointError(f"{what} should hold floating point numbers. Got {type(storage).__name__}")
    return storage.dtype, storage._untyped_storage  # the public accessor warns that TypedStorage will go


def plain_torch_load(file: BinaryIO, what: str) -> Any:
    """torch.load restricted to weights; whatever else the file asks for is refused by name."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL (\S+)", str(error))
        wanted = f"asks for {asked[1]!r}" if asked else "is not plain weights"
        raise CheckpointError(f"{what} {wanted}; it is not read, and nothing of it was run") from error
    except Exception as error:  # damaged input raises many kinds: RuntimeError, EOFError, KeyError, ...
        raise CheckpointError(f"{what} is truncated or damaged ({type(error).__name__})") from error
