"""Hydra as run.py starts it, for what reads overrides and groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from conf.schema import register

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def hydra() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield
