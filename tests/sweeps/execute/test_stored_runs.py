"""Runs that version 0.1.0 finished stay finished, although classes have moved since and settings were added.

tests/reference/store_0_1_0.sql.gz is the dump of the store that 0.1.0 (commit df5874e) made with
  python run.py degradation=blur steps=2 seed=3 tracking.animation_frames=0
  python run.py -m launcher=batched degradation=grayscale steps=2,3 reg=0.1,0.2 tracking.animation_frames=0
with the project's folder written as /project.
"""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from inversion.presets import composed
from inversion.record.mlflow_store import Store
from inversion.record.record import Ending
from sweeps.execute.ledger import Ledger
from sweeps.plan.config import Config
from sweeps.plan.fingerprint import fingerprints

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, under current SQLAlchemy
DUMP = Path(__file__).parents[2] / "reference" / "store_0_1_0.sql.gz"
# What presets and defaults said then, so that better ones do not count as another setting here.
THEN = ("loss=discriminator", "max_size=null", "feature_steps=0")
DEBLUR = (
    *THEN,
    "reg=0.5",
    "prior=gaussianized",
    "space=w+",
    "learning_rate=0.2",
    "optimize_noise=true",
    "noise_weight=10",
    "jitter=0.05",
)
COLORIZE = (
    *THEN,
    "prior=gaussianized",
    "space=w+",
    "learning_rate=0.2",
    "optimize_noise=true",
    "noise_weight=10",
    "jitter=0.05",
)
ASKED = [
    ("degradation=blur", "steps=2", "seed=3", *DEBLUR),
    *[
        ("degradation=grayscale", f"steps={steps}", f"reg={reg}", *COLORIZE)
        for steps in (2, 3)
        for reg in (0.1, 0.2)
    ],
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored") / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(gzip.decompress(DUMP.read_bytes()).decode())
    connection.close()
    return path


def tag(database: Path, name: str) -> str:
    """The value that all jobs of the store share."""
    connection = sqlite3.connect(database)
    (value,) = {row[0] for row in connection.execute("SELECT value FROM tags WHERE key = ?", (name,))}
    connection.close()
    return str(value)


@pytest.mark.parametrize("overrides", ASKED, ids=lambda overrides: " ".join(overrides[:3]))
def test_what_an_earlier_version_finished_is_not_run_again(
    database: Path, overrides: tuple[str, ...]
) -> None:
    config = Config.of(composed(*overrides))
    known = fingerprints(config.values, tag(database, "photo_sha256"), tag(database, "checkpoint_sha256"))
    ledger = Ledger(Store(f"sqlite:///{database}", "inversion", "1"))
    ending = ledger.ending(known, {}, rerun=False)
    assert isinstance(ending, Ending) and ending.status == "FINISHED" and ending.metrics["psnr"] > 0


def test_another_setting_is_another_run(database: Path) -> None:
    config = Config.of(composed(*ASKED[0], "ramp_up=0.1"))
    known = fingerprints(config.values, tag(database, "photo_sha256"), tag(database, "checkpoint_sha256"))
    assert Ledger(Store(f"sqlite:///{database}", "inversion", "1")).ending(known, {}, rerun=False) is None
