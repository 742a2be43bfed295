from __future__ import annotations

from pathlib import Path

import pytest

from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.end_to_end.sweeping import Store, write_weights


@pytest.fixture
def store(tmp_path: Path, tiny_generator: Generator, tiny_discriminator: Discriminator) -> Store:
    return Store(tmp_path, write_weights(tmp_path / "tiny.safetensors", tiny_generator, tiny_discriminator))
