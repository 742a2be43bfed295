"""PyTorch files of named tensors, such as torchvision's VGG16, with the same inert reader and bounds as checkpoints."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from inversion.checkpoints import torch_file
from inversion.checkpoints.budget import Budget
from inversion.checkpoints.load import MAX_SIZE, PICKLE_NAMES, mapped
from inversion.checkpoints.pickled_values import as_mapping, as_tensor
from inversion.errors import CheckpointError
from inversion.reading.printable import printable
from inversion.reading.regular_file import size_of_regular


def read_named_tensors(path: Path) -> dict[str, Tensor]:
    """All of them as float32. Raises CheckpointError for whatever else the file holds, and what is no such file."""
    try:
        size = size_of_regular(path)
        if not 0 < size <= MAX_SIZE:
            raise CheckpointError(f"{size:,} bytes")
        budget = Budget(size)
        tree, storages = torch_file.read(mapped(path), PICKLE_NAMES, budget)
        values = as_mapping(tree, "the file", budget)
        return {name: as_tensor(value, name, budget, storages) for name, value in values.items()}
    except Exception as error:  # see inversion/checkpoints/load.py
        raise CheckpointError(
            f"Weights cannot be read. Got {printable(path)} ({printable(error, 200)}); "
            "a PyTorch file of named tensors would work."
        ) from error
