"""Fixtures shared by all tests: one tiny seeded generator, one table of tolerances, a disk that is full."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch

from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.databases import copied_databases

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

TINY = Architecture(img_resolution=32, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=2)
# float64 for our own mathematics, float32 against arrays that others made.
FullDisk = Callable[[int], AbstractContextManager[None]]
TOLERANCE: dict[torch.dtype, dict[str, Any]] = {
    torch.float64: {"rtol": 1e-10, "atol": 1e-10},
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
}


def pytest_collection_finish() -> None:
    """What imports have made stays, and later imports make as much again: its collections took a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def databases() -> Iterator[None]:
    with copied_databases():
        yield


@pytest.fixture
def tiny_generator() -> Generator:
    return make_tiny_generator()


@pytest.fixture
def tiny_discriminator() -> Discriminator:
    return make_tiny_discriminator()


def make_tiny_generator() -> Generator:
    """32 px, 16 channels, random weights with every layer's noise switched on."""
    torch.manual_seed(0)
    generator = Generator(TINY).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return generator


def make_tiny_discriminator() -> Discriminator:
    torch.manual_seed(1)
    architecture = Architecture(
        img_resolution=32, channel_base=256, channel_max=16, z_dim=0, w_dim=0, architecture="resnet"
    )
    return Discriminator(architecture).eval().requires_grad_(False)


def live_tensors() -> int:
    """How many tensors Python knows of that nothing is about to free."""
    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


@contextmanager
def _small_files(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk() -> FullDisk:
    """`with full_disk(100):` every write beyond a file's first 100 bytes is an OSError."""
    return _small_files
