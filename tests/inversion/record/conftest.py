"""What tests of records share: a store, a network, and a cache folder that is nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mlflow.entities import DatasetInput, Run

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from inversion.losses.discriminator_features import DiscriminatorLoss
from inversion.losses.perceptual_loss import PerceptualLoss
from inversion.model import Model, build
from inversion.record import store_copy
from inversion.record.mlflow_store import Store, prepare_store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where notes about stores lie; what this process knows of a store is forgotten."""
    monkeypatch.setenv("INVERSION_CACHE", str(tmp_path / "cache"))
    store_copy.health_of.cache_clear()
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an MLflow store; a name that is no help."""
    return tmp_path_factory.mktemp("a store with spaces")


@pytest.fixture(scope="module")
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def store(uri: str, folder: Path, request: pytest.FixtureRequest) -> Store:
    """An experiment of the test's own."""
    name = request.node.name
    return Store(uri, name, prepare_store(uri, name, folder / "artifacts"))


@pytest.fixture
def model(tiny_generator: Generator, tiny_discriminator: Discriminator) -> Model:
    g, d = tiny_generator.state_dict(), tiny_discriminator.state_dict()
    a, b = tiny_generator.architecture, tiny_discriminator.architecture
    return build(Checkpoint(a, g, b, d, w_std=1.0, license="the base's own"), torch.device("cpu"))


@pytest.fixture
def loss(model: Model) -> PerceptualLoss:
    return DiscriminatorLoss().bind(model.discriminator, torch.device("cpu"))


def inputs_of(run: Run) -> list[DatasetInput]:
    """The photos that a run says it has worked on."""
    assert run.inputs is not None
    return run.inputs.dataset_inputs
