"""Numbers out of inert calls: as numpy pickles them, and nothing else."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from inversion.checkpoints.budget import Budget
from inversion.checkpoints.inert_pickle import Call, parse
from inversion.checkpoints.load import PICKLE_NAMES
from inversion.checkpoints.pickled_values import as_array, as_mapping, as_number
from inversion.errors import CheckpointError

BUDGET = Budget(0)


def inert(value: Any, protocol: int = 4) -> Any:
    return read(pickle.dumps(value, protocol))


def read(data: bytes) -> Any:
    return parse(memoryview(data), PICKLE_NAMES, Budget(len(data)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool", ">f4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 3, 4)])
def test_arrays_survive(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    for value in (array, np.asfortranarray(array)):
        read = as_array(inert(value), "x", BUDGET)
        assert read.dtype == value.dtype
        np.testing.assert_array_equal(read, value)


@pytest.mark.parametrize("value", [1, 2.5, True, None, np.float64(1.5), np.int64(-3), np.float32(0.25)])
def test_numbers_survive(value: Any) -> None:
    assert as_number(inert(value), "x", BUDGET) == value


@pytest.mark.parametrize("old", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_both_spellings_of_numpy_are_read(old: str) -> None:
    data = pickle.dumps(np.arange(3.0), 3).replace(b"numpy._core.multiarray", old.encode())
    np.testing.assert_array_equal(as_array(read(data), "x", BUDGET), np.arange(3.0))


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(CheckpointError, match="not an array of plain numbers"):
        as_array(inert(np.array([{}], dtype=object)), "x", BUDGET)


def test_a_shape_larger_than_the_data_is_refused() -> None:
    call = inert(np.zeros(3, np.float32))
    version, _, dtype, order, data = call.state
    call.state = (version, (1 << 39,), dtype, order, data)
    with pytest.raises(CheckpointError, match="shape and its data disagree"):
        as_array(call, "x", BUDGET)


@pytest.mark.parametrize("value", ["text", [1.0], Call("numpy.dtype", ()), 1.0])
def test_other_things_are_no_arrays(value: Any) -> None:
    with pytest.raises(CheckpointError, match="should be a numpy array"):
        as_array(value, "x", BUDGET)


def test_other_things_are_no_numbers_and_no_mappings() -> None:
    with pytest.raises(CheckpointError, match="x should be a number. Got str"):
        as_number("1", "x", BUDGET)
    others: list[Any] = [[], {1: 2}, None, Call("collections.OrderedDict", (1,))]
    for value in others:
        with pytest.raises(CheckpointError, match="x should be a dictionary"):
            as_mapping(value, "x", BUDGET)
